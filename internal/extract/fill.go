package extract

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// inside says whether a time fits the microseconds of a column (and a person's
// calendar); others are null, their original text stays.
func inside(t time.Time) time.Time {
	if y := t.Year(); t.IsZero() || y < 1 || y > 9999 {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

func sourceOf(m *model.Message) source {
	s := source{
		Entry: int64(m.Ref.Seq), Part: int32(m.Ref.Part), Arrived: inside(m.Arrived), Recorded: inside(m.Recorded),
		Channel: string(m.Channel), MessageType: m.Type, ControlID: m.ControlID, Sender: m.Sender.Application, ReadWith: m.ReadWith,
	}
	if s.Arrived.IsZero() {
		s.Arrived = time.Unix(0, 0).UTC() // the column is never null
	}
	if p := m.Patient; p != nil {
		s.Patient, s.PatientBy = string(p.ID), "message"
		if p.FromADT {
			s.PatientBy = "adt"
		} else if p.FoundBy != "" {
			s.PatientBy = p.FoundBy
		}
	}
	if a := m.Amended; a != nil {
		s.Amended, s.First = inside(a.At), string(a.First)
	}
	var at model.Place
	if v := m.Visit; v != nil {
		s.Visit, at = v.Number.Value, v.Place
	}
	for i := range m.Devices {
		if at == (model.Place{}) {
			at = m.Devices[i].Place
		}
	}
	s.Ward, s.Room, s.Bed, s.Facility = at.PointOfCare, at.Room, at.Bed, at.Facility
	return s
}

// deviceOf describes the device behind Message.Devices[i]: the part that has an
// identity of its own.
func deviceOf(m *model.Message, i int) device {
	id := record.DeviceOf(m, i)
	for k := range m.Devices {
		if d := &m.Devices[k]; d.ID == id && id != "" {
			return device{string(id), d.Manufacturer, d.Model, d.Serial, d.Release}
		}
	}
	return device{Device: string(id)}
}

func meaningOf(c *model.Code, sent *model.Coding) meaning {
	return meaning{c.RefID, int64(c.MDC), c.LOINC, c.Name, sent.Code, sent.Text, sent.System}
}

// momentOf takes the first time that can be read: the value's own, that of the
// order it stands under, that of the message, and else none; TimeFrom says
// which.
func momentOf(m *model.Message, own *model.Timestamp, order int) moment {
	t, from := own, "own"
	if t.UTC.IsZero() && order >= 0 && order < len(m.Orders) && !m.Orders[order].Start.UTC.IsZero() {
		t, from = &m.Orders[order].Start, "order"
	}
	if t.UTC.IsZero() && !m.DeviceTime.UTC.IsZero() {
		t, from = &m.DeviceTime, "message"
	}
	if t.UTC.IsZero() {
		from = "none"
	}
	return moment{inside(t.UTC), from, t.Original, t.Precision, string(t.Zone), t.Ambiguous, t.ClockOffsetNS, t.UncertaintyNS}
}

// textOf gives the exact text of a value: every digit that was sent.
func textOf(v *model.Value) string {
	switch v.Kind {
	case model.ValueNumber, model.ValueRange, model.ValueRatio:
		return v.Number.String()
	case model.ValueText, model.ValueBinary:
		return v.Text
	case model.ValueCoded:
		return v.Coding.Code
	case model.ValueTime:
		at := v.Timestamp()
		if t := inside(at.UTC); !t.IsZero() {
			return t.Format(time.RFC3339Nano)
		}
		return at.Original
	}
	return ""
}

func numberOf(v *model.Value) *float64 {
	switch v.Kind {
	case model.ValueNumber, model.ValueRange, model.ValueRatio:
		f := v.Number.Float64()
		return &f
	}
	return nil
}

func (r *observationRow) fill(s source, m *model.Message, o *model.Observation) {
	*r = observationRow{
		source: s, Field: o.Field, SubID: o.SubID, device: deviceOf(m, o.Device), meaning: meaningOf(&o.Code, &o.Received),
		AlternateCode: o.Alternate.Code, AlternateText: o.Alternate.Text, AlternateSystem: o.Alternate.System,
		moment: momentOf(m, &o.DeviceTime, o.Order), TimeEnd: inside(o.DeviceTimeEnd),
		ValueKind: string(o.Value.Kind), Value: textOf(&o.Value), ValueNumber: numberOf(&o.Value), Comparator: o.Value.Comparator,
		Unit: o.UnitUCUM, UnitSent: o.UnitSent.Code, UnitSentText: o.UnitSent.Text,
		Status: string(o.Status), Absent: o.Absent, Simulated: o.Simulated || m.Test, Setting: o.Setting, MappedBy: o.Mapping().By,
		Flags: strings.Join(o.Flags, " "), Range: o.RangeText, BodySite: either(&o.BodySite), Method: either(&o.Method), Parent: o.Parent,
		Notes: strings.Join(o.Notes, "\n"), IssueCodes: issuesOf(m, o.Field),
	}
	switch o.Value.Kind {
	case model.ValueRange, model.ValueRatio:
		r.ValueHigh = o.Value.High.String()
	case model.ValueCoded:
		r.ValueText, r.ValueSystem = o.Value.Coding.Text, o.Value.Coding.System
		r.ValueRefID, r.ValueLOINC = o.Value.Code.RefID, o.Value.Code.LOINC
	case model.ValueBinary:
		r.ValueText = o.Value.Coding.Code
	}
	if o.ValueSent != nil {
		r.ValueSent = o.ValueSent.Comparator + textOf(o.ValueSent)
		if o.ValueSent.Kind == model.ValueRange || o.ValueSent.Kind == model.ValueRatio {
			r.ValueSent += " " + o.ValueSent.High.String()
		}
	}
	if o.Order >= 0 && o.Order < len(m.Orders) {
		r.OrderCode, r.OrderNumber = m.Orders[o.Order].Code.Code, m.Orders[o.Order].Filler.Value
	}
}

func either(c *model.Coding) string {
	if c.Code != "" {
		return c.Code
	}
	return c.Text
}

// issuesOf gives the codes of the issues about a field of the message or a part
// of that field.
func issuesOf(m *model.Message, field string) string {
	if len(m.Issues) == 0 || field == "" {
		return ""
	}
	var codes []string
	for i := range m.Issues {
		is := &m.Issues[i]
		if rest, ok := strings.CutPrefix(is.Field, field); ok && (rest == "" || rest[0] == '-' || rest[0] == '.') && !slices.Contains(codes, is.Code) {
			codes = append(codes, is.Code)
		}
	}
	return strings.Join(codes, " ")
}

func (r *waveformRow) fill(s source, m *model.Message, w *model.Waveform) {
	*r = waveformRow{
		source: s, Field: w.Field, SubID: w.SubID, device: deviceOf(m, w.Device), meaning: meaningOf(&w.Code, &w.Received),
		moment: momentOf(m, &w.DeviceTime, -1), Period: w.PeriodNS, Origin: w.Origin.String(), Scale: w.Scale.String(),
		Unit: w.UnitUCUM, UnitSent: w.UnitSent.Code, Status: string(w.Status), Simulated: w.Simulated || m.Test, Samples: w.Samples,
		IssueCodes: issuesOf(m, w.Field),
	}
	if w.Low != nil {
		r.Low = w.Low.String()
	}
	if w.High != nil {
		r.High = w.High.String()
	}
}

func (r *alertRow) fill(s source, m *model.Message, a *model.Alert) {
	*r = alertRow{
		source: s, Field: a.Field, Alert: a.ID, device: deviceOf(m, a.Device), meaning: meaningOf(&a.Code, &a.Received),
		moment: momentOf(m, &a.DeviceTime, -1), Text: a.Text, Phase: a.Phase, State: a.State, Muted: a.Muted, Priority: a.Priority, Kind: a.Kind,
		SourceRefID: a.Source.RefID, SourceMDC: int64(a.Source.MDC), Value: textOf(&a.Value), ValueNumber: numberOf(&a.Value), Unit: a.UnitUCUM,
		Limits: a.Limits, Simulated: a.Simulated || m.Test,
		Stage: a.Life.Stage, Began: inside(a.Life.Began), Ended: inside(a.Life.Ended), Late: a.Life.Late, Heartbeat: a.Heartbeat,
	}
	r.Life = refText(a.Life.First)
}

func (r *messageRow) fill(s source, m *model.Message) {
	*r = messageRow{
		source: s, Peer: m.Peer, Identity: m.Identity, Codec: m.Codec, Profile: m.Profile, Version: m.Version, SentBy: m.Sender.Facility,
		Receiver: m.Receiver.Application, Test: m.Test, TimeOriginal: m.DeviceTime.Original, TimeUTC: inside(m.DeviceTime.UTC),
		Observations: int32(len(m.Observations)), Waveforms: int32(len(m.Waveforms)), Alerts: int32(len(m.Alerts)), Issues: int32(len(m.Issues)),
		Notes: strings.Join(m.Notes, "\n"),
	}
	if m.Event != nil {
		r.Event = m.Event.Trigger
	}
	var devices, sent, refused []string
	for i := range m.Devices {
		if id := string(m.Devices[i].ID); id != "" && !slices.Contains(devices, id) {
			devices = append(devices, id)
		}
	}
	for _, d := range m.Routed {
		if d.Owed() {
			sent = append(sent, string(d.Destination))
		} else {
			refused = append(refused, string(d.Destination)+"="+d.Refused)
		}
	}
	r.Devices, r.Sent, r.Refused = strings.Join(devices, " "), strings.Join(sent, " "), strings.Join(refused, " ")
	r.DuplicateOf, r.Repeated = refText(m.Duplicate), int32(m.Repeated())
}

// refText is "4711.0", empty for no message.
func refText(r model.MessageRef) string {
	if r == (model.MessageRef{}) {
		return ""
	}
	return strconv.FormatUint(uint64(r.Seq), 10) + "." + strconv.Itoa(r.Part)
}

func (r *issueRow) fill(s source, i *model.Issue) {
	*r = issueRow{source: s, Code: i.Code, Severity: string(i.Severity), Field: i.Field, Offset: int64(i.Offset), Text: i.Text, Hint: i.Hint, Received: i.Received}
}
