package journal

import (
	"io"
	"sync"
)

// recentMost is the bytes of the last groups that stay in memory: readers that
// keep up never touch the disk.
const recentMost = 8 << 20

// recent holds the last durable groups, oldest first.
type recent struct {
	mu     sync.RWMutex
	groups []*group
	bytes  int
}

// add takes a group and gives those it no longer keeps.
func (r *recent) add(g *group) (old []*group) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.groups = append(r.groups, g)
	r.bytes += cap(g.buf)
	n := 0
	for ; r.bytes > recentMost && n < len(r.groups)-1; n++ {
		r.bytes -= cap(r.groups[n].buf)
	}
	old = append(old, r.groups[:n]...)
	r.groups = append(r.groups[:0], r.groups[n:]...)
	return old
}

// forget drops a segment's groups.
func (r *recent) forget(s *segment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := r.groups[:0]
	for _, g := range r.groups {
		if g.seg == s {
			r.bytes -= cap(g.buf)
		} else {
			kept = append(kept, g)
		}
	}
	clear(r.groups[len(kept):])
	r.groups = kept
}

// read copies bytes of a segment; false when not all are here.
func (r *recent) read(s *segment, p []byte, at int64) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	i := len(r.groups) - 1
	for i >= 0 && (r.groups[i].seg != s || r.groups[i].at > at) {
		i--
	}
	for ; len(p) > 0 && i >= 0 && i < len(r.groups) && r.groups[i].seg == s; i++ {
		g := r.groups[i]
		from := at - g.at + int64(g.lead)
		if from >= int64(len(g.buf)) {
			break
		}
		n := copy(p, g.buf[from:])
		p, at = p[n:], at+int64(n)
	}
	return len(p) == 0
}

// recentFile reads from memory what is there, else from the file.
type recentFile struct {
	recent  *recent
	segment *segment
	file    io.ReaderAt
}

func (f recentFile) ReadAt(p []byte, at int64) (int, error) {
	if f.recent != nil && f.recent.read(f.segment, p, at) {
		return len(p), nil
	}
	return f.file.ReadAt(p, at)
}
