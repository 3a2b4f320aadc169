package hl7v2

import "bytes"

// findGlue looks in the line from…stop for a segment that begins without a
// line end before it. It gives the end of the first segment and the start of
// the second, or 0, 0. A false alarm would tear a field apart, so each kind
// must look right beyond its three letters.
func (m *Message) findGlue(from, stop int) (cut, next int) {
	line := m.scan[from:stop]
	if len(line) < 12 {
		return 0, 0
	}
	sep := m.d.Field
	least := 0
	take := func(p int) {
		if p > 0 && (least == 0 || p < least) {
			least = p
		}
	}
	switch string(line[:3]) {
	case "MSH":
		take(m.glueAfterHeader(line, 12))
	case "EVN", "SFT", "UAC":
		take(m.glueAfterHeader(line, 1))
	case "PID", "PD1", "NK1":
		take(glue(line, "PV1", sep, looksPV1))
	case "ERR", "BTS", "FTS":
		return 0, 0
	}
	take(glue(line, "OBX", sep, looksOBX))
	take(glue(line, "OBR", sep, looksOBR))
	take(glue(line, "ORC", sep, looksORC))
	if least == 0 {
		return 0, 0
	}
	end := least
	for end > 4 && line[end-1] == ' ' {
		end--
	}
	return from + end, from + least
}

// glue finds id and the field separator inside line where looks agrees; looks
// is given what follows the separator.
func glue(line []byte, id string, sep byte, looks func([]byte, byte) bool) int {
	var needle [4]byte
	copy(needle[:], id)
	needle[3] = sep
	for at := 4; ; {
		i := bytes.Index(line[at:], needle[:])
		if i < 0 {
			return 0
		}
		at += i
		if looks(line[at+4:], sep) {
			return at
		}
		at += 4
	}
}

// setID takes a set id (digits or nothing) and its separator off b.
func setID(b []byte, sep byte) (rest []byte, digits int, ok bool) {
	for digits < len(b) && digit(b[digits]) {
		digits++
	}
	if digits == len(b) || b[digits] != sep {
		return nil, digits, false
	}
	return b[digits+1:], digits, true
}

// looksOBX: OBX|7|NM| — a set id and a value type of HL7 table 0125.
func looksOBX(b []byte, sep byte) bool {
	rest, n, ok := setID(b, sep)
	if !ok || n == 0 {
		return false
	}
	i := bytes.IndexByte(rest, sep)
	if i == 0 {
		return true
	}
	if i < 2 || i > 3 {
		return false
	}
	for _, c := range rest[:i] {
		if !upper(c) {
			return false
		}
	}
	return true
}

// looksOBR: OBR|1| — a set id.
func looksOBR(b []byte, sep byte) bool {
	_, n, ok := setID(b, sep)
	return ok && n > 0
}

// looksPV1: PV1|1|I| — a set id or none, and a patient class of one letter.
func looksPV1(b []byte, sep byte) bool {
	rest, _, ok := setID(b, sep)
	return ok && len(rest) >= 2 && upper(rest[0]) && rest[1] == sep
}

// looksORC: ORC|NW| — an order control code of HL7 table 0119.
func looksORC(b []byte, sep byte) bool {
	if len(b) < 3 || b[2] != sep {
		return false
	}
	switch string(b[:2]) {
	case "AF", "CA", "CH", "CN", "CP", "CR", "DC", "DE", "DF", "DR", "FU", "HD", "HR", "LI", "MC", "NA", "NW",
		"OC", "OD", "OE", "OF", "OH", "OK", "OP", "OR", "PA", "PR", "PY", "RE", "RF", "RL", "RO", "RP", "RQ",
		"RR", "RU", "SC", "SN", "SR", "SS", "UA", "UC", "UD", "UF", "UH", "UM", "UN", "UR", "UX", "XO", "XR", "XX":
		return true
	}
	return false
}

// glueAfterHeader finds a segment that stands at the end of a field of MSH,
// EVN, SFT or UAC, from the field number given: MSH-21 "…^ISOPID|||".
func (m *Message) glueAfterHeader(line []byte, field int) int {
	sep := m.d.Field
	at := 3
	if line[0] != 'M' {
		field++ // MSH counts its first separator as a field
	}
	for n := 1; ; n++ {
		i := bytes.IndexByte(line[at+1:], sep)
		if i < 0 {
			return 0
		}
		at += 1 + i
		if n+1 < field || at < 8 || i < 3 {
			continue
		}
		id := line[at-3 : at]
		switch string(id) {
		case "PID", "EVN", "MSA", "PV1", "OBR", "ORC", "QRD", "QPD", "SFT", "UAC":
			if i == 3 && line[at-4] == sep && !bytes.Equal(id, []byte("PID")) {
				continue // a whole field, more likely a value than a segment
			}
			if rest, _, ok := setID(line[at+1:], sep); string(id) == "PID" && (!ok || rest == nil) {
				continue
			}
			if !m.hasLine(id) {
				return at - 3
			}
		}
	}
}

// hasLine tells whether a line of the message begins with id.
func (m *Message) hasLine(id []byte) bool {
	needle := [5]byte{'\r', id[0], id[1], id[2], m.d.Field}
	if bytes.Contains(m.scan, needle[:]) {
		return true
	}
	needle[0] = '\n'
	return bytes.Contains(m.scan, needle[:])
}
