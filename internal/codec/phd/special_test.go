package phd

import (
	"fmt"
	"strings"
	"testing"

	"thalamus/internal/model"
)

// R7: a device of each specialisation that tells its own configuration is read:
// what it measures, in which unit, and what it is. The objects are a few of each
// standard's, the terms those of the public nomenclature.
func TestExtendedConfigurations(t *testing.T) {
	at := func(id uint16, v ...byte) Attribute { return Attribute{id, v} }
	object := func(class, handle, part, code, unit uint16, more ...Attribute) Object {
		o := Object{Class: class, Handle: handle, Attributes: []Attribute{{AttrType, TypeValue(part, code)}}}
		if unit != 0 {
			o.Attributes = append(o.Attributes, Attribute{AttrUnit, U16(unit)})
		}
		return Object{o.Class, o.Handle, append(o.Attributes, more...)}
	}
	nu := func(handle, part, code, unit uint16, more ...Attribute) Object {
		return object(ClassNumeric, handle, part, code, unit, more...)
	}
	simple := func(exp int8, mantissa int32) Attribute {
		return at(AttrNuSimple, byte(exp), byte(mantissa>>16), byte(mantissa>>8), byte(mantissa))
	}
	const (
		dm, hf                    = 128, 129
		milliVolt, metre, seconds = 4274, 1280, 2176
		units, unitsPerHour       = 5472, 5696
	)
	for _, c := range []struct {
		standard string
		objects  []Object
		values   []Attribute
		want     string
	}{
		{"10404", []Object{nu(1, 2, 19384, dimPercent, Supplemental(2, 19508)), object(ClassEnumeration, 2, 2, 19532, 0)},
			[]Attribute{simple(0, 97), at(AttrEnumBits16, 0x20, 0)}, "150456=97 262688 150580?; 150604=0x2000 sensor-displaced"},
		{"10406", []Object{object(ClassSamples, 1, 2, 257, milliVolt, at(AttrSamplePeriod, 0, 0, 0, 0x50), at(AttrSamples, 0, 2, 16, 16, 0x20, 0), at(AttrScale16, 0xFF, 0xFF, 0xFF, 0xEC, 0xFF, 0, 0, 20, 0, 0, 0x03, 0x20)), nu(2, 2, 16770, dimBeats)},
			[]Attribute{at(AttrSamplesValue, 0, 4, 0, 0, 0x03, 0x20), simple(0, 71)}, "147842=71 264864; wave 131329 0 800 every 10000000 ns"},
		{"10407", []Object{nu(1, 2, 18948, dimMmHg, Compound(18949, 18950, 18951)...)},
			[]Attribute{at(AttrNuCmpSimple, 0, 3, 0, 12, 0, 0, 0, 120, 0, 0, 0, 80, 0, 0, 0, 93)}, "150021=120 266016; 150022=80 266016; 150023=93 266016"},
		{"10408", []Object{nu(1, 2, 57356, dimCelsius)}, []Attribute{simple(-1, 372)}, "188428=37.2 268192"},
		{"10415", []Object{nu(1, 2, 57664, dimKilo), nu(2, 2, 57668, 1297)}, []Attribute{simple(-1, 752), simple(0, 175)}, "188736=75.2 263875; 188740=175 263441"},
		{"10417", []Object{nu(1, 2, 29112, dimMgPerDl), object(ClassEnumeration, 2, dm, 29256, 0)}, []Attribute{simple(0, 110), at(AttrEnumOID, 0x72, 0x50)}, "160184=110 264274; 8417864=8417872"},
		{"10419", []Object{nu(1, dm, 29680, units), nu(2, dm, 29692, unitsPerHour, Attribute{AttrSpec, U16(0x0004)})}, []Attribute{simple(-1, 15), simple(-2, 85)}, "8418288=1.5 267616; 8418300=0.85 267840 setting"},
		{"10420", []Object{nu(1, 2, 57676, dimPercent), nu(2, 2, 57684, dimKilo)}, []Attribute{simple(-1, 241), simple(-1, 571)}, "188748=24.1 262688; 188756=57.1 263875"},
		{"10425", []Object{nu(1, 2, 29140, dimMgPerDl), object(ClassEnumeration, 2, dm, 29452, 0)}, []Attribute{simple(0, 104), at(AttrEnumBits32, 0x40, 0, 0, 0)}, "160212=104 264274; 8418060=0x40000000 bit 1"},
		{"10441", []Object{nu(1, hf, 114, dimBeats), nu(2, hf, 103, metre), object(ClassEnumeration, 3, hf, 123, 0)}, []Attribute{simple(0, 128), simple(0, 1500), at(AttrEnumText, 0, 4, 'r', 'u', 'n', 0)}, "8454258=128 264864; 8454247=1500 263424; 8454267=run"},
		{"10442", []Object{nu(1, hf, 201, 512), nu(2, hf, 203, dimKilo), nu(3, hf, 125, seconds)}, []Attribute{simple(0, 12), simple(0, 40), simple(0, 90)}, "8454345=12 -; 8454347=40 263875; 8454269=90 264320"},
	} {
		var spec Spec
		for _, s := range Specs() {
			if s.Standard == c.standard {
				spec = s
			}
		}
		if spec.Standard == "" {
			t.Errorf("%s is none of the specialisations", c.standard)
			continue
		}
		config := &Configuration{ID: 0x4000, Objects: c.objects}
		report := &Report{Request: AgentInitiated, Persons: []PersonReport{{}}}
		for i, v := range c.values {
			report.Persons[0].Scans = append(report.Persons[0].Scans, Scan{Handle: uint16(i + 1), Attributes: []Attribute{v}})
		}
		mds := (&APDU{Choice: ChoicePRST, Call: &Call{Op: OpGetResult, Attributes: []Attribute{{AttrSpecialisation, append([]byte{0, 1, 0, 4}, append(U16(spec.Profile), 0, 1)...)}}}}).Bytes()
		all := decode(t, event(NotiVar, report.Bytes(NotiVar)), event(NotiConfig, config.Bytes()), mds)
		if len(all) != 1 || len(all[0].Issues) != 0 {
			t.Errorf("%s: %d messages, %+v", c.standard, len(all), all[0].Issues)
			continue
		}
		m := all[0]
		if got := m.Devices[0].Kind.MDC; got != partInfra<<16|uint32(spec.Profile) {
			t.Errorf("%s: the device is a %d", c.standard, got)
		}
		if got := told(&m); got != c.want {
			t.Errorf("%s:\n got  %s\n want %s", c.standard, got, c.want)
		}
	}
}

