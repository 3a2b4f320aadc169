package gatt

import (
	"testing"

	"thalamus/internal/codec"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// What a device tells of itself, and what its clock said when it was read.
func TestPersonal(t *testing.T) {
	e := model.Entry{Frame: model.Frame{Topic: Topic("C0:26:DA:00:12:34", "1822", "2a5f"), Bytes: []byte{0, 98, 0, 72, 0},
		Properties: "address-type: public\n2a26: 312e34\n2a2b: ea070b150a0e000600\nclock-heard: 1795342442500\nservices: 1808 1809 1822"}}
	m := Codec{}.Decode(e, codec.Context{})[0]
	p := m.Devices[0].Personal
	if p == nil || len(p.Specialisations) != 2 || p.Specialisations[0].Code != 528401 || p.Specialisations[1].Code != 528388 {
		t.Fatalf("specialisations of the services: %+v", p)
	}
	if len(p.Versions) != 1 || p.Versions[0] != (model.DeviceVersion{Kind: 531976, Value: "1.4"}) {
		t.Errorf("versions: %+v", p.Versions)
	}
	if p.Clock.Kind != 67975 || p.Clock.Said.Original != "2026-11-21T10:14:00" || p.Clock.Heard.UnixMilli() != 1795342442500 {
		t.Errorf("clock: %+v", p.Clock)
	}
	e.Properties = "address-type: public"
	if p = (Codec{}).Decode(e, codec.Context{})[0].Devices[0].Personal; p == nil || len(p.Specialisations) != 1 || p.Clock.Kind != 0 {
		t.Errorf("of the value's service alone: %+v", p)
	}
}

// One term has its bits in one order, whichever way it came: the names that the
// service has are those of the nomenclature at that place.
func TestBitsAreTheNomenclatures(t *testing.T) {
	for _, c := range []struct {
		code  uint32
		value uint32
		want  string
		bit   string
	}{
		{dm | 22000, 1 << 2, "0x2000", "irregular-pulse"},
		{dm | 29144, 1 << 0, "0x8000", "device-battery-low"},
		{scada | 19532, 1 << 13, "0x2000", "sensor-displaced"},
		{scada | 19532, 1 << 15, "0x8000", "sensor-disconnected"},
	} {
		d := decoder{}
		got := d.bits(c.code, "status", c.value, 4, nil).Value.Coding
		if got.Code != c.want || got.System != "IEEE 11073 bits" {
			t.Errorf("%d bit %#x: %+v, want %s", c.code, c.value, got, c.want)
		}
		at := map[string]int{"0x2000": 2, "0x8000": 0}[c.want]
		if name := mdc.BitName(c.code, at); name != c.bit {
			t.Errorf("%d bit %d is %s, want %s", c.code, at, name, c.bit)
		}
	}
	d := decoder{}
	if got := d.bits(0, "status", 1, 6, nil).Value.Coding; got.System != "GATT bits" || got.Code != "0x000001" {
		t.Errorf("bits that the nomenclature does not have: %+v", got)
	}
}
