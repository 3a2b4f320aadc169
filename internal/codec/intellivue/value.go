package intellivue

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"thalamus/internal/codec/mder"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
	"thalamus/internal/sfloat"
)

// Bits of a measurement state (MeasurementState).
const (
	stateInvalid      = 0x8000
	stateQuestionable = 0x4000
	stateUnavailable  = 0x2000
	stateCalibrating  = 0x1000
	stateTest         = 0x0800
	stateDemo         = 0x0400
	stateValidated    = 0x0080
	stateEarly        = 0x0040
	stateOngoing      = 0x0020
	stateInAlarm      = 0x0002
	stateAlarmOff     = 0x0001

	metricOff = 0x8000 // MetricState
)

// SystemPrivate is the coding system of the maker's own codes, those from 0xF000
// on. They are written as partition and code, "0002-f0e5", like in the maker's
// HL7 messages.
const SystemPrivate = "MDIL"

// coding of a code in a partition.
func coding(partition uint32, code uint16) model.Coding {
	if code >= 0xF000 {
		c := model.Coding{Code: fmt.Sprintf("%04x-%04x", partition, code), System: SystemPrivate}
		if partition == partSCADA {
			c.Text = privateNames[code]
		}
		return c
	}
	full := partition<<16 | uint32(code)
	c := model.Coding{Code: strconv.FormatUint(uint64(full), 10), System: "MDC"}
	if t, ok := mdc.ByCode(full); ok {
		c.Text = t.RefID
	}
	return c
}

func unitCoding(unit uint16) model.Coding {
	if unit == 0 || unit == 512 { // none, dimensionless
		return model.Coding{}
	}
	return coding(partUnit, unit)
}

// metric is an object that measures.
type metric struct {
	d     *decoder
	field string
	sub   string
	all   []Attribute // its own over what is known
	own   []Attribute
	label model.Coding
	at    model.Timestamp
	off   bool
	spec  uint16 // MetricCategory
	way   uint16 // MetricModality
}

// metric reads a numeric, an enumeration or a wave.
func (d *decoder) metric(p *Polled) {
	o := Object{d.reply.Class, p.Context, p.Handle}
	m := &metric{d: d, own: p.Attributes, all: d.merged(o, p.Attributes), at: d.at}
	m.field, m.sub = place(o)
	if b := find(m.all, AttrLabel); len(b) == 4 {
		m.label = model.Coding{Code: fmt.Sprintf("0x%08X", binary.BigEndian.Uint32(b)), System: "NLS"}
	}
	if text := wide(find(m.all, AttrLabelText)); text != "" {
		m.label.Text = text
	}
	if b := find(m.own, AttrMetricState); len(b) == 2 {
		m.off = binary.BigEndian.Uint16(b)&metricOff != 0
	}
	if b := find(m.all, AttrMetricSpec); len(b) >= 6 {
		m.spec = binary.BigEndian.Uint16(b[4:])
	}
	if b := find(m.all, AttrModality); len(b) == 2 {
		m.way = binary.BigEndian.Uint16(b)
	}
	m.time()
	for _, a := range p.Attributes {
		if err := m.value(a); err != nil {
			d.fault(err, m.field)
		}
	}
}

// time of the value, where it has one of its own: that of an aperiodic
// measurement.
func (m *metric) time() {
	if t, ok := absolute(find(m.own, AttrStampAbs)); ok {
		m.at = stamp(t, false)
	}
	if b := find(m.own, AttrStampRel); len(b) == 4 && m.d.anchor.known {
		m.at = stamp(m.d.anchor.at(binary.BigEndian.Uint32(b)), true)
	}
}

func (m *metric) value(a Attribute) error {
	r := read(a.Value)
	switch a.ID {
	case AttrNumeric:
		m.numeric(r, "")
	case AttrCompound:
		part := 0
		r.List("the compound value", 10, func(r *mder.Reader) {
			part++
			m.numeric(r, "."+strconv.Itoa(part))
		})
	case AttrEnumeration:
		m.enumeration(r)
	case AttrWave:
		m.wave(r, "")
	case AttrWaveCompound:
		part := 0
		r.List("the compound wave", 6, func(r *mder.Reader) {
			part++
			m.wave(r, "."+strconv.Itoa(part))
		})
	default:
		return nil
	}
	return r.End("the value")
}

