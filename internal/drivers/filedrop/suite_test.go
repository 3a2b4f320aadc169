package filedrop

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"thalamus/internal/driver/drivertest"
)

// drop is a folder into which somebody writes, as the suite asks.
type drop struct {
	t        *testing.T
	in       string
	complete string
}

// message is a table of about 500 bytes.
func message(n int) []byte {
	return fmt.Appendf(nil, "label;value;unit\nn;%d;1\n%s", n, strings.Repeat("HR;72;/min\n", 45))
}

func (p *drop) path(n int) string { return filepath.Join(p.in, fmt.Sprintf("m%06d.csv", n)) }

func (p *drop) do(err ...error) {
	p.t.Helper()
	if err := errors.Join(err...); err != nil {
		p.t.Error(err)
	}
}

func (p *drop) put(n int, b []byte) {
	p.t.Helper()
	p.do(os.WriteFile(p.path(n)+".part", b, 0o600), os.Rename(p.path(n)+".part", p.path(n)))
	if p.complete == marker {
		p.do(os.WriteFile(p.path(n)+".ok", nil, 0o600))
	}
}

// half writes as its writer does who has not ended: a file that grows, one
// without its marker, one that has not its name yet.
func (p *drop) half(n int, b []byte) (rest func()) {
	p.t.Helper()
	name := p.path(n)
	if p.complete == renamed {
		name += ".part"
	}
	f, err := os.Create(name)
	p.do(err)
	if p.complete != settled {
		_, err := f.Write(b[:len(b)/2])
		p.do(err)
		return func() {
			_, err := f.Write(b[len(b)/2:])
			p.do(err, f.Close())
			if p.complete == renamed {
				p.do(os.Rename(name, p.path(n)))
			} else {
				p.do(os.WriteFile(name+".ok", nil, 0o600))
			}
		}
	}
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := range b {
			_, err := f.Write(b[i : i+1])
			p.do(err)
			select {
			case <-end:
				_, err := f.Write(b[i+1:])
				p.do(err, f.Close())
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() { close(end); <-done }
}

func (p *drop) has(n int) bool { _, err := os.Lstat(p.path(n)); return err == nil }

func (p *drop) away() (back func()) {
	p.t.Helper()
	p.do(os.Rename(p.in, p.in+"-away"))
	return func() { p.do(os.Rename(p.in+"-away", p.in)) }
}

// place is the folder for the suite. Beside every hostile thing others are taken.
func (p *drop) place() *drivertest.Place {
	file := func(name, text string) func() func() {
		return func() func() {
			p.do(os.WriteFile(filepath.Join(p.in, name), []byte(text), 0o600))
			p.ok(name)
			return nil
		}
	}
	return &drivertest.Place{
		Settings: map[string]any{"folder": p.in, "every": "100ms", "settle": "500ms", "complete": p.complete, "max_file": 4096}, Codec: "csv",
		Message: message, Put: p.put, Half: p.half, Has: p.has, Away: p.away,
		Hostile: []drivertest.Hostile{
			{Name: "empty", Do: file("x.csv", ""), Says: []string{"filedrop.refused"}},
			{Name: "no text", Do: file("x.csv", "a\x00b"), Says: []string{"filedrop.refused"}},
			{Name: "of no kind", Do: file("x", "\x01\x02"), Says: []string{"filedrop.refused"}},
			{Name: "too long", Do: file("x.csv", strings.Repeat("x", 5000)), Says: []string{"filedrop.refused"}},
			{Name: "longer than any memory", Do: func() func() { file("x.csv", "")(); p.do(os.Truncate(filepath.Join(p.in, "x.csv"), 1<<40)); return nil }, Says: []string{"filedrop.refused"}},
			{Name: "half, and never more", Do: func() func() { file("x.csv.part", "HR;7")(); return nil }},
			{Name: "link to elsewhere", Do: func() func() {
				p.do(os.Symlink("/etc/passwd", filepath.Join(p.in, "x.csv")))
				p.ok("x.csv")
				return nil
			}},
			{Name: "link to nowhere", Do: func() func() { p.do(os.Symlink("nowhere", filepath.Join(p.in, "x.csv"))); p.ok("x.csv"); return nil }},
			{Name: "folder in place of a file", Do: func() func() { p.do(os.Mkdir(filepath.Join(p.in, "x.csv"), 0o700)); p.ok("x.csv"); return nil }},
			{Name: "pipe in place of a file", Do: func() func() { p.do(syscall.Mkfifo(filepath.Join(p.in, "x.csv"), 0o600)); p.ok("x.csv"); return nil }},
			{Name: "record that names a folder", Do: func() func() {
				p.do(os.Mkdir(filepath.Join(p.in, "x.dat"), 0o700))
				return file("x.hea", "x 1 250 4 10:00:00 21/11/2026\nx.dat 16 200 16 0 1 10 0 II\n")()
			}, Says: []string{"filedrop.refused"}},
			{Name: "record that names a link", Do: func() func() {
				p.do(os.Symlink("/etc/passwd", filepath.Join(p.in, "x.dat")))
				return file("x.hea", "x 1 250 4 10:00:00 21/11/2026\nx.dat 16 200 16 0 1 10 0 II\n")()
			}, Says: []string{"filedrop.refused"}},
			{Name: "record that names what lies outside", Do: file("x.hea", "x 1 250 4\n../x.dat 16 200 16 0 1 10 0 II\n"), Says: []string{"filedrop.refused"}},
			{Name: "record without its signals", Do: file("x.hea", "x 1 250 4 10:00:00 21/11/2026\nx.dat 16 200 16 0 1 10 0 II\n")},
			{Name: "folder where it is to lie when it was taken", Do: func() func() { p.do(os.MkdirAll(filepath.Join(p.in, "done", "m000001.csv"), 0o700)); return nil }},
			{Name: "comes and goes", Do: p.flicker("x.csv"), Frames: 1},
			{Name: "turns from a file into a pipe and back", Do: p.swap("x.csv"), Frames: 1},
			{Name: "link where what was taken is to lie", Do: func() func() {
				done := filepath.Join(p.in, "done")
				p.do(os.RemoveAll(done), os.Symlink("/elsewhere", done))
				return func() { p.do(os.Remove(done)) }
			}, Says: []string{"filedrop.unmoved"}, Frames: 1},
		},
	}
}

// unsteady are the hostile things that come in the way of knowing what is whole.
var unsteady = []string{"too long", "half, and never more", "link to elsewhere", "pipe in place of a file", "record without its signals", "comes and goes", "turns from a file into a pipe and back"}

// ok says that a file is whole where that is asked for.
func (p *drop) ok(name string) {
	if p.complete == marker {
		p.do(os.WriteFile(filepath.Join(p.in, name+".ok"), nil, 0o600))
	}
}

// flicker writes a file and takes it away again, over and over.
func (p *drop) flicker(name string) func() func() {
	return p.over(func(i int) {
		path := filepath.Join(p.in, name)
		os.WriteFile(path+".part", []byte("HR;70"), 0o600)
		os.Rename(path+".part", path)
		time.Sleep(time.Millisecond)
		os.Remove(path)
	})
}

// swap lets a name be a file now, a pipe then. Whoever opens it to read waits for
// somebody who writes.
func (p *drop) swap(name string) func() func() {
	return p.over(func(i int) {
		path := filepath.Join(p.in, name)
		os.WriteFile(path+".part", []byte("HR;70"), 0o600)
		os.Rename(path+".part", path)
		time.Sleep(time.Millisecond)
		os.Remove(path + ".part")
		syscall.Mkfifo(path+".part", 0o600)
		os.Rename(path+".part", path)
		time.Sleep(time.Millisecond)
	})
}

func (p *drop) over(do func(i int)) func() func() {
	return func() func() {
		end := make(chan struct{})
		var work sync.WaitGroup
		work.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-end:
					return
				default:
					do(i)
				}
			}
		})
		stop := sync.OnceFunc(func() { close(end); work.Wait(); os.Remove(filepath.Join(p.in, "x.csv")) })
		p.t.Cleanup(stop)
		time.Sleep(time.Second)
		return stop
	}
}

func TestConformance(t *testing.T) {
	for _, complete := range []string{settled, marker, renamed} {
		t.Run(complete, func(t *testing.T) {
			t.Parallel()
			drivertest.RunLooker(t, drivertest.Looker{Kind: Kind(), Open: func(t *testing.T) *drivertest.Place {
				p := &drop{t: t, in: filepath.Join(t.TempDir(), "in"), complete: complete}
				p.do(os.Mkdir(p.in, 0o700))
				place := p.place()
				if complete != renamed { // the others do not know what is whole
					place.Hostile = slices.DeleteFunc(place.Hostile, func(h drivertest.Hostile) bool { return !slices.Contains(unsteady, h.Name) })
				}
				return place
			}})
		})
	}
}
