package hl7v2

import "bytes"

// gluer finds segments that begin inside a line. It goes through the message
// once, along with the lines.
type gluer struct {
	b       []byte
	sep     byte
	end     int
	orderAt int    // next place that looks like OBX| or OBR|
	ctrlAt  int    // next place that looks like ORC|
	asked   uint16 // ids that hasLine was asked for, by place in afterHeader
	present uint16 // and those of which there is a line
}

func newGluer(b []byte, sep byte, start, end int) gluer {
	return gluer{b: b[:end], sep: sep, end: end, orderAt: start - 1, ctrlAt: start - 1}
}

// next gives the first place after from that looks like OBX, OBR or ORC with
// a field separator behind it, or end.
func (g *gluer) next(from int) int {
	if g.orderAt <= from {
		g.orderAt = g.end
		for i := from + 2; i < g.end-2; i++ { // i is where the B is
			n := bytes.IndexByte(g.b[i:g.end-2], 'B')
			if n < 0 {
				break
			}
			if i += n; g.b[i-1] == 'O' && (g.b[i+1] == 'X' || g.b[i+1] == 'R') && g.b[i+2] == g.sep {
				g.orderAt = i - 1
				break
			}
		}
	}
	if g.ctrlAt <= from {
		g.ctrlAt = g.end
		if n := bytes.Index(g.b[min(from+1, g.end):], []byte{'O', 'R', 'C', g.sep}); n >= 0 {
			g.ctrlAt = from + 1 + n
		}
	}
	return min(g.orderAt, g.ctrlAt)
}

// findGlue looks in the line from…stop for a segment that begins without a
// line end before it. It gives the end of the first segment and the start of
// the second, or 0, 0. A false alarm would tear a field apart, so each kind
// must look right beyond its three letters.
func (m *Message) findGlue(g *gluer, from, stop int) (cut, next int) {
	least := stop
	line := m.scan[from:stop]
	if len(line) < 12 {
		return 0, 0
	}
	sep := m.d.Field
	switch string(line[:3]) {
	case "MSH":
		least = m.glueAfterHeader(g, from, stop, 12)
		return cutAt(m.scan, from, least, stop)
	case "EVN", "SFT", "UAC":
		least = min(least, m.glueAfterHeader(g, from, stop, 1))
	case "PID", "PD1", "NK1":
		least = min(least, m.gluePV1(from, stop))
	case "ERR":
		return 0, 0
	}
	for at := g.next(from + 3); at < least; at = g.next(at) {
		looks := looksOBX
		switch m.scan[at+2] {
		case 'R':
			looks = looksOBR
		case 'C':
			looks = looksORC
		}
		if looks(m.scan[at+4:stop], sep) {
			least = at
		}
	}
	return cutAt(m.scan, from, least, stop)
}

// cutAt gives the end of the segment before the one that begins at next,
// without the blanks between them; 0, 0 when next is the end of the line.
func cutAt(b []byte, from, next, stop int) (cut, start int) {
	if next == stop {
		return 0, 0
	}
	cut = next
	for cut > from+4 && b[cut-1] == ' ' {
		cut--
	}
	return cut, next
}

// gluePV1 finds PV1 at the end of a PID: "…|N PV1||I|". It gives stop when
// there is none.
func (m *Message) gluePV1(from, stop int) int {
	needle := [4]byte{'P', 'V', '1', m.d.Field}
	for at := from + 4; ; at += 4 {
		i := bytes.Index(m.scan[at:stop], needle[:])
		if i < 0 {
			return stop
		}
		if at += i; looksPV1(m.scan[at+4:stop], m.d.Field) {
			return at
		}
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

// afterHeader are the segments that may stand right after MSH, EVN, SFT or
// UAC.
var afterHeader = [...]string{"PID", "EVN", "MSA", "PV1", "OBR", "ORC", "QRD", "QPD", "SFT", "UAC"}

// glueAfterHeader finds a segment that stands at the end of a field of MSH,
// EVN, SFT or UAC, from the field number given: MSH-21 "…^ISOPID|||". It gives
// stop when there is none.
func (m *Message) glueAfterHeader(g *gluer, from, stop, field int) int {
	b, sep := m.scan, m.d.Field
	n := 0 // the field that ends at the separator found
	if b[from] == 'M' {
		n++
	}
	for at := from + 4; ; at++ {
		i := bytes.IndexByte(b[at:stop], sep)
		if i < 0 {
			return stop
		}
		at += i
		if n++; n < field || i < 3 {
			continue
		}
		for k, id := range afterHeader {
			if string(b[at-3:at]) != id {
				continue
			}
			if k > 0 && i == 3 {
				break // a whole field: more likely a value than a segment
			}
			if _, _, ok := setID(b[at+1:stop], sep); k == 0 && !ok {
				break
			}
			if !g.hasLine(k) {
				return at - 3
			}
		}
	}
}

// hasLine tells whether a line of the message begins with a segment of
// afterHeader. It looks once for each.
func (g *gluer) hasLine(k int) bool {
	bit := uint16(1) << k
	if g.asked&bit == 0 {
		g.asked |= bit
		id := afterHeader[k]
		needle := [5]byte{'\r', id[0], id[1], id[2], g.sep}
		found := bytes.Contains(g.b, needle[:])
		if needle[0] = '\n'; found || bytes.Contains(g.b, needle[:]) {
			g.present |= bit
		}
	}
	return g.present&bit != 0
}
