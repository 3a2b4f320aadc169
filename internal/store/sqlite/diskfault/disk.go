// Package diskfault is a SQLite file layer for tests: a disk whose power can
// be cut, that can be full, and that can fail. Files lie in the usual file
// system; what was written since a file was last synced is remembered, and lost
// or torn when the power goes (R23).
package diskfault

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
)

// sector is what a disk writes wholly or not at all.
const sector = 512

// Disk is one disk. Its methods may be called while connections use it.
type Disk struct {
	name string
	base vfs.VFS

	mu      sync.Mutex
	files   map[string]*state
	off     bool
	broken  bool
	limited bool
	room    int64
	writes  int
	breakAt int // fail from this write on; 0: never
	cutAt   int // cut the power at this write; 0: never
	cutWith *rand.Rand
}

// state is one file's content that is not synced.
type state struct {
	writes []write
}

// write is a change that is not synced, with what was there before.
type write struct {
	at       int64
	new, old []byte // old is shorter where the file ended
	size     int64  // of the file before
	truncate bool   // to at
}

// New registers a disk. Call Unregister when done.
func New() *Disk {
	d := &Disk{base: vfs.Find("os"), files: map[string]*state{}}
	d.name = fmt.Sprintf("diskfault%p", d)
	vfs.Register(d.name, d)
	return d
}

// Name is what a connection gives as vfs.
func (d *Disk) Name() string { return d.name }

// Unregister takes the disk out of SQLite's list.
func (d *Disk) Unregister() { vfs.Unregister(d.name) }

// Full lets so many more bytes be written and then answers that the disk is
// full; negative: there is room again.
func (d *Disk) Full(room int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limited, d.room = room >= 0, room
}

// Break makes every write and sync fail, or work again.
func (d *Disk) Break(broken bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken, d.breakAt = broken, 0
}

// BreakAt makes every write and sync fail from the nth write from now on.
func (d *Disk) BreakAt(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.breakAt = d.writes + n
}

// Writes is the number of writes so far.
func (d *Disk) Writes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes
}

// CutAt cuts the power in the middle of the nth write from now.
func (d *Disk) CutAt(n int, r *rand.Rand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cutAt, d.cutWith = d.writes+n, r
}

// Cut cuts the power: of each file, what was not synced is lost, kept or torn,
// sector by sector, as r says (all lost when it is nil). Everything fails until
// Restore.
func (d *Disk) Cut(r *rand.Rand) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cut(r)
}

func (d *Disk) cut(r *rand.Rand) error {
	if d.off {
		return nil
	}
	d.off = true
	for path, s := range d.files {
		if err := s.lose(path, r); err != nil {
			return err
		}
	}
	clear(d.files)
	return nil
}

// Restore gives power again. Every connection of before must be closed.
func (d *Disk) Restore() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off, d.cutAt = false, 0
}

// Off says whether the power is cut.
func (d *Disk) Off() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.off
}

// lose brings a file to what a cut leaves of it.
func (s *state) lose(path string, r *rand.Rand) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	for i := len(s.writes) - 1; i >= 0; i-- {
		w := s.writes[i]
		if w.truncate {
			if err := f.Truncate(w.size); err != nil {
				return err
			}
		}
		if _, err := f.WriteAt(w.old, w.at); err != nil {
			return err
		}
		if err := f.Truncate(w.size); err != nil {
			return err
		}
	}
	if r == nil {
		return nil
	}
	for _, w := range s.writes {
		if w.truncate {
			if r.IntN(2) == 0 {
				if err := f.Truncate(w.at); err != nil {
					return err
				}
			}
			continue
		}
		for i := 0; i < len(w.new); {
			n := min(sector-int(w.at+int64(i))%sector, len(w.new)-i)
			if r.IntN(2) == 0 {
				if _, err := f.WriteAt(w.new[i:i+n], w.at+int64(i)); err != nil {
					return err
				}
			}
			i += n
		}
	}
	return nil
}

// Open implements vfs.VFS.
func (d *Disk) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	if d.Off() {
		return nil, flags, sqlite3.CANTOPEN
	}
	f, flags, err := vfsutil.WrapOpen(d.base, name, flags)
	return d.wrap(name, f, flags, err)
}

// OpenFilename implements vfs.VFSFilename, which the usual layer needs.
func (d *Disk) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	if d.Off() {
		return nil, flags, sqlite3.CANTOPEN
	}
	f, flags, err := vfsutil.WrapOpenFilename(d.base, name, flags)
	return d.wrap(name.String(), f, flags, err)
}

func (d *Disk) wrap(name string, f vfs.File, flags vfs.OpenFlag, err error) (vfs.File, vfs.OpenFlag, error) {
	if err != nil {
		return nil, flags, err
	}
	return &file{disk: d, path: name, File: f}, flags, nil
}

// Delete implements vfs.VFS. A file that is deleted is gone at once.
func (d *Disk) Delete(name string, syncDir bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off || d.broken {
		return sqlite3.IOERR_DELETE
	}
	delete(d.files, name)
	return d.base.Delete(name, syncDir)
}

// Access implements vfs.VFS.
func (d *Disk) Access(name string, flags vfs.AccessFlag) (bool, error) {
	if d.Off() {
		return false, sqlite3.IOERR_ACCESS
	}
	return d.base.Access(name, flags)
}

// FullPathname implements vfs.VFS.
func (d *Disk) FullPathname(name string) (string, error) { return d.base.FullPathname(name) }
