package phd

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Name of the codec, as channels and entries give it.
const Name = "phd"

// Codec reads frames of personal health devices. It is stateless.
type Codec struct{}

// New gives the codec.
func New() Codec { return Codec{} }

var _ codec.Codec = Codec{}

// Name is "phd".
func (Codec) Name() string { return Name }

// decoder reads one frame.
type decoder struct {
	e       model.Entry
	context *context
	call    *Call
	m       *model.Message // to which is being added
	said    map[string]bool
}

// Decode reads a frame: an APDU and what it refers to. A report of several
// persons gives a message for each; Ref.Part counts them. Times without a zone
// are resolved when the message is normalised.
func (Codec) Decode(e model.Entry, _ codec.Context) []model.Message {
	d := &decoder{e: e, said: map[string]bool{}}
	first := d.message("")
	d.m = &first
	if e.Redacted {
		first.Issues = []model.Issue{{Code: "decode.redacted", Severity: model.Warning, Text: "the content of this entry was removed; only its place is left"}}
		return []model.Message{first}
	}
	apdus, note, err := Split(e.Bytes)
	if len(apdus) == 0 {
		d.fault(err, "apdu")
		return []model.Message{first}
	}
	if err != nil {
		d.fault(err, "context")
	}
	d.context = contextOf(apdus[1:], note)
	if d.context.err != nil {
		d.fault(d.context.err, "context")
	}
	a, err := Parse(apdus[0])
	if err != nil {
		d.fault(err, "apdu")
		return []model.Message{first}
	}
	if err := d.context.learn(a); err != nil {
		d.fault(err, "apdu")
	}
	first.Type = TypeName(a)
	first.Devices = []model.Device{d.context.device()}
	if len(first.Devices[0].Identifiers) > 0 {
		first.Sender.ApplicationID = first.Devices[0].Identifiers[0].Value
	}
	if d.context.info != nil {
		first.Version = "configuration " + strconv.Itoa(int(d.context.info.Config))
	}
	if a.Call == nil {
		return []model.Message{first}
	}
	d.call = a.Call
	first.ControlID = strconv.Itoa(int(a.Call.Invoke))
	switch {
	case a.Call.Op == OpGetResult && a.Call.Handle == 0:
		d.clock()
	case a.Call.Op != OpEvent && a.Call.Op != OpEventConfirmed:
	case a.Call.Type == NotiSegment:
		d.segment()
	case a.Call.Type != NotiConfig:
		return d.report(first)
	}
	return []model.Message{first}
}

// TypeName names an APDU for people and routes.
func TypeName(a *APDU) string {
	switch a.Choice {
	case ChoiceAARQ:
		return "aarq"
	case ChoiceAARE:
		return "aare"
	case ChoiceRLRQ:
		return "rlrq"
	case ChoiceRLRE:
		return "rlre"
	case ChoiceABRT:
		return "abrt"
	}
	switch a.Call.Op {
	case OpEvent, OpEventConfirmed:
		return eventName(a.Call.Type)
	case OpGetResult:
		return "attributes"
	}
	return fmt.Sprintf("prst %#04x", a.Call.Op)
}

func eventName(event uint16) string {
	switch event {
	case NotiConfig:
		return "MDC_NOTI_CONFIG"
	case NotiSegment:
		return "MDC_NOTI_SEGMENT_DATA"
	}
	f, ok := formOf(event)
	if !ok {
		return "event " + strconv.Itoa(int(event))
	}
	name := "MDC_NOTI_"
	switch {
	case event >= NotiScanVar+6:
		name += "BUF_"
	case event >= NotiScanVar:
		name += "UNBUF_"
	}
	name += "SCAN_REPORT_"
	if f.several {
		name += "MP_"
	}
	switch {
	case f.variable:
		return name + "VAR"
	case f.grouped:
		return name + "GROUPED"
	}
	return name + "FIXED"
}

func (d *decoder) message(part string) model.Message {
	e := &d.e
	return model.Message{Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: Name, Peer: e.Peer, Identity: e.Identity, Arrived: e.Arrived, Profile: part}
}

// fault makes an issue of an error, once for each code and place.
func (d *decoder) fault(err error, field string) {
	i := model.Issue{Code: fault.CodeOf(err), Severity: model.Error, Field: field, Text: err.Error(), Hint: "the device should follow IEEE 11073-20601; what it sent is kept"}
	if f, ok := err.(*fault.Fault); ok {
		i.Text = f.Text
	}
	d.issue(i)
}

