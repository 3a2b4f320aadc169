// Package pack writes messages as bytes, losslessly and small, and reads them
// back: the body of a block in a file of the record. What many messages have
// in common (a channel's envelope, a patient, a device, a metric with its code
// and unit) is written once, as a template in the file's dictionary; a message
// then is its times, its values and the numbers of its templates. Times come
// back in UTC, everything else as it was, nil apart from empty.
//
// A block:
//
//	byte     1, the version of this layout
//	byte     1 when the messages are compressed with zstd, else 0
//	uint32   CRC-32C of everything after it, little endian
//	varint   number of messages
//	varint   Unix seconds beside which their times stand (signed)
//	varint   bytes of the messages before compression
//	for each message: varint Seq less that of the message before, varint Part,
//	         varint length in bytes
//	the messages, one after another
package pack

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"

	"thalamus/internal/model"
)

const (
	layout      = 1
	headerBytes = 6
	// worthwhile is the size from which compression is tried.
	worthwhile = 1 << 10
	// largest block that is read.
	largest = 1 << 30
)

// Press compresses and expands blocks. It may be used by many goroutines.
type Press struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
	crc *crc32.Table
}

// NewPress makes a press.
func NewPress() (*Press, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(256<<10))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(largest), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return &Press{enc: enc, dec: dec, crc: crc32.MakeTable(crc32.Castagnoli)}, nil
}

// Builder makes blocks. It is used by one goroutine.
type Builder struct {
	press *Press
	dict  *Dict

	count    int
	base     int64
	last     model.Seq
	heads    []byte
	messages []byte
	out      []byte

	part, shape, list []byte // scratch
}

// NewBuilder makes a builder of blocks that use a dictionary.
func NewBuilder(p *Press, d *Dict) *Builder { return &Builder{press: p, dict: d} }

// Add puts a message into the block.
func (b *Builder) Add(m *model.Message) {
	if b.count == 0 && !m.Arrived.IsZero() {
		b.base = m.Arrived.Unix()
	}
	before := len(b.messages)
	b.messages = b.putMessage(b.messages, m, b.base)
	b.heads = putUint(b.heads, uint64(m.Ref.Seq-b.last))
	b.heads = putUint(b.heads, uint64(m.Ref.Part))
	b.heads = putUint(b.heads, uint64(len(b.messages)-before))
	b.last = m.Ref.Seq
	b.count++
}

// Count is the number of messages in the block.
func (b *Builder) Count() int { return b.count }

// Size is the bytes of the block before compression.
func (b *Builder) Size() int { return len(b.messages) }

// Finish gives the block and begins the next one. The bytes are valid until
// the following Finish.
func (b *Builder) Finish() []byte {
	out := append(b.out[:0], layout, 0, 0, 0, 0, 0)
	out = putUint(out, uint64(b.count))
	out = putInt(out, b.base)
	out = putUint(out, uint64(len(b.messages)))
	out = append(out, b.heads...)
	bare := len(out)
	if len(b.messages) >= worthwhile {
		out[1] = 1
		out = b.press.enc.EncodeAll(b.messages, out)
	}
	if out[1] == 0 || len(out)-bare >= len(b.messages) {
		out[1] = 0
		out = append(out[:bare], b.messages...)
	}
	out = b.press.seal(out)
	b.out, b.count, b.base, b.last, b.heads, b.messages = out, 0, 0, 0, b.heads[:0], b.messages[:0]
	return out
}

// seal sets the checksum of a block.
func (p *Press) seal(block []byte) []byte {
	binary.LittleEndian.PutUint32(block[2:], crc32.Checksum(block[headerBytes:], p.crc))
	return block
}

// Block is a block being read.
type Block struct {
	base     int64
	heads    []head
	messages []byte
	dict     *Dict
}

type head struct {
	ref      model.MessageRef
	from, to int
}

