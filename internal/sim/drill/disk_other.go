//go:build !linux

package drill

// disk is a small file system.
type disk struct{}

// smallDisk gives none.
func smallDisk(string) (*disk, string) { return nil, "it needs Linux, to mount a small file system" }

func (d *disk) fill() error { return nil }

func (d *disk) free() error { return nil }

func (d *disk) close() {}
