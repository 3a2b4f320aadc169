package journal

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

const (
	segmentSuffix = ".seg"
	newSuffix     = ".new" // being prepared: means nothing yet
)

func segmentName(id SegmentID) string { return fmt.Sprintf("%010d%s", id, segmentSuffix) }

func segmentNumber(name string) (SegmentID, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != 10 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	return SegmentID(n), err == nil && n > 0
}

// segment is one file. What is fixed when it becomes part of the journal is
// read without a lock; end and next grow while it is written.
type segment struct {
	id   SegmentID
	path string
	head header
	seed uint32
	rot  bool // both copies of the header are unreadable: nothing in it is

	first model.Seq
	prev  [32]byte // chain value before first
	day   int32
	until model.Seq // first of the next segment; 0 for the last

	end    atomic.Int64  // durable up to here
	next   atomic.Uint64 // first entry that is not (yet) in it
	sealed atomic.Bool

	destroyed atomic.Bool // its key is gone

	closed  chan struct{} // closed when it was sealed (or that failed)
	pending int           // groups not written yet; guarded by Log.mu
	turned  bool          // nothing is added any more; guarded by Log.mu

	size atomic.Int64 // of the file

	zeroMu sync.Mutex
	zeroed int64 // zeros were written up to here
	taken  bool  // writing has begun: no more zeros

	mu         sync.Mutex
	files      Files
	file       File // opened when first needed
	users      int  // readers of file; it is closed when the last leaves
	gone       bool // dropped
	loaded     bool // index, origins and the times are known
	index      []place
	origins    map[uint32]origin
	minArrived int64
	maxArrived int64
	link       [32]byte // chain value of the last entry
	aead       cipher.AEAD
	keyTried   bool
}

// acquire opens the file; every acquire is followed by a release.
func (s *segment) acquire() (File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return nil, droppedFault(s.first, model.Seq(s.next.Load())-1)
	}
	if s.file == nil {
		f, err := s.files.Open(s.path, false)
		if err != nil {
			return nil, openFault(err, s.path)
		}
		s.file = f
	}
	s.users++
	return s.file, nil
}

func (s *segment) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 && s.file != nil {
		s.file.Close()
		s.file = nil
	}
}

// leave marks the segment as dropped; unused says that nobody reads it.
func (s *segment) leave() (unused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	return s.users == 0
}

// readHeader reads the two copies and takes the first good one.
func readHeader(f io.ReaderAt, path string) (h header, ok bool, err error) {
	b := make([]byte, headerBlock+headerCopy)
	n, err := f.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return h, false, err
	}
	b = b[:n]
	if ok = h.decode(b); !ok && n > headerBlock {
		ok = h.decode(b[headerBlock:])
	}
	if ok && h.version > formatVersion {
		return h, false, fault.New(fault.Conflict, "journal.newer", "the journal has format version %d, this release knows %d; start the newer release that made it, or restore a backup", h.version, formatVersion).At(path)
	}
	return h, ok, nil
}

// load learns index, origins and times: from the seal, else by reading all.
// fresh says that they were not known before.
func (s *segment) load() (fresh bool, err error) {
	s.mu.Lock()
	loaded, until := s.loaded, s.until
	s.mu.Unlock()
	if loaded {
		return false, nil
	}
	f, err := s.acquire()
	if err != nil {
		return false, err
	}
	defer s.release()
	size, err := f.Size()
	if err != nil {
		return false, openFault(err, s.path)
	}
	found, ok := readSeal(f, &s.head, size)
	if !ok {
		if found, err = scan(f, &s.head, size, until); err != nil {
			return false, openFault(err, s.path)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loaded {
		return false, nil
	}
	s.adopt(&found)
	s.size.Store(size)
	return true, nil
}

// unload forgets what load can learn again; false while somebody reads.
func (s *segment) unload() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users > 0 {
		return false
	}
	s.loaded, s.index, s.origins = false, nil, nil
	return true
}

// adopt takes over what reading the segment gave; s.mu is held.
func (s *segment) adopt(found *scanned) {
	s.loaded = true
	s.index, s.origins = found.index, found.origins
	s.minArrived, s.maxArrived, s.link = found.minArrived, found.maxArrived, found.link
	s.sealed.Store(found.sealed)
	s.end.Store(found.end)
	if next := found.next; s.until == 0 || next <= s.until {
		s.next.Store(uint64(next))
	}
}

// placeOf gives where to start walking for an entry.
func (s *segment) placeOf(seq model.Seq) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := sort.Search(len(s.index), func(i int) bool { return s.index[i].seq > seq })
	if i == 0 {
		return recordsFrom
	}
	return s.index[i-1].at
}

// originBy gives the origin with a number.
func (s *segment) originBy(id uint32) (origin, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.origins[id]
	return o, ok
}

