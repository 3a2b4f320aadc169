package astmlink

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/astm"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/model"
)

// senaite gives the folder of senaite.astm's sources (SENAITE_ASTM names its
// checkout). It is run beside the project and is no part of it, so a machine
// without it only skips.
func senaite(t *testing.T) (src, data string) {
	t.Helper()
	dir := os.Getenv("SENAITE_ASTM")
	src = filepath.Join(dir, "src")
	data = filepath.Join(src, "senaite/astm/tests/data")
	if _, err := os.Stat(data); dir == "" || err != nil {
		t.Skip("peer missing: senaite.astm; SENAITE_ASTM names no checkout of it")
	}
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("peer missing: python3")
	}
	return src, data
}

// zope stands for the library of interfaces that senaite.astm registers its
// adapters with, where the machine does not have it; none is registered.
var zope = map[string]string{
	"zope/__init__.py":           "",
	"zope/interface/__init__.py": "class Interface(object):\n    pass\ndef implementer(*_):\n    return lambda c: c\n",
	"zope/interface/registry.py": "class Components(object):\n    def __init__(self, *_, **__):\n        pass\n    def getAdapters(self, *_):\n        return []\n    def registerAdapter(self, *_, **__):\n        pass\n",
	"zope/component.py":          "def adapter(*_):\n    return lambda c: c\n",
}

func python(t *testing.T, src string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "python3", args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PYTHONPATH="+src, "PYTHONUNBUFFERED=1")
	if exec.Command("python3", "-c", "import zope.interface").Run() != nil {
		stub := t.TempDir()
		for name, text := range zope {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(stub, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(stub, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd.Env = append(cmd.Env, "PYTHONPATH="+src+string(os.PathListSeparator)+stub)
	}
	return cmd
}

// TestSenaiteSimulator takes what senaite.astm's simulator plays of each of
// its instruments.
func TestSenaiteSimulator(t *testing.T) {
	src, data := senaite(t)
	files, err := filepath.Glob(filepath.Join(data, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	passed, total := 0, 0
	for _, file := range files {
		name := filepath.Base(file)
		switch name {
		case "mini_vidas.txt", "spotchem_el.txt": // no ASTM: see driver serial
			continue
		}
		total++
		r := start(t, listening(map[string]any{"tolerance": "lenient"}))
		host, port, _ := net.SplitHostPort(r.driver.(driver.Listener).Addr().String())
		out, err := python(t, src, "-m", "senaite.astm.simulator", "-a", host, "-p", port, "-i", file).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
			continue
		}
		drivertest.Until(t, name+" is there", func() bool { n, _ := r.Count(); return n > 0 })
		observations, ok := 0, true
		for _, f := range r.Taken() {
			for _, m := range astm.New().Decode(model.Entry{Seq: 1, Frame: f}, codec.Context{}) {
				observations += len(m.Observations)
				for _, i := range m.Issues {
					ok = ok && i.Severity != model.Error
				}
			}
		}
		if !ok || observations == 0 {
			t.Errorf("%s: %d observations, notes %v\n%s", name, observations, r.notes.All(), out)
			continue
		}
		passed++
	}
	t.Logf("senaite.astm simulator: %d/%d instruments", passed, total)
}

// TestSenaiteServer sends it the answer to a query, as to an instrument: the
// other host's receiver agrees with our sender.
func TestSenaiteServer(t *testing.T) {
	src, _ := senaite(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	cmd := python(t, src, "-m", "senaite.astm.server", "-l", "127.0.0.1", "-p", port, "-o", ".", "-m", "lis2a")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	var c net.Conn
	drivertest.Until(t, "the server listens", func() bool {
		c, err = net.Dial("tcp", "127.0.0.1:"+port)
		return err == nil
	})
	defer c.Close()
	c.SetDeadline(time.Now().Add(drivertest.Patience))
	say := func(b []byte) {
		t.Helper()
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 1)
		if _, err := c.Read(answer); err != nil || answer[0] != astm.ACK {
			t.Fatalf("%#x, %v for %q", answer, err, b)
		}
	}
	say(enq)
	for _, f := range astm.Frames(astm.Answer(astm.Query{D: astm.Usual()}, []byte("P|1|4711\rO|1|S-1||^^^GLU|R\r"), hostName, time.Now()), 240) {
		say(f)
	}
	c.Write(eot)
	drivertest.Until(t, "the message was written", func() bool {
		files, _ := filepath.Glob(filepath.Join(cmd.Dir, "*.txt"))
		return len(files) > 0
	})
}