// Open checks a block and expands it. It keeps no reference to body.
func (p *Press) Open(body []byte, d *Dict) (*Block, error) {
	if len(body) < headerBytes || body[0] != layout || body[1] > 1 {
		return nil, damaged("the head of a block")
	}
	if crc32.Checksum(body[headerBytes:], p.crc) != binary.LittleEndian.Uint32(body[2:]) {
		return nil, damaged("a block (its checksum differs)")
	}
	r := reader{s: string(body[headerBytes:])}
	count, base, size := r.uint(), r.int(), r.uint()
	if r.bad || count > uint64(len(r.s)) || size > largest {
		return nil, damaged("the head of a block")
	}
	b := &Block{base: base, heads: make([]head, count), dict: d}
	var seq model.Seq
	at := 0
	for i := range b.heads {
		seq += model.Seq(r.uint())
		h := &b.heads[i]
		h.ref = model.MessageRef{Seq: seq, Part: int(r.uint())}
		length := r.uint()
		if r.bad || length > size-uint64(at) {
			return nil, damaged("the head of a block")
		}
		h.from, h.to = at, at+int(length)
		at = h.to
	}
	if uint64(at) != size {
		return nil, damaged("the head of a block")
	}
	rest, err := p.Expand(body[1] == 1, body[len(body)-len(r.s):], size)
	if err != nil {
		return nil, err
	}
	b.messages = rest
	return b, nil
}

// Expand undoes compression, or copies; size is what must come out.
func (p *Press) Expand(compressed bool, body []byte, size uint64) ([]byte, error) {
	// No more room is promised beforehand than the bytes at hand can fill.
	out := make([]byte, 0, min(size, uint64(64*len(body))))
	if !compressed {
		out = append(out, body...)
	} else {
		var err error
		if out, err = p.dec.DecodeAll(body, out); err != nil {
			return nil, damaged("something compressed")
		}
	}
	if uint64(len(out)) != size {
		return nil, damaged("something compressed (its length differs)")
	}
	return out, nil
}

// Shrink compresses bytes where that pays. Its result is for Unshrink.
func (p *Press) Shrink(out, body []byte) []byte {
	out = append(out[:0], 0)
	out = putUint(out, uint64(len(body)))
	if n := len(out); len(body) >= worthwhile/4 {
		out[0] = 1
		if out = p.enc.EncodeAll(body, out); len(out)-n < len(body) {
			return out
		}
		out[0], out = 0, out[:n]
	}
	return append(out, body...)
}

// Unshrink gives the bytes that Shrink was given.
func (p *Press) Unshrink(body []byte) ([]byte, error) {
	size, n := binary.Uvarint(body[min(1, len(body)):])
	if n <= 0 || size > largest {
		return nil, damaged("something compressed")
	}
	return p.Expand(body[0] == 1, body[1+n:], size)
}

// Len is the number of messages.
func (b *Block) Len() int { return len(b.heads) }

// Ref of the message at index i.
func (b *Block) Ref(i int) model.MessageRef { return b.heads[i].ref }

// Message reads the message at index i. It shares texts and lists that come
// from templates with other messages: it must not be changed.
func (b *Block) Message(i int) (*model.Message, error) {
	m := new(model.Message)
	return m, b.Read(i, m)
}

// Read reads the message at index i into m, in whose Observations it uses the
// room there is: for passing over many messages.
func (b *Block) Read(i int, m *model.Message) error {
	p := parser{templates: b.dict.snapshot(), room: m.Observations[:0]}
	h := b.heads[i]
	p.s = string(b.messages[h.from:h.to])
	m.Ref = h.ref
	p.message(m, b.base)
	if p.bad || p.s != "" {
		return damaged("a message")
	}
	return nil
}

// LastRef gives the reference of the last message of a block without expanding
// it or checking its checksum.
func LastRef(body []byte) (ref model.MessageRef, err error) {
	if len(body) < headerBytes || body[0] != layout {
		return ref, damaged("the head of a block")
	}
	r := reader{s: string(body[headerBytes:])}
	count := r.uint()
	r.int()
	r.uint()
	for ; count > 0 && !r.bad; count-- {
		ref.Seq += model.Seq(r.uint())
		ref.Part = int(r.uint())
		r.uint()
	}
	if r.bad {
		return ref, damaged("the head of a block")
	}
	return ref, nil
}
