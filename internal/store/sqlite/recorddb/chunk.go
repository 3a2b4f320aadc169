package recorddb

import (
	"encoding/binary"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/grid"
	"thalamus/internal/model"
)

// point is one value in time. For a waveform the value is the length of the
// run in nanoseconds.
type point struct {
	time  int64 // Unix ns
	value model.Decimal
	ref   key // of the message that brought it
	flags byte
}

const (
	corrects  = 1 << iota // replaces what was said of the same time
	voids                 // what was said of the same time does not hold
	kindShift = 2         // above these lies what sort of value it is, a grid.Kind
)

// kind says what sort of value a point is.
func (p *point) kind() grid.Kind { return grid.Kind(p.flags >> kindShift) }

// chunk is a run of points in order of arrival. Times, in milliseconds, and
// journal entries are kept as the change of their step, values as the difference
// of their digits, so that what comes regularly takes three bytes:
//
//	varint   zigzag(change of the time step in ms) << 1 | special
//	         special: a byte of what follows (see below), then that
//	varint   zigzag(digits less those before)
//	varint   zigzag(change of the step in journal entries)
//
// A special byte has bit 0: a new exponent follows (one byte); bit 1: the
// nanoseconds below the millisecond follow (varint); bits 2 and 3: corrects,
// voids; bit 4: the message is not part 0 of its entry, its part follows
// (varint); bits 5 to 7: the grid.Kind, 0 an exact number.
type chunk struct {
	count      int
	start, end int64 // earliest and latest time covered, Unix ns
	body       []byte
	at         chunkState
}

type chunkState struct {
	ms, msStep, digits int64
	seq, step          int64
	exp                int8
}

const (
	special     = 1
	specialExp  = 1 << 0
	specialNano = 1 << 1
	specialFlag = 2 // shift of corrects and voids
	specialPart = 1 << 4
	specialKind = 5 // shift of the kind
)

// add appends a point that stands for the time until its end.
func (c *chunk) add(p point, until int64) {
	ms, nano := p.time/1e6, p.time%1e6
	if nano < 0 {
		ms, nano = ms-1, nano+1e6
	}
	var mark byte
	if p.value.Exp != c.at.exp {
		mark |= specialExp
	}
	if nano != 0 {
		mark |= specialNano
	}
	mark |= p.flags&(corrects|voids)<<specialFlag | p.flags>>kindShift<<specialKind
	ref := p.ref.ref()
	if ref.Part != 0 {
		mark |= specialPart
	}
	step := ms - c.at.ms
	head := zigzag(step-c.at.msStep) << 1
	if mark != 0 {
		head |= special
	}
	b := binary.AppendUvarint(c.body, head)
	if mark != 0 {
		b = append(b, mark)
		if mark&specialExp != 0 {
			b = append(b, byte(p.value.Exp))
		}
		if mark&specialNano != 0 {
			b = binary.AppendUvarint(b, uint64(nano))
		}
		if mark&specialPart != 0 {
			b = binary.AppendUvarint(b, uint64(ref.Part))
		}
	}
	b = binary.AppendUvarint(b, zigzag(p.value.Coef-c.at.digits))
	entries := int64(ref.Seq) - c.at.seq
	c.body = binary.AppendUvarint(b, zigzag(entries-c.at.step))
	c.at = chunkState{ms, step, p.value.Coef, int64(ref.Seq), entries, p.value.Exp}
	if c.count == 0 || p.time < c.start {
		c.start = p.time
	}
	if c.count == 0 || until > c.end {
		c.end = until
	}
	c.count++
}

// clear makes the chunk empty; its memory is used again.
func (c *chunk) clear() { *c = chunk{body: c.body[:0]} }

func zigzag(v int64) uint64   { return uint64(v<<1) ^ uint64(v>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// readChunk calls each with the points of a chunk's body.
func readChunk(body []byte, each func(p point)) error {
	var at chunkState
	bad := false
	next := func() uint64 {
		v, n := binary.Uvarint(body)
		if n <= 0 {
			bad = true
			return 0
		}
		body = body[n:]
		return v
	}
	nextByte := func() byte {
		if len(body) == 0 {
			bad = true
			return 0
		}
		b := body[0]
		body = body[1:]
		return b
	}
	for len(body) > 0 {
		var p point
		if len(body) >= 3 && body[0]&0x81 == 0 && body[1]|body[2] < 0x80 {
			// What comes regularly: three bytes.
			at.msStep += unzigzag(uint64(body[0] >> 1))
			at.digits += unzigzag(uint64(body[1]))
			at.step += unzigzag(uint64(body[2]))
			at.ms += at.msStep
			at.seq += at.step
			body = body[3:]
			p.time, p.value, p.ref = at.ms*1e6, model.Decimal{Coef: at.digits, Exp: at.exp}, key(at.seq<<partBits)
			each(p)
			continue
		}
		var nano, part uint64
		head := next()
		if head&special != 0 {
			mark := nextByte()
			if mark&specialExp != 0 {
				at.exp = int8(nextByte())
			}
			if mark&specialNano != 0 {
				nano = next()
			}
			if mark&specialPart != 0 {
				part = next()
			}
			p.flags = mark>>specialFlag&(corrects|voids) | mark>>specialKind<<kindShift
		}
		at.msStep += unzigzag(head >> 1)
		at.ms += at.msStep
		at.digits += unzigzag(next())
		at.step += unzigzag(next())
		at.seq += at.step
		if bad || part >= 1<<partBits {
			return fault.New(fault.Broken, "record.damaged", "a chunk of values cannot be read; set the file aside and read the journal again")
		}
		p.time, p.value, p.ref = at.ms*1e6+int64(nano), model.Decimal{Coef: at.digits, Exp: at.exp}, key(at.seq<<partBits)|key(part)
		each(p)
	}
	return nil
}

func utc(ns int64) time.Time { return time.Unix(0, ns).UTC() }
