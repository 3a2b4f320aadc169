package intellivue

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"thalamus/internal/model"
	"thalamus/internal/sfloat"
)

// States of the demographics (PatDemoState).
const (
	stateEmpty      = 0
	stateDischarged = 8
)

// patientOf is whom the monitor has admitted; nil where it has nobody, or names
// nobody.
func patientOf(all []Attribute) *model.Patient {
	if b := find(all, AttrPatientState); len(b) == 2 {
		if s := binary.BigEndian.Uint16(b); s == stateEmpty || s == stateDischarged {
			return nil
		}
	}
	p := &model.Patient{Family: wide(find(all, AttrPatientFamily))}
	if given := wide(find(all, AttrPatientGiven)); given != "" {
		p.Given = []string{given}
	}
	if id := wide(find(all, AttrPatientID)); id != "" {
		p.Identifiers = []model.Identifier{{Value: id}}
	}
	if t, ok := absolute(find(all, AttrPatientBirth)); ok {
		p.BirthDate = t.Format("2006-01-02")
	}
	if len(p.Identifiers) == 0 && p.Family == "" && p.Given == nil {
		return nil
	}
	if b := find(all, AttrPatientSex); len(b) == 2 {
		switch binary.BigEndian.Uint16(b) {
		case 1:
			p.Sex = "male"
		case 2:
			p.Sex = "female"
		default:
			p.Sex = "unknown"
		}
	}
	return p
}

// patient reads the demographics. Height, weight and the like are observations
// when they were not told before.
func (d *decoder) patient(p *Polled) {
	d.m.Patient = patientOf(p.Attributes)
	before := d.known[Object{Class: ClassPatient}]
	for _, id := range [...]uint16{AttrPatientHeight, AttrPatientWeight, AttrPatientBSA, AttrPatientAge} {
		b := find(p.Attributes, id)
		if b == nil || bytes.Equal(b, find(before, id)) {
			continue
		}
		r := read(b)
		n, unit := sfloat.Long(r.U32("a measure")), r.U16("a measure")
		field := "patient 0x" + strconv.FormatUint(uint64(id), 16)
		if err := r.End("a measure"); err != nil {
			d.fault(err, field)
			continue
		}
		if n.Special != sfloat.Finite {
			continue // nobody entered it
		}
		d.m.Observations = append(d.m.Observations, model.Observation{Field: field, Received: coding(partObject, id), ValueType: "number", UnitSent: unitCoding(unit),
			Value: model.Value{Kind: model.ValueNumber, Number: n.Value}, DeviceTime: d.at, Status: model.StatusFinal, Setting: true, Simulated: d.demo})
	}
}
