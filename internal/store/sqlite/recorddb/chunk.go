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

// chunkReader reads a chunk's body point by point.
type chunkReader struct {
	body []byte
	at   chunkState
	bad  bool
}

// regular says that the next point takes three bytes, and skips to it: the
// values that come regularly, which are nearly all.
func (r *chunkReader) regular() bool {
	b := r.body
	if len(b) < 3 || b[0]&0x81 != 0 || (b[1]|b[2])&0x80 != 0 {
		return false
	}
	r.at.msStep += unzigzag(uint64(b[0] >> 1))
	r.at.digits += unzigzag(uint64(b[1]))
	r.at.step += unzigzag(uint64(b[2]))
	r.at.ms += r.at.msStep
	r.at.seq += r.at.step
	r.body = b[3:]
	return true
}

func (r *chunkReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.body)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.body = r.body[n:]
	return v
}

func (r *chunkReader) byte() byte {
	if len(r.body) == 0 {
		r.bad = true
		return 0
	}
	b := r.body[0]
	r.body = r.body[1:]
	return b
}

// point reads the next point, of any form.
func (r *chunkReader) point() (p point, err error) {
	var nano, part uint64
	head := r.uvarint()
	if head&special != 0 {
		mark := r.byte()
		if mark&specialExp != 0 {
			r.at.exp = int8(r.byte())
		}
		if mark&specialNano != 0 {
			nano = r.uvarint()
		}
		if mark&specialPart != 0 {
			part = r.uvarint()
		}
		p.flags = mark>>specialFlag&(corrects|voids) | mark>>specialKind<<kindShift
	}
	r.at.msStep += unzigzag(head >> 1)
	r.at.ms += r.at.msStep
	r.at.digits += unzigzag(r.uvarint())
	r.at.step += unzigzag(r.uvarint())
	r.at.seq += r.at.step
	if r.bad || part >= 1<<partBits {
		return p, fault.New(fault.Broken, "record.damaged", "a chunk of values cannot be read; set the file aside and read the journal again")
	}
	p.time, p.value, p.ref = r.at.ms*1e6+int64(nano), model.Decimal{Coef: r.at.digits, Exp: r.at.exp}, key(r.at.seq<<partBits)|key(part)
	return p, nil
}

// readChunk calls each with the points of a chunk's body.
func readChunk(body []byte, each func(p point)) error {
	r := chunkReader{body: body}
	for len(r.body) > 0 {
		p, err := r.point()
		if err != nil {
			return err
		}
		each(p)
	}
	return nil
}

// readValues adds the values of a chunk from one time to another. tidy says
// that they are in order of time and none corrects another: then they are what
// settling would give, for they came in order. Where they are not it ends.
func readValues(out []grid.Value, body []byte, lo, hi int64) (values []grid.Value, tidy bool, err error) {
	r := chunkReader{body: body}
	last := int64(-1 << 63)
	for len(r.body) > 0 {
		if r.regular() {
			t := r.at.ms * 1e6
			if t < last {
				return out, false, nil
			}
			if last = t; t >= lo && t < hi {
				out = append(out, grid.Value{At: t, Number: model.Decimal{Coef: r.at.digits, Exp: r.at.exp}, Ref: model.MessageRef{Seq: model.Seq(r.at.seq)}})
			}
			continue
		}
		p, err := r.point()
		if err != nil || p.time < last || p.flags&(corrects|voids) != 0 {
			return out, false, err
		}
		if last = p.time; p.time >= lo && p.time < hi {
			out = append(out, valueOf(&p))
		}
	}
	return out, true, nil
}

func valueOf(p *point) grid.Value {
	return grid.Value{At: p.time, Number: p.value, Ref: p.ref.ref(), Kind: p.kind(), Corrected: p.flags&corrects != 0}
}

func utc(ns int64) time.Time { return time.Unix(0, ns).UTC() }
