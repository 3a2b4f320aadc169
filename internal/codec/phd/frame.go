package phd

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
)

// Frame puts an APDU and the earlier APDUs of its association together, the
// original bytes first, as they are kept in the journal. heard is when the
// attributes of the device came, which ties its relative time to ours; zero
// where they did not come.
func Frame(apdu []byte, heard time.Time, context ...[]byte) []byte {
	b := slices.Concat(append([][]byte{apdu}, context...)...)
	if heard.IsZero() {
		return b
	}
	note := "attributes-heard: " + heard.UTC().Format(time.RFC3339Nano)
	b = binary.BigEndian.AppendUint16(b, choiceNote)
	b = binary.BigEndian.AppendUint16(b, uint16(len(note)))
	return append(b, note...)
}

// mostContext is how many APDUs a frame may hold.
const mostContext = 512

// Split cuts a frame into its APDUs, the reported one first, and what the link
// noted. An error comes with what stands before it.
func Split(b []byte) (apdus [][]byte, note string, err error) {
	for len(b) > 0 {
		if len(b) >= 4 && binary.BigEndian.Uint16(b) == choiceNote && len(apdus) > 0 {
			n := 4 + int(binary.BigEndian.Uint16(b[2:]))
			if n != len(b) {
				return apdus, "", unreadable.Contradicts(len(apdus[0]), "the note of the link has another length than it says")
			}
			return apdus, string(b[4:]), nil
		}
		n, err := Size(b)
		if err != nil {
			return apdus, "", err
		}
		if n > len(b) {
			return apdus, "", unreadable.Ends(len(b), "an APDU")
		}
		if len(apdus) == mostContext {
			return apdus, "", fault.New(fault.Invalid, "phd.length", "a frame holds more than %d APDUs", mostContext)
		}
		apdus, b = append(apdus, b[:n:n]), b[n:]
	}
	if len(apdus) == 0 {
		return nil, "", unreadable.Ends(0, "the header")
	}
	return apdus, "", nil
}

func heardAt(note string) time.Time {
	for line := range strings.Lines(note) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "attributes-heard: "); ok {
			t, _ := time.Parse(time.RFC3339Nano, v)
			return t
		}
	}
	return time.Time{}
}

// context is what is known of the association that an APDU came over.
type context struct {
	info     *Information
	config   *Configuration
	objects  map[uint16]*Object // by handle
	mds      []Attribute
	heard    time.Time // when mds came
	segments map[uint16]map[uint16][]Attribute
	err      error // the first context APDU that cannot be read
}

// contextOf gathers what earlier APDUs told. When an association was begun
// with a standard configuration that is known here, that one counts until the
// device sends one.
func contextOf(apdus [][]byte, note string) *context {
	c := &context{objects: map[uint16]*Object{}, segments: map[uint16]map[uint16][]Attribute{}, heard: heardAt(note)}
	for _, b := range apdus {
		a, err := Parse(b)
		if err == nil {
			err = c.learn(a)
		}
		if err != nil && c.err == nil {
			c.err = err
		}
	}
	return c
}

func (c *context) learn(a *APDU) error {
	switch {
	case a.Request != nil:
		for i := range a.Request.Protocols {
			if info := a.Request.Protocols[i].Info; info != nil {
				c.info = info
				if std := Standard(info.Config); std != nil && c.config == nil {
					c.use(std)
				}
			}
		}
	case a.Call != nil:
		return c.learnCall(a.Call)
	}
	return nil
}

func (c *context) learnCall(call *Call) error {
	switch {
	case (call.Op == OpEvent || call.Op == OpEventConfirmed) && call.Type == NotiConfig:
		config, err := ParseConfiguration(call.Info)
		if err != nil {
			return err
		}
		c.use(config)
	case call.Op == OpEvent || call.Op == OpEventConfirmed:
		// A variable report can change attributes for good (§6.3.3.4).
		if !Lasting(call) {
			return nil
		}
		report, err := ParseReport(call.Type, call.Info)
		if err != nil {
			return err
		}
		for _, p := range report.Persons {
			for _, s := range p.Scans {
				c.change(s.Handle, s.Attributes)
			}
		}
	case call.Op == OpGetResult && call.Handle == 0:
		c.mds = call.Attributes
	case call.Op == OpGetResult:
		c.change(call.Handle, call.Attributes)
	case call.Op == OpActionResult && call.Type == ActionSegmentInfo:
		all, err := ParseSegments(call.Info)
		if err != nil {
			return err
		}
		m := map[uint16][]Attribute{}
		for _, s := range all {
			m[s.Instance] = s.Attributes
		}
		c.segments[call.Handle] = m
	}
	return nil
}

func (c *context) use(config *Configuration) {
	c.config = config
	clear(c.objects)
	for i := range config.Objects {
		o := config.Objects[i]
		o.Attributes = slices.Clone(o.Attributes)
		c.objects[o.Handle] = &o
	}
}

// change overrides attributes of an object that are no values.
func (c *context) change(handle uint16, all []Attribute) {
	o := c.objects[handle]
	if o == nil {
		return
	}
	for _, a := range all {
		if momentary(a.ID) {
			continue
		}
		if i := slices.IndexFunc(o.Attributes, func(x Attribute) bool { return x.ID == a.ID }); i >= 0 {
			o.Attributes[i] = a
		} else {
			o.Attributes = append(o.Attributes, a)
		}
	}
}

// momentary attributes belong to one measurement; the others hold until they
// are changed again.
func momentary(id uint16) bool {
	switch id {
	case AttrNu, AttrNuBasic, AttrNuSimple, AttrNuCompound, AttrNuCmpBasic, AttrNuCmpSimple,
		AttrEnum, AttrEnumOID, AttrEnumText, AttrEnumBits16, AttrEnumBits32, AttrSamplesValue,
		AttrStampAbs, AttrStampRel, AttrStampRelHi, AttrStampBO, AttrActivePeriod, AttrConfidence, AttrStatus:
		return true
	}
	return false
}

// Lasting says whether an event report changes attributes for good, so that
// later reports cannot be understood without it.
func Lasting(call *Call) bool {
	f, ok := formOf(call.Type)
	if !ok || !f.variable || call.Op != OpEvent && call.Op != OpEventConfirmed {
		return false
	}
	report, err := ParseReport(call.Type, call.Info)
	if err != nil {
		return false
	}
	for _, p := range report.Persons {
		for _, s := range p.Scans {
			for _, a := range s.Attributes {
				if !momentary(a.ID) {
					return true
				}
			}
		}
	}
	return false
}
