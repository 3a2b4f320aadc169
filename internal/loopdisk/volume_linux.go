package loopdisk

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// Volume is an ext4 file system of its own, on a loop device.
type Volume struct {
	Dir    string // where it is mounted
	t      testing.TB
	device string
}

// New makes one of that many MiB, or skips the test with the reason.
func New(t testing.TB, mib int) *Volume {
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
	v := &Volume{Dir: t.TempDir(), t: t, device: strings.TrimSpace(string(out))}
	t.Cleanup(func() {
		exec.Command("umount", "--lazy", v.Dir).Run()
		exec.Command("losetup", "--detach", v.device).Run()
	})
	v.run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", v.device)
	if out, err := exec.Command("mount", v.device, v.Dir).CombinedOutput(); err != nil {
		t.Skipf("a loop device cannot be mounted here: %s", out)
	}
	return v
}

func (v *Volume) run(name string, args ...string) {
	v.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		v.t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

// Cut shuts the file system down without flushing its log, as a power cut
// does: what it had not written to the device is gone.
func (v *Volume) Cut() error {
	const goingDown, noLogFlush = 0x8004587d, 2
	f, err := os.Open(v.Dir)
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

// Remount gives power again. Every file on it must be closed.
func (v *Volume) Remount() {
	v.t.Helper()
	for n := 0; ; n++ {
		out, err := exec.Command("umount", v.Dir).CombinedOutput()
		if err == nil {
			break
		}
		if n == 100 {
			v.t.Fatalf("umount: %s", out)
		}
		time.Sleep(20 * time.Millisecond)
	}
	v.run("mount", v.device, v.Dir)
}

// Fill takes all room but some bytes, until free is called.
func (v *Volume) Fill(leave int64) (free func()) {
	v.t.Helper()
	path := filepath.Join(v.Dir, "junk")
	f, err := os.Create(path)
	if err != nil {
		v.t.Fatal(err)
	}
	defer f.Close()
	var s syscall.Statfs_t
	if err := syscall.Statfs(v.Dir, &s); err != nil {
		v.t.Fatal(err)
	}
	if take := int64(s.Bavail)*s.Bsize - leave; take > 0 {
		if err := syscall.Fallocate(int(f.Fd()), 0, 0, take); err != nil {
			v.t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			v.t.Error(err)
		}
	}
}
