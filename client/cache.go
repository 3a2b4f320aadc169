package client

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// ErrFull says that as many bytes wait as may: put it again later, or make
// room by sending.
var ErrFull = errors.New("client: the cache is full")

// ErrClosed says that the client was closed.
var ErrClosed = errors.New("client: closed")

// cache is the folder of messages: files of records, each 4 bytes length,
// 4 bytes CRC-32C, and then the sequence (8 bytes) and device, type, topic and
// body, each with its length before it. Numbers are little-endian.
type cache struct {
	folder  string
	most    int64
	segment int64

	mu      sync.Mutex
	files   []file // oldest first; the last is written to
	out     *os.File
	next    uint64 // sequence of the next message
	bytes   int64
	damaged int // places that could not be read
	failed  error

	syncing sync.Mutex
	synced  uint64 // all before this one are on the disk
}

type file struct {
	first uint64
	size  int64
}

const (
	recordHead = 8
	maxMessage = 16 << 20
	suffix     = ".seg"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func openCache(folder string, most, segment int64, least uint64) (*cache, error) {
	c := &cache{folder: folder, most: most, segment: segment, next: max(least, 1)}
	found, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range found {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		first, err := strconv.ParseUint(name, 10, 64)
		if ok && err == nil {
			c.files = append(c.files, file{first: first})
		}
	}
	slices.SortFunc(c.files, func(a, b file) int { return int(min(max(int64(a.first)-int64(b.first), -1), 1)) })
	for i := range c.files {
		f := &c.files[i]
		last, size, whole, err := c.scan(f.first, func(Message, uint64) bool { return true })
		if err != nil {
			return nil, err
		}
		c.next = max(c.next, last+1, f.first)
		if !whole {
			// What a cut write left behind: nobody was told that it is kept. In
			// an older file it is damage.
			if i < len(c.files)-1 {
				c.damaged++
			}
			if err := os.Truncate(c.path(f.first), size); err != nil {
				return nil, err
			}
		}
		f.size = size
		c.bytes += size
	}
	c.synced = c.next
	return c, c.roll()
}

func (c *cache) path(first uint64) string {
	return filepath.Join(c.folder, fmt.Sprintf("%020d%s", first, suffix))
}

// roll begins a new file; c.mu is held, or nobody else has c.
func (c *cache) roll() error {
	if c.out != nil {
		if err := errors.Join(c.out.Sync(), c.out.Close()); err != nil {
			return err
		}
	}
	if n := len(c.files); n > 0 && c.files[n-1].first == c.next { // an empty one of the last time
		c.bytes -= c.files[n-1].size
		c.files = c.files[:n-1]
	}
	f, err := os.OpenFile(c.path(c.next), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := syncFolder(c.folder); err != nil {
		f.Close()
		return err
	}
	c.out, c.files = f, append(c.files, file{first: c.next})
	return nil
}

func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

func appendRecord(b []byte, seq uint64, m *Message) []byte {
	at := len(b)
	b = append(b, make([]byte, recordHead)...)
	b = binary.LittleEndian.AppendUint64(b, seq)
	for _, s := range [...]string{m.Device, m.Type, m.Topic} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.AppendUvarint(b, uint64(len(m.Body)))
	b = append(b, m.Body...)
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at-recordHead))
	binary.LittleEndian.PutUint32(b[at+4:], crc32.Checksum(b[at+recordHead:], castagnoli))
	return b
}

func parseRecord(b []byte) (seq uint64, m Message, ok bool) {
	if len(b) < 8 {
		return 0, m, false
	}
	seq, b = binary.LittleEndian.Uint64(b), b[8:]
	take := func() []byte {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			b = nil
			ok = false
			return nil
		}
		out := b[used : used+int(n)]
		b = b[used+int(n):]
		return out
	}
	ok = true
	m.Device, m.Type, m.Topic = string(take()), string(take()), string(take())
	m.Body = take()
	return seq, m, ok && len(b) == 0
}

