package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"thalamus/internal/model"
)

// The bytes on disk; docs/journal-format.md is the document. All numbers are
// little-endian, all records start at a multiple of 8.
const (
	formatVersion = 1

	headerCopy  = 512  // bytes of one copy of a segment's header: one sector
	headerBlock = 4096 // distance between the two copies
	recordsFrom = 2 * headerBlock

	recordHead = 80 // bytes of a record's head
	bodyLeast  = 32 // a body's area holds a hash, for redaction
	saltSize   = 16 // random bytes in front of an unencrypted payload

	// maxSegment bounds what is believed of a file, maxBody of a record.
	maxSegment = 8 << 30
	maxBody    = 1 << 30
)

var magic = [8]byte{'T', 'H', 'A', 'L', 'J', 'R', 'N', 'L'}

// Kinds of record.
const (
	kindFrame  = 1 // an entry
	kindOrigin = 2 // channel, codec, peer and identity under a number
	kindSeal   = 3 // the segment is finished: totals, places, origins
	kindStart  = 4 // first record of a segment: number and chain value to go on from
)

// Flags of a record.
const (
	flagRedacted = 1 << 0 // the body is gone, its hash stands in its place
	flagMore     = 1 << 1 // the append goes on with the next frame
)

// Flags of a segment.
const (
	segEncrypted = 1 << 0
	segDestroyed = 1 << 1 // encrypted, and the key is gone
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is what a segment says of itself.
type header struct {
	version uint16
	flags   uint16
	id      SegmentID
	created int64 // Unix nanoseconds
	salt    [16]byte
	keyID   [8]byte
	wrapped [60]byte // nonce, segment key and tag
	journal [16]byte // the same in all segments of a journal
}

func (h *header) encode(b []byte) {
	clear(b[:headerCopy])
	copy(b, magic[:])
	binary.LittleEndian.PutUint16(b[8:], h.version)
	binary.LittleEndian.PutUint16(b[10:], h.flags)
	binary.LittleEndian.PutUint32(b[12:], uint32(h.id))
	binary.LittleEndian.PutUint64(b[16:], uint64(h.created))
	copy(b[24:40], h.salt[:])
	copy(b[40:56], h.journal[:])
	copy(b[56:64], h.keyID[:])
	copy(b[64:124], h.wrapped[:])
	binary.LittleEndian.PutUint32(b[508:], crc32.Checksum(b[:508], castagnoli))
}

// decode reads one copy. A header of a newer version decodes too: what is
// needed to say so stays in place in all versions.
func (h *header) decode(b []byte) bool {
	if len(b) < headerCopy || [8]byte(b[:8]) != magic ||
		binary.LittleEndian.Uint32(b[508:]) != crc32.Checksum(b[:508], castagnoli) {
		return false
	}
	h.version = binary.LittleEndian.Uint16(b[8:])
	h.flags = binary.LittleEndian.Uint16(b[10:])
	h.id = SegmentID(binary.LittleEndian.Uint32(b[12:]))
	h.created = int64(binary.LittleEndian.Uint64(b[16:]))
	copy(h.salt[:], b[24:40])
	copy(h.journal[:], b[40:56])
	copy(h.keyID[:], b[56:64])
	copy(h.wrapped[:], b[64:124])
	return true
}

// seed is what the CRC of record heads starts with: bytes of a payload or of
// another segment cannot pass for a record of this one.
func (h *header) seed() uint32 { return crc32.Checksum(h.salt[:], castagnoli) }

// record is the head of a record.
type record struct {
	bodyCRC uint32
	kind    uint8
	flags   uint8
	length  uint32 // of the body, without padding
	seq     model.Seq
	at      int64 // where the record stands in the segment
	group   int64 // where the group it was written with begins
	origin  uint32
	arrived int64 // Unix nanoseconds; noTime for none
	link    [32]byte
}

const noTime = math.MinInt64

func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	return t.UnixNano()
}

