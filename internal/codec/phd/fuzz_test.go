package phd

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/fault"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// R7, R23: whatever comes, reading ends, names what is wrong, is deterministic
// and bounded; what was read is written as it came.
func FuzzDecode(f *testing.F) {
	seed := func(parts ...[]byte) { f.Add(Frame(parts[0], arrived, parts[1:]...)) }
	aarq := (&APDU{Choice: ChoiceAARQ, Request: &Association{Version: Version1, Protocols: []Protocol{{ID: Protocol20601, Info: &Information{Protocol: Version1, Rules: RulesMDER, SystemType: SystemAgent, SystemID: []byte{1, 2, 3, 4, 5, 6, 7, 8}, Config: 700}}}}}).Bytes()
	seed(event(NotiFixed, (&Report{Request: AgentInitiated, Persons: []PersonReport{{Scans: []Scan{{Handle: 2, Values: []byte{0, 60, 0x20, 7, 0x12, 6, 0x12, 0x10, 0, 0}}}}}}).Bytes(NotiFixed)), aarq)
	if root := os.Getenv("THALAMUS_CORPUS"); root != "" {
		files, _ := filepath.Glob(filepath.Join(root, "ieee11073/signove+antidote/tests/resources/apdu/*/*"))
		for _, file := range files {
			if b, err := os.ReadFile(file); err == nil {
				seed(b, aarq)
			}
		}
	}
	f.Add([]byte{0xE7, 0, 0, 4, 0, 2, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		e := model.Entry{Frame: model.Frame{Bytes: b, Arrived: arrived}}
		first, second := New().Decode(e, codec.Context{}), New().Decode(e, codec.Context{})
		if len(first) == 0 || len(first) != len(second) {
			t.Fatalf("%d messages, then %d", len(first), len(second))
		}
		values := 0
		for i, m := range first {
			if len(m.Observations) != len(second[i].Observations) || len(m.Issues) != len(second[i].Issues) {
				t.Fatal("not deterministic")
			}
			values += len(m.Observations) + len(m.Waveforms)
			for _, issue := range m.Issues {
				if issue.Code == "" || issue.Text == "" {
					t.Fatalf("an issue says nothing: %+v", issue)
				}
			}
		}
		if values > len(b) {
			t.Fatalf("%d values of %d bytes", values, len(b))
		}
		if a, err := Parse(b); err == nil {
			if again := a.Bytes(); !bytes.Equal(again, b) {
				t.Fatalf("%x becomes %x", b, again)
			}
		} else if fault.CodeOf(err) == "" {
			t.Fatalf("no code: %v", err)
		}
	})
}

// event is an unconfirmed event report of the device.
func event(kind uint16, info []byte) []byte {
	return (&APDU{Choice: ChoicePRST, Call: &Call{Op: OpEvent, Time: NoEventTime, Type: kind, Info: info}}).Bytes()
}

