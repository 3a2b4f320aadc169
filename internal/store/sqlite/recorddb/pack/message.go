package pack

import (
	"time"

	"thalamus/internal/model"
)

// Where an observation's DeviceTime is found.
const (
	timeNone = iota
	timeOfMessage
	timeOfPrevious
	timeOwn
	timeMask     = 3
	timeHasEnd   = 4
	timesAllSame = 0xff // in place of the first: one time for all, which follows
)

// putMessage writes a message but its Ref. base is the block's, in Unix
// seconds.
func (b *Builder) putMessage(out []byte, m *model.Message, base int64) []byte {
	out = putOptional(out, m.Arrived, base)
	if !m.Arrived.IsZero() {
		base = m.Arrived.Unix()
	}
	out = putOptional(out, m.Recorded, base)
	out = b.putTemplate(out, putEnvelope(b.begin(kindEnvelope), m))
	out = b.putTemplate(out, putText(b.begin(kindPeer), m.Peer))
	out = putText(out, m.ControlID)
	out = putStamp(out, m.DeviceTime, base)
	rest := hasRest(m)
	out = putBits(out, m.Patient != nil, m.Visit != nil, m.Event != nil, m.Duplicate != (model.MessageRef{}), rest, m.Topic != "", m.Ended != nil, hasPersonal(m))
	if m.Patient != nil {
		out = b.putTemplate(out, putPatient(b.begin(kindPatient), m.Patient))
	}
	if m.Visit != nil {
		out = b.putTemplate(out, putVisit(b.begin(kindVisit), m.Visit))
	}
	if m.Event != nil {
		out = putEvent(out, m.Event, base)
	}
	if m.Duplicate != (model.MessageRef{}) {
		out = putUint(out, uint64(m.Duplicate.Seq))
		out = putInt(out, int64(m.Duplicate.Part))
	}
	if m.Topic != "" {
		out = b.putTemplate(out, putText(b.begin(kindPeer), m.Topic))
	}
	if e := m.Ended; e != nil {
		out = putText(out, string(e.How))
		out = putText(out, e.Topic)
		out = putInt(out, int64(e.Code))
		out = putText(out, e.Below)
	}
	out = putLen(out, len(m.Devices), m.Devices == nil)
	for i := range m.Devices {
		out = b.putTemplate(out, putDevice(b.begin(kindDevice), &m.Devices[i]))
	}
	if hasPersonal(m) {
		for i := range m.Devices {
			out = b.putPersonal(out, m.Devices[i].Personal, base)
		}
	}
	out = putLen(out, len(m.Orders), m.Orders == nil)
	for i := range m.Orders {
		out = b.putTemplate(out, putOrder(b.begin(kindOrder), &m.Orders[i]))
		out = putOrderOwn(out, &m.Orders[i], m.DeviceTime, base)
	}
	out = b.putObservations(out, m, base)
	out = putLen(out, len(m.Waveforms), m.Waveforms == nil)
	for i := range m.Waveforms {
		w := &m.Waveforms[i]
		out = b.putTemplate(out, putWaveform(b.begin(kindWaveform), w))
		out = putStamp(out, w.DeviceTime, base)
		out = putSamples(out, w.Samples)
	}
	out = putLen(out, len(m.Alerts), m.Alerts == nil)
	for i := range m.Alerts {
		out = putAlert(out, &m.Alerts[i], base)
	}
	out = putLen(out, len(m.Issues), m.Issues == nil)
	for i := range m.Issues {
		out = b.putTemplate(out, putIssue(b.begin(kindIssue), &m.Issues[i]))
		out = putInt(out, int64(m.Issues[i].Offset))
	}
	out = putTexts(out, m.Notes)
	out = b.putTemplate(out, putRouted(b.begin(kindRouted), m.Routed))
	if rest {
		out = putRest(out, m)
	}
	return out
}

func (b *Builder) begin(k kind) []byte { return append(b.part[:0], byte(k)) }

// putTemplate writes a part as the number of its template, or 0 and the part.
func (b *Builder) putTemplate(out, part []byte) []byte {
	b.part = part
	id := b.dict.id(part)
	out = putUint(out, uint64(id))
	if id == 0 {
		out = append(out, part[1:]...)
	}
	return out
}