var sealMagic = [8]byte{'T', 'H', 'A', 'L', 'S', 'E', 'A', 'L'}

// sealRecord builds the last record of a segment: what a reader needs to find
// its way without reading everything, and all origins a second time.
func (s *segment) sealRecord(at int64) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	body := make([]byte, 0, 64+16*len(s.index)+64*len(s.origins))
	body = binary.LittleEndian.AppendUint64(body, s.next.Load())
	body = binary.LittleEndian.AppendUint64(body, uint64(s.minArrived))
	body = binary.LittleEndian.AppendUint64(body, uint64(s.maxArrived))
	body = binary.LittleEndian.AppendUint32(body, uint32(len(s.index)))
	body = binary.LittleEndian.AppendUint32(body, uint32(len(s.origins)))
	for _, p := range s.index {
		body = binary.LittleEndian.AppendUint64(body, uint64(p.seq))
		body = binary.LittleEndian.AppendUint64(body, uint64(p.at))
	}
	for id, o := range s.origins {
		body = binary.LittleEndian.AppendUint32(body, id)
		body = o.append(body)
	}
	for len(body)%8 != 0 {
		body = append(body, 0)
	}
	body = binary.LittleEndian.AppendUint64(body, uint64(at))
	body = append(body, sealMagic[:]...)
	r := record{kind: kindSeal, length: uint32(len(body)), seq: model.Seq(s.next.Load()), at: at, group: at, arrived: noTime, link: s.link}
	return appendRecord(nil, &r, body, s.seed)
}

// appendRecord adds a whole record with its padding.
func appendRecord(b []byte, r *record, body []byte, seed uint32) []byte {
	r.bodyCRC = bodyCRC(body)
	from := len(b)
	b = grow(b, int(r.size()))
	clear(b[from:])
	r.encode(b[from:], seed)
	copy(b[from+recordHead:], body)
	return b
}

var errNoSeal = errors.New("no seal")

// readSeal reads the seal at the end of a file; false when there is none that
// can be believed.
func readSeal(f io.ReaderAt, h *header, size int64) (s scanned, ok bool) {
	var tail [16]byte
	if size < recordsFrom+recordHead+bodyLeast || size > maxSegment {
		return s, false
	}
	if _, err := f.ReadAt(tail[:], size-16); err != nil || [8]byte(tail[8:]) != sealMagic {
		return s, false
	}
	at := int64(binary.LittleEndian.Uint64(tail[:]))
	if at < recordsFrom || at%8 != 0 || at > size-recordHead-bodyLeast {
		return s, false
	}
	w := &walker{file: f, seed: h.seed(), at: at, limit: size, chunk: int(size - at)}
	r, body, headOK, bodyOK := w.step()
	if !headOK || !bodyOK || r.kind != kindSeal || w.at != size {
		return s, false
	}
	if err := s.decodeSeal(body[:r.length], at); err != nil {
		return s, false
	}
	s.started, s.sealed, s.end, s.link, s.linkKnown = true, true, at, r.link, true
	return s, true
}

func (s *scanned) decodeSeal(b []byte, end int64) error {
	if len(b) < 48 {
		return errNoSeal
	}
	s.next = model.Seq(binary.LittleEndian.Uint64(b))
	s.minArrived = int64(binary.LittleEndian.Uint64(b[8:]))
	s.maxArrived = int64(binary.LittleEndian.Uint64(b[16:]))
	places, origins := int(binary.LittleEndian.Uint32(b[24:])), int(binary.LittleEndian.Uint32(b[28:]))
	b = b[32 : len(b)-16]
	if places > len(b)/16 || origins > (len(b)-16*places)/12 {
		return errNoSeal
	}
	for range places {
		p := place{model.Seq(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:]))}
		if p.at < recordsFrom || p.at >= end || p.at%8 != 0 || p.seq >= s.next {
			return errNoSeal
		}
		s.index = append(s.index, p)
		b = b[16:]
	}
	s.origins = make(map[uint32]origin, origins)
	for range origins {
		if len(b) < 4 {
			return errNoSeal
		}
		id := binary.LittleEndian.Uint32(b)
		o, rest, ok := decodeOrigin(b[4:])
		if !ok {
			return errNoSeal
		}
		s.origins[id], b = o, rest
	}
	return nil
}

func (s *segment) describe(held string) Segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Segment{
		ID: s.id, First: s.first, Last: model.Seq(s.next.Load()) - 1, Day: dayText(s.day), Bytes: s.size.Load(),
		Sealed: s.sealed.Load() || s.until != 0, Encrypted: s.head.flags&segEncrypted != 0, Destroyed: s.destroyed.Load(), Held: held,
	}
}

func newSegment(files Files, dir string, id SegmentID) *segment {
	return &segment{id: id, path: filepath.Join(dir, segmentName(id)), files: files, minArrived: noTime, maxArrived: noTime}
}
