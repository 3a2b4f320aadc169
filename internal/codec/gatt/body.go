package gatt

import (
	"slices"

	"thalamus/internal/sfloat"
)

func sortStrings(s []string) { slices.Sort(s) }

// mass reads a weight: 5 g or 1/100 pound.
func (d *decoder) mass(what string, imperial bool) (sfloat.Number, uint32) {
	if imperial {
		return d.r.scaled(what, 1, -2), dimPound
	}
	return d.r.scaled(what, 5, -3), dimKilo
}

// height reads a height: 1 mm, given in cm, or 1/10 inch.
func (d *decoder) height(imperial bool) (sfloat.Number, uint32) {
	if imperial {
		return d.r.scaled("the height", 1, -1), dimInch
	}
	return d.r.scaled("the height", 1, -1), dimCentiM
}

// weight reads 0x2A9D (WSS 1.0.1 §3.2).
func (d *decoder) weight() {
	flags := d.r.u8("the flags")
	imperial := flags&1 != 0
	n, unit := d.mass("the weight", imperial)
	if flags&2 != 0 {
		d.at = d.r.time("the time")
	}
	if flags&4 != 0 {
		d.user(d.r.u8("the user"))
	}
	d.number(scada|57664, "weight", n, unit)
	if flags&8 != 0 {
		d.number(scada|57680, "body mass index", d.r.scaled("the body mass index", 1, -1), dimBMI)
		h, unit := d.height(imperial)
		d.number(scada|57668, "height", h, unit)
	}
}

// composition reads 0x2A9C (BCS 1.0 §3.2).
func (d *decoder) composition() {
	flags := d.r.u16("the flags")
	imperial := flags&1 != 0
	fat := d.r.scaled("the body fat", 1, -1)
	if flags&2 != 0 {
		d.at = d.r.time("the time")
	}
	if flags&4 != 0 {
		d.user(d.r.u8("the user"))
	}
	d.number(scada|57676, "body fat", fat, dimPercent)
	if flags&8 != 0 { // in kJ; the unit known of the nomenclature is J
		d.number(scada|57696, "basal metabolism", d.r.scaled("the basal metabolism", 1000, 0), dimJoule)
	}
	if flags&16 != 0 {
		d.number(scada|57700, "muscle percentage", d.r.scaled("the muscle percentage", 1, -1), dimPercent)
	}
	for i, m := range [...]struct {
		code uint32
		name string
	}{{scada | 57704, "muscle mass"}, {scada | 57684, "fat free mass"}, {scada | 57688, "soft lean mass"}, {scada | 57692, "body water mass"}} {
		if flags>>(5+i)&1 != 0 {
			n, unit := d.mass("the "+m.name, imperial)
			d.number(m.code, m.name, n, unit)
		}
	}
	if flags&(1<<9) != 0 {
		d.number(scada|57708, "impedance", d.r.scaled("the impedance", 1, -1), dimOhm)
	}
	if flags&(1<<10) != 0 {
		n, unit := d.mass("the weight", imperial)
		d.number(scada|57664, "weight", n, unit)
	}
	if flags&(1<<11) != 0 {
		n, unit := d.height(imperial)
		d.number(scada|57668, "height", n, unit)
	}
}