func (b *Builder) putObservations(out []byte, m *model.Message, base int64) []byte {
	obs := m.Observations
	if len(obs) == 0 {
		return putLen(out, 0, obs == nil)
	}
	out = putLen(out, len(obs), false)
	// The templates, together when all observations have one.
	b.shape = putLen(append(b.shape[:0], byte(kindShape)), len(obs), false)
	b.list = b.list[:0]
	whole := true
	for i := range obs {
		part := putObservation(b.begin(kindObservation), &obs[i])
		b.part = part
		id := b.dict.id(part)
		b.shape = putUint(b.shape, uint64(id))
		b.list = putUint(b.list, uint64(id))
		if id == 0 {
			whole = false
			b.list = append(b.list, part[1:]...)
		}
	}
	id := uint32(0)
	if whole {
		id = b.dict.id(b.shape)
	}
	out = putUint(out, uint64(id))
	if id == 0 {
		out = append(out, b.list...)
	}
	sent, notes := false, false
	for i := range obs {
		out = putValue(out, &obs[i].Value, base)
		sent = sent || obs[i].ValueSent != nil
		notes = notes || obs[i].Notes != nil
	}
	out = putBits(out, sent, notes)
	for i := range obs {
		if sent {
			v := obs[i].Sent()
			out = putWord(out, string(v.Kind))
			out = putValue(out, &v, base)
		}
		if notes {
			out = putTexts(out, obs[i].Notes)
		}
	}
	if oneTime(obs) {
		out = append(out, timesAllSame)
		obs = obs[:1]
	}
	previous := m.DeviceTime
	for i := range obs {
		out = putObservationTime(out, &obs[i], m.DeviceTime, previous, base)
		previous = obs[i].DeviceTime
	}
	return out
}

func oneTime(obs []model.Observation) bool {
	for i := range obs {
		if obs[i].DeviceTime != obs[0].DeviceTime || obs[i].DeviceTimeEnd != obs[0].DeviceTimeEnd {
			return false
		}
	}
	return true
}

func putObservationTime(out []byte, o *model.Observation, ofMessage, previous model.Timestamp, base int64) []byte {
	var head byte
	switch o.DeviceTime {
	case model.Timestamp{}:
		head = timeNone
	case ofMessage:
		head = timeOfMessage
	case previous:
		head = timeOfPrevious
	default:
		head = timeOwn
	}
	if !o.DeviceTimeEnd.IsZero() {
		head |= timeHasEnd
	}
	out = append(out, head)
	if head&timeMask == timeOwn {
		out = putStamp(out, o.DeviceTime, base)
	}
	if head&timeHasEnd != 0 {
		out = putTime(out, o.DeviceTimeEnd, base)
	}
	return out
}

// parser reads messages with the templates of a file.
type parser struct {
	reader
	templates []*template
	room      []model.Observation // to be used for the observations
}

// template gives the template of a number, nil when the part is written out.
func (p *parser) template(k kind) *template {
	id := p.uint()
	if id == 0 {
		return nil
	}
	return p.known(id, k)
}

func (p *parser) known(id uint64, k kind) *template {
	if id == 0 || id > uint64(len(p.templates)) || p.templates[id-1].kind != k {
		p.fail()
		return nil
	}
	return p.templates[id-1]
}

// peer reads what many messages have in common: the sender's address, the
// topic.
func (p *parser) peer() string {
	if t := p.template(kindPeer); t != nil {
		return t.peer
	}
	return p.text()
}