func timeOf(ns int64) time.Time {
	if ns == noTime {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// area is the room of a body of n bytes.
func area(n int) int { return max(bodyLeast, (n+7)&^7) }

func (r *record) size() int64 { return recordHead + int64(area(int(r.length))) }

func (r *record) encode(b []byte, seed uint32) {
	_ = b[recordHead-1]
	binary.LittleEndian.PutUint32(b[4:], r.bodyCRC)
	b[8], b[9], b[10], b[11] = r.kind, r.flags, 0, 0
	binary.LittleEndian.PutUint32(b[12:], r.length)
	binary.LittleEndian.PutUint64(b[16:], uint64(r.seq))
	binary.LittleEndian.PutUint32(b[24:], uint32(r.at/8))
	binary.LittleEndian.PutUint32(b[28:], uint32(r.group/8))
	binary.LittleEndian.PutUint64(b[32:], uint64(r.arrived))
	binary.LittleEndian.PutUint32(b[40:], r.origin)
	binary.LittleEndian.PutUint32(b[44:], 0)
	copy(b[48:80], r.link[:])
	binary.LittleEndian.PutUint32(b, crc32.Update(seed, castagnoli, b[4:recordHead]))
}

// decode reads a head that stands at the given place; false when it is none.
func (r *record) decode(b []byte, seed uint32, at int64) bool {
	if len(b) < recordHead || binary.LittleEndian.Uint32(b) != crc32.Update(seed, castagnoli, b[4:recordHead]) {
		return false
	}
	r.bodyCRC = binary.LittleEndian.Uint32(b[4:])
	r.kind, r.flags = b[8], b[9]
	r.length = binary.LittleEndian.Uint32(b[12:])
	r.seq = model.Seq(binary.LittleEndian.Uint64(b[16:]))
	r.at = int64(binary.LittleEndian.Uint32(b[24:])) * 8
	r.group = int64(binary.LittleEndian.Uint32(b[28:])) * 8
	r.arrived = int64(binary.LittleEndian.Uint64(b[32:]))
	r.origin = binary.LittleEndian.Uint32(b[40:])
	copy(r.link[:], b[48:80])
	return r.at == at && r.length <= maxBody && r.group <= at && r.kind != 0
}

// bodyOK checks the body area against the head.
func (r *record) bodyOK(body []byte) bool {
	n := int(r.length)
	if r.flags&flagRedacted != 0 {
		n = sha256.Size
	}
	return crc32.Checksum(body[:n], castagnoli) == r.bodyCRC
}

// chain computes the chain value of an entry: SHA-256 over the value before,
// the hash of its stored body, the hash of its origin, number and arrival.
// That is 112 bytes, two blocks.
func chain(prev, body, origin *[32]byte, seq model.Seq, arrived int64) (link [32]byte) {
	var b [112]byte
	copy(b[:], prev[:])
	copy(b[32:], body[:])
	copy(b[64:], origin[:])
	binary.LittleEndian.PutUint64(b[96:], uint64(seq))
	binary.LittleEndian.PutUint64(b[104:], uint64(arrived))
	return sha256.Sum256(b[:])
}

// origin is where an entry came from; a segment keeps each once. That payloads
// of it begin with what the link said beside them is part of it, and so of the
// chain.
type origin struct {
	channel, codec, peer, identity string
	said                           bool
}

// saidBit marks an origin in the length of its first text, which is never so
// long.
const saidBit = 1 << 15

func originOf(f *model.Frame) origin {
	return origin{string(f.Channel), f.Codec, f.Peer, f.Identity, f.Topic != "" || f.Properties != ""}
}

// append adds the four texts, each with its length in two bytes in front.
func (o origin) append(b []byte) []byte {
	from := len(b)
	for i, s := range [...]string{o.channel, o.codec, o.peer, o.identity} {
		if most := saidBit - 1; i == 0 && len(s) > most {
			s = s[:most]
		}
		b = appendText(b, s)
	}
	if o.said {
		b[from+1] |= saidBit >> 8
	}
	return b
}

// appendText adds a text with its length in two bytes in front.
func appendText(b []byte, s string) []byte {
	s = s[:min(len(s), math.MaxUint16)]
	b = binary.LittleEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

// cutText reads what appendText wrote and gives the rest.
func cutText(b []byte, mask int) (text string, rest []byte, ok bool) {
	if len(b) < 2 {
		return "", nil, false
	}
	n := int(binary.LittleEndian.Uint16(b)) & mask
	if len(b) < 2+n {
		return "", nil, false
	}
	return string(b[2 : 2+n]), b[2+n:], true
}

// appendSaid adds what the link said beside a payload.
func appendSaid(b []byte, f *model.Frame) []byte {
	return appendText(appendText(b, f.Topic), f.Properties)
}

// cutSaid takes what the link said off the front of a body.
func cutSaid(e *model.Entry) (ok bool) {
	if e.Topic, e.Bytes, ok = cutText(e.Bytes, math.MaxUint16); !ok {
		return false
	}
	e.Properties, e.Bytes, ok = cutText(e.Bytes, math.MaxUint16)
	return ok
}

// decodeOrigin reads what append wrote and gives the rest.
func decodeOrigin(b []byte) (o origin, rest []byte, ok bool) {
	o.said = len(b) >= 2 && b[1]&(saidBit>>8) != 0
	mask := saidBit - 1
	for _, s := range [...]*string{&o.channel, &o.codec, &o.peer, &o.identity} {
		if *s, b, ok = cutText(b, mask); !ok {
			return o, nil, false
		}
		mask = math.MaxUint16
	}
	return o, b, true
}

func (o origin) hash() [32]byte { return sha256.Sum256(o.append(nil)) }

func dayOf(ns int64) int32 {
	if ns == noTime {
		return 0
	}
	const day = int64(24 * time.Hour)
	d := ns / day
	if ns%day < 0 {
		d--
	}
	return int32(d)
}

func dayText(day int32) string {
	return time.Unix(int64(day)*86400, 0).UTC().Format(time.DateOnly)
}

func bodyCRC(body []byte) uint32 { return crc32.Checksum(body, castagnoli) }
