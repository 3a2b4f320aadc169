// Package bare is the measure for the journal: a plain file with group commit
// and nothing else — no numbers, no checksums, no hashes, no reading back.
// What the journal does in the same run on the same disk, divided by what this
// does, is the ratio of docs/performance.md.
package bare

import (
	"os"
	"sync"
)

// File is a group-committed file. Writes that wait together share one write
// and one sync.
type File struct {
	file *os.File
	size int64

	mu      sync.Mutex
	work    *sync.Cond
	filling *group
	free    *group
	at      int64
	closed  bool
	stopped chan struct{}

	groups, bytes uint64
}

type group struct {
	buf  []byte
	done chan struct{}
	err  error
}

// Open makes the file with its blocks reserved; when size is reached writing
// starts again at its beginning. Zeroed writes the blocks once, so that later
// syncs have no metadata to write: the best a file can do.
func Open(path string, size int64, zeroed bool) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	b := &File{file: f, size: size, stopped: make(chan struct{})}
	b.work = sync.NewCond(&b.mu)
	b.filling = &group{done: make(chan struct{})}
	if err := b.prepare(zeroed); err != nil {
		f.Close()
		return nil, err
	}
	go b.write()
	return b, nil
}

func (b *File) prepare(zeroed bool) error {
	if err := allocate(b.file, b.size); err != nil {
		return err
	}
	if zeroed {
		zeros := make([]byte, 1<<20)
		for at := int64(0); at < b.size; at += int64(len(zeros)) {
			if _, err := b.file.WriteAt(zeros[:min(int64(len(zeros)), b.size-at)], at); err != nil {
				return err
			}
		}
	}
	return b.file.Sync()
}

// Append returns when p is on the disk.
func (b *File) Append(p []byte) error {
	b.mu.Lock()
	g := b.filling
	if len(g.buf) == 0 {
		b.work.Signal()
	}
	g.buf = append(g.buf, p...)
	b.mu.Unlock()
	<-g.done
	return g.err
}

func (b *File) write() {
	defer close(b.stopped)
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		for len(b.filling.buf) == 0 {
			if b.closed {
				return
			}
			b.work.Wait()
		}
		g := b.filling
		next := b.free
		b.free = nil
		if next == nil {
			next = &group{}
		}
		*next = group{buf: next.buf[:0], done: make(chan struct{})}
		b.filling = next
		b.mu.Unlock()
		if b.at+int64(len(g.buf)) > b.size {
			b.at = 0
		}
		if _, g.err = b.file.WriteAt(g.buf, b.at); g.err == nil {
			g.err = datasync(b.file)
		}
		b.at += int64(len(g.buf))
		b.mu.Lock()
		b.groups++
		b.bytes += uint64(len(g.buf))
		close(g.done)
		b.free = &group{buf: g.buf}
	}
}

// Written gives the groups (each one write and one sync) and bytes so far.
func (b *File) Written() (groups, bytes uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.groups, b.bytes
}

// Close ends writing and closes the file, which stays where it is.
func (b *File) Close() error {
	b.mu.Lock()
	b.closed = true
	b.work.Signal()
	b.mu.Unlock()
	<-b.stopped
	return b.file.Close()
}
