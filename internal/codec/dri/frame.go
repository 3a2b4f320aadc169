// Package dri reads and writes the records of the Datex-Ohmeda Record Interface
// (DRI), the computer interface of GE's S/5, B and CARESCAPE monitors (R6):
// physiological values by groups, waveforms and alarms, each in records with a
// header of 40 bytes and up to eight subrecords.
//
// A frame of the journal is one record as it came, from flag to flag (7EH) with its
// escapes and checksum. Its properties may have "before: " with the alarm record
// before it (decision 0173).
//
// What is known of the interface is what open programs show that speak it:
// VSCapture and VSCaptureWave, icu_devices, and others that list groups, units and
// rates. Where they contradict each other or are silent a value has no unit; the
// page docs/wires/dri.md names those.
package dri

import "encoding/binary"

const (
	flag, escape = 0x7E, 0x7D
	headerLen    = 40
	endOfList    = 0xFF

	// Longest record, its checksum included.
	Longest = 1490
)

// Main types of records.
const (
	Physiological = 0
	Wave          = 1
	Alarm         = 4
)

// Part is a subrecord.
type Part struct {
	Type  byte
	Bytes []byte
}

// Record is one record.
type Record struct {
	Number byte
	Level  byte
	Plug   uint16
	Time   uint32 // seconds since 1970 of the monitor's clock
	Main   int16
	Parts  []Part
}

// Wrap writes a record's bytes as they go over the link: the sum of the bytes
// behind them, flags around them, and 7EH and 7DH as two bytes.
func Wrap(b []byte) []byte {
	out := make([]byte, 1, len(b)+8)
	out[0] = flag
	var sum byte
	put := func(c byte) {
		if c == flag || c == escape {
			out = append(out, escape, c&^0x20)
			return
		}
		out = append(out, c)
	}
	for _, c := range b {
		sum += c
		put(c)
	}
	put(sum)
	return append(out, flag)
}

// Unwrap gives the bytes of a record that stands between flags; ok is false where
// its checksum is wrong.
func Unwrap(frame []byte) (b []byte, ok bool) {
	if len(frame) < 3 || frame[0] != flag || frame[len(frame)-1] != flag {
		return nil, false
	}
	var sum byte
	escaped := false
	for _, c := range frame[1 : len(frame)-1] {
		switch {
		case c == flag:
			return nil, false
		case escaped:
			c, escaped = c|0x7C, false
		case c == escape:
			escaped = true
			continue
		}
		b = append(b, c)
	}
	if len(b) == 0 || escaped {
		return nil, false
	}
	for _, c := range b[:len(b)-1] {
		sum += c
	}
	return b[:len(b)-1], sum == b[len(b)-1]
}

// Parse reads a record. ok is false where its header contradicts its length.
func Parse(b []byte) (r Record, ok bool) {
	if len(b) < headerLen || int(binary.LittleEndian.Uint16(b)) > len(b) || int(binary.LittleEndian.Uint16(b)) < headerLen {
		return r, false
	}
	r = Record{Number: b[2], Level: b[3], Plug: binary.LittleEndian.Uint16(b[4:]), Time: binary.LittleEndian.Uint32(b[6:]), Main: int16(binary.LittleEndian.Uint16(b[14:]))}
	body := b[headerLen:binary.LittleEndian.Uint16(b)]
	last := 0
	for i := range 8 {
		d := b[16+3*i:]
		at, kind := int(int16(binary.LittleEndian.Uint16(d))), d[2]
		if kind == endOfList {
			break
		}
		if at < last || at > len(body) {
			return r, false
		}
		if n := len(r.Parts); n > 0 {
			r.Parts[n-1].Bytes = body[last:at]
		}
		r.Parts = append(r.Parts, Part{Type: kind, Bytes: body[at:]})
		last = at
	}
	return r, true
}