func (p *parser) message(m *model.Message, base int64) {
	ref := m.Ref
	arrived := p.optional(base)
	if !arrived.IsZero() {
		base = arrived.Unix()
	}
	recorded := p.optional(base)
	*m = model.Message{}
	if t := p.template(kindEnvelope); t != nil {
		*m = t.envelope
	} else {
		p.envelope(m)
	}
	m.Ref, m.Arrived, m.Recorded = ref, arrived, recorded
	m.Peer = p.peer()
	m.ControlID = p.text()
	m.DeviceTime = p.stamp(base)
	bits := p.byte()
	if bits&1 != 0 {
		m.Patient = new(model.Patient)
		if t := p.template(kindPatient); t != nil {
			*m.Patient = t.patient
		} else {
			p.patient(m.Patient)
		}
	}
	if bits&2 != 0 {
		m.Visit = new(model.Visit)
		if t := p.template(kindVisit); t != nil {
			*m.Visit = t.visit
		} else {
			p.visit(m.Visit)
		}
	}
	if bits&4 != 0 {
		m.Event = p.event(base)
	}
	if bits&8 != 0 {
		m.Duplicate = model.MessageRef{Seq: model.Seq(p.uint()), Part: int(p.int())}
	}
	if bits&32 != 0 {
		m.Topic = p.peer()
	}
	if bits&64 != 0 {
		m.Ended = &model.Ending{How: model.EndKind(p.text()), Topic: p.text(), Code: int(p.int()), Below: p.text()}
	}
	if n, isNil := p.len(); !isNil {
		m.Devices = make([]model.Device, n)
		for i := range m.Devices {
			if t := p.template(kindDevice); t != nil {
				m.Devices[i] = t.device
			} else {
				p.device(&m.Devices[i])
			}
		}
	}
	if bits&128 != 0 {
		for i := range m.Devices {
			m.Devices[i].Personal = p.personal(base)
		}
	}
	if n, isNil := p.len(); !isNil {
		m.Orders = make([]model.Order, n)
		for i := range m.Orders {
			if t := p.template(kindOrder); t != nil {
				m.Orders[i] = t.order
			} else {
				p.order(&m.Orders[i])
			}
			p.orderOwn(&m.Orders[i], m.DeviceTime, base)
		}
	}
	p.observations(m, base)
	if n, isNil := p.len(); !isNil {
		m.Waveforms = make([]model.Waveform, n)
		for i := range m.Waveforms {
			w := &m.Waveforms[i]
			if t := p.template(kindWaveform); t != nil {
				*w = *t.waveform
			} else {
				p.waveform(w)
			}
			w.DeviceTime = p.stamp(base)
			w.Samples = p.samples()
		}
	}
	if n, isNil := p.len(); !isNil {
		m.Alerts = make([]model.Alert, n)
		for i := range m.Alerts {
			p.alert(&m.Alerts[i], base)
		}
	}
	if n, isNil := p.len(); !isNil {
		m.Issues = make([]model.Issue, n)
		for i := range m.Issues {
			if t := p.template(kindIssue); t != nil {
				m.Issues[i] = t.issue
			} else {
				p.issue(&m.Issues[i])
			}
			m.Issues[i].Offset = int(p.int())
		}
	}
	m.Notes = p.texts()
	if t := p.template(kindRouted); t != nil {
		m.Routed = t.routed
	} else {
		m.Routed = p.routed()
	}
	if bits&16 != 0 {
		p.rest(m)
	}
}

func (p *parser) observations(m *model.Message, base int64) {
	n, isNil := p.len()
	if isNil {
		return
	}
	if n <= cap(p.room) && n > 0 {
		m.Observations = p.room[:n]
		clear(m.Observations)
	} else {
		m.Observations = make([]model.Observation, n)
	}
	obs := m.Observations
	if n == 0 {
		return
	}
	if t := p.template(kindShape); t != nil {
		if len(t.shape) != n {
			p.fail()
			return
		}
		for i, id := range t.shape {
			if one := p.known(uint64(id), kindObservation); one != nil {
				obs[i] = *one.observation
			}
		}
	} else {
		for i := range obs {
			if one := p.template(kindObservation); one != nil {
				obs[i] = *one.observation
			} else {
				p.observation(&obs[i])
			}
		}
	}
	for i := range obs {
		p.value(&obs[i].Value, base)
	}
	extra := p.byte()
	for i := range obs {
		if extra&1 != 0 {
			v := model.Value{Kind: model.ValueKind(p.word())}
			if p.value(&v, base); v != (model.Value{}) {
				obs[i].ValueSent = &v
			}
		}
		if extra&2 != 0 {
			obs[i].Notes = p.texts()
		}
	}
	if len(p.s) > 0 && p.s[0] == timesAllSame {
		p.byte()
		p.observationTime(&obs[0], m.DeviceTime, m.DeviceTime, base)
		for i := range obs[1:] {
			obs[i+1].DeviceTime, obs[i+1].DeviceTimeEnd = obs[0].DeviceTime, obs[0].DeviceTimeEnd
		}
		return
	}
	previous := m.DeviceTime
	for i := range obs {
		p.observationTime(&obs[i], m.DeviceTime, previous, base)
		previous = obs[i].DeviceTime
	}
}

func (p *parser) observationTime(o *model.Observation, ofMessage, previous model.Timestamp, base int64) {
	head := p.byte()
	switch head & timeMask {
	case timeOfMessage:
		o.DeviceTime = ofMessage
	case timeOfPrevious:
		o.DeviceTime = previous
	case timeOwn:
		o.DeviceTime = p.stamp(base)
	}
	if head&timeHasEnd != 0 {
		o.DeviceTimeEnd = p.time(base)
	} else {
		o.DeviceTimeEnd = time.Time{}
	}
}
