package register

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"thalamus/internal/model"
)

// Identity keys are texts of the form "kind|part|part…"; the kinds, strongest
// first, are udi, eui64, serial, mac, ei and sender. The first four hold
// everywhere; an ei without a namespace, a serial without a manufacturer or an
// authority, and a sender without a universal id hold on their channel only.

// keysOf gives the identity keys that a device's own facts carry, strongest
// first; none when it says nothing that names one unit.
func keysOf(d *model.Device, channel model.ChannelID) []string {
	var udi, eui, serial, assigned, mac, ei []string
	addUDI := func(text string) {
		if di, sn := unitOfUDI(text); sn != "" {
			udi = append(udi, "udi|"+di+"|"+fold(sn))
		}
	}
	addUDI(d.UDI)
	addSerial := func(sn string) {
		if worthless(sn) {
			return
		}
		if d.Manufacturer != "" || d.Model != "" {
			serial = append(serial, "serial|"+fold(d.Manufacturer)+"|"+fold(d.Model)+"|"+fold(sn))
			return
		}
		serial = append(serial, "serial|@"+string(channel)+"|"+fold(sn))
	}
	addSerial(d.Serial)
	for _, id := range d.Identifiers {
		if worthless(id.Value) {
			continue
		}
		switch kindOf(id) {
		case "udi":
			addUDI(id.Value)
		case "eui-64":
			if h := hexDigits(id.Value, 16); h != "" {
				eui = append(eui, "eui64|"+h)
				continue
			}
			ei = append(ei, eiKey(id, channel))
		case "mac":
			if h := hexDigits(id.Value, 12); h != "" {
				mac = append(mac, "mac|"+h)
				continue
			}
			ei = append(ei, eiKey(id, channel))
		case "serial":
			// Unique within the authority that gave it (HL7 v2.6 §2.A.28), whatever
			// the path: a central station names the monitor as the monitor does (R18).
			if h := hexDigits(id.System, 16); h != "" {
				assigned = append(assigned, "serial|"+h+"|"+fold(id.Value))
				if d.Manufacturer == "" && d.Model == "" {
					continue // another authority's unit of that number may be on the channel
				}
			}
			addSerial(id.Value)
		default:
			ei = append(ei, eiKey(id, channel))
		}
	}
	if d.Manufacturer == "" && d.Model == "" {
		serial, assigned = assigned, serial // what holds on the channel alone is weaker
	}
	var keys []string
	for _, list := range [][]string{udi, eui, serial, assigned, mac, ei} {
		for _, k := range list {
			if !contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

func contains(list []string, s string) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}

// euiOID is the object identifier of EUI-64 as IHE PCD devices send it
// (IHE PCD TF-2, appendix B, OBX-18).
const euiOID = "1.2.840.10004.1.1.1.0.0.1.0.0.1.2680"

func kindOf(id model.Identifier) string {
	t := strings.ToLower(id.Type)
	switch {
	case t == "eui-64" || t == "eui64" || strings.EqualFold(id.System, "EUI-64") || id.System == euiOID:
		return "eui-64"
	case t == "mac" || t == "mac-48" || t == "eui-48" || strings.EqualFold(id.System, "MAC"):
		return "mac"
	case t == "serial" || t == "sn" || t == "sno":
		return "serial"
	case t == "udi":
		return "udi"
	}
	return t
}

// KindOfIdentifier says what an identifier is: eui-64, mac, serial, udi, or
// its type in lower case.
func KindOfIdentifier(id model.Identifier) string { return kindOf(id) }

func eiKey(id model.Identifier, channel model.ChannelID) string {
	if id.System == "" {
		return "ei|@" + string(channel) + "|" + fold(id.Value)
	}
	return "ei|" + fold(id.System) + "|" + fold(id.Value)
}

// senderKey names the sending system of a message that names no unit. The
// suffix tells apart several nameless units in one message.
func senderKey(m *model.Message, suffix string) string {
	s := m.Sender
	key := "sender|@" + string(m.Channel) + "|" + fold(s.Application) + "|" + fold(s.Facility)
	if h := hexDigits(s.ApplicationID, 16); h != "" && !worthless(h) {
		key = "eui64|" + h
	} else if s.ApplicationID != "" {
		key += "|" + fold(s.ApplicationID)
	}
	if suffix != "" {
		key += "|" + suffix
	}
	return key
}

// idOf makes the DeviceID of an identity key: "dev-" and 65 bits of its
// SHA-256 in lower-case base32. The same key gives the same id everywhere.
func idOf(key string) model.DeviceID {
	sum := sha256.Sum256([]byte(key))
	return model.DeviceID("dev-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:13])
}

// fold makes spellings of one identifier equal: upper case, single spaces.
// The separator of keys cannot come from outside.
func fold(s string) string {
	s = strings.Join(strings.Fields(strings.ToUpper(s)), " ")
	if len(s) > 200 {
		s = s[:200]
	}
	return strings.ReplaceAll(s, "|", "/")
}

// hexDigits gives s in upper-case hexadecimal without separators when it has
// exactly n digits and is not all 0 or all F, else nothing.
func hexDigits(s string, n int) string {
	if len(s) < n || len(s) > 2*n {
		return ""
	}
	b := make([]byte, 0, n)
	for _, c := range []byte(s) {
		switch {
		case c >= '0' && c <= '9' || c >= 'A' && c <= 'F':
		case c >= 'a' && c <= 'f':
			c -= 'a' - 'A'
		case c == '-' || c == ':' || c == '.' || c == ' ':
			continue
		default:
			return ""
		}
		b = append(b, c)
	}
	if len(b) != n || strings.Trim(string(b), "0") == "" || strings.Trim(string(b), "F") == "" {
		return ""
	}
	return string(b)
}

// worthless says that an identifier is a placeholder many units share.
func worthless(s string) bool {
	s = strings.TrimSpace(s)
	if strings.Trim(s, "0- .:") == "" {
		return true
	}
	switch strings.ToLower(s) {
	case "unknown", "none", "n/a", "na", "null", "default", "serial", "not available", "unspecified", "\"\"":
		return true
	}
	return false
}

// unitOfUDI reads the device identifier and serial number out of a Unique
// Device Identifier: GS1 with brackets or as scanned, and HIBCC. The serial is
// empty when the UDI names a model only.
func unitOfUDI(udi string) (di, serial string) {
	udi = strings.TrimSpace(udi)
	switch {
	case udi == "" || len(udi) > 250:
		return "", ""
	case strings.HasPrefix(udi, "("):
		return gs1Brackets(udi)
	case strings.HasPrefix(udi, "+"):
		return hibcc(udi)
	}
	return gs1Scanned(strings.TrimPrefix(udi, "]d2"))
}

func gs1Brackets(udi string) (di, serial string) {
	for _, part := range strings.Split(udi, "(") {
		ai, value, ok := strings.Cut(part, ")")
		switch {
		case ok && ai == "01":
			di = value
		case ok && ai == "21":
			serial = value
		}
	}
	return fold(di), serial
}

// gs1Scanned follows the GS1 General Specifications §7.8: elements of fixed
// length stand bare, others end with FNC1 (GS, 0x1D).
func gs1Scanned(udi string) (di, serial string) {
	for len(udi) > 2 {
		n := 0
		switch udi[:2] {
		case "01":
			n = 14
		case "11", "13", "15", "17":
			n = 6
		case "10", "21":
			n = len(udi) - 2
			if i := strings.IndexByte(udi, 0x1D); i >= 0 {
				n = i - 2
			}
		default:
			return di, serial
		}
		if n < 1 || len(udi) < n+2 {
			return di, serial
		}
		value := udi[2 : n+2]
		switch udi[:2] {
		case "01":
			di = value
		case "21":
			serial = value
		}
		udi = strings.TrimPrefix(udi[n+2:], "\x1D")
	}
	return di, serial
}

// hibcc follows ANSI/HIBC 2.6: primary after "+", the serial after "/S".
func hibcc(udi string) (di, serial string) {
	parts := strings.Split(udi[1:], "/")
	for _, p := range parts[1:] {
		if strings.HasPrefix(p, "S") {
			serial = p[1:]
		} else if strings.HasPrefix(p, "$$+") || strings.HasPrefix(p, "$+") {
			serial = strings.TrimLeft(p, "$+")
		}
	}
	return fold(parts[0]), serial
}
