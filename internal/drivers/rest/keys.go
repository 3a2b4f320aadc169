package rest

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// name is the hash under which a key or stream of a sender is remembered.
type name [16]byte

// digest is the hash of a body, with its format and topic.
type digest [16]byte

func nameOf(kind byte, identity, key string) name {
	h := sha256.New()
	h.Write([]byte{kind})
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(identity))))
	io.WriteString(h, identity)
	io.WriteString(h, key)
	return name(h.Sum(nil)[:16])
}

func digestBody(f format, topic string, body []byte) digest {
	h := sha256.New()
	io.WriteString(h, f.name+"\x00"+f.codec+"\x00"+topic+"\x00")
	h.Write(body)
	return digest(h.Sum(nil)[:16])
}

// receipt is what an answer is made from beside the body: the same receipt
// gives the same answer.
type receipt struct {
	digest digest
	first  model.Seq
	count  uint32 // entries, one after the other
	at     int64  // seconds since 1970
}

// keys remembers the receipts of idempotency keys, and the last message
// acknowledged of each stream. Each is written to keys.log when it is known
// and made safe by the second; what a power cut takes from the log is found
// again in the journal, from the last entry before which the log was safe.
//
// keys.log: records of 64 bytes: CRC-32C of the other 60, kind (1 key,
// 2 stream, 3 safe), 3 bytes 0, name, digest (of a stream: its last sequence
// in the first 8), first entry (of safe: that entry), entries, 4 bytes 0, time.
type keys struct {
	most   int
	keep   time.Duration
	head   func() model.Seq
	folder string

	mu      sync.Mutex
	file    *os.File // nil: nothing is kept over a restart
	written int      // records in the file
	dirty   bool
	known   map[name]receipt
	order   []name // of known, oldest first
	streams map[name]stream
	pending map[name]bool        // keys under way
	offers  map[uint64]model.Seq // offers under way → the head when they began
	ticket  uint64
	safe    model.Seq // the log knows of everything up to here
}

// stream is how far a WebSocket stream was acknowledged.
type stream struct {
	last uint64
	at   int64
}

const (
	recordSize  = 64
	kindKey     = 1
	kindStream  = 2
	kindSafe    = 3
	mostStreams = 100_000
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func openKeys(folder string, most int, keep time.Duration, head func() model.Seq) (*keys, error) {
	k := &keys{most: most, keep: keep, head: head, folder: folder, known: map[name]receipt{}, streams: map[name]stream{}, pending: map[name]bool{}, offers: map[uint64]model.Seq{}}
	if folder == "" {
		return k, nil
	}
	if err := k.load(); err != nil {
		return nil, err
	}
	return k, k.rewrite(time.Now())
}

func (k *keys) path() string { return filepath.Join(k.folder, "keys.log") }

func keysFault(err error) error {
	return fault.Wrap(err, fault.Transient, "rest.keys", "cannot keep the list of idempotency keys; look at the disk and at who may write to it")
}

// load reads the log until its first damaged record: what follows was not
// safe, and is found in the journal.
func (k *keys) load() error {
	f, err := os.Open(k.path())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return keysFault(err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<16)
	var b [recordSize]byte
	for {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil
		}
		if binary.LittleEndian.Uint32(b[:]) != crc32.Checksum(b[4:], castagnoli) {
			return nil
		}
		c := receipt{digest: digest(b[24:40]), first: model.Seq(binary.LittleEndian.Uint64(b[40:])), count: binary.LittleEndian.Uint32(b[48:]), at: int64(binary.LittleEndian.Uint64(b[56:]))}
		switch n := name(b[8:24]); b[4] {
		case kindKey:
			k.put(n, c)
		case kindStream:
			k.putStream(n, stream{binary.LittleEndian.Uint64(c.digest[:]), c.at})
		case kindSafe:
			k.safe = c.first
		}
	}
}

func appendRecord(to []byte, kind byte, n name, c receipt) []byte {
	var b [recordSize]byte
	b[4] = kind
	copy(b[8:], n[:])
	copy(b[24:], c.digest[:])
	binary.LittleEndian.PutUint64(b[40:], uint64(c.first))
	binary.LittleEndian.PutUint32(b[48:], c.count)
	binary.LittleEndian.PutUint64(b[56:], uint64(c.at))
	binary.LittleEndian.PutUint32(b[:], crc32.Checksum(b[4:], castagnoli))
	return append(to, b[:]...)
}

func (s stream) receipt() receipt {
	var c receipt
	binary.LittleEndian.PutUint64(c.digest[:], s.last)
	c.at = s.at
	return c
}

