package clinical

import (
	"strings"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// order reads OBR: what the OBX behind it stand under.
func (d *decoder) order(s hl7v2.Segment) {
	d.lastNode = 0
	d.obr++
	o := model.Order{Field: place("OBR", d.obr), Placer: d.entity(d.f[2]), Filler: d.entity(d.f[3]),
		Code: d.coding(d.f[4]), Start: d.sent(d.f[7]), End: d.sent(d.f[8])}
	if o.Code == (model.Coding{}) {
		_, o.Code = d.codings(d.f[4])
	}
	if status := d.text(d.f[25]); status != "" {
		o.Status = d.status(status)
	}
	// EIP: placer & namespace …, filler & namespace …
	for _, n := range [...]int{2, 1} {
		if id := d.text(d.f[29].Component(n).Sub(1)); id != "" {
			o.Parent = model.Identifier{Value: id, System: d.text(d.f[29].Component(n).Sub(2))}
			break
		}
	}
	d.named = d.nameAlert()
	d.out.Orders = append(d.out.Orders, o)
	d.comment = &d.out.Orders[len(d.out.Orders)-1].Notes
	if d.kind == resultMessage {
		t, _, ok := mdc.OfCoding(o.Code)
		d.event = ok && t.RefID == "MDC_EVT_ALARM"
	}
}

// entity reads an EI as an identifier.
func (d *decoder) entity(e hl7v2.Element) model.Identifier {
	e = e.Rep(1)
	id := model.Identifier{Value: d.text(e.Component(1)), System: d.text(e.Component(3))}
	if id.System == "" {
		id.System = d.text(e.Component(2))
	}
	return id
}

// reading is an OBX on its way to becoming whatever it is.
type reading struct {
	place               string
	received, alternate model.Coding
	term                *mdc.Term // nil when unknown
	refid               string    // of the term, else the text as sent
	sub                 string
	kind                string // OBX-2
	hasValue            bool
	node                *node // the metric it qualifies
	device              int
}

// observation reads one OBX.
func (d *decoder) observation(s hl7v2.Segment) {
	r := reading{place: place("OBX", d.obx), kind: d.text(d.f[2]), sub: d.joined(d.f[4]), device: -1}
	d.codingsInto(&r.received, &r.alternate, d.f[3])
	r.hasValue = d.f[5].Present() && !d.f[5].IsNull()
	d.termOf(&r)
	d.lastNode = 0
	if owner := d.tree.owner(r.sub); owner != nil {
		r.device = owner.device
	}
	if r.isDevice() {
		d.deviceNode(&r)
		return
	}
	r.node = d.tree.parent(r.sub)
	d.equipment(&r)
	switch {
	case d.waveAttribute(&r) || d.alertPart(&r):
		d.comment = &d.out.Notes
		return
	case r.kind == "NA" && r.hasValue:
		d.wave(&r)
		d.comment = &d.out.Notes
		return
	}
	if r.sub != "" {
		d.tree.add(node{sub: r.sub, term: r.term, device: -1, wave: -1})
	}
	d.facts(&r)
	d.emit(&r)
}

// termOf finds the term behind the code, in either triplet.
func (d *decoder) termOf(r *reading) {
	t, _, ok := mdc.OfCoding(r.received)
	if !ok {
		t, _, ok = mdc.OfCoding(r.alternate)
	}
	if ok {
		r.term, r.refid = t, t.RefID
		return
	}
	if r.refid = r.received.Text; !strings.HasPrefix(r.refid, "MDC") && strings.HasPrefix(r.alternate.Text, "MDC") {
		r.refid = r.alternate.Text
	}
}

// emit makes the observations of an OBX: one for each repetition of its
// value, or one without a value.
func (d *decoder) emit(r *reading) {
	o := d.next()
	o.Field, o.SubID, o.Received, o.ValueType = r.place, r.sub, r.received, r.kind
	if r.alternate != (model.Coding{}) {
		o.Alternate = r.alternate
	}
	d.codingsInto(&o.UnitSent, &o.UnitOther, d.f[6])
	o.RangeText, o.DeviceTime.Original, o.Status = d.joined(d.f[7]), d.timeOf(), d.resultStatus(r)
	o.Device, o.Order = r.device, max(len(d.out.Orders)-1, 0)
	if d.f[20].Present() {
		o.BodySite = d.coding(d.f[20])
	}
	o.Instance = d.joined(d.f[21])
	if r.node != nil {
		o.Parent = r.node.sub
	}
	d.method(o, r)
	d.flags(o)
	if o.Received == (model.Coding{}) && o.Alternate == (model.Coding{}) {
		d.issueAt(d.f[3], "decode.no-code", model.Error, "the observation does not say what was observed; its value was kept", "the sender must fill OBX-3").Field = r.place + "-3"
	}
	switch {
	case !r.hasValue:
		if r.kind == "" && o.Status == model.StatusCancelled {
			o.Status = model.StatusUnknown // a node of the containment without a value is sent with X
		}
		if o.Absent == "" && (d.f[5].IsNull() || r.kind != "") {
			o.Absent = "unknown"
		}
	case r.kind == "TX" || r.kind == "FT": // repetitions are lines (HL7 v2.5.1 §2.A.78)
		var lines []string
		for _, rep := range d.f[5].Reps() {
			lines = append(lines, d.joined(rep))
		}
		o.Value = model.Value{Kind: model.ValueText, Text: strings.Join(lines, "\n")}
	default:
		if r.kind == "" {
			d.issueAt(d.f[5], "decode.no-value-type", model.Warning, "the value has no type; it was read as text", "the sender should fill OBX-2")
		}
		d.values(o, r)
		return
	}
	d.settle(o)
}

// values reads the repetitions of OBX-5. Those after the first become
// observations of their own, alike in all else.
func (d *decoder) values(o *model.Observation, r *reading) {
	several := d.f[5].RepCount() > 1
	if !several {
		d.valueInto(o, d.f[5].Rep(1), r)
		return
	}
	like, first := *o, true
	for n, rep := range d.f[5].Reps() {
		if !rep.Present() {
			continue
		}
		if n > maxValues {
			d.tooMany(rep)
			return
		}
		if !first {
			o = d.next()
			*o = like
		}
		first = false
		o.Field = r.place + "-5[" + itoa(n) + "]"
		d.valueInto(o, rep, r)
	}
}

func (d *decoder) tooMany(rep hl7v2.Element) {
	d.issueAt(rep, "decode.too-many-values", model.Error, "the field repeats more often than any device does; the rest was not read", "the sender should send an OBX for each value")
}

func (d *decoder) valueInto(o *model.Observation, rep hl7v2.Element, r *reading) {
	d.why = "unknown"
	if n, err := model.ParseDecimal(d.numberText(rep, r.kind)); err == nil { // as most are
		o.Value.Kind, o.Value.Number = model.ValueNumber, n
		d.settle(o)
		return
	}
	var unit model.Coding
	if o.Value, unit = d.value(rep, r.kind); o.UnitSent == (model.Coding{}) {
		o.UnitSent = unit
	}
	if o.Value.Kind == model.ValueNone && o.Absent == "" {
		o.Absent = d.why
	}
	d.settle(o)
}

// numberText is the text of a value that is said to be a number, else empty.
func (d *decoder) numberText(e hl7v2.Element, kind string) string {
	if kind == "NM" {
		return d.text(e)
	}
	return ""
}

// next is a new observation at the end of the list.
func (d *decoder) next() *model.Observation {
	if d.out.Observations == nil {
		n := 1 // the OBX from here to the next patient
		for i := d.at + 1; i < d.m.Len() && !d.m.Segment(i).Is("PID"); i++ {
			if d.m.Segment(i).Is("OBX") {
				n++
			}
		}
		d.out.Observations = make([]model.Observation, 0, n)
	}
	n := len(d.out.Observations)
	if n < cap(d.out.Observations) {
		d.out.Observations = d.out.Observations[:n+1] // zero since it was made
	} else {
		d.out.Observations = append(d.out.Observations, model.Observation{})
	}
	return &d.out.Observations[n]
}

// settle ends an observation: a value that the sender calls invalid is moved
// aside, where nobody takes it for one.
func (d *decoder) settle(o *model.Observation) {
	if o.Absent != "" && o.Value.Kind != model.ValueNone {
		o.PutAside(o.Absent)
	}
	d.comment = &o.Notes
}

// timeOf is the time of the OBX as sent: OBX-14, else OBX-19, else that of its OBR,
// else that of the message.
func (d *decoder) timeOf() string {
	for _, n := range [...]int{14, 19} {
		if at := d.time(d.f[n]); at != "" {
			return at
		}
	}
	if n := len(d.out.Orders); n > 0 && d.out.Orders[n-1].Start.Original != "" {
		return d.out.Orders[n-1].Start.Original
	}
	return d.out.DeviceTime.Original
}

// method reads OBX-17. The MDC methods that end in SET say that a person or
// the device set the value (IHE PCD TF vol. 2 §B.8).
func (d *decoder) method(o *model.Observation, r *reading) {
	o.Setting = r.term != nil && r.term.Kind == mdc.Setting
	if !d.f[17].Present() {
		return
	}
	for n, rep := range d.f[17].Reps() {
		c := d.coding(rep)
		if n == 1 {
			o.Method = c
		} else if more := strings.TrimSpace(c.Code + " " + c.Text); more != "" {
			o.Method.Text = strings.TrimSpace(o.Method.Text + "; " + more)
		}
		for _, t := range [...]string{c.Code, c.Text} {
			switch t {
			case "ASET", "MSET", "auto-setting", "manual-setting":
				o.Setting = true
			}
		}
	}
}

// flags reads OBX-8: HL7 table 0078 and the measurement status of IHE PCD
// (POCD guide, mapping of OBX-8).
func (d *decoder) flags(o *model.Observation) {
	if !d.f[8].Present() {
		return
	}
	for _, rep := range d.f[8].Reps() {
		flag := d.joined(rep)
		if flag == "" {
			continue
		}
		o.Flags = append(o.Flags, flag)
		code, _, _ := strings.Cut(flag, "^")
		switch code {
		case "DEMO", "TEST":
			o.Simulated = true
		case "INV":
			o.Absent = "error"
		case "NAV", "BUSY":
			o.Absent = "temp-unknown"
		case "OFF":
			o.Absent = "not-performed"
		case "NI":
			o.Absent = "unknown"
		}
	}
}
