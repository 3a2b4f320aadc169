package phd

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"thalamus/internal/codec/mder"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// euiOID is the object identifier of EUI-64 (IHE PCD TF-2 appendix B), by which
// the register knows what a system id is.
const euiOID = "1.2.840.10004.1.1.1.0.0.1.0.0.1.2680"

// Kinds of production specifications (ProdSpecEntry, annex A.3).
const (
	specSerial   = 1
	specHardware = 3
	specSoftware = 4
	specFirmware = 5
)

// device is what the association and the device's attributes tell of it.
func (c *context) device() model.Device {
	d := described{model.Device{Field: "mds", Level: "mds", Parent: -1}}
	var id []byte
	if c.info != nil {
		id = c.info.SystemID
	}
	if b, ok := octetsOf(find(c.mds, AttrSystemID)); ok {
		id = b
	}
	if len(id) > 0 {
		d.Identifiers = append(d.Identifiers, model.Identifier{Value: strings.ToUpper(hex.EncodeToString(id)), System: euiOID, Type: "EUI-64"})
	}
	if b := find(c.mds, AttrModel); b != nil {
		r := read(b)
		d.Manufacturer, d.Model = text(r.Octets("the model")), text(r.Octets("the model"))
	}
	d.production(find(c.mds, AttrProduction))
	d.Kind = c.kind()
	if b := find(c.mds, AttrBattery); len(b) == 2 {
		d.Battery = strconv.Itoa(int(binary.BigEndian.Uint16(b))) + " %"
	}
	return d.Device
}

// described is a device as far as it was read.
type described struct{ model.Device }

// production reads serial number and versions. The firmware stands for the
// software where none is given.
func (d *described) production(b []byte) {
	firmware := ""
	r := read(b)
	r.List("the production specification", 6, func(r *mder.Reader) {
		kind := r.U16("an entry")
		r.U16("an entry") // component
		v := text(r.Octets("an entry"))
		switch kind {
		case specSerial:
			d.Serial = v
		case specHardware:
			d.Hardware = v
		case specSoftware:
			d.Release = v
		case specFirmware:
			firmware = v
		}
	})
	if d.Release == "" {
		d.Release = firmware
	}
}

// kind is the device's first specialisation.
func (c *context) kind() (kind model.Code) {
	code := uint32(0)
	r := read(find(c.mds, AttrSpecialisation))
	r.List("the specialisations", 4, func(r *mder.Reader) {
		profile := r.U16("a specialisation")
		r.U16("a version")
		if code == 0 {
			code = partInfra<<16 | uint32(profile)
		}
	})
	if code == 0 && c.config != nil { // a standard configuration says it too
		for _, s := range Specs() {
			if c.config.ID >= s.From && c.config.ID <= s.Until {
				code = partInfra<<16 | uint32(s.Profile)
			}
		}
	}
	if code == 0 {
		return kind
	}
	if t, ok := mdc.ByCode(code); ok {
		return t.Meaning()
	}
	return model.Code{MDC: code}
}

// text is an octet string as devices pad it: with NUL or blanks.
func text(b []byte) string {
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	s = strings.TrimSpace(s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	return s
}
