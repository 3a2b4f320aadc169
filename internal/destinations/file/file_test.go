package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/destination/destinationtest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// lines gives the deliveryId of every line in the folder, in order; a line
// that is not whole fails the test.
func lines(t *testing.T, folder string) []string {
	t.Helper()
	l := &log{settings: Settings{Folder: folder, Prefix: "thalamus"}}
	names, err := l.names()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		for one := range bytes.Lines(text) {
			var m struct{ DeliveryID string }
			if err := json.Unmarshal(one, &m); err != nil || one[len(one)-1] != '\n' {
				t.Fatalf("%s: line %.80q: %v", name, one, err)
			}
			ids = append(ids, m.DeliveryID)
		}
	}
	return ids
}

func TestConformance(t *testing.T) {
	destinationtest.Run(t, destinationtest.Suite{Kind: Kind(), Receive: func(t *testing.T, b destinationtest.Behaviour) *destinationtest.Receiver {
		folder := t.TempDir()
		switch b {
		case destinationtest.Accept, destinationtest.Repeat:
		case destinationtest.Down:
			folder = filepath.Join(folder, "not-mounted")
		default:
			return nil
		}
		return &destinationtest.Receiver{Settings: map[string]any{"folder": folder}, Got: func() []string { return lines(t, folder) }}
	}})
}

func open(t *testing.T, folder string, more map[string]any) *Destination {
	t.Helper()
	settings := map[string]any{"folder": folder}
	for k, v := range more {
		settings[k] = v
	}
	d, err := New(model.Destination{ID: "x", Settings: settings}, destinationtest.Host())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func deliver(t *testing.T, d *Destination, numbers ...int) error {
	t.Helper()
	var parcels []destination.Parcel
	for _, n := range numbers {
		parcels = append(parcels, destinationtest.Parcel(n))
	}
	_, err := d.Deliver(t.Context(), parcels)
	return err
}

func ids(numbers ...int) []string {
	var all []string
	for _, n := range numbers {
		all = append(all, destinationtest.Parcel(n).ID())
	}
	return all
}

func newest(t *testing.T, folder string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(folder, "*.ndjson"))
	if err != nil || len(all) == 0 {
		t.Fatal("no file", err)
	}
	return all[len(all)-1]
}

// TestRestart: what was written before the end is not written again, also
// when nobody was told, and a torn line is cut off.
func TestRestart(t *testing.T) {
	for name, tear := range map[string]string{"clean": "", "torn line": `{"deliveryId":"99-0-`, "zeros": "\x00\x00\x00\x00\n", "line without end": `{"deliveryId":"9"}`} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			d := open(t, folder, nil)
			if err := deliver(t, d, 1, 2, 3); err != nil {
				t.Fatal(err)
			}
			// The program dies here: no Close.
			f, err := os.OpenFile(newest(t, folder), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			f.WriteString(tear)
			f.Close()
			again := open(t, folder, nil)
			if err := deliver(t, again, 2, 3, 4); err != nil {
				t.Fatal(err)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
			if got := lines(t, folder); !slices.Equal(got, ids(1, 2, 3, 4)) {
				t.Errorf("lines %q, want %q", got, ids(1, 2, 3, 4))
			}
			d.Close()
		})
	}
}

func TestRotation(t *testing.T) {
	folder := t.TempDir()
	d := open(t, folder, map[string]any{"max_size": 2048})
	day := time.Date(2026, 11, 21, 23, 59, 0, 0, time.UTC)
	d.log.now = func() time.Time { return day }
	var want []string
	for n := range 10 {
		if err := deliver(t, d, n); err != nil {
			t.Fatal(err)
		}
		want = append(want, ids(n)...)
	}
	day = day.Add(2 * time.Minute)
	if err := deliver(t, d, 10); err != nil {
		t.Fatal(err)
	}
	d.Close()
	// Begun anew on the same day, the file goes on; the lines of the file
	// before are known.
	again := open(t, folder, map[string]any{"max_size": 2048})
	again.log.now = func() time.Time { return day }
	if err := deliver(t, again, 9, 10, 11); err != nil {
		t.Fatal(err)
	}
	again.Close()
	want = append(want, ids(10, 11)...)
	if got := lines(t, folder); !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
	names, _ := again.log.names()
	if len(names) < 4 || names[0] != "thalamus-20261121-001.ndjson" || names[len(names)-1] != "thalamus-20261122-001.ndjson" {
		t.Errorf("files %q", names)
	}
}