// R7: the forms of values that no APDU of the corpus has.
func TestValues(t *testing.T) {
	attribute := func(id uint16, value ...byte) Attribute { return Attribute{id, value} }
	config := &Configuration{ID: 0x4000, Objects: []Object{
		{Class: ClassNumeric, Handle: 1, Attributes: []Attribute{{AttrType, TypeValue(2, 18948)}, {AttrUnit, U16(dimMmHg)}, Compound(18949, 18950, 18951)[1]}},
		{Class: ClassEnumeration, Handle: 2, Attributes: []Attribute{{AttrType, TypeValue(2, 19532)}}},
		{Class: ClassEnumeration, Handle: 3, Attributes: []Attribute{{AttrType, TypeValue(128, 29256)}}},
		{Class: ClassSamples, Handle: 4, Attributes: []Attribute{{AttrType, TypeValue(2, 257)}, {AttrUnit, U16(4274)}, attribute(AttrSamplePeriod, 0, 0, 0, 0x50),
			attribute(AttrSamples, 0, 2, 16, 16, 0x20, 0), attribute(AttrScale16, 0xFF, 0xFF, 0xFF, 0xEC, 0xFF, 0, 0, 20, 0, 0, 0x03, 0x20)}},
		{Class: ClassNumeric, Handle: 5, Attributes: []Attribute{{AttrType, TypeValue(2, 19384)}, {AttrUnit, U16(dimPercent)}, Supplemental(2, modalitySpot)}},
	}}
	report := func(call *Call, scans ...Scan) []byte {
		call.Op, call.Type = OpEventConfirmed, NotiVar
		call.Info = (&Report{Request: AgentInitiated, Persons: []PersonReport{{Scans: scans}}}).Bytes(NotiVar)
		return (&APDU{Choice: ChoicePRST, Call: call}).Bytes()
	}
	read := func(apdu []byte) model.Message {
		t.Helper()
		all := decode(t, apdu, event(NotiConfig, config.Bytes()))
		if len(all) != 1 {
			t.Fatalf("%d messages", len(all))
		}
		return all[0]
	}
	m := read(report(&Call{Time: NoEventTime},
		Scan{Handle: 1, Attributes: []Attribute{attribute(AttrNuCmpSimple, 0, 3, 0, 12, 0, 0, 0, 120, 0, 0x7F, 0xFF, 0xFF, 0, 0x80, 0, 2)}},
		Scan{Handle: 2, Attributes: []Attribute{attribute(AttrEnumBits16, 0x20, 0x10)}},
		Scan{Handle: 3, Attributes: []Attribute{attribute(AttrEnumOID, 0x72, 0x4C), {AttrStampBO, BaseOffsetTime(time.Date(2026, 11, 21, 10, 14, 59, 0, time.FixedZone("", 3600)))}}},
		Scan{Handle: 5, Attributes: []Attribute{attribute(AttrNu, 0x4B, 0xB8, 0x44, 0, 0x02, 0x20, 0xFF, 0, 0x03, 0xD3)}},
	))
	o := m.Observations
	if len(o) != 6 || len(m.Issues) != 0 {
		t.Fatalf("%d observations, issues %+v", len(o), m.Issues)
	}
	for i, want := range []string{"120", "not-a-number", "negative-infinity", "0x2010 sensor-displaced, signal-poor", "8417868 2026-11-21T10:14:59+01:00", "97.9 questionable simulated 150588"} {
		got := ""
		switch x := &o[i]; {
		case x.Absent != "":
			got = x.Absent
		case x.Value.Kind == model.ValueNumber:
			got = x.Value.Number.String()
			if x.Simulated {
				got += " " + x.Flags[0] + " simulated " + x.Method.Code
			}
		case x.DeviceTime.Original != "":
			got = x.Value.Coding.Code + " " + x.DeviceTime.Original
		default:
			got = x.Value.Coding.Code + " " + x.Value.Coding.Text
		}
		if i == 3 && got != want { // bit 3 is unsupported, named by the guide
			want = "0x2010 " + mdc.BitName(150604, 2) + ", " + mdc.BitName(150604, 11)
		}
		if got != want {
			t.Errorf("observation %d is %q, want %q", i, got, want)
		}
	}
	m = read(report(&Call{Time: 80000}, Scan{Handle: 4, Attributes: []Attribute{attribute(AttrSamplesValue, 0, 4, 0, 0, 0x03, 0x20), attribute(AttrStampRel, 0, 0, 0x1F, 0x40)}}))
	if len(m.Waveforms) != 1 {
		t.Fatalf("no waveform: %+v", m.Issues)
	}
	w := m.Waveforms[0]
	at := arrived.Add(-9 * time.Second)
	if w.PeriodNS != 10_000_000 || w.Scale.String() != "0.005" || w.Origin.Float64() != -2.0 || len(w.Samples) != 2 || w.Samples[1] != 800 || !w.DeviceTime.UTC.Equal(at) {
		t.Errorf("waveform %+v, scale %s origin %s, want 10 ms, 0.005 from -2 at %s", w, w.Scale, w.Origin, at)
	}
}