func (d *decoder) issue(i model.Issue) {
	if key := i.Code + " " + i.Field; !d.said[key] {
		d.said[key] = true
		d.m.Issues = append(d.m.Issues, i)
	}
}

// clock reads the device's own time out of its attributes: how far it is off
// shows beside when they came.
func (d *decoder) clock() {
	if ts, ok := absolute(find(d.context.mds, AttrTimeAbs)); ok {
		d.m.DeviceTime = ts
	}
	if ts, ok := baseOffset(find(d.context.mds, AttrTimeBO)); ok {
		d.m.DeviceTime = ts
	}
}

// report reads a scan report, one message for each person.
func (d *decoder) report(first model.Message) []model.Message {
	rep, err := ParseReport(d.call.Type, d.call.Info)
	if err != nil {
		d.fault(err, "report")
		return []model.Message{*d.m}
	}
	if d.context.config == nil {
		d.issue(model.Issue{Code: "phd.no-configuration", Severity: model.Error, Field: "report",
			Text: "what the values of this report are is not known: its configuration is not with it", Hint: "give the association's messages in one file, or receive over a channel with the driver phd"})
	}
	if len(rep.Padding) > 0 {
		d.issue(model.Issue{Code: "phd.padding", Severity: model.Warning, Field: "report", Text: "zeros follow the report, which the standard does not have; it was read without them", Hint: "the device should follow IEEE 11073-20601"})
	}
	f, _ := formOf(d.call.Type)
	issues := d.m.Issues
	out := make([]model.Message, 0, max(1, len(rep.Persons)))
	for i, p := range rep.Persons {
		m := first
		m.Issues, m.Ref.Part = nil, i
		if i == 0 {
			m.Issues = issues
		}
		d.m, d.said = &m, map[string]bool{}
		if f.several {
			d.person(p.ID)
		}
		for _, s := range p.Scans {
			if f.grouped {
				d.group(s.Values)
			} else {
				d.scan(s, f.variable)
			}
		}
		out = append(out, m)
	}
	if len(out) == 0 {
		first.Issues = issues
		return append(out, first)
	}
	return out
}

// unknownPerson is the person of a report that says nobody (annex A.11).
const unknownPerson = 0xFFFF

// person names whom the device tells apart by a number of its own. The number
// means something only together with the device.
func (d *decoder) person(id uint16) {
	if id == unknownPerson || id == 0 || len(d.m.Devices[0].Identifiers) == 0 {
		return
	}
	d.m.Patient = &model.Patient{Identifiers: []model.Identifier{{Value: strconv.Itoa(int(id)), System: "person of device " + d.m.Devices[0].Identifiers[0].Value}}}
}

// group reads what a scanner reports of all its objects at once.
func (d *decoder) group(values []byte) {
	o := d.context.objects[d.call.Handle]
	if o == nil {
		d.unknown(d.call.Handle)
		return
	}
	maps, err := HandleMaps(o.Get(AttrScanMap))
	if err != nil {
		d.fault(err, d.field(d.call.Handle))
		return
	}
	for _, one := range maps {
		var attributes []Attribute
		if attributes, values, err = split(one.Map, values); err != nil {
			d.fault(err, d.field(one.Handle))
			return
		}
		d.read(one.Handle, attributes)
	}
	if len(values) > 0 {
		d.fault(unreadable.Contradicts(0, "%d bytes of a group are in no map", len(values)), d.field(d.call.Handle))
	}
}

func (d *decoder) scan(s Scan, variable bool) {
	if variable {
		d.read(s.Handle, s.Attributes)
		return
	}
	o := d.context.objects[s.Handle]
	if o == nil {
		d.unknown(s.Handle)
		return
	}
	m, err := ValueMap(o.Get(AttrValueMap))
	if err != nil {
		d.fault(err, d.field(s.Handle))
		return
	}
	attributes, rest, err := split(m, s.Values)
	if _, ok := absolute(rest); err == nil && ok {
		// Known of agents that name the configuration without times and send them.
		attributes, rest = append(attributes, Attribute{AttrStampAbs, rest}), nil
		d.issue(model.Issue{Code: "phd.extra-time", Severity: model.Warning, Field: d.field(s.Handle), Text: "a time follows the value, which the device's configuration does not have; it was taken for the time of the value", Hint: "the device should name the configuration that it follows"})
	}
	if err == nil && len(rest) > 0 {
		err = unreadable.Contradicts(0, "%d bytes of a report are in no map", len(rest))
	}
	if err != nil {
		d.fault(err, d.field(s.Handle))
		return
	}
	d.read(s.Handle, attributes)
}

