package wfdb

import (
	"encoding/binary"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// form is a signal format (WFDB signal(5)): how many bytes hold how many
// samples, which step marks a missing one, and how one is read.
type form struct {
	bytes, samples int
	missing        int32
	at             func(b []byte, i int) int32
}

var forms = map[int]form{
	16: {2, 1, invalid, func(b []byte, i int) int32 { return int32(int16(binary.LittleEndian.Uint16(b[2*i:]))) }},
	24: {3, 1, -1 << 23, func(b []byte, i int) int32 {
		return int32(uint32(b[3*i])<<8|uint32(b[3*i+1])<<16|uint32(b[3*i+2])<<24) >> 8
	}},
	32:  {4, 1, invalid, func(b []byte, i int) int32 { return int32(binary.LittleEndian.Uint32(b[4*i:])) }},
	61:  {2, 1, invalid, func(b []byte, i int) int32 { return int32(int16(binary.BigEndian.Uint16(b[2*i:]))) }},
	80:  {1, 1, -128, func(b []byte, i int) int32 { return int32(b[i]) - 128 }},
	160: {2, 1, invalid, func(b []byte, i int) int32 { return int32(binary.LittleEndian.Uint16(b[2*i:])) - 32768 }},
	212: {3, 2, -2048, twelve},
}

// twelve reads pairs of 12-bit samples: the low byte of the first, the high
// nibbles of both, the low byte of the second.
func twelve(b []byte, i int) int32 {
	p := b[i/2*3:]
	if i%2 == 0 {
		return int32(uint32(p[0])<<20|uint32(p[1]&0x0f)<<28) >> 20
	}
	return int32(uint32(p[2])<<20|uint32(p[1]&0xf0)<<24) >> 20
}

// count is how many samples so many bytes hold; false where a part is left.
func (f form) count(n int) (int, bool) {
	full, left := n/f.bytes, n%f.bytes
	if f.samples == 2 && left == 2 { // the last pair may be half
		return full*2 + 1, true
	}
	return full * f.samples, left == 0
}

// samples reads those of a file whose signals follow each other frame by frame.
func samples(b []byte, h *Header, group []SignalLine, first int, out [][]int32) error {
	f, ok := forms[group[0].Format]
	if !ok {
		return fault.New(fault.Invalid, "wfdb.header", "signals of format %d cannot be read here; write them as format 16, 24, 32, 61, 80, 160 or 212", group[0].Format).At(h.Record)
	}
	for i := range group {
		if group[i].Format != group[0].Format {
			return fault.New(fault.Invalid, "wfdb.header", "signals of one file have several formats").At(h.Record)
		}
	}
	n, whole := f.count(len(b))
	if f.samples == 2 && n%len(group) != 0 && (n-1)%len(group) == 0 {
		n-- // the second half of the last pair is nothing
	}
	frames := n / len(group)
	if !whole || n%len(group) != 0 || h.Samples > 0 && int64(frames) != h.Samples {
		return fault.New(fault.Invalid, "wfdb.samples", "the file holds %d bytes, not %d samples of %d signals", len(b), h.Samples, len(group)).At(group[0].File)
	}
	for i := range group {
		list, sum := make([]int32, frames), int16(0)
		for k := range list {
			v := f.at(b, k*len(group)+i)
			sum += int16(v)
			if list[k] = v; v == f.missing {
				list[k] = model.Gap
			}
		}
		if h.Samples > 0 && sum != group[i].Checksum {
			return fault.New(fault.Invalid, "wfdb.samples", "the samples of signal %d have checksum %d, the header says %d", first+i, sum, group[i].Checksum).At(h.Record)
		}
		out[first+i] = list
	}
	return nil
}