// R7: a variable report changes an attribute for good; the later fixed report
// is read with it when it stands in the frame.
func TestLastingChange(t *testing.T) {
	std := event(NotiConfig, Standard(1500).Bytes())
	change := event(NotiVar, (&Report{Persons: []PersonReport{{Scans: []Scan{{Handle: 1, Attributes: []Attribute{{AttrUnit, U16(1760)}}}}}}}).Bytes(NotiVar))
	a, err := Parse(change)
	if err != nil || !Lasting(a.Call) {
		t.Fatalf("a change of the unit does not last (%v)", err)
	}
	values := append([]byte{0xFF, 0, 0x06, 0x90}, AbsoluteTime(arrived)...)
	fixed := event(NotiFixed, (&Report{Persons: []PersonReport{{Scans: []Scan{{Handle: 1, Values: values}}}}}).Bytes(NotiFixed))
	for _, c := range []struct {
		context [][]byte
		unit    string
	}{{[][]byte{std}, "263875"}, {[][]byte{std, change}, "263904"}} {
		m := decode(t, fixed, c.context...)[0]
		if len(m.Observations) != 1 || m.Observations[0].UnitSent.Code != c.unit || m.Observations[0].Value.Number.String() != "168.0" {
			t.Errorf("%+v, want 168.0 in %s; issues %v", m.Observations, c.unit, m.Issues)
		}
	}
}

// R7: a stored segment is read entry by entry with the map that the device
// gave; each part alone.
func TestStoredSegment(t *testing.T) {
	layout := SegmentMap{Header: HeaderAbsolute, Elements: []SegmentElement{
		{Class: ClassNumeric, Partition: 2, Code: 19384, Handle: 1, Map: []MapEntry{{AttrNuBasic, 2}}},
		{Class: ClassNumeric, Partition: 2, Code: 18458, Handle: 10, Map: []MapEntry{{AttrNuBasic, 2}}},
	}}
	segments := (&APDU{Choice: ChoicePRST, Call: &Call{Op: OpActionResult, Handle: 9, Type: ActionSegmentInfo, Info: SegmentsBytes([]Segment{{Instance: 3, Attributes: []Attribute{{AttrSegmentMap, layout.Bytes()}, {AttrSegmentPerson, U16(2)}}}})}}).Bytes()
	var entries []byte
	for i := range 3 {
		entries = append(entries, AbsoluteTime(arrived.Add(time.Duration(i)*time.Second))...)
		entries = append(entries, 0, byte(95+i), 0, byte(60+i))
	}
	part := &APDU{Choice: ChoicePRST, Call: &Call{Op: OpEventConfirmed, Handle: 9, Type: NotiSegment,
		Info: (&SegmentEvent{SegmentDescription: SegmentDescription{Instance: 3, Index: 40, Count: 3, Status: SegmentFirst}, Entries: entries}).Bytes()}}
	aarq := (&APDU{Choice: ChoiceAARQ, Request: &Association{Version: Version1, Protocols: []Protocol{{ID: Protocol20601, Info: &Information{SystemID: []byte{1, 2, 3, 4, 5, 6, 7, 8}, Config: 400}}}}}).Bytes()
	m := decode(t, part.Bytes(), aarq, segments)[0]
	if len(m.Observations) != 6 || len(m.Issues) != 0 {
		t.Fatalf("%d observations, issues %+v", len(m.Observations), m.Issues)
	}
	last := m.Observations[5]
	if last.Value.Number.String() != "62" || last.UnitSent.Code != "264864" || last.DeviceTime.Original != "2026-11-21T10:15:02" || last.Instance != "10/42" {
		t.Errorf("the last value is %+v", last)
	}
	if m.Patient == nil || m.Patient.Identifiers[0].Value != "2" {
		t.Errorf("the person of the segment is %+v", m.Patient)
	}
	if m := decode(t, part.Bytes(), aarq)[0]; len(m.Issues) != 1 || m.Issues[0].Code != "phd.no-segment-map" {
		t.Errorf("without its map: %+v", m.Issues)
	}
}
