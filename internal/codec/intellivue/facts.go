package intellivue

import (
	"encoding/hex"
	"strings"

	"thalamus/internal/codec/mder"
	"thalamus/internal/model"
)

// euiOID is the object identifier of EUI-64, by which the register knows what a
// system id is.
const euiOID = "1.2.840.10004.1.1.1.0.0.1.0.0.1.2680"

// What a production specification tells (ProdSpecEntry), and of which parts.
const (
	specSerial   = 1
	specHardware = 3
	specSoftware = 4

	partProduct     = 8      // ID_COMP_PRODUCT
	partMainBoard   = 0x50   // ID_COMP_MAIN_BD
	partApplication = 0x58   // ID_COMP_APPL_SW
	modeDemo        = 0x2000 // DEMO of the operating mode
)

// deviceOf is the monitor as its attributes describe it.
func deviceOf(all []Attribute) model.Device {
	d := model.Device{Field: "mds", Level: "mds", Parent: -1}
	r := read(find(all, AttrSystemID))
	id := r.Octets("the system id")
	if net := find(all, AttrNetAddress); len(id) == 0 && len(net) >= 6 {
		id = net[:6]
	}
	switch len(id) {
	case 8:
		d.Identifiers = append(d.Identifiers, model.Identifier{Value: strings.ToUpper(hex.EncodeToString(id)), System: euiOID, Type: "EUI-64"})
	case 6: // the address of the network interface
		d.Identifiers = append(d.Identifiers, model.Identifier{Value: strings.ToUpper(hex.EncodeToString(id)), Type: "mac"})
	}
	if b := find(all, AttrModel); b != nil {
		r := read(b)
		d.Manufacturer, d.Model = plain(r.Octets("the model")), plain(r.Octets("the model"))
	}
	production(&d, find(all, AttrProduction))
	if bed := wide(find(all, AttrBedLabel)); bed != "" {
		d.Place.Bed = bed
	}
	return d
}

// production reads serial number and versions; those of the product and its
// application software win over those of parts.
func production(d *model.Device, b []byte) {
	best := map[uint16]int{}
	r := read(b)
	r.List("the production specification", 6, func(r *mder.Reader) {
		kind, part, v := r.U16("an entry"), r.U16("an entry"), plain(r.Octets("an entry"))
		rank := 1
		if part == partProduct || part == partApplication || kind == specHardware && part == partMainBoard {
			rank = 2
		}
		if strings.Trim(v, "-") == "" || best[kind] >= rank {
			return
		}
		switch kind {
		case specSerial:
			d.Serial = v
		case specHardware:
			d.Hardware = v
		case specSoftware:
			d.Release = v
		default:
			return
		}
		best[kind] = rank
	})
}
