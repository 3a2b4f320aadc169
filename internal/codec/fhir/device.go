package fhir

import (
	"thalamus/internal/model"
)

// devicePlace is what a bundle knows of one of a message's devices.
type devicePlace struct {
	id   Identity
	from int // the device that has the identity: itself, or what it is part of; -1: none
}

// placeDevices finds the identity of each device of the message. A part
// without an identifier of its own (a module, a channel) stands for the
// device it is in.
func (b *builder) placeDevices(m *model.Message) {
	s := &b.spoken
	for i := range m.Devices {
		at := i
		for depth := 0; ; depth++ {
			d := &m.Devices[at]
			if id, ok := b.deviceIdentity(d); ok {
				s.devices = append(s.devices, devicePlace{id, at})
				break
			}
			if d.Parent < 0 || d.Parent >= len(m.Devices) || depth > 8 {
				s.devices = append(s.devices, devicePlace{from: -1})
				break
			}
			at = d.Parent
		}
	}
}

// deviceIdentity takes the strongest identifier: EUI-64, UDI, serial number
// with its manufacturer and model, else the first; at last the register's id.
func (b *builder) deviceIdentity(d *model.Device) (Identity, bool) {
	if i, ok := strongest(d); ok {
		return b.identifierIdentity('d', i), true
	}
	return Identity{}, false
}

func strongest(d *model.Device) (model.Identifier, bool) {
	best, rank := model.Identifier{}, 9
	for _, i := range d.Identifiers {
		r := 3
		switch i.Type {
		case "EUI-64":
			r = 0
		case "udi", "UDI":
			r = 1
		case "serial":
			r = 2
		}
		if clean(i.Value) != "" && r < rank {
			best, rank = deviceIdentifier(d, i), r
		}
	}
	if rank == 9 && clean(d.Serial) != "" {
		return deviceIdentifier(d, model.Identifier{Value: d.Serial, Type: "serial"}), true
	}
	if rank == 9 && d.ID != "" {
		return model.Identifier{Value: string(d.ID), System: "urn:id:thalamus-device"}, true
	}
	return best, rank < 9
}

// deviceIdentifier gives an EUI-64 the system of the Personal Health Device
// guide: it is unique by itself, whatever a sender calls its authority. A
// number without an authority, as serial numbers are, is unique within its
// manufacturer and model only, so they become its system.
func deviceIdentifier(d *model.Device, i model.Identifier) model.Identifier {
	switch {
	case i.Type == "EUI-64" || i.System == "EUI-64":
		i.System, i.Type = SystemEUI64, "EUI-64"
	case i.System == "" && (d.Manufacturer != "" || d.Model != ""):
		b := appendName([]byte("urn:id:device:"), d.Manufacturer)
		i.System = string(appendName(append(b, ':'), d.Model))
	}
	return i
}

// device makes sure that the transaction holds device i and gives its
// identity; false when nobody can be named.
func (b *builder) device(i int) (Identity, bool) {
	s := &b.spoken
	if i < 0 || i >= len(s.devices) || s.devices[i].from < 0 {
		return Identity{}, false
	}
	p := s.devices[i]
	if b.entry(p.id, "Device") {
		b.writeDevice(p)
	}
	return p.id, true
}

func (b *builder) deviceAlone(i int) { b.device(i) }

