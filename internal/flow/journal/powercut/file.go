package powercut

import (
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// handle is one opening of a file.
type handle struct {
	disk  *Disk
	file  *file
	path  string
	write bool
}

func (h *handle) ReadAt(p []byte, at int64) (int, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if h.disk.dead {
		return 0, ErrPower
	}
	if at >= int64(len(h.file.now)) {
		return 0, io.EOF
	}
	n := copy(p, h.file.now[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(p []byte, at int64) (int, error) {
	d, f := h.disk, h.file
	d.mu.Lock()
	defer d.mu.Unlock()
	if !h.write {
		return 0, fs.ErrPermission
	}
	err := d.begin("write", h.path)
	if err == ErrPower {
		return 0, err
	}
	if err == nil {
		err = d.room(at + int64(len(p)) - max(f.reserved, int64(len(f.now))))
	}
	if err != nil {
		p = p[:len(p)/2] // some of it got there
		if at+int64(len(p)) > int64(len(f.now)) {
			return 0, err
		}
	}
	if end := at + int64(len(p)); end > int64(len(f.now)) {
		f.now = resize(f.now, end)
	}
	copy(f.now[at:], p)
	for s := at &^ (sector - 1); s < at+int64(len(p)); s += sector {
		f.dirty[s] = true
	}
	return len(p), err
}

func (h *handle) Sync() error {
	d, f := h.disk, h.file
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin("sync", h.path); err != nil {
		if err != ErrPower {
			clear(f.dirty) // called clean, and never on the platter
		}
		return err
	}
	f.platter = resize(f.platter, int64(len(f.now)))
	for at := range f.dirty {
		if at < int64(len(f.now)) {
			copy(f.platter[at:min(at+sector, int64(len(f.now)))], f.now[at:])
		}
	}
	clear(f.dirty)
	return nil
}

func (h *handle) Allocate(size int64) error {
	d, f := h.disk, h.file
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin("allocate", h.path); err != nil {
		return err
	}
	if err := d.room(size - max(f.reserved, int64(len(f.now)))); err != nil {
		return err
	}
	f.reserved = max(f.reserved, size)
	if size > int64(len(f.now)) {
		f.now = resize(f.now, size)
	}
	return nil
}

func (h *handle) Truncate(size int64) error {
	d, f := h.disk, h.file
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin("truncate", h.path); err != nil {
		return err
	}
	if size < int64(len(f.now)) {
		// What is cut off and grown again reads as zeros.
		for s := size &^ (sector - 1); s < int64(len(f.now)); s += sector {
			f.dirty[s] = true
		}
		f.now = slices.Clone(f.now[:size])
	} else {
		f.now = resize(f.now, size)
	}
	f.reserved = size
	return nil
}

func (h *handle) WriteSync(p []byte, at int64) error {
	if at%4096 != 0 || len(p)%4096 != 0 {
		return fmt.Errorf("write of %d bytes at %d is not in pages", len(p), at)
	}
	if _, err := h.WriteAt(p, at); err != nil {
		return err
	}
	return h.Sync()
}

func (h *handle) WriteAhead(p []byte, at int64) error {
	_, err := h.WriteAt(p, at)
	return err
}

func (h *handle) Size() (int64, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	return int64(len(h.file.now)), nil
}

func (h *handle) Close() error { return nil }
