package journal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"thalamus/internal/fault"
	"thalamus/internal/flow/journal"
	"thalamus/internal/flow/journal/journaltest"
	"thalamus/internal/model"
)

// volume is an ext4 file system of its own, on a loop device.
type volume struct {
	t      *testing.T
	device string
	dir    string
}

// newVolume makes one of that many MiB, or skips the test with the reason.
func newVolume(t *testing.T, mib int) *volume {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a file system on a loop device needs root")
	}
	for _, tool := range []string{"losetup", "mkfs.ext4", "mount", "umount"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("a file system on a loop device needs %s", tool)
		}
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		t.Skip("there are no loop devices here: no /dev/loop-control")
	}
	for n := range 8 { // a container may have the control file but no nodes
		syscall.Mknod(fmt.Sprintf("/dev/loop%d", n), syscall.S_IFBLK|0o600, 7<<8|n)
	}
	image := filepath.Join(t.TempDir(), "image")
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	err = f.Truncate(int64(mib) << 20)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("losetup", "--find", "--show", image).CombinedOutput()
	if err != nil {
		t.Skipf("no loop device can be had: %s", out)
	}
	v := &volume{t: t, device: strings.TrimSpace(string(out)), dir: t.TempDir()}
	t.Cleanup(func() {
		exec.Command("umount", "--lazy", v.dir).Run()
		exec.Command("losetup", "--detach", v.device).Run()
	})
	v.run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", v.device)
	if out, err := exec.Command("mount", v.device, v.dir).CombinedOutput(); err != nil {
		t.Skipf("a loop device cannot be mounted here: %s", out)
	}
	return v
}

func (v *volume) run(name string, args ...string) {
	v.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		v.t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

// cut shuts the file system down without flushing its log, as a power cut
// does: what it had not written to the device is gone.
func (v *volume) cut() error {
	const goingDown, noLogFlush = 0x8004587d, 2
	f, err := os.Open(v.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	flag := uint32(noLogFlush)
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), goingDown, uintptr(unsafe.Pointer(&flag))); e != 0 {
		return e
	}
	return nil
}

func (v *volume) remount() {
	v.t.Helper()
	for n := 0; ; n++ {
		out, err := exec.Command("umount", v.dir).CombinedOutput()
		if err == nil {
			break
		}
		if n == 100 {
			v.t.Fatalf("umount: %s", out)
		}
		time.Sleep(20 * time.Millisecond)
	}
	v.run("mount", v.device, v.dir)
}

// TestRealPowerCut (R23): producers at full speed, the file system shut down
// under them, mounted again; every acknowledged entry is there.
func TestRealPowerCut(t *testing.T) {
	v := newVolume(t, 192)
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	kept := map[model.Seq]int{}
	for round := range rounds {
		dir := filepath.Join(v.dir, "journal")
		l, err := journal.Open(dir, journal.Options{SegmentSize: 2 << 20, Floor: -1})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for p := range 8 {
			wg.Go(func() {
				for i := 0; ; i++ {
					n := round*10_000_000 + p*1_000_000 + i*2
					frames := []model.Frame{journaltest.Frame(n, 1500), journaltest.Frame(n+1, 300)}
					first, err := l.Append(context.Background(), frames)
					if err != nil {
						return
					}
					mu.Lock()
					kept[first], kept[first+1] = n, n+1
					mu.Unlock()
				}
			})
		}
		before := int(l.Head())
		if err := l.Wait(context.Background(), model.Seq(before+1500+round*311)); err != nil {
			t.Fatal(err)
		}
		if err := v.cut(); err != nil {
			t.Skipf("this file system cannot be shut down: %v", err)
		}
		wg.Wait()
		l.Close()
		v.remount()
		if l, err = journal.Open(dir, journal.Options{SegmentSize: 2 << 20, Floor: -1}); err != nil {
			t.Fatal(err)
		}
		st, err := l.Stat()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range journaltest.All(t, l, l.Tail()) {
			n, known := kept[e.Seq]
			if known {
				journaltest.Check(t, e, journaltest.Frame(n, []int{1500, 300}[n%2]))
				delete(kept, e.Seq)
			}
		}
		for seq := range kept {
			t.Fatalf("round %d: entry %d was acknowledged and is lost (head %d)", round, seq, l.Head())
		}
		journaltest.Sound(t, l)
		t.Logf("round %d: head %d, %d bytes of a torn tail cut", round, l.Head(), st.Recovery.CutBytes)
		if d, err := l.Drop(l.Head(), "make room"); err != nil {
			t.Fatal(d, err)
		}
		kept = map[model.Seq]int{}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRealFullDisk: a file system that really runs full refuses appends, loses
// nothing and goes on when there is room.
func TestRealFullDisk(t *testing.T) {
	v := newVolume(t, 32)
	dir := filepath.Join(v.dir, "journal")
	l, err := journal.Open(dir, journal.Options{SegmentSize: 1 << 20, Floor: -1})
	if err != nil {
		t.Fatal(err)
	}
	junk := filepath.Join(v.dir, "junk")
	if err := fillDisk(junk, 8<<20); err != nil {
		t.Fatal(err)
	}
	kept := map[model.Seq]int{}
	refused := 0
	for n := 1; refused < 50; n++ {
		seq, err := l.Append(context.Background(), []model.Frame{journaltest.Frame(n, 2000)})
		if err == nil {
			kept[seq] = n
			continue
		}
		if fault.KindOf(err) != fault.Transient || fault.CodeOf(err) != "journal.full" {
			t.Fatal(err)
		}
		refused++
	}
	if err := os.Remove(junk); err != nil {
		t.Fatal(err)
	}
	for n := 100_000; n < 100_500; n++ {
		seq, err := l.Append(context.Background(), []model.Frame{journaltest.Frame(n, 2000)})
		if err != nil {
			t.Fatalf("there is room again, but: %v", err)
		}
		kept[seq] = n
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	v.remount()
	if l, err = journal.Open(dir, journal.Options{SegmentSize: 1 << 20, Floor: -1}); err != nil {
		t.Fatal(err)
	}
	all := journaltest.All(t, l, 1)
	if len(all) != len(kept) {
		t.Fatalf("%d entries, %d acknowledged", len(all), len(kept))
	}
	for _, e := range all {
		journaltest.Check(t, e, journaltest.Frame(kept[e.Seq], 2000))
	}
	journaltest.Sound(t, l)
	t.Logf("%d entries kept, %d refused", len(kept), refused)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// fillDisk writes a file until only some bytes are left.
func fillDisk(path string, leave int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var s syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &s); err != nil {
		return err
	}
	err = syscall.Fallocate(int(f.Fd()), 0, 0, int64(s.Bavail)*s.Bsize-leave)
	if errors.Is(err, syscall.EOPNOTSUPP) {
		return nil
	}
	return err
}
