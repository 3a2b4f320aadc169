package phd

import (
	"encoding/binary"
	"strconv"

	"thalamus/internal/codec/mder"
	"thalamus/internal/model"
	"thalamus/internal/sfloat"
)

// scan is what one report tells of one object: its own attributes over those of
// the configuration.
type scan struct {
	d          *decoder
	object     *Object
	attributes []Attribute

	code   uint32 // context-free
	unit   uint16
	status uint16
	parts  []uint16 // codes of a compound value, in order
	at     model.Timestamp
	shared model.Observation // what all observations of it have
}

func newScan(d *decoder, o *Object, attributes []Attribute) *scan {
	s := &scan{d: d, object: o, attributes: attributes}
	if b := s.get(AttrType); len(b) == 4 {
		s.code = binary.BigEndian.Uint32(b)
	}
	if b := s.get(AttrMetricID); len(b) == 2 { // narrows the type (§6.3.3.3)
		part := uint32(s.code &^ 0xFFFF)
		if p := s.get(AttrMetricPart); len(p) == 2 {
			part = uint32(binary.BigEndian.Uint16(p)) << 16
		}
		s.code = part | uint32(binary.BigEndian.Uint16(b))
	}
	if b := s.get(AttrUnit); len(b) == 2 {
		s.unit = binary.BigEndian.Uint16(b)
	}
	if b := s.get(AttrStatus); len(b) == 2 {
		s.status = binary.BigEndian.Uint16(b)
	}
	r := read(s.get(AttrMetricIDs))
	r.List("the metric ids", 2, func(r *mder.Reader) { s.parts = append(s.parts, r.U16("a metric id")) })
	s.at = d.stamp(s.own, s.field())
	s.qualify()
	return s
}

// get is an attribute of the report, else of the configuration.
func (s *scan) get(id uint16) []byte {
	if b := s.own(id); b != nil {
		return b
	}
	return s.object.Get(id)
}

// own is an attribute of the report alone.
func (s *scan) own(id uint16) []byte { return find(s.attributes, id) }

func (s *scan) sub() string   { return strconv.Itoa(int(s.object.Handle)) }
func (s *scan) field() string { return s.d.field(s.object.Handle) }

// partSites is the partition of body sites.
const partSites = 7

// qualify reads what holds for each value of the object.
func (s *scan) qualify() {
	o := &s.shared
	o.Status, o.DeviceTime = model.StatusFinal, s.at
	r := read(s.get(AttrSupplemental))
	r.List("the supplemental types", 4, func(r *mder.Reader) {
		code := r.U32("a supplemental type")
		c := coding(code)
		switch {
		case code>>16 == partSites && o.BodySite == (model.Coding{}):
			o.BodySite = c
		case o.Method == (model.Coding{}):
			o.Method = c
		default:
			o.Notes = append(o.Notes, model.SupplementalNote(c.Code))
		}
	})
	if b := s.get(AttrSource); len(b) == 2 {
		o.Parent = strconv.Itoa(int(binary.BigEndian.Uint16(b)))
	}
	if b := s.get(AttrSpec); len(b) == 2 {
		spec := binary.BigEndian.Uint16(b)
		o.Setting = spec&0x0004 != 0 // mss-cat-setting
		if spec&0x0008 != 0 {        // mss-cat-manual
			o.Flags = append(o.Flags, "manual")
		}
	}
	if b := s.own(AttrActivePeriod); len(b) == 4 {
		if period := decodeSeconds(b); period > 0 {
			o.Notes = append(o.Notes, model.SpanNote(period))
		}
	}
	if s.object.Class == ClassNumeric {
		s.nearness()
	}
}

// nearness reads how near the object's values are to the truth: the most that
// they may be off (Accuracy, FLOAT-Type), and where they lie by 95 %
// (Measurement-Confidence-95, a lower and an upper bound), which belongs to one
// value.
func (s *scan) nearness() {
	o := &s.shared
	if b := s.get(AttrAccuracy); len(b) == 4 {
		if n := sfloat.Long(binary.BigEndian.Uint32(b)); n.Special == sfloat.Finite && n.Value.Coef >= 0 {
			o.Notes = append(o.Notes, model.AccuracyNote(n.Value))
		}
	}
	if b := s.own(AttrConfidence); len(b) == 8 {
		low, high := sfloat.Long(binary.BigEndian.Uint32(b)), sfloat.Long(binary.BigEndian.Uint32(b[4:]))
		if low.Special == sfloat.Finite && high.Special == sfloat.Finite && low.Value.Compare(high.Value) <= 0 {
			o.Notes = append(o.Notes, model.ConfidenceNote(low.Value, high.Value))
		}
	}
}

// blank is an observation of the object; sub tells parts of a value apart.
func (s *scan) blank(code uint32, sub string) model.Observation {
	o := s.shared
	o.Field, o.SubID, o.Received = s.field(), s.sub()+sub, coding(code)
	if sub != "" && o.Parent == "" {
		o.Parent = s.sub()
	}
	if o.Received.Text == "" {
		if b, ok := octetsOf(s.get(AttrLabel)); ok {
			o.Received.Text = text(b)
		}
	}
	o.Flags = append([]string(nil), o.Flags...)
	return o
}

func (s *scan) add(o model.Observation) { s.d.m.Observations = append(s.d.m.Observations, o) }
