package intellivue

import (
	"encoding/binary"
	"slices"
	"time"

	"thalamus/internal/sim/faults"
)

// poll is an extended poll that goes on.
type poll struct {
	invoke, number uint16
	partition      uint16
	class, group   uint16
	until, next    time.Time
	sequence       uint16
}

// everySecond is the period of numerics and alerts (PIPG p. 60).
const everySecond = time.Second

// operation takes a remote operation of the client.
func (m *Monitor) operation(now time.Time, packet []byte) []Packet {
	r := reader{b: packet}
	r.u32()
	kind := r.u16()
	body := reader{b: r.take(int(r.u16()))}
	id, command := body.u16(), body.u16()
	argument := reader{b: body.take(int(body.u16()))}
	if r.bad || body.bad {
		return nil
	}
	if kind == roResult && command == cmdConfirmedEvent {
		m.created = true
		return nil
	}
	if kind != roInvoke {
		return nil
	}
	m.Count.Requests++
	class := argument.u16()
	argument.u32() // context and handle
	if class != classMDS {
		return m.reply(nil, failed(id, errNoClass))
	}
	argument.u32() // scope
	switch command {
	case cmdAction:
		action := argument.u16()
		request := reader{b: argument.take(int(argument.u16()))}
		p := &poll{invoke: id, number: request.u16(), partition: request.u16(), class: request.u16(), group: request.u16()}
		switch {
		case argument.bad || request.bad:
			return m.reply(nil, failed(id, errArgument))
		case action == actionPoll:
			return m.answer(now, nil, p, false)
		case action == actionPollExt:
			return m.extended(now, p, request.attributes()[attrPollPeriod])
		}
		return m.reply(nil, failed(id, errNoAction))
	case cmdGet:
		ids := reader{b: argument.take(len(argument.b))}
		ids.u32()
		var found [][]byte
		for len(ids.b) >= 2 {
			if one := ids.u16(); one == attrWavePrios || one == attrNumericPrios {
				found = append(found, attribute(one, m.priorities(one)))
			}
		}
		return m.reply(nil, result(id, cmdGet, join(object(classMDS, 0), list(found...))))
	case cmdConfirmedSet:
		argument.u32()
		argument.u16() // only replacing is supported, PIPG p. 64
		attr := argument.u16()
		value := argument.take(int(argument.u16()))
		if argument.bad {
			return m.reply(nil, failed(id, errArgument))
		}
		if attr == attrWavePrios {
			m.choose(value)
		}
		return m.reply(nil, result(id, cmdConfirmedSet, join(object(classMDS, 0), list(attribute(attr, m.priorities(attr))))))
	}
	return m.reply(nil, failed(id, errNoAction))
}

// priorities are the waves or numerics that are exported, by label.
func (m *Monitor) priorities(attr uint16) []byte {
	var labels [][]byte
	if attr == attrWavePrios {
		for _, w := range waves() {
			if m.exported(w) {
				labels = append(labels, u32(labelOf(w.phys)))
			}
		}
	} else {
		for _, n := range numerics() {
			labels = append(labels, u32(labelOf(n.phys)))
		}
	}
	return list(labels...)
}

func (m *Monitor) exported(w wave) bool {
	return m.wanted == nil || slices.Contains(m.wanted, labelOf(w.phys))
}

// choose takes a list of waves; labels the monitor does not have are left out
// without a word (PIPG p. 287). An empty value sets back.
func (m *Monitor) choose(value []byte) {
	m.wanted = nil
	if len(value) < 4 {
		return
	}
	m.wanted = []uint32{}
	for b := value[4:]; len(b) >= 4; b = b[4:] {
		m.wanted = append(m.wanted, binary.BigEndian.Uint32(b))
	}
}

