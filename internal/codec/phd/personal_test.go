package phd

import (
	"reflect"
	"testing"
	"time"

	"thalamus/internal/codec/mder"
	"thalamus/internal/model"
)

// What a device tells of itself among its attributes (annexes A.3 and A.11).
func TestPersonal(t *testing.T) {
	list := func(entries ...[]byte) []byte {
		w := &mder.Writer{}
		w.List(len(entries), func(i int) { w.Raw(entries[i]) })
		return w.B
	}
	heard := time.Date(2026, 11, 21, 10, 15, 0, 0, time.UTC)
	c := &context{heard: heard, mds: []Attribute{
		{AttrSpecialisation, list([]byte{0x10, 0x04, 0, 2}, []byte{0x10, 0x07, 0, 1})},
		{AttrProduction, list([]byte{0, 1, 0, 0, 0, 2, 'S', '1'}, []byte{0, 5, 0, 0, 0, 3, '1', '.', '4'}, []byte{0, 3, 0, 0, 0, 2, 'B', 0})},
		{AttrCertification, list([]byte{2, 1, 0, 8, 5, 1, 0, 1, 0, 2, 0x40, 4}, []byte{2, 2, 0, 2, 0x80, 0})},
		{AttrTimeInfo, []byte{0xC0, 0x10, 0x1F, 0, 0, 0, 0, 8, 0, 100, 0, 0, 0, 0, 0, 0}},
		{AttrTimeAbs, AbsoluteTime(time.Date(2026, 11, 21, 11, 14, 58, 0, time.UTC))},
	}}
	got := c.personal()
	want := &model.Personal{
		Specialisations: []model.Specialisation{{Code: 528388, Version: "2"}, {Code: 528391, Version: "1"}},
		Versions:        []model.DeviceVersion{{Kind: 531976, Value: "1.4"}, {Kind: 531974, Value: "B"}, {Kind: 532352, Value: "5.1"}},
		Clock:           model.ClockReading{Kind: 67975, Said: model.Timestamp{Original: "2026-11-21T11:14:58", Format: "iso"}, Heard: heard},
		TimeBits:        0xC010, TimeSync: 532224, TimeAccuracyUS: 1000, ResolutionUS: [3]int64{1_000_000, 0, 0},
		Certified: []uint16{16388}, Regulated: "no",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	c.mds[4] = Attribute{AttrTimeRel, []byte{0, 0, 0x1F, 0x40}}
	if r := c.reading(); r.Kind != 67983 || r.TicksUS != 1_000_000 {
		t.Errorf("a counter: %+v", r)
	}
	c.heard = time.Time{}
	if r := c.reading(); r != (model.ClockReading{}) {
		t.Errorf("a time that nobody knows when it was heard says nothing: %+v", r)
	}
	for n := range c.mds { // whatever is cut short is left out, and nothing panics
		whole := c.mds[n].Value
		for cut := range whole {
			c.mds[n].Value = whole[:cut]
			c.personal()
		}
		c.mds[n].Value = whole
	}
}
