package astmlink

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"thalamus/internal/codec/astm"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/peertest"
)

// TestCable speaks over a serial line made of pseudo terminals, and pulls the
// plug in the middle of a frame (R6).
func TestCable(t *testing.T) {
	if _, err := exec.LookPath("socat"); err != nil {
		peertest.Missing(t, "socat")
	}
	dir := t.TempDir()
	ours, theirs := filepath.Join(dir, "ours"), filepath.Join(dir, "theirs")
	var socat *exec.Cmd
	unplug := func() {
		if socat != nil {
			socat.Process.Kill()
			socat.Wait()
			socat = nil
		}
		os.Remove(ours)
		os.Remove(theirs)
	}
	t.Cleanup(unplug)
	r := start(t, map[string]any{"link": map[string]any{"port": ours, "baud": 19200, "retry": "50ms"}})
	state := func() string { return r.driver.(driver.Reporter).Status().State }
	plug := func() *os.File {
		t.Helper()
		socat = exec.Command("socat", "pty,raw,echo=0,link="+ours, "pty,raw,echo=0,link="+theirs)
		if err := socat.Start(); err != nil {
			t.Fatal(err)
		}
		drivertest.Until(t, "the port is open", func() bool { _, err := os.Stat(theirs); return err == nil && state() == "connected" })
		f, err := os.OpenFile(theirs, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	says := func(f *os.File, b []byte) {
		t.Helper()
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
		f.SetReadDeadline(time.Now().Add(drivertest.Patience)) // where the system knows deadlines of terminals
		answer := make([]byte, 1)
		if _, err := f.Read(answer); err != nil || answer[0] != astm.ACK {
			t.Fatalf("%q was answered with %#x, %v", b, answer, err)
		}
	}
	f := plug()
	says(f, enq)
	says(f, frame(1, head))
	says(f, frame(2, "P|1\r"))
	f.Write(frame(3, "O|1|S-1\r")[:5])
	time.Sleep(50 * time.Millisecond) // so that the half frame is under way; nothing depends on it
	unplug()
	drivertest.Until(t, "the port is gone", func() bool { return state() == "trying" })
	f = plug()
	says(f, enq)
	for i, record := range []string{head, "P|1\r", "O|1|S-1\r", "R|1|^^^X|5\r", "L|1|N\r"} {
		says(f, frame(i+1, record))
	}
	f.Write(eot)
	got := r.taken(t, 2)
	if got[0] != head+"P|1\r" || got[1] != head+"P|1\rO|1|S-1\rR|1|^^^X|5\rL|1|N\r" {
		t.Errorf("%q", got)
	}
	if first := r.Taken()[0]; first.Peer != ours || first.Properties != "port: "+ours+"\n"+astm.GroupCut {
		t.Errorf("peer %q, properties %q", first.Peer, first.Properties)
	}
}
