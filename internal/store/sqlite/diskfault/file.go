package diskfault

import (
	"io"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
)

// file is an open file on a Disk.
type file struct {
	disk *Disk
	path string
	vfs.File
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if f.disk.Off() {
		return 0, sqlite3.IOERR_READ
	}
	return f.File.ReadAt(p, off)
}

// change checks that the disk takes a change of n bytes and remembers it.
func (f *file) change(w write, n int64) error {
	d := f.disk
	if d.breakAt > 0 && d.writes+1 >= d.breakAt {
		d.broken = true
	}
	switch {
	case d.off || d.broken:
		return sqlite3.IOERR_WRITE
	case d.limited && n > d.room:
		return sqlite3.FULL
	}
	if d.limited {
		d.room -= n
	}
	var err error
	if w.size, err = f.File.Size(); err != nil {
		return err
	}
	if w.truncate {
		w.old = make([]byte, max(w.size-w.at, 0))
	} else {
		w.new = append([]byte(nil), w.new...)
		w.old = make([]byte, len(w.new))
	}
	got, err := f.File.ReadAt(w.old, w.at)
	if err != nil && err != io.EOF {
		return err
	}
	w.old = w.old[:got]
	s := d.files[f.path]
	if s == nil {
		s = &state{}
		d.files[f.path] = s
	}
	s.writes = append(s.writes, w)
	d.writes++
	return nil
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := f.change(write{at: off, new: p}, int64(len(p))); err != nil {
		return 0, err
	}
	if d.writes == d.cutAt {
		d.cut(d.cutWith)
		return 0, sqlite3.IOERR_WRITE
	}
	return f.File.WriteAt(p, off)
}

func (f *file) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.change(write{at: size, truncate: true}, 0); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *file) Sync(flags vfs.SyncFlag) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.off || f.disk.broken {
		return sqlite3.IOERR_FSYNC
	}
	delete(f.disk.files, f.path)
	return nil
}

func (f *file) Size() (int64, error) {
	if f.disk.Off() {
		return 0, sqlite3.IOERR_FSTAT
	}
	return f.File.Size()
}

// A sector may be torn from its neighbours.
func (f *file) SectorSize() int                                 { return sector }
func (f *file) DeviceCharacteristics() vfs.DeviceCharacteristic { return vfs.IOCAP_POWERSAFE_OVERWRITE }

func (f *file) SharedMemory() vfs.SharedMemory { return vfsutil.WrapSharedMemory(f.File) }
func (f *file) LockState() vfs.LockLevel       { return vfsutil.WrapLockState(f.File) }
func (f *file) PersistWAL() bool               { return vfsutil.WrapPersistWAL(f.File) }
func (f *file) SetPersistWAL(keep bool)        { vfsutil.WrapSetPersistWAL(f.File, keep) }
