// Package powercut is a disk in memory that does to a journal what real disks
// do: it loses what was not synced when the power goes, sector by sector and
// in any order; it tears writes; it fails a sync and then, like Linux, calls
// the lost pages clean; it runs full; its bits rot. Only what Sync and SyncDir
// promised survives for certain.
package powercut

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"thalamus/internal/flow/journal"
)

const sector = 512

// ErrPower is what every operation gives once the power is gone.
var ErrPower = errors.New("the power is gone")

// Op is one operation on the disk.
type Op struct {
	Number int    // from 1, in order
	Name   string // open create rename remove syncdir write sync allocate truncate
	Path   string
}

// Disk is a file layer for a journal.
type Disk struct {
	mu       sync.Mutex
	names    map[string]*file // what programs see
	safe     map[string]*file // what a power cut leaves for certain
	renamed  []dirOp          // not yet synced, in order
	locks    map[string]bool
	capacity int64
	ops      int
	cutAfter int
	dead     bool
	fault    func(Op) error
}

type dirOp struct {
	path string
	file *file // nil: the name is removed
}

// file is an inode: what is seen, and what is on the platter.
type file struct {
	now, platter []byte
	dirty        map[int64]bool // sectors written and not synced
	reserved     int64
}

// New makes an empty disk; capacity 0 means without end.
func New(capacity int64) *Disk {
	return &Disk{names: map[string]*file{}, safe: map[string]*file{}, locks: map[string]bool{}, capacity: capacity}
}

// CutAfter lets the power go after that many more changing operations: the
// one after them and all later ones fail with ErrPower. 0 takes it back.
func (d *Disk) CutAfter(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cutAfter = 0
	if n > 0 {
		d.cutAfter = d.ops + n
	}
}

// Cut lets the power go now.
func (d *Disk) Cut() {
	d.mu.Lock()
	d.dead = true
	d.mu.Unlock()
}

// Dead says whether the power is gone.
func (d *Disk) Dead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead
}

// Ops gives the number of changing operations so far.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ops
}

// Fail calls f before each changing operation; an error makes it fail. A write
// that fails may have written a part, a sync that fails loses what was dirty
// though programs go on seeing it. nil takes it back.
func (d *Disk) Fail(f func(Op) error) {
	d.mu.Lock()
	d.fault = f
	d.mu.Unlock()
}

// SetCapacity changes the size of the disk.
func (d *Disk) SetCapacity(n int64) {
	d.mu.Lock()
	d.capacity = n
	d.mu.Unlock()
}

// Fate decides what happens to each unsynced sector when the power goes.
type Fate func() (kept bool)

// LoseAll keeps nothing that was not synced, KeepAll everything.
func LoseAll() bool { return false }

// KeepAll keeps everything although nothing promised it.
func KeepAll() bool { return true }

// Some keeps about half, the same half for the same seed.
func Some(seed uint64) Fate {
	r := rand.New(rand.NewPCG(seed, 7))
	return func() bool { return r.IntN(2) == 0 }
}

// Reboot gives the disk as it is found after the power came back.
func (d *Disk) Reboot(kept Fate) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
	after := New(d.capacity)
	names := map[string]*file{}
	for path, f := range d.safe {
		names[path] = f
	}
	for _, op := range d.renamed { // a file system's journal keeps the order
		if !kept() {
			break
		}
		if op.file == nil {
			delete(names, op.path)
		} else {
			names[op.path] = op.file
		}
	}
	made := map[*file]*file{}
	for _, path := range sorted(names) {
		f := names[path]
		if made[f] == nil {
			made[f] = f.afterCut(kept)
		}
		after.names[path], after.safe[path] = made[f], made[f]
	}
	return after
}

func (f *file) afterCut(kept Fate) *file {
	b := slices.Clone(f.platter)
	if len(f.now) != len(b) && kept() {
		b = resize(b, int64(len(f.now)))
	}
	dirty := make([]int64, 0, len(f.dirty))
	for at := range f.dirty {
		dirty = append(dirty, at)
	}
	slices.Sort(dirty)
	for _, at := range dirty {
		if at < int64(len(b)) && at < int64(len(f.now)) && kept() {
			copy(b[at:min(at+sector, int64(len(b)))], f.now[at:])
		}
	}
	return &file{now: b, platter: slices.Clone(b), dirty: map[int64]bool{}, reserved: int64(len(b))}
}

func resize(b []byte, n int64) []byte {
	if n <= int64(len(b)) {
		return b[:n:n]
	}
	return append(b, make([]byte, n-int64(len(b)))...)
}