// put writes messages and gives the sequence of the first; they are not synced
// yet.
func (c *cache) put(messages []Message) (first uint64, err error) {
	var b []byte
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.out == nil:
		return 0, ErrClosed
	case c.failed != nil:
		return 0, c.failed
	}
	for i := range messages {
		b = appendRecord(b, c.next+uint64(i), &messages[i])
	}
	if c.bytes+int64(len(b)) > c.most {
		return 0, ErrFull
	}
	last := &c.files[len(c.files)-1]
	if last.size > 0 && last.size+int64(len(b)) > c.segment {
		if err := c.roll(); err != nil {
			c.failed = err
			return 0, err
		}
		last = &c.files[len(c.files)-1]
	}
	if _, err := c.out.Write(b); err != nil {
		// Half a record may be there: cut it off, so that the next begins well.
		if _, seek := c.out.Seek(last.size, io.SeekStart); seek != nil || c.out.Truncate(last.size) != nil {
			c.failed = err
		}
		return 0, err
	}
	first = c.next
	last.size += int64(len(b))
	c.bytes += int64(len(b))
	c.next += uint64(len(messages))
	return first, nil
}

// sync returns when all up to a sequence are on the disk; who comes while
// another syncs mostly finds it done.
func (c *cache) sync(seq uint64) error {
	c.syncing.Lock()
	defer c.syncing.Unlock()
	if seq < c.synced {
		return nil
	}
	c.mu.Lock()
	out, next, failed := c.out, c.next, c.failed
	c.mu.Unlock()
	if failed != nil {
		return failed
	}
	if out == nil {
		return ErrClosed
	}
	if err := out.Sync(); err != nil && !errors.Is(err, os.ErrClosed) { // closed: it was synced as it was
		c.mu.Lock()
		c.failed = fmt.Errorf("client: the cache cannot be synced, and takes nothing more: %w", err)
		c.mu.Unlock()
		return err
	}
	c.synced = next
	return nil
}

// scan gives the records of a file, until each says false; whole tells whether
// all of it could be read.
func (c *cache) scan(first uint64, each func(m Message, seq uint64) bool) (last uint64, size int64, whole bool, err error) {
	f, err := os.Open(c.path(first))
	if errors.Is(err, os.ErrNotExist) {
		return 0, 0, true, nil
	}
	if err != nil {
		return 0, 0, false, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 128<<10)
	var head [recordHead]byte
	for {
		_, err := io.ReadFull(r, head[:])
		if err == io.EOF {
			return last, size, true, nil
		}
		n := binary.LittleEndian.Uint32(head[:])
		if err != nil || n > maxMessage+4096 {
			return last, size, false, nil
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil || crc32.Checksum(b, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
			return last, size, false, nil
		}
		seq, m, ok := parseRecord(b)
		if !ok {
			return last, size, false, nil
		}
		last = seq
		size += int64(n) + recordHead
		if !each(m, seq) {
			return last, size, true, nil
		}
	}
}

// read gives synced messages from a sequence on, until each says false.
func (c *cache) read(from uint64, each func(m Message, seq uint64) bool) error {
	c.syncing.Lock()
	synced := c.synced
	c.syncing.Unlock()
	c.mu.Lock()
	files := slices.Clone(c.files)
	c.mu.Unlock()
	for i, f := range files {
		if i+1 < len(files) && files[i+1].first <= from {
			continue
		}
		more := true
		if _, _, _, err := c.scan(f.first, func(m Message, seq uint64) bool {
			more = seq < synced
			if more && seq >= from {
				more = each(m, seq)
			}
			return more
		}); err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
	return nil
}

// drop removes the files of which all is before a sequence.
func (c *cache) drop(before uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.files) > 1 && c.files[1].first <= before {
		if err := os.Remove(c.path(c.files[0].first)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		c.bytes -= c.files[0].size
		c.files = c.files[1:]
	}
	// When all was sent, the file being written is of no more use either.
	if last := c.files[len(c.files)-1]; len(c.files) == 1 && before >= c.next && last.size > c.segment/4 && c.out != nil {
		if err := c.roll(); err != nil {
			return err
		}
		if err := os.Remove(c.path(last.first)); err != nil {
			return err
		}
		c.bytes -= last.size
		c.files = c.files[1:]
	}
	return nil
}

func (c *cache) end() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

func (c *cache) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out == nil {
		return nil
	}
	err := errors.Join(c.out.Sync(), c.out.Close())
	c.out = nil
	return err
}