func (d *decoder) unknown(handle uint16) {
	if d.context.config == nil {
		return // said already
	}
	d.issue(model.Issue{Code: "phd.unknown-handle", Severity: model.Error, Field: d.field(handle), Received: strconv.Itoa(int(handle)),
		Text: "the report has values of an object that the configuration does not have", Hint: "the device should send its configuration again"})
}

func (d *decoder) field(handle uint16) string { return "handle " + strconv.Itoa(int(handle)) }

// read makes observations of one object's attributes.
func (d *decoder) read(handle uint16, attributes []Attribute) {
	o := d.context.objects[handle]
	if o == nil {
		d.unknown(handle)
		return
	}
	s := newScan(d, o, attributes)
	values := 0
	for _, a := range attributes {
		known, err := s.value(a)
		if err != nil {
			d.fault(err, d.field(handle))
		}
		if known {
			values++
		}
	}
	if values == 0 && o.Class != ClassEpisodicScan && o.Class != ClassPeriodicScan {
		for _, a := range attributes {
			if momentary(a.ID) {
				d.issue(model.Issue{Code: "phd.no-value", Severity: model.Warning, Field: d.field(handle), Text: "the report tells of an object and has no value of it that could be read", Hint: "it was kept as it came"})
				return
			}
		}
	}
}

// stamp reads when an object was measured.
func (d *decoder) stamp(get func(uint16) []byte, field string) model.Timestamp {
	bad := false
	if b := get(AttrStampBO); b != nil {
		if ts, ok := baseOffset(b); ok {
			return ts
		}
		bad = true
	}
	for _, id := range [...]uint16{AttrStampAbs, AttrTimeAbs} { // the Nonin 9560 sends the second
		if b := get(id); b != nil {
			if ts, ok := absolute(b); ok {
				return ts
			}
			bad = true
		}
	}
	if b := get(AttrStampRel); len(b) == 4 {
		if now, then, ok := d.anchor(); ok {
			return relative(binary.BigEndian.Uint32(b), now, then)
		}
		d.issue(model.Issue{Code: "phd.relative-time", Severity: model.Warning, Field: field, Text: "the time of the value counts from when the device was started, and nothing says when that was", Hint: "let the device report its time among its attributes"})
		return model.Timestamp{Original: fmt.Sprintf("relative %d", binary.BigEndian.Uint32(b))}
	}
	if b := get(AttrStampRelHi); len(b) == 8 {
		if now := find(d.context.mds, AttrTimeRelHi); len(now) == 8 && !d.context.heard.IsZero() {
			back := int64(binary.BigEndian.Uint64(now) - binary.BigEndian.Uint64(b))
			if limit := int64(time.Duration(1<<62) / time.Microsecond); back < limit && back > -limit {
				return model.Timestamp{UTC: d.context.heard.Add(-time.Duration(back) * time.Microsecond).UTC(), Original: fmt.Sprintf("relative %d us", binary.BigEndian.Uint64(b)), Precision: "fraction", Zone: model.ZoneDevice}
			}
		}
	}
	if bad {
		d.issue(model.Issue{Code: "phd.time", Severity: model.Warning, Field: field, Text: "the time of the value is no time; when it arrived counts", Hint: "set the clock of the device"})
	}
	return model.Timestamp{}
}

// anchor ties the device's relative time to ours: by the event itself, else by
// when its attributes came.
func (d *decoder) anchor() (now uint32, then time.Time, ok bool) {
	if d.call.Time != NoEventTime && d.call.Time != 0 && !d.e.Arrived.IsZero() {
		return d.call.Time, d.e.Arrived, true
	}
	if b := find(d.context.mds, AttrTimeRel); len(b) == 4 && !d.context.heard.IsZero() {
		return binary.BigEndian.Uint32(b), d.context.heard, true
	}
	return 0, time.Time{}, false
}
