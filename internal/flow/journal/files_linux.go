package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// Sync is fdatasync: a segment's length does not change while it is written,
// so there is no metadata to wait for.
func (f *systemFile) Sync() error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}

// WriteSync goes around the page cache and asks for durability with the write
// itself (open(2), O_DIRECT and O_DSYNC): one call, no copy, and no pages for
// the kernel to find, mark and clean.
func (f *systemFile) WriteSync(p []byte, at int64) error {
	if f.direct == nil && !f.indirect {
		direct, err := f.again(os.O_WRONLY | syscall.O_DIRECT | syscall.O_DSYNC)
		if f.direct, f.indirect = direct, err != nil; err != nil {
			f.direct = nil
		}
	}
	if !f.indirect {
		if _, err := f.direct.WriteAt(p, at); !errors.Is(err, syscall.EINVAL) {
			return err
		}
		f.indirect = true // this file system cannot
	}
	return f.writeThenSync(p, at)
}

// again opens the same file in another way, whatever its name is now.
func (f *systemFile) again(flag int) (*os.File, error) {
	return os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), flag, 0)
}

func (f *systemFile) Allocate(size int64) error {
	for {
		err := syscall.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case err == syscall.EINTR:
		case errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS):
			return allocateByWriting(f.File, size)
		default:
			return err
		}
	}
}

func (f *systemFile) WriteAhead(p []byte, at int64) error {
	direct, err := f.again(os.O_WRONLY | syscall.O_DIRECT)
	if err == nil {
		defer direct.Close()
		if _, err = direct.WriteAt(p, at); !errors.Is(err, syscall.EINVAL) {
			return err
		}
	}
	_, err = f.WriteAt(p, at)
	return err
}

func (System) Free(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * s.Bsize, nil
}

func (System) Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, err
	}
	return f, nil
}