// rewrite writes the log anew with what is still known; k.mu is held, or
// nobody else has k.
func (k *keys) rewrite(now time.Time) error {
	k.forget(now)
	b := make([]byte, 0, (len(k.order)+len(k.streams)+1)*recordSize)
	for _, n := range k.order {
		b = appendRecord(b, kindKey, n, k.known[n])
	}
	for n, s := range k.streams {
		b = appendRecord(b, kindStream, n, s.receipt())
	}
	b = appendRecord(b, kindSafe, name{}, receipt{first: k.safe})
	part := k.path() + ".new"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return keysFault(err)
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(part, k.path())
	}
	if err == nil {
		err = syncFolder(k.folder)
	}
	if err != nil {
		f.Close()
		return keysFault(err)
	}
	if k.file != nil {
		k.file.Close()
	}
	k.file, k.written, k.dirty = f, len(b)/recordSize, false
	return nil
}

func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// forget drops what is too old or too much.
func (k *keys) forget(now time.Time) {
	from, oldest := 0, now.Add(-k.keep).Unix()
	for from < len(k.order) && (len(k.order)-from > k.most || k.known[k.order[from]].at < oldest) {
		delete(k.known, k.order[from])
		from++
	}
	if from > 0 {
		k.order = append(k.order[:0], k.order[from:]...)
	}
}

func (k *keys) put(n name, c receipt) {
	if _, known := k.known[n]; !known {
		k.order = append(k.order, n)
	}
	k.known[n] = c
	if len(k.order) > k.most+k.most/4+64 {
		k.forget(time.Unix(c.at, 0))
	}
}

func (k *keys) putStream(n name, s stream) {
	if _, known := k.streams[n]; !known && len(k.streams) >= mostStreams {
		for other, o := range k.streams {
			if s.at-o.at > int64(k.keep/time.Second) {
				delete(k.streams, other)
			}
		}
		if len(k.streams) >= mostStreams {
			return // its repeats are taken for new; the record finds them (R18)
		}
	}
	if s.last >= k.streams[n].last {
		k.streams[n] = s
	}
}

// begin claims a key. It gives the receipt of the first request with it, where
// there was one; else the key is the caller's until done.
func (k *keys) begin(n name, d digest) (receipt, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c, known := k.known[n]; known {
		if c.digest != d {
			return c, true, fault.New(fault.Invalid, "rest.key-reused", "this idempotency key came with another body before; a new body needs a new key").At("Idempotency-Key")
		}
		return c, true, nil
	}
	if k.pending[n] {
		return receipt{}, false, fault.New(fault.Conflict, "rest.key-in-use", "a request with this idempotency key is under way; wait for its answer").At("Idempotency-Key")
	}
	k.pending[n] = true
	return receipt{}, false, nil
}

// done gives up a claim; the receipt is remembered where entries were taken.
func (k *keys) done(n name, c receipt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.pending, n)
	if c.count > 0 {
		k.remember(kindKey, n, c)
	}
}

// remember keeps a receipt or how far a stream is; k.mu is held.
func (k *keys) remember(kind byte, n name, c receipt) {
	if kind == kindStream {
		k.putStream(n, stream{binary.LittleEndian.Uint64(c.digest[:]), c.at})
	} else {
		k.put(n, c)
	}
	if k.file == nil {
		return
	}
	var buf [recordSize]byte
	if _, err := k.file.Write(appendRecord(buf[:0], kind, n, c)); err == nil {
		k.written++
	}
	k.dirty = true
}

// streamAt gives the last acknowledged message of a stream.
func (k *keys) streamAt(n name) uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.streams[n].last
}

// acknowledge remembers how far a stream is.
func (k *keys) acknowledge(n name, last uint64, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.remember(kindStream, n, stream{last, now.Unix()}.receipt())
}

// offering notes that an offer begins: until it ended, the journal may hold
// entries after the present head whose key is not in the log yet.
func (k *keys) offering() (ticket uint64) {
	var head model.Seq
	if k.head != nil {
		head = k.head()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ticket++
	k.offers[k.ticket] = head
	return k.ticket
}

// offered notes that an offer ended, and that what it took is remembered.
func (k *keys) offered(ticket uint64) {
	k.mu.Lock()
	delete(k.offers, ticket)
	k.mu.Unlock()
}

// settle makes the log safe, and says so in it.
func (k *keys) settle(now time.Time) error {
	if k.folder == "" {
		return nil
	}
	var head model.Seq
	if k.head != nil {
		head = k.head() // before looking at offers: who begins later gets a later number
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, began := range k.offers {
		head = min(head, began)
	}
	if k.file == nil || !k.dirty && head <= k.safe {
		return nil
	}
	if k.written > 4*(k.most+1024) {
		k.safe = max(k.safe, head)
		return k.rewrite(now)
	}
	if k.dirty {
		if err := k.file.Sync(); err != nil {
			return keysFault(err)
		}
	}
	k.dirty = false
	if head <= k.safe {
		return nil
	}
	k.safe = head
	var buf [recordSize]byte
	if _, err := k.file.Write(appendRecord(buf[:0], kindSafe, name{}, receipt{first: head})); err != nil {
		return keysFault(err)
	}
	k.written++
	return nil
}

func (k *keys) close() error {
	err := k.settle(time.Now())
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file != nil {
		err = errors.Join(err, k.file.Sync(), k.file.Close())
		k.file = nil
	}
	return err
}