func sorted(names map[string]*file) []string {
	paths := make([]string, 0, len(names))
	for p := range names {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// begin counts a changing operation; d.mu is held.
func (d *Disk) begin(name, path string) error {
	if d.cutAfter > 0 && d.ops >= d.cutAfter {
		d.dead = true
	}
	if d.dead {
		return ErrPower
	}
	d.ops++
	if d.fault != nil {
		return d.fault(Op{d.ops, name, path})
	}
	return nil
}

func (d *Disk) used() (n int64) {
	seen := map[*file]bool{}
	for _, f := range d.names {
		if !seen[f] {
			seen[f] = true
			n += max(f.reserved, int64(len(f.now)))
		}
	}
	return n
}

// room says whether n more bytes fit; d.mu is held.
func (d *Disk) room(n int64) error {
	if d.capacity > 0 && n > 0 && d.used()+n > d.capacity {
		return syscall.ENOSPC
	}
	return nil
}

// Paths lists the files.
func (d *Disk) Paths() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return sorted(d.names)
}

// Bytes gives a copy of what programs see in a file.
func (d *Disk) Bytes(path string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.names[path]; f != nil {
		return slices.Clone(f.now)
	}
	return nil
}

// Rot changes one byte of a file on the platter.
func (d *Disk) Rot(path string, at int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.names[path]; f != nil && at < int64(len(f.now)) {
		f.now[at] ^= 0x40
		if at < int64(len(f.platter)) {
			f.platter[at] ^= 0x40
		}
	}
}

// Put makes a durable file with a content, as a restored backup does.
func (d *Disk) Put(path string, b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := &file{now: slices.Clone(b), platter: slices.Clone(b), dirty: map[int64]bool{}, reserved: int64(len(b))}
	d.names[path], d.safe[path] = f, f
}

var _ journal.Files = (*Disk)(nil)

func (d *Disk) Open(path string, write bool) (journal.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return nil, ErrPower
	}
	f := d.names[path]
	if f == nil {
		return nil, fmt.Errorf("open %s: %w", path, fs.ErrNotExist)
	}
	return &handle{d, f, path, write}, nil
}

func (d *Disk) Create(path string) (journal.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin("create", path); err != nil {
		return nil, err
	}
	if d.names[path] != nil {
		return nil, fmt.Errorf("create %s: %w", path, fs.ErrExist)
	}
	f := &file{dirty: map[int64]bool{}}
	d.names[path] = f
	d.renamed = append(d.renamed, dirOp{path, f})
	return &handle{d, f, path, true}, nil
}

func (d *Disk) MkdirAll(string) error { return nil }

func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin("rename", to); err != nil {
		return err
	}
	f := d.names[from]
	if f == nil {
		return fmt.Errorf("rename %s: %w", from, fs.ErrNotExist)
	}
	delete(d.names, from)
	d.names[to] = f
	d.renamed = append(d.renamed, dirOp{to, f}, dirOp{from, nil})
	return nil
}

func (d *Disk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin("remove", path); err != nil {
		return err
	}
	if d.names[path] == nil {
		return fmt.Errorf("remove %s: %w", path, fs.ErrNotExist)
	}
	delete(d.names, path)
	d.renamed = append(d.renamed, dirOp{path, nil})
	return nil
}

func (d *Disk) List(dir string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return nil, ErrPower
	}
	var names []string
	for p := range d.names {
		if rest, ok := strings.CutPrefix(p, filepath.Clean(dir)+"/"); ok && !strings.Contains(rest, "/") {
			names = append(names, rest)
		}
	}
	return names, nil
}

func (d *Disk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.begin("syncdir", dir); err != nil {
		return err
	}
	for _, op := range d.renamed {
		if op.file == nil {
			delete(d.safe, op.path)
		} else {
			d.safe[op.path] = op.file
		}
	}
	d.renamed = nil
	return nil
}

func (d *Disk) Free(string) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.capacity == 0 {
		return 1 << 50, nil
	}
	return max(0, d.capacity-d.used()), nil
}

func (d *Disk) Lock(path string) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locks[path] {
		return nil, journal.ErrLocked
	}
	d.locks[path] = true
	return unlocker{d, path}, nil
}

type unlocker struct {
	disk *Disk
	path string
}

func (u unlocker) Close() error {
	u.disk.mu.Lock()
	defer u.disk.mu.Unlock()
	delete(u.disk.locks, u.path)
	return nil
}