// Bytes writes a record.
func (r Record) Bytes() []byte {
	b := make([]byte, headerLen)
	b[2], b[3] = r.Number, r.Level
	binary.LittleEndian.PutUint16(b[4:], r.Plug)
	binary.LittleEndian.PutUint32(b[6:], r.Time)
	binary.LittleEndian.PutUint16(b[14:], uint16(r.Main))
	at := 0
	for i := range 8 {
		d := b[16+3*i:]
		if i == len(r.Parts) {
			d[2] = endOfList
			break
		}
		binary.LittleEndian.PutUint16(d, uint16(at))
		d[2] = r.Parts[i].Type
		at += len(r.Parts[i].Bytes)
	}
	for _, p := range r.Parts {
		b = append(b, p.Bytes...)
	}
	binary.LittleEndian.PutUint16(b, uint16(len(b)))
	return b
}

// AskValues asks for displayed values every so many seconds in all four classes; 0
// ends them.
func AskValues(level byte, seconds uint16) []byte {
	body := make([]byte, 9)
	body[0] = 1 // displayed values
	binary.LittleEndian.PutUint16(body[1:], seconds)
	if seconds > 0 {
		body[3] = 0x02 | 0x04 | 0x08 // and the extended classes
	}
	return Wrap(Record{Level: level, Main: Physiological, Parts: []Part{{0, body}}}.Bytes())
}

// AskWaves asks for up to eight waveforms; none ends all.
func AskWaves(level byte, kinds ...byte) []byte {
	body := make([]byte, 32)
	if len(kinds) == 0 {
		body[0] = 1 // stop
	}
	n := copy(body[4:12], kinds)
	if n < 8 {
		body[4+n] = endOfList
	}
	return Wrap(Record{Level: level, Main: Wave, Parts: []Part{{0, body}}}.Bytes())
}

// AskAlarms asks for the state of the alarms: now (DRI_AL_XMIT_STATUS), and
// whenever it changes (DRI_AL_ENTER_DIFFMODE).
func AskAlarms(level byte) []byte {
	var out []byte
	for _, command := range [...]byte{2, 0} {
		body := make([]byte, 12)
		body[0] = command
		out = append(out, Wrap(Record{Level: level, Main: Alarm, Parts: []Part{{0, body}}}.Bytes())...)
	}
	return out
}

// Piece is what a Scanner found: a whole record from flag to flag; Broken bytes
// between flags that are none; or Noise bytes before a flag.
type Piece struct {
	Bytes         []byte // of a record
	Broken, Noise int
}

// Scanner finds records in what comes. Two records may share a flag.
type Scanner struct {
	buf  []byte // from a flag on
	long bool
}

// Feed gives the pieces that end within b.
func (s *Scanner) Feed(b []byte, each func(Piece)) {
	noise := 0
	for _, c := range b {
		switch {
		case c != flag && len(s.buf) == 0:
			if !s.long {
				noise++
			}
		case c != flag:
			if s.buf = append(s.buf, c); len(s.buf) > 2*Longest {
				each(Piece{Broken: len(s.buf)})
				s.buf, s.long = nil, true
			}
		default:
			if noise > 0 {
				each(Piece{Noise: noise})
				noise = 0
			}
			s.long = false
			if len(s.buf) <= 1 { // flags one after another
				s.buf = append(s.buf[:0], flag)
				continue
			}
			one := append(s.buf, flag)
			s.buf = nil
			if _, ok := Unwrap(one); ok {
				each(Piece{Bytes: one})
				continue
			}
			// The flag may be the first of the next record.
			each(Piece{Broken: len(one) - 1})
			s.buf = append(s.buf, flag)
		}
	}
	if noise > 0 {
		each(Piece{Noise: noise})
	}
}

// Half gives how many bytes of a record without an end there are, and forgets
// them.
func (s *Scanner) Half() int {
	n := 0
	if len(s.buf) > 1 {
		n = len(s.buf)
	}
	s.buf, s.long = nil, false
	return n
}

// Waiting says that a record has begun and not ended.
func (s *Scanner) Waiting() bool { return len(s.buf) > 1 }
