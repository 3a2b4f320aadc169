package fhir

import (
	"encoding/hex"
	"strconv"
	"strings"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

const (
	systemDeviceIdentifier = "http://terminology.hl7.org/CodeSystem/ContinuaDeviceIdentifiers"
	systemBluetooth        = "http://hl7.org/fhir/sid/eui-48/bluetooth"
	systemYesNo            = "http://terminology.hl7.org/CodeSystem/v2-0136"
	systemInterfaces       = "http://hl7.org/fhir/uv/phd/CodeSystem/ContinuaPHDInterfaceIDs"

	codeGateway    = 531981 // MDC_MOC_VMS_MDS_AHD
	codePersonal   = 65573  // MDC_MOC_VMS_MDS_SIMP
	codeGeneric    = 528457 // MDC_DEV_SPEC_PROFILE_GENERIC
	codeSoftware   = 531975 // MDC_ID_PROD_SPEC_SW
	codeTimeSync   = 68220  // MDC_TIME_SYNC_PROTOCOL
	codeAccuracy   = 68221  // MDC_TIME_SYNC_ACCURACY
	codeResolution = 68222  // MDC_TIME_RES_ABS, then …_REL, …_REL_HI_RES
	codeCertified  = 532353 // MDC_REG_CERT_DATA_CONTINUA_CERT_DEV_LIST
)

// gateway makes sure that the transaction holds the Device of the gateway that
// heard the message: this program (profile PhgDevice).
func (b *builder) gateway() Identity {
	system := b.o.GatewayID
	if system == "" {
		own := b.spoken.m.Channel.SystemID()
		system = hex.EncodeToString(own[:])
	}
	key := model.Identifier{Value: dashed(system), System: SystemEUI64}
	id := b.identifierIdentity('g', key)
	if !b.entry(id, "Device") {
		return id
	}
	w := &b.w
	version := b.o.GatewayVersion
	if b.o.GatewayClock != 0 && version != "" {
		b.meta("", false, "PhgDevice")
	}
	w.open("identifier", '[')
	b.typedIdentifier("SYSID", SystemEUI64, key.Value)
	w.close(']')
	w.word("status", "active")
	w.word("manufacturer", "Thalamus")
	w.open("deviceName", '[')
	w.element()
	w.text("name", b.o.Gateway)
	w.word("type", "user-friendly-name")
	w.b = append(w.b, "}]"...)
	w.word("modelNumber", "Thalamus")
	w.open("type", '{')
	b.termCoding(codeGateway, "MDC_MOC_VMS_MDS_AHD")
	w.b = append(w.b, "]}"...)
	w.open("specialization", '[')
	b.specialisation(codeGeneric, "MDC_DEV_SPEC_PROFILE_GENERIC", "")
	w.close(']')
	if version != "" {
		w.open("version", '[')
		b.version(codeSoftware, version)
		w.close(']')
	}
	if b.o.GatewayClock != 0 {
		w.open("property", '[')
		b.property(codeTimeSync, "MDC_TIME_SYNC_PROTOCOL", systemMDC, strconv.FormatUint(uint64(b.o.GatewayClock), 10))
		w.close(']')
	}
	b.says(id, key, nil, b.spoken.m.Arrived)
	b.requestBy(key, "Device", false)
	b.shared = append(b.shared, id)
	return id
}

// coincident makes sure that the transaction holds what the device's clock said
// when ours said something (profile PhdCoincidentTimeStampObservation); false
// where the device did not tell the time of the clock that its stamps are of, a
// counter or a wall clock.
func (b *builder) coincident(device int, g *guided, counter bool) (Identity, bool) {
	s := &b.spoken
	p := s.m.Devices[s.devices[device].from].Personal
	if p == nil || p.Clock.Kind == 0 || p.Clock.Heard.IsZero() || !sane(p.Clock.Heard) {
		return Identity{}, false
	}
	c := &p.Clock
	wall := c.Said.Original != ""
	if wall == counter || wall && (c.Said.UTC.IsZero() || !sane(c.Said.UTC)) {
		return Identity{}, false
	}
	b.h.start('k')
	b.h.raw(g.device[:])
	b.h.raw(g.gateway[:])
	b.h.number(uint64(c.Kind))
	b.h.add(c.Said.Original)
	b.h.number(uint64(c.TicksUS))
	b.h.number(uint64(c.Heard.UnixNano()))
	id := b.h.sum()
	if !b.entry(id, "Observation") {
		return id, true
	}
	w := &b.w
	if b.o.GatewayClock != 0 && b.conforming[g.device] && !b.o.Unclaimed[g.gateway] {
		b.meta("", false, "PhdCoincidentTimeStampObservation")
	}
	b.ownIdentifier(id)
	w.word("status", "final")
	w.open("code", '{')
	b.termCoding(c.Kind, clockNames[c.Kind])
	w.b = append(w.b, "]}"...)
	b.reference("subject", g.device)
	w.instant("effectiveDateTime", c.Heard)
	if wall {
		w.instant("valueDateTime", c.Said.UTC)
	} else {
		w.open("valueQuantity", '{')
		w.whole("value", c.TicksUS)
		w.b = append(w.b, `,"unit":"us","system":"http://unitsofmeasure.org","code":"us"}`...)
	}
	b.reference("device", g.gateway)
	b.requestByID(id, "Observation", false)
	b.said = append(b.said, id)
	return id, true
}

var clockNames = map[uint32]string{67975: "MDC_ATTR_TIME_ABS", 67983: "MDC_ATTR_TIME_REL", 68072: "MDC_ATTR_TIME_REL_HI_RES", 68226: "MDC_ATTR_TIME_STAMP_BO"}

// conforms says whether a device keeps the profile PhdDevice.
func conforms(d *model.Device) bool {
	p := d.Personal
	if p == nil || clean(d.Manufacturer) == "" || clean(d.Model) == "" || len(p.Specialisations) == 0 || len(p.Versions) == 0 {
		return false
	}
	for _, s := range p.Specialisations {
		if !isSpecialisation(s.Code) || s.Version == "" {
			return false
		}
	}
	return d.Parent < 0
}

// isSpecialisation tells what is in the value set DeviceTypes11073MDC.
func isSpecialisation(code uint32) bool {
	switch code {
	case 528384, 528385, 528388, 528390, 528391, 528392, 528397, 528399, 528401, 528402, 528403, 528404, 528405, 528406,
		528408, 528409, 528412, 528425, 528426, 528455, 528456, 528457, 528484, 528524, 528525:
		return true
	}
	return code >= 528501 && code <= 528514 || code >= 528532 && code <= 528536
}

// personalIdentifiers writes system id and address as the guide has them, beside
// those by which the Device is found.
func (b *builder) personalIdentifiers(d *model.Device) {
	seen := map[string]bool{}
	for _, i := range d.Identifiers {
		switch {
		case i.Type == "EUI-64" && isEUI(i.Value, 16) && !seen["SYSID"]:
			seen["SYSID"] = true
			b.typedIdentifier("SYSID", SystemEUI64, dashed(i.Value))
		case (i.Type == "MAC" || i.Type == "bluetooth") && b.spoken.m.Codec == "gatt" && isEUI(i.Value, 12) && !seen["BTMAC"]:
			seen["BTMAC"] = true
			b.typedIdentifier("BTMAC", systemBluetooth, dashed(i.Value))
		}
	}
}

func (b *builder) typedIdentifier(kind, system, value string) {
	w := &b.w
	w.element()
	w.open("type", '{')
	w.coding(systemDeviceIdentifier, kind, "")
	w.b = append(w.b, "]}"...)
	w.word("system", system)
	w.word("value", value)
	w.close('}')
}

// personalParts writes specialisations, versions and properties of a PhdDevice.
func (b *builder) personalParts(p *model.Personal) {
	w := &b.w
	if len(p.Specialisations) > 0 {
		w.open("specialization", '[')
		for _, s := range p.Specialisations {
			name := ""
			if t, ok := termOf(s.Code); ok {
				name = t
			}
			b.specialisation(s.Code, name, s.Version)
		}
		w.close(']')
	}
	if len(p.Versions) > 0 {
		w.open("version", '[')
		for _, v := range p.Versions {
			b.version(v.Kind, v.Value)
		}
		w.close(']')
	}
	open := false
	each := func() {
		if !open {
			w.open("property", '[')
			open = true
		}
	}
	if p.TimeSync != 0 {
		each()
		b.property(codeTimeSync, "MDC_TIME_SYNC_PROTOCOL", systemMDC, strconv.FormatUint(uint64(p.TimeSync), 10))
	}
	if p.TimeAccuracyUS > 0 {
		each()
		b.microseconds(codeAccuracy, "MDC_TIME_SYNC_ACCURACY", p.TimeAccuracyUS)
	}
	for i, us := range p.ResolutionUS {
		if us > 0 {
			each()
			b.microseconds(codeResolution+uint32(i), "", us)
		}
	}
	if p.TimeBits != 0 {
		for at := range 16 {
			each()
			b.yesNo("68219."+strconv.Itoa(at), p.TimeBits>>(15-at)&1 != 0)
		}
	}
	for _, n := range p.Certified {
		each()
		b.property(codeCertified, "MDC_REG_CERT_DATA_CONTINUA_CERT_DEV_LIST", systemInterfaces, strconv.Itoa(int(n)))
	}
	if p.Regulated != "" {
		each()
		b.yesNo("532354.0", p.Regulated == "no") // the bit says that it is not
	}
	if open {
		w.close(']')
	}
}

func (b *builder) specialisation(code uint32, name, version string) {
	w := &b.w
	w.element()
	w.open("systemType", '{')
	b.termCoding(code, name)
	w.b = append(w.b, "]}"...)
	w.text("version", version)
	w.close('}')
}

var versionNames = map[uint32]string{531974: "MDC_ID_PROD_SPEC_HW", 531975: "MDC_ID_PROD_SPEC_SW", 531976: "MDC_ID_PROD_SPEC_FW", 531977: "MDC_ID_PROD_SPEC_PROTOCOL", 532352: "MDC_REG_CERT_DATA_CONTINUA_VERSION"}

func (b *builder) version(kind uint32, value string) {
	w := &b.w
	w.element()
	w.open("type", '{')
	b.termCoding(kind, versionNames[kind])
	w.b = append(w.b, "]}"...)
	w.text("value", value)
	w.close('}')
}

// termCoding writes a CodeableConcept's coding of MDC and leaves the list open.
func (b *builder) termCoding(code uint32, name string) {
	b.w.coding(systemMDC, strconv.FormatUint(uint64(code), 10), name)
}

func (b *builder) property(code uint32, name, system, value string) {
	w := &b.w
	w.element()
	w.open("type", '{')
	b.termCoding(code, name)
	w.b = append(w.b, `]},"valueCode":[{`...)
	w.coding(system, value, "")
	w.b = append(w.b, "]}]}"...)
}

func (b *builder) yesNo(bit string, set bool) {
	w := &b.w
	w.element()
	w.open("type", '{')
	w.coding(systemASN1, bit, "")
	w.b = append(w.b, `]},"valueCode":[{`...)
	w.coding(systemYesNo, map[bool]string{true: "Y", false: "N"}[set], "")
	w.b = append(w.b, "]}]}"...)
}

func (b *builder) microseconds(code uint32, name string, us int64) {
	w := &b.w
	w.element()
	w.open("type", '{')
	b.termCoding(code, name)
	w.b = append(w.b, `]},"valueQuantity":[{"value":`...)
	w.b = strconv.AppendInt(w.b, us, 10)
	w.b = append(w.b, `,"unit":"us","system":"http://unitsofmeasure.org","code":"us"}]}`...)
}

// isEUI says whether a text is a number of so many hexadecimal digits, with or
// without separators.
func isEUI(s string, digits int) bool {
	s = bareEUI(s)
	_, err := hex.DecodeString(s)
	return len(s) == digits && err == nil
}

func bareEUI(s string) string { return strings.NewReplacer(":", "", "-", "").Replace(s) }

// dashed writes such a number as IEEE's guidelines do: FE-ED-AB-EE-DE-AD-77-C3.
func dashed(s string) string {
	s = strings.ToUpper(bareEUI(s))
	var b []byte
	for i := range len(s) {
		if i > 0 && i%2 == 0 {
			b = append(b, '-')
		}
		b = append(b, s[i])
	}
	return string(b)
}

func termOf(code uint32) (string, bool) {
	t, ok := mdc.ByCode(code)
	if !ok {
		return "", false
	}
	return t.RefID, true
}