// TestFileTakenAway: somebody who takes even the newest file away gets each
// line once, and the next ones in another.
func TestFileTakenAway(t *testing.T) {
	folder, taken := t.TempDir(), t.TempDir()
	d := open(t, folder, nil)
	defer d.Close()
	if err := deliver(t, d, 1); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(newest(t, folder), filepath.Join(taken, "thalamus-20000101-001.ndjson")); err != nil {
		t.Fatal(err)
	}
	if err := deliver(t, d, 2); err != nil {
		t.Fatal(err)
	}
	if a, b := lines(t, taken), lines(t, folder); !slices.Equal(a, ids(1)) || !slices.Equal(b, ids(2)) {
		t.Errorf("taken %q, left %q", a, b)
	}
}

// badDisk is a file whose writes or syncs fail on demand.
type badDisk struct {
	*os.File
	short, noSync bool
}

var errNoSpace = errors.New("no space left on device")

func (b *badDisk) Write(p []byte) (int, error) {
	if b.short {
		n, _ := b.File.Write(p[:len(p)/2])
		return n, errNoSpace
	}
	return b.File.Write(p)
}

func (b *badDisk) Sync() error {
	if b.noSync {
		return errors.New("input/output error")
	}
	return b.File.Sync()
}

// TestBadDisk: nothing counts as delivered that is not on disk, no half line
// stays, and when the disk is well again each line is there once.
func TestBadDisk(t *testing.T) {
	for _, c := range []struct {
		name string
		bad  badDisk
	}{{"full", badDisk{short: true}}, {"sync fails", badDisk{noSync: true}}} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			d := open(t, folder, nil)
			var disk *badDisk
			d.log.open = func(path string) (handle, error) {
				h, err := openFile(path)
				if err != nil {
					return nil, err
				}
				disk = &badDisk{File: h.(*os.File)}
				return disk, nil
			}
			if err := deliver(t, d, 1); err != nil {
				t.Fatal(err)
			}
			disk.short, disk.noSync = c.bad.short, c.bad.noSync
			err := deliver(t, d, 2)
			if fault.CodeOf(err) != "file.write" || !destination.IsDown(err) {
				t.Fatalf("error %v", err)
			}
			if got := lines(t, folder); !slices.Equal(got, ids(1)) {
				t.Errorf("after the error the lines are %q", got)
			}
			disk.short, disk.noSync = false, false
			if err := deliver(t, d, 2, 3); err != nil {
				t.Fatal(err)
			}
			if got := lines(t, folder); !slices.Equal(got, ids(1, 2, 3)) {
				t.Errorf("lines %q", got)
			}
			d.Close()
		})
	}
}

func TestManyWriters(t *testing.T) {
	folder := t.TempDir()
	d := open(t, folder, map[string]any{"max_size": 20000})
	var wait sync.WaitGroup
	for k := range 8 {
		wait.Go(func() {
			for n := range 25 {
				if err := deliver(t, d, k*100+n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	d.Close()
	got := lines(t, folder)
	slices.Sort(got)
	if n := len(slices.Compact(got)); n != 200 || len(got) != 200 {
		t.Errorf("%d lines, %d different, want 200", len(got), n)
	}
}

func TestKnownForgetsTheOldest(t *testing.T) {
	var k known
	for n := range remembered + 5 {
		k.add(key(fmt.Sprint(n)))
	}
	if len(k.set) != remembered || k.has(key("4")) || !k.has(key("5")) {
		t.Errorf("%d known", len(k.set))
	}
}

func TestSettings(t *testing.T) {
	for place, settings := range map[string]map[string]any{
		"folder":   {"folder": "out"},
		"prefix":   {"folder": "/out", "prefix": "../x"},
		"max_size": {"folder": "/out", "max_size": 1},
	} {
		_, err := New(model.Destination{ID: "x", Settings: settings}, destinationtest.Host())
		if fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), place+":") {
			t.Errorf("%s: error %v", place, err)
		}
	}
}

func BenchmarkDeliver(b *testing.B) {
	for _, writers := range []int{1, 8} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			d, err := New(model.Destination{ID: "x", Settings: map[string]any{"folder": b.TempDir()}}, destinationtest.Host())
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			b.SetParallelism(writers)
			var mu sync.Mutex
			n := 0
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					mu.Lock()
					n++
					p := destinationtest.Parcel(n)
					mu.Unlock()
					if _, err := d.Deliver(b.Context(), []destination.Parcel{p}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