// extended begins a poll that goes on; a later one of the same class takes its
// place. Without a period there is one result.
func (m *Monitor) extended(now time.Time, p *poll, period []byte) []Packet {
	granted := m.asked.granted()
	if granted == 0 || p.class == classWave && granted&extWaves == 0 {
		return m.reply(nil, failed(p.invoke, errNoAction))
	}
	out := m.answer(now, nil, p, true)
	m.polls = slices.DeleteFunc(m.polls, func(o *poll) bool { return o.class == p.class })
	if len(period) == 4 {
		p.until = now.Add(time.Duration(binary.BigEndian.Uint32(period)) * time.Second / ticksSecond)
		p.next = now.Add(everySecond)
		m.polls = append(m.polls, p)
	}
	return out
}

// due gives the results of the polls that go on.
func (m *Monitor) due(now time.Time, out []Packet) []Packet {
	m.polls = slices.DeleteFunc(m.polls, func(p *poll) bool { return now.After(p.until) })
	block := int(m.ticks(now) / blockTicks)
	if block-m.blocks > mostBlocks {
		m.blocks = block - 1
	}
	for _, p := range slices.Clone(m.polls) {
		if p.class == classWave || now.Before(p.next) {
			continue
		}
		p.next = p.next.Add(everySecond)
		if p.next.Before(now) {
			p.next = now.Add(everySecond)
		}
		out = m.answer(now, out, p, true)
	}
	for ; m.blocks < block && len(m.polls) > 0; m.blocks++ {
		for _, p := range slices.Clone(m.polls) {
			if p.class == classWave {
				out = m.answer(now, out, p, true)
			}
		}
	}
	m.blocks = int(m.ticks(now) / blockTicks)
	return out
}

// mostBlocks bounds how much of the waves is caught up after a pause.
const mostBlocks = 8

// answer gives the results of a poll: linked ones and a last one where they
// need more than one datagram (PIPG p. 44, 58).
func (m *Monitor) answer(now time.Time, out []Packet, p *poll, extended bool) []Packet {
	fault := string(m.Plan.Next())
	if fault != "" {
		m.Count.Faults++
	}
	at := m.ticks(now)
	waving := p.class == classWave && extended && p.sequence > 0
	if waving {
		at = uint32(m.blocks) * blockTicks // begin of the block, PIPG p. 62
	}
	found := m.observe(now, p, extended, waving, fault)
	if p.partition != partObject || found == nil {
		return m.reply(out, failed(p.invoke, errNoClass))
	}
	head := u16(p.number)
	action := uint16(actionPoll)
	if extended {
		head, action = u16(p.number, p.sequence), actionPollExt
		p.sequence++
	}
	head = join(head, u32(at), absolute(time.Time{}), u16(p.partition, p.class, p.group))
	var messages [][]byte
	for _, part := range m.parts(found) {
		messages = append(messages, join(object(classMDS, 0), u16(action), sized(join(head, list(join(u16(0), list(part...)))))))
	}
	begin := len(out)
	for i, body := range messages {
		m.Count.Results++
		if i == len(messages)-1 {
			out = m.reply(out, result(p.invoke, cmdAction, body))
			break
		}
		state := byte(linkedMiddle)
		if i == 0 {
			state = linkedFirst
		} else if i == len(messages)-2 {
			state = linkedLast
		}
		out = m.reply(out, linked(state, byte(i+1), p.invoke, cmdAction, body))
	}
	return m.spoil(now, out, begin, fault)
}

// parts splits observations so that each datagram stays below what was agreed.
func (m *Monitor) parts(found [][]byte) (out [][][]byte) {
	const around = 64
	var part [][]byte
	size := around
	for _, one := range found {
		if len(part) > 0 && size+len(one) > m.mtu {
			out, part, size = append(out, part), nil, around
		}
		part, size = append(part, one), size+len(one)
	}
	return append(out, part)
}

