package dri

import "encoding/binary"

// A frame begins and ends with a flag; flag and escape within it are escaped,
// and its last byte is the sum of the record's bytes.
const (
	flag   = 0x7E
	escape = 0x7D
	flip   = 0x20
)

// frame packs a record.
func frame(record []byte) []byte {
	out := make([]byte, 0, len(record)+16)
	sum := byte(0)
	add := func(b byte) {
		if b == flag || b == escape {
			out = append(out, escape, b^flip)
			return
		}
		out = append(out, b)
	}
	out = append(out, flag)
	for _, b := range record {
		sum += b
		add(b)
	}
	add(sum)
	return append(out, flag)
}

// unframe gives what stands between two flags without escapes; false: the sum
// is wrong.
func unframe(b []byte) ([]byte, bool) {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == escape && i+1 < len(b) {
			i++
			out = append(out, b[i]^flip)
			continue
		}
		out = append(out, b[i])
	}
	if len(out) < 2 {
		return nil, false
	}
	sum := byte(0)
	for _, one := range out[:len(out)-1] {
		sum += one
	}
	return out[:len(out)-1], sum == out[len(out)-1]
}

// Main types of records and types of subrecords.
const (
	headerSize = 40
	mainValues = 0
	mainWaves  = 1
	mainAlarms = 4
	endOfList  = 0xFF

	valuesDisplayed = 1
	valuesTrend10   = 2
	valuesTrend60   = 3
	alarmStatus     = 1

	level = 0x09 // DRI_LEVEL_2005
	plug  = 0xFDE8
)

// part is a subrecord.
type part struct {
	kind byte
	body []byte
}

// record is header and subrecords; everything is little endian.
func record(number byte, seconds uint32, main uint16, parts ...part) []byte {
	out := make([]byte, headerSize)
	out[2], out[3] = number, level
	binary.LittleEndian.PutUint16(out[4:], plug)
	binary.LittleEndian.PutUint32(out[6:], seconds)
	binary.LittleEndian.PutUint16(out[14:], main)
	for i, p := range parts {
		binary.LittleEndian.PutUint16(out[16+3*i:], uint16(len(out)-headerSize))
		out[16+3*i+2] = p.kind
		out = append(out, p.body...)
	}
	if len(parts) < 8 {
		out[16+3*len(parts)+2] = endOfList
	}
	binary.LittleEndian.PutUint16(out, uint16(len(out)))
	return out
}

// missing is a value that there is none of.
const missing = -32767

func words(vs ...int) (out []byte) {
	for _, v := range vs {
		out = binary.LittleEndian.AppendUint16(out, uint16(int16(v)))
	}
	return out
}

// group puts status bits (bit 0 the module is there, bit 1 it measures) and
// label before values.
func group(status uint32, label int, values ...int) []byte {
	out := binary.LittleEndian.AppendUint32(nil, status)
	return append(append(out, words(label)...), words(values...)...)
}

// absent is a group of a module that is not there.
func absent(values int) []byte {
	all := make([]int, values)
	for i := range all {
		all[i] = missing
	}
	return group(0, 0, all...)
}