func (b *builder) writeDevice(p devicePlace) {
	w := &b.w
	d := &b.spoken.m.Devices[p.from]
	key, _ := strongest(d)
	d, heard := b.tells(d, p.id)
	guide := personal(b.spoken.m) && d.Personal != nil
	if guide && conforms(d) {
		if b.conforming == nil {
			b.conforming = map[Identity]bool{}
		}
		b.conforming[p.id] = !b.o.Unclaimed[p.id]
		b.meta("", false, "PhdDevice")
	}
	w.open("identifier", '[')
	w.element()
	b.identifierOfDevice(key)
	w.close('}')
	for _, i := range d.Identifiers {
		if i = deviceIdentifier(d, i); i == key || clean(i.Value) == "" {
			continue
		}
		w.element()
		b.identifierOfDevice(i)
		w.close('}')
	}
	if personal(b.spoken.m) {
		b.personalIdentifiers(d)
	}
	w.close(']')
	if clean(d.UDI) != "" {
		w.open("udiCarrier", '[')
		w.element()
		w.text("carrierHRF", d.UDI)
		w.b = append(w.b, "}]"...)
	}
	w.word("status", "active")
	w.text("manufacturer", d.Manufacturer)
	w.text("serialNumber", d.Serial)
	if clean(d.Model) != "" {
		w.open("deviceName", '[')
		w.element()
		w.text("name", d.Model)
		w.word("type", "model-name")
		w.b = append(w.b, "}]"...)
		w.text("modelNumber", d.Model)
	}
	switch {
	case guide:
		w.open("type", '{')
		b.termCoding(codePersonal, "MDC_MOC_VMS_MDS_SIMP")
		if d.Kind.MDC != 0 {
			w.codingMDC(d.Kind)
		}
		w.close(']')
		w.text("text", d.Kind.Name)
		w.close('}')
		b.personalParts(d.Personal)
	case d.Kind.Key() != "":
		w.open("type", '{')
		b.meaning(d.Kind, model.Coding{}, model.Coding{})
		w.close('}')
	}
	if !guide || len(d.Personal.Versions) == 0 {
		b.versions(d)
	}
	if at := d.Parent; at >= 0 && at < len(b.spoken.devices) && b.spoken.devices[at].from >= 0 && b.spoken.devices[at].id != p.id {
		b.reference("parent", b.spoken.devices[at].id)
	}
	b.says(p.id, key, d, heard)
	b.requestBy(key, "Device", false)
	b.shared = append(b.shared, p.id)
	if at := d.Parent; at >= 0 {
		b.device(at) // may be absent; what was referred to above is present
	}
}

func (b *builder) versions(d *model.Device) {
	w, open := &b.w, false
	for _, v := range [...]struct{ kind, value string }{{"software", d.Release}, {"hardware", d.Hardware}} {
		if clean(v.value) == "" {
			continue
		}
		if !open {
			w.open("version", '[')
			open = true
		}
		w.element()
		w.open("type", '{')
		w.word("text", v.kind)
		w.close('}')
		w.text("value", v.value)
		w.close('}')
	}
	if open {
		w.close(']')
	}
}

// identifierOfDevice writes an Identifier; its type is text, because HL7
// table 0203 has no EUI-64.
func (b *builder) identifierOfDevice(i model.Identifier) {
	w := &b.w
	if clean(i.Type) != "" {
		w.open("type", '{')
		w.text("text", i.Type)
		w.close('}')
	}
	if uri := b.system(i.System); uri != "" {
		w.text("system", uri)
	}
	w.text("value", i.Value)
}

// measuredBy makes sure that the transaction holds what an Observation's device
// member refers to: the DeviceMetric, or the Device itself where the guide for
// personal health devices wants it so. stamped is the time of the value.
func (b *builder) measuredBy(device int, subID string, code model.Code, received model.Coding, unit, category string, stamped model.Timestamp) (g guided, by Identity, ok bool) {
	if g = b.guided(device, stamped); g.is {
		return g, g.device, g.known
	}
	by, ok = b.metric(device, subID, code, received, unit, category)
	return g, by, ok
}

// metric makes sure that the transaction holds the DeviceMetric of a code at
// a place in a device (FHIR R4 §8.19), and its device. It gives the identity
// an Observation's device member refers to.
func (b *builder) metric(device int, subID string, code model.Code, received model.Coding, unit string, category string) (Identity, bool) {
	from, ok := b.device(device)
	if !ok {
		return Identity{}, false
	}
	key := code.Key()
	if key == "" {
		key = received.System + "|" + received.Code
	}
	b.h.start('c')
	b.h.raw(from[:])
	b.h.add(channelOf(subID))
	b.h.add(key)
	id := b.h.sum()
	if !b.entry(id, "DeviceMetric") {
		return id, true
	}
	w := &b.w
	b.ownIdentifier(id)
	w.open("type", '{')
	if code.MDC != 0 {
		code.LOINC = "" // LOINC says what was observed, MDC what observes
	}
	b.meaning(code, received, model.Coding{})
	w.close('}')
	if unit != "" {
		w.open("unit", '{')
		w.open("coding", '[')
		w.element()
		w.word("system", systemUCUM)
		w.code("code", unit)
		w.b = append(w.b, "}]}"...)
	}
	b.reference("source", from)
	w.word("category", category)
	b.requestByID(id, "DeviceMetric", false)
	b.shared = append(b.shared, id)
	return id, true
}

// channelOf is the containment of a metric: OBX-4 without its last part
// (IHE PCD TF-2 B.8, MDS.VMD.channel.metric).
func channelOf(subID string) string {
	for i := len(subID) - 1; i >= 0; i-- {
		if subID[i] == '.' {
			return subID[:i]
		}
	}
	return ""
}
