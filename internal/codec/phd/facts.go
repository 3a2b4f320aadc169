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
	d.Personal = c.personal()
	return d.Device
}

// Kinds of versions: MDC_ID_PROD_SPEC_… are the kinds of production
// specifications from here on, and what Continua certified.
const (
	versionSpec     = partInfra<<16 | 7683
	versionContinua = partInfra<<16 | 8064 // MDC_REG_CERT_DATA_CONTINUA_VERSION
	specProtocol    = 6
	authContinua    = 2 // auth-body-continua
	continuaVersion = 1 // continua-version-struct
	continuaReg     = 2 // continua-reg-struct
	unknownAccuracy = 0xFFFFFFFF
	hundredthUS     = 10_000
	tickUS          = 125
	clockAbsolute   = partObject<<16 | AttrTimeAbs
	clockRelative   = partObject<<16 | AttrTimeRel
	clockHigh       = partObject<<16 | AttrTimeRelHi
	clockBaseOffset = partObject<<16 | AttrStampBO // so MDCClockTypes of HL7's guide
	partObject      = 1
)

// personal is what the device tells of itself beside; nil where it told nothing.
func (c *context) personal() *model.Personal {
	if len(c.mds) == 0 {
		return nil
	}
	p := &model.Personal{Clock: c.reading()}
	r := read(find(c.mds, AttrSpecialisation))
	r.List("the specialisations", 4, func(r *mder.Reader) {
		s := model.Specialisation{Code: partInfra<<16 | uint32(r.U16("a specialisation")), Version: strconv.Itoa(int(r.U16("a version")))}
		if r.Err == nil {
			p.Specialisations = append(p.Specialisations, s)
		}
	})
	r = read(find(c.mds, AttrProduction))
	r.List("the production specification", 6, func(r *mder.Reader) {
		kind := r.U16("an entry")
		r.U16("an entry")
		v := text(r.Octets("an entry"))
		if r.Err == nil && kind >= specHardware && kind <= specProtocol && v != "" {
			p.Versions = append(p.Versions, model.DeviceVersion{Kind: versionSpec + uint32(kind), Value: v})
		}
	})
	c.certification(p)
	c.timeInfo(p)
	return p
}

// reading is what the device's clock said among its attributes. Which counts
// where it has several is what its time stamps are likely of.
func (c *context) reading() (r model.ClockReading) {
	if c.heard.IsZero() {
		return r
	}
	r.Heard = c.heard.UTC()
	if ts, ok := baseOffset(find(c.mds, AttrTimeBO)); ok {
		r.Kind, r.Said = clockBaseOffset, ts
		return r
	}
	if ts, ok := absolute(find(c.mds, AttrTimeAbs)); ok {
		r.Kind, r.Said = clockAbsolute, ts
		return r
	}
	if b := find(c.mds, AttrTimeRel); len(b) == 4 {
		r.Kind, r.TicksUS = clockRelative, int64(binary.BigEndian.Uint32(b))*tickUS
		return r
	}
	if b := find(c.mds, AttrTimeRelHi); len(b) == 8 && binary.BigEndian.Uint64(b) < 1<<62 {
		r.Kind, r.TicksUS = clockHigh, int64(binary.BigEndian.Uint64(b))
		return r
	}
	return model.ClockReading{}
}

// certification reads RegCertDataList (annex A.11.2) as far as it is Continua's:
// the version of its guidelines, the certified interfaces, and whether the device
// is regulated.
func (c *context) certification(p *model.Personal) {
	r := read(find(c.mds, AttrCertification))
	r.List("the certifications", 4, func(r *mder.Reader) {
		body, kind := r.U8("a certification"), r.U8("a certification")
		in := read(r.Octets("a certification"))
		if r.Err != nil || body != authContinua {
			return
		}
		switch kind {
		case continuaVersion:
			major, minor := in.U8("the version"), in.U8("the version")
			if in.Err == nil {
				p.Versions = append(p.Versions, model.DeviceVersion{Kind: versionContinua, Value: strconv.Itoa(int(major)) + "." + strconv.Itoa(int(minor))})
			}
			in.List("the certified interfaces", 2, func(in *mder.Reader) {
				if n := in.U16("an interface"); in.Err == nil {
					p.Certified = append(p.Certified, n)
				}
			})
		case continuaReg:
			bits := in.U16("the regulation")
			switch {
			case in.Err != nil:
			case bits&0x8000 != 0: // unregulated-device
				p.Regulated = "no"
			default:
				p.Regulated = "yes"
			}
		}
	})
}

// timeInfo reads MdsTimeInfo (annex A.3).
func (c *context) timeInfo(p *model.Personal) {
	r := read(find(c.mds, AttrTimeInfo))
	bits, sync, accuracy := r.U16("the time information"), r.U16("the time information"), r.U32("the time information")
	absolute, relative, high := r.U16("the time information"), r.U16("the time information"), r.U32("the time information")
	if r.Err != nil {
		return
	}
	p.TimeBits = bits
	if sync != 0 {
		p.TimeSync = partInfra<<16 | uint32(sync)
	}
	if accuracy != unknownAccuracy {
		p.TimeAccuracyUS = int64(accuracy) * tickUS
	}
	p.ResolutionUS = [3]int64{int64(absolute) * hundredthUS, int64(relative) * tickUS, int64(high)}
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