// How long a value was measured is told beside it (10441, 10442).
func TestSpan(t *testing.T) {
	config := &Configuration{ID: 0x4000, Objects: []Object{{Class: ClassNumeric, Handle: 1, Attributes: []Attribute{{AttrType, TypeValue(129, 103)}, {AttrUnit, U16(1280)}}}}}
	report := &Report{Request: AgentInitiated, Persons: []PersonReport{{Scans: []Scan{{Handle: 1, Attributes: []Attribute{
		{AttrNuSimple, []byte{0, 0, 0x05, 0xDC}}, {AttrStampAbs, AbsoluteTime(arrived)}, {AttrActivePeriod, []byte{0, 0, 0, 90}}}}}}}}
	m := decode(t, event(NotiVar, report.Bytes(NotiVar)), event(NotiConfig, config.Bytes()))[0]
	if len(m.Observations) != 1 || len(m.Observations[0].Notes) != 1 || m.Observations[0].Notes[0] != "measured over 1m30s" {
		t.Errorf("%+v", m.Observations)
	}
}

// told is what a message says, in short.
func told(m *model.Message) string {
	var all []string
	for i := range m.Observations {
		o := &m.Observations[i]
		s := o.Received.Code + "="
		switch o.Value.Kind {
		case model.ValueNumber:
			if s += o.Value.Number.String() + " "; o.UnitSent.Code == "" {
				s += "-"
			}
			s += o.UnitSent.Code
		case model.ValueText:
			s += o.Value.Text
		default:
			s += o.Value.Coding.Code
			if o.Value.Coding.System == SystemBits {
				s += " " + o.Value.Coding.Text
			}
		}
		if o.Method.Code != "" {
			s += " " + o.Method.Code + "?"
		}
		if o.Setting {
			s += " setting"
		}
		all = append(all, s)
	}
	for i := range m.Waveforms {
		w := &m.Waveforms[i]
		s := "wave " + w.Received.Code
		for _, v := range w.Samples {
			s += fmt.Sprintf(" %d", v)
		}
		all = append(all, s+fmt.Sprintf(" every %d ns", w.PeriodNS))
	}
	return strings.Join(all, "; ")
}

// How near a value is to the truth is told beside it, where the device says so in
// numbers that make sense; bounds the wrong way round say nothing.
func TestNearness(t *testing.T) {
	number := func(exp int8, m int32) []byte { return []byte{byte(exp), byte(m >> 16), byte(m >> 8), byte(m)} }
	for _, c := range []struct {
		accuracy, low, high []byte
		want                string
	}{
		{number(-1, 2), number(-1, 365), number(-1, 369), "accurate to 0.2 in the unit sent; by 95 % between 36.5 and 36.9 in the unit sent"},
		{number(-1, -2), number(-1, 369), number(-1, 365), ""},
		{number(0, 0x7FFFFF), number(0, 0x7FFFFF), number(0, 1), ""}, // no number
		{[]byte{1}, []byte{1, 2, 3}, nil, ""},
	} {
		config := &Configuration{ID: 0x4000, Objects: []Object{{Class: ClassNumeric, Handle: 1, Attributes: []Attribute{
			{AttrType, TypeValue(2, 19292)}, {AttrUnit, U16(6048)}, {AttrAccuracy, c.accuracy}}}}}
		report := &Report{Request: AgentInitiated, Persons: []PersonReport{{Scans: []Scan{{Handle: 1, Attributes: []Attribute{
			{AttrNuSimple, number(-1, 367)}, {AttrConfidence, append(append([]byte(nil), c.low...), c.high...)}}}}}}}
		m := decode(t, event(NotiVar, report.Bytes(NotiVar)), event(NotiConfig, config.Bytes()))[0]
		if got := strings.Join(m.Observations[0].Notes, "; "); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