// numeric reads a NuObsValue.
func (m *metric) numeric(r *mder.Reader, part string) {
	code, state, unit, raw := r.U16("a value"), r.U16("a value"), r.U16("a value"), r.U32("a value")
	if r.Err != nil {
		return
	}
	o := m.blank(code, part)
	o.ValueType, o.UnitSent = "number", unitCoding(unit)
	m.number(&o, raw)
	m.state(&o, state)
	m.d.m.Observations = append(m.d.m.Observations, o)
}

func (m *metric) number(o *model.Observation, raw uint32) {
	n := sfloat.Long(raw)
	if n.Special == sfloat.Finite && raw&0xFFFFFF == 0x7FFFFF { // NaN with an exponent
		n = sfloat.Number{Special: sfloat.NaN}
	}
	if n.Special != sfloat.Finite {
		o.Absent = n.Special.Absent()
		o.ValueSent = &model.Value{Kind: model.ValueText, Text: n.Special.String()}
		return
	}
	o.Value = model.Value{Kind: model.ValueNumber, Number: n.Value}
}

// enumeration reads an EnumObsVal: a state, with a number or not.
func (m *metric) enumeration(r *mder.Reader) {
	code, state, choice := r.U16("a value"), r.U16("a value"), r.U16("a value")
	in := read(r.Octets("a value"))
	if r.Err != nil {
		return
	}
	o := m.blank(code, "")
	o.ValueType = "coded"
	if choice != 1 && choice != 4 { // ENUM_OBJ_ID_CHOSEN, ENUM_OBJ_ID_VAL_CHOSEN
		r.Err = unreadable.Contradicts(0, "an enumeration has the choice %d", choice)
		return
	}
	value := in.U16("a value")
	o.Value = model.Value{Kind: model.ValueCoded, Coding: coding(partSCADA, value)}
	if t, ok := mdc.ByCode(partSCADA<<16 | uint32(value)); ok {
		o.Value.Code = t.Meaning()
	}
	var with *model.Observation
	if choice == 4 {
		with = &model.Observation{}
		*with = m.blank(code, ".1")
		raw, unit := in.U32("a value"), in.U16("a value")
		with.ValueType, with.UnitSent = "number", unitCoding(unit)
		m.number(with, raw)
		m.state(with, state)
	}
	if r.Err = in.End("a value"); r.Err != nil {
		return
	}
	m.state(&o, state)
	m.d.m.Observations = append(m.d.m.Observations, o)
	if with != nil {
		m.d.m.Observations = append(m.d.m.Observations, *with)
	}
}

// blank is an observation of the object; part tells values of one object apart.
func (m *metric) blank(code uint16, part string) model.Observation {
	o := model.Observation{Field: m.field + part, SubID: m.sub + part, Received: coding(partSCADA, code), Alternate: m.label,
		DeviceTime: m.at, Status: model.StatusFinal, Simulated: m.d.demo}
	if part != "" {
		o.Parent = m.sub
	}
	switch m.spec {
	case 3, 4, 130: // AUTO_SETTING, MANUAL_SETTING, AUTO_ALARM_LIMIT_SETTING
		o.Setting = true
	case 2, 6: // MANUAL_MEASUREMENT, MANUAL_CALCULATION
		o.Flags = append(o.Flags, "manual")
	}
	if m.way&0x4000 != 0 && m.spec != 2 && m.spec != 6 { // METRIC_MODALITY_MANUAL
		o.Flags = append(o.Flags, "manual")
	}
	return o
}

func (m *metric) state(o *model.Observation, state uint16) {
	if m.off {
		aside(o, "not-performed")
	}
	if state&(stateInvalid|stateCalibrating) != 0 {
		aside(o, "error")
	}
	if state&stateUnavailable != 0 {
		aside(o, "unknown")
	}
	for _, one := range [...]struct {
		bit  uint16
		flag string
	}{{stateQuestionable, "questionable"}, {stateCalibrating, "calibration-ongoing"}, {stateValidated, "validated"}, {stateInAlarm, "in-alarm"}, {stateAlarmOff, "alarm-off"}} {
		if state&one.bit != 0 {
			o.Flags = append(o.Flags, one.flag)
		}
	}
	if state&(stateEarly|stateOngoing) != 0 {
		o.Status = model.StatusPreliminary
	}
	if state&(stateTest|stateDemo) != 0 {
		o.Simulated = true
	}
}

// aside puts a value that is not to be used beside the observation.
func aside(o *model.Observation, why string) {
	if o.Absent == "" {
		o.Absent = why
	}
	o.PutAside(o.Absent)
}