// observe gives the observations of a class; nil: there is no such class.
func (m *Monitor) observe(now time.Time, p *poll, extended, waving bool, fault string) [][]byte {
	one := func(handle uint16, attributes [][]byte) []byte { return join(u16(handle), list(attributes...)) }
	all := p.group == 0
	// a poll of all groups that goes on brings the context of one object at a
	// time (PIPG p. 287)
	context := func(i, n int) bool {
		return all && (!extended || n > 0 && int(p.sequence)/m.pace(p)%n == i && int(p.sequence)%m.pace(p) == 0)
	}
	found := [][]byte{}
	switch p.class {
	case classMDS:
		found = append(found, one(0, m.identity(now, p.group)))
	case classPatient:
		if all || p.group == groupPatient {
			found = append(found, one(0x0301, m.patient()))
		}
	case classAlerts:
		found = append(found, one(0x0401, m.alertAttributes(p.group)))
	case classNumeric:
		list := numerics()
		for i, n := range list {
			var a [][]byte
			if p.group == groupStatic || context(i, len(list)) {
				a = append(a, n.static()...)
			}
			if p.group == groupDynamic || context(i, len(list)) {
				a = append(a, n.dynamic()...)
			}
			if p.group == groupValue || all {
				a = append(a, n.value(m.read(n, fault))...)
			}
			if a != nil {
				found = append(found, one(n.handle, a))
			}
		}
	case classWave:
		list := waves()
		for i, w := range list {
			var a [][]byte
			if p.group == groupStatic || context(i, len(list)) {
				a = append(a, w.static()...)
			}
			if p.group == groupDynamic || context(i, len(list)) {
				a = append(a, w.dynamic()...)
			}
			if waving && (p.group == groupValue || all) {
				samples := m.samples(w, fault) // also when nobody wants it: the heart beats on
				if m.exported(w) {
					a = append(a, attribute(attrSamples, samples))
				}
			}
			if a != nil && m.exported(w) {
				found = append(found, one(w.handle, a))
			}
		}
	default:
		return nil
	}
	return found
}

// pace is how many results of a poll lie between two objects' contexts.
func (m *Monitor) pace(p *poll) int {
	if p.class == classWave {
		return contextEvery
	}
	return 1
}

// read is what a numeric shows now.
func (m *Monitor) read(n numeric, fault string) reading {
	v := m.vitals
	r := reading{}
	switch n.phys {
	case physHR:
		r.values = []int{v.HeartPerMin}
	case physRR:
		r.values = []int{v.RespPerMin}
	case physSpO2:
		r.values = []int{v.SpO2Percent}
	case physPulse:
		r.values = []int{v.PulsePerMin}
	case physPerf:
		r.values = []int{m.breath.PerfusionHundredth / 10}
	case physABP:
		r.values = []int{v.SysMmHg, v.DiaMmHg, v.MeanMmHg}
	case physNBP:
		r = m.cuff
		if r.values == nil {
			r = reading{values: []int{0, 0, 0}, state: 0x2000, nan: true}
		}
	case physTemp:
		r.values = []int{v.TempTenthCel}
	}
	for _, a := range m.alarms {
		if a.object == n.handle && a.kind == priorityYellow {
			r.state |= stateAlarm
		}
	}
	sensor := n.phys == physSpO2 || n.phys == physPulse || n.phys == physPerf
	switch {
	case m.off && sensor:
		r.state, r.nan = stateInvalid, true
	case fault == faults.NaN && n.phys == physHR:
		r.nan = true
	case fault == faults.OutOfRange && n.phys == physHR:
		r.values = []int{999}
	case fault == faults.WrongUnit && n.phys == physTemp:
		r.values = []int{v.TempTenthCel*9/5 + 320}
	}
	return r
}

// samples is the SaObsValue of one block (PIPG p. 87).
func (m *Monitor) samples(w wave, fault string) []byte {
	var raw []uint16
	state := uint16(0)
	for _, v := range w.samples(m.body, w.block, w.perSecond) {
		raw = append(raw, w.raw(v))
	}
	if m.off && w.phys == physPleth {
		state = stateInvalid
		for i := range raw {
			raw[i] = 0x8000
		}
	}
	return join(u16(w.phys, state), sized(u16(raw...)))
}
