package drill

import (
	"os"
	"path/filepath"
	"syscall"
)

// disk is a small file system.
type disk struct {
	folder, filler string
}

// smallDisk mounts a small file system; nil with the reason where that is not
// allowed.
func smallDisk(folder string) (*disk, string) {
	if os.Geteuid() != 0 {
		return nil, "it needs root, to mount a small file system"
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=96m"); err != nil {
		return nil, "no file system can be mounted here: " + err.Error()
	}
	return &disk{folder, filepath.Join(folder, "filler")}, ""
}

// fill leaves no room.
func (d *disk) fill() error {
	f, err := os.Create(d.filler)
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for {
		if _, err := f.Write(block); err != nil {
			return nil // that was the point
		}
	}
}

func (d *disk) free() error { return os.Remove(d.filler) }

func (d *disk) close() { _ = syscall.Unmount(d.folder, syscall.MNT_DETACH) } // nothing else can be done
