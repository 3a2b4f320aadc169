package sparkplug

import (
	"encoding/binary"
	"math"

	"thalamus/internal/fault"
)

// Data types of metrics (Sparkplug 3.0.0 §6.4.16).
const (
	typeInt8 = iota + 1
	typeInt16
	typeInt32
	typeInt64
	typeUInt8
	typeUInt16
	typeUInt32
	typeUInt64
	typeFloat
	typeDouble
	typeBoolean
	typeString
	typeDateTime
	typeText
	typeUUID
	typeSet
	typeBytes
	typeFile
	typeTemplate
)

// Bounds of one payload.
const (
	maxMetrics    = 20_000
	maxProperties = 256 // of one metric
)

// payload is a Sparkplug B payload (§6.4.5), as far as it is read.
type payload struct {
	timestamp uint64 // ms since 1970; 0: none
	seq       int64  // 0 to 255, -1: none
	metrics   []metric
}

// metric is one metric (§6.4.6).
type metric struct {
	name       string
	alias      uint64
	aliased    bool
	timestamp  uint64
	kind       uint64
	historical bool
	null       bool
	unit       string // property engUnit
	quality    int64  // property Quality: 192 good, 0 bad, 500 stale; -1: not said
	which      int    // number of the field that holds the value, 0: none
	bits       uint64 // of a number
	text       string // of a text
}

// wire goes through the fields of a protobuf message.
type wire struct {
	b   []byte
	bad bool
}

// next gives the next field: its number and its value, a number or bytes.
func (w *wire) next() (number int, bits uint64, bytes []byte, ok bool) {
	if len(w.b) == 0 || w.bad {
		return 0, 0, nil, false
	}
	key := w.varint()
	number = int(key >> 3)
	if key>>3 == 0 || key>>3 > 1<<29-1 {
		w.bad = true
	}
	switch key & 7 {
	case 0:
		bits = w.varint()
	case 1:
		if b := w.take(8); b != nil {
			bits = binary.LittleEndian.Uint64(b)
		}
	case 2:
		n := w.varint()
		if n > uint64(len(w.b)) {
			w.bad = true
			break
		}
		bytes = w.take(int(n))
	case 5:
		if b := w.take(4); b != nil {
			bits = uint64(binary.LittleEndian.Uint32(b))
		}
	default:
		w.bad = true
	}
	return number, bits, bytes, !w.bad
}

func (w *wire) varint() uint64 {
	n, size := binary.Uvarint(w.b)
	if size <= 0 {
		w.bad = true
		return 0
	}
	w.b = w.b[size:]
	return n
}

func (w *wire) take(n int) []byte {
	if n > len(w.b) {
		w.bad = true
		return nil
	}
	b := w.b[:n]
	w.b = w.b[n:]
	return b
}

func parse(raw []byte) (payload, error) {
	p, w := payload{seq: -1}, wire{b: raw}
	for {
		number, bits, bytes, ok := w.next()
		if !ok {
			break
		}
		switch number {
		case 1:
			p.timestamp = bits
		case 2:
			if len(p.metrics) >= maxMetrics {
				return p, fault.New(fault.Invalid, "sparkplug.payload", "the payload holds more than %d metrics", maxMetrics)
			}
			m, good := parseMetric(bytes)
			w.bad = w.bad || !good
			p.metrics = append(p.metrics, m)
		case 3:
			p.seq = int64(bits & math.MaxInt64)
		}
	}
	if w.bad {
		return p, fault.New(fault.Invalid, "sparkplug.payload", "the payload is not written as protocol buffers are").At("byte " + itoa(len(raw)-len(w.b)))
	}
	return p, nil
}

func parseMetric(raw []byte) (m metric, good bool) {
	w := wire{b: raw}
	m.quality = -1
	for {
		number, bits, bytes, ok := w.next()
		if !ok {
			return m, !w.bad
		}
		switch number {
		case 1:
			m.name = string(bytes)
		case 2:
			m.alias, m.aliased = bits, true
		case 3:
			m.timestamp = bits
		case 4:
			m.kind = bits
		case 5:
			m.historical = bits != 0
		case 7:
			m.null = bits != 0
		case 9:
			w.bad = w.bad || !m.properties(bytes)
		case 10, 11, 12, 13, 14:
			m.which, m.bits = number, bits
		case 15:
			m.which, m.text = number, string(bytes)
		case 16, 17, 18:
			m.which = number
		}
	}
}

// properties reads the property set of a metric (§6.4.13): names and values
// stand in two lists, in the same order.
func (m *metric) properties(raw []byte) (good bool) {
	var names []string
	var values []metric
	w := wire{b: raw}
	for {
		number, _, bytes, ok := w.next()
		if !ok {
			break
		}
		if len(names) > maxProperties || len(values) > maxProperties {
			return false
		}
		switch number {
		case 1:
			names = append(names, string(bytes))
		case 2:
			v := wire{b: bytes}
			var one metric
			for {
				field, bits, text, ok := v.next()
				if !ok {
					break
				}
				switch field {
				case 2:
					one.null = bits != 0
				case 3, 4:
					one.bits = bits
				case 8:
					one.text = string(text)
				}
			}
			if v.bad {
				return false
			}
			values = append(values, one)
		}
	}
	for i, name := range names {
		if i >= len(values) || values[i].null {
			continue
		}
		switch name {
		case "engUnit", "Engineering Units", "unit":
			m.unit = values[i].text
		case "Quality":
			m.quality = int64(values[i].bits)
		}
	}
	return !w.bad
}

func itoa(n int) string {
	return string(appendInt(nil, int64(n)))
}
