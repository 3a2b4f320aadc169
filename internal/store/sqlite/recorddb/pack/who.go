package pack

import "thalamus/internal/model"

// zeroBase is for parts that are kept for many messages: their times have no
// message to stand beside.
const zeroBase = 0

func putPatient(b []byte, p *model.Patient) []byte {
	b = putBits(b, p.Deceased, p.FromADT, p.Address != nil, p.FoundBy != "", p.Said)
	b = putText(b, string(p.ID))
	b = putIdentifiers(b, p.Identifiers)
	b = putText(b, p.Family)
	b = putTexts(b, p.Given)
	b = putText(b, p.Prefix)
	b = putText(b, p.Suffix)
	b = putText(b, p.BirthDate)
	b = putText(b, p.Sex)
	b = putStamp(b, p.DeceasedAt, zeroBase)
	b = putTexts(b, p.Phones)
	if a := p.Address; a != nil {
		b = putTexts(b, a.Lines)
		b = putText(b, a.City)
		b = putText(b, a.State)
		b = putText(b, a.PostalCode)
		b = putText(b, a.Country)
	}
	if p.FoundBy != "" {
		b = putText(b, p.FoundBy)
	}
	return b
}

func (r *reader) patient(p *model.Patient) {
	bits := r.byte()
	p.Deceased, p.FromADT, p.Said = bits&1 != 0, bits&2 != 0, bits&16 != 0
	p.ID = model.PatientID(r.text())
	p.Identifiers = r.identifiers()
	p.Family = r.text()
	p.Given = r.texts()
	p.Prefix = r.text()
	p.Suffix = r.text()
	p.BirthDate = r.text()
	p.Sex = r.text()
	p.DeceasedAt = r.stamp(zeroBase)
	p.Phones = r.texts()
	if bits&4 != 0 {
		p.Address = &model.Address{Lines: r.texts(), City: r.text(), State: r.text(), PostalCode: r.text(), Country: r.text()}
	}
	if bits&8 != 0 {
		p.FoundBy = r.text()
	}
}

func putVisit(b []byte, v *model.Visit) []byte {
	b = putIdentifier(b, v.Number)
	b = putText(b, v.Class)
	b = putPlace(b, v.Place)
	b = putPlace(b, v.Prior)
	b = putText(b, v.Attending)
	b = putStamp(b, v.Admitted, zeroBase)
	return putStamp(b, v.Discharged, zeroBase)
}

func (r *reader) visit(v *model.Visit) {
	v.Number = r.identifier()
	v.Class = r.text()
	v.Place = r.place()
	v.Prior = r.place()
	v.Attending = r.text()
	v.Admitted = r.stamp(zeroBase)
	v.Discharged = r.stamp(zeroBase)
}

func putDevice(b []byte, d *model.Device) []byte {
	b = putText(b, string(d.ID))
	b = putText(b, d.Field)
	b = putIdentifiers(b, d.Identifiers)
	b = putText(b, d.Manufacturer)
	b = putText(b, d.Model)
	b = putText(b, d.Serial)
	b = putText(b, d.Release)
	b = putText(b, d.Hardware)
	b = putText(b, d.UDI)
	b = putCode(b, d.Kind)
	b = putText(b, d.Level)
	b = putText(b, d.SubID)
	b = putInt(b, int64(d.Parent))
	b = putPlace(b, d.Place)
	return putText(b, d.Battery)
}

func (r *reader) device(d *model.Device) {
	d.ID = model.DeviceID(r.text())
	d.Field = r.text()
	d.Identifiers = r.identifiers()
	d.Manufacturer = r.text()
	d.Model = r.text()
	d.Serial = r.text()
	d.Release = r.text()
	d.Hardware = r.text()
	d.UDI = r.text()
	d.Kind = r.code()
	d.Level = r.text()
	d.SubID = r.text()
	d.Parent = int(r.int())
	d.Place = r.place()
	d.Battery = r.text()
}

// putEnvelope writes what a channel's messages of one type have in common.
func putEnvelope(b []byte, m *model.Message) []byte {
	b = putBits(b, m.Test, m.ReadWith != "")
	b = putText(b, string(m.Channel))
	b = putText(b, m.Codec)
	b = putText(b, m.Identity)
	b = putText(b, m.Type)
	b = putText(b, m.Profile)
	b = putText(b, m.Version)
	b = putParty(b, m.Sender)
	b = putParty(b, m.Receiver)
	if m.ReadWith != "" {
		b = putText(b, m.ReadWith)
	}
	return b
}

func (r *reader) envelope(m *model.Message) {
	bits := r.byte()
	m.Test = bits&1 != 0
	m.Channel = model.ChannelID(r.text())
	m.Codec = r.text()
	m.Identity = r.text()
	m.Type = r.text()
	m.Profile = r.text()
	m.Version = r.text()
	m.Sender = r.party()
	m.Receiver = r.party()
	if bits&2 != 0 {
		m.ReadWith = r.text()
	}
}

func putRouted(b []byte, list []model.Decision) []byte {
	b = putLen(b, len(list), list == nil)
	for i := range list {
		b = putText(b, string(list[i].Route))
		b = putText(b, string(list[i].Destination))
		b = putText(b, list[i].Refused)
	}
	return b
}

func (r *reader) routed() []model.Decision {
	n, isNil := r.len()
	if isNil {
		return nil
	}
	list := make([]model.Decision, n)
	for i := range list {
		list[i] = model.Decision{Route: model.RouteID(r.text()), Destination: model.DestinationID(r.text()), Refused: r.text()}
	}
	return list
}

func putEvent(b []byte, e *model.PatientEvent, base int64) []byte {
	b = putText(b, e.Trigger)
	b = putText(b, e.Action)
	b = putStamp(b, e.Occurred, base)
	return putIdentifiers(b, e.Merged)
}

func (r *reader) event(base int64) *model.PatientEvent {
	return &model.PatientEvent{Trigger: r.text(), Action: r.text(), Occurred: r.stamp(base), Merged: r.identifiers()}
}
