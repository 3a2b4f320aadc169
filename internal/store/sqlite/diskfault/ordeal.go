package diskfault

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/fault"
)

// Ordeal is a store under test and what is done with it, step by step.
type Ordeal struct {
	// Open opens the store in a folder, through a SQLite file layer.
	Open func(folder, layer string) (io.Closer, error)
	// Steps are done one after the other; nil from one says that what it did
	// is acknowledged. A step that failed may be done again.
	Steps []func(s io.Closer) error
	// State is all that the store holds, as text.
	State func(s io.Closer, folder string) (string, error)
	// Loses: a power cut may undo the last acknowledged steps, because they can
	// be done again (the journal has them). It may never leave half a step.
	Loses bool
}

// run is one life of the ordeal.
type run struct {
	*Ordeal
	t      *testing.T
	folder string
	disk   *Disk    // nil: a real one
	states []string // after 0, 1, 2 … steps
}

// Suffer puts a store through a power cut at its writes, a full disk and a disk
// that errs, and through cuts while it is opened for the first time (R23).
func (o Ordeal) Suffer(t *testing.T) {
	if underRace {
		t.Skip("an ordeal is one goroutine; it runs without the race detector")
	}
	states, writes := o.undisturbed(t)
	t.Run("power cut", func(t *testing.T) { o.cuts(t, states, writes) })
	t.Run("power cut at the first opening", func(t *testing.T) { o.firstOpening(t, states) })
	t.Run("full disk", func(t *testing.T) { o.full(t, states) })
	t.Run("erring disk", func(t *testing.T) { o.errs(t, states, writes) })
}

// undisturbed gives the state after each step, and how many writes they took.
func (o *Ordeal) undisturbed(t *testing.T) (states []string, writes int) {
	r := o.begin(t, nil)
	s := r.open()
	r.states = append(r.states, r.state(s))
	before := r.disk.Writes()
	for i, step := range o.Steps {
		if err := step(s); err != nil {
			t.Fatalf("step %d on a sound disk: %v", i+1, err)
		}
		r.states = append(r.states, r.state(s))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	writes = r.disk.Writes() - before
	t.Logf("%d steps, %d writes", len(o.Steps), writes)
	for i := 1; i < len(r.states); i++ {
		if r.states[i] == r.states[i-1] {
			t.Fatalf("step %d changes nothing, so nothing can be seen of it", i)
		}
	}
	return r.states, writes
}

func (o *Ordeal) begin(t *testing.T, states []string) *run {
	d := New()
	t.Cleanup(d.Unregister)
	return &run{Ordeal: o, t: t, folder: t.TempDir(), disk: d, states: states}
}

func (r *run) open() io.Closer {
	r.t.Helper()
	layer := "" // a real disk
	if r.disk != nil {
		layer = r.disk.Name()
	}
	s, err := r.Open(r.folder, layer)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *run) state(s io.Closer) string {
	r.t.Helper()
	text, err := r.State(s, r.folder)
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

// points are the writes at which a disk is disturbed: all of them, but no more
// than a test has time for, evenly spread.
func points(writes int) []int {
	most := 400
	if testing.Short() {
		most = 8
	}
	step := (writes + most - 1) / most
	var all []int
	for n := 1; n <= writes; n += step {
		all = append(all, n)
	}
	return all
}

func (o *Ordeal) cuts(t *testing.T, states []string, writes int) {
	for _, n := range points(writes) {
		r := o.begin(t, states)
		s := r.open()
		r.disk.CutAt(n, torn(n))
		acknowledged := 0
		for _, step := range o.Steps {
			if step(s) != nil {
				break
			}
			acknowledged++
		}
		s.Close() // its error is the cut's
		if !r.disk.Off() {
			continue // the writes of closing are fewer when less was done
		}
		r.again(fmt.Sprintf("cut at write %d of %d", n, writes), acknowledged, acknowledged)
		if t.Failed() {
			return
		}
	}
}

// torn gives what decides which unsynced sectors survive; nil: none does.
func torn(n int) *rand.Rand {
	if n%3 == 0 {
		return nil
	}
	return rand.New(rand.NewPCG(uint64(n), 5))
}

// again gives power, opens the store, looks that it holds what was surely
// acknowledged, no more than one step beyond what was acknowledged at all, and
// nothing half, and goes on to the end.
func (r *run) again(what string, sure, acknowledged int) {
	r.t.Helper()
	if r.disk != nil {
		r.disk.Restore()
	}
	s := r.open()
	defer func() { s.Close() }()
	have := slices.Index(r.states, r.state(s))
	switch {
	case have < 0:
		r.t.Errorf("%s: after %d acknowledged steps the store holds what no step leaves:\n%s", what, acknowledged, difference(r.state(s), r.states[min(acknowledged, len(r.states)-1)]))
		return
	case have > acknowledged+1:
		r.t.Errorf("%s: %d steps were acknowledged, %d are there", what, acknowledged, have)
	case have < sure && !r.Loses:
		r.t.Errorf("%s: %d steps were acknowledged, only %d are there", what, sure, have)
	}
	if err := Sound(r.folder); err != nil {
		r.t.Errorf("%s: %v", what, err)
	}
	r.finish(s, what, have)
}

// finish does the rest of the steps and looks at the end.
func (r *run) finish(s io.Closer, what string, from int) {
	r.t.Helper()
	for i, step := range r.Steps[from:] {
		if err := step(s); err != nil {
			r.t.Errorf("%s: going on with step %d: %v", what, from+i+1, err)
			return
		}
	}
	if got, want := r.state(s), r.states[len(r.states)-1]; got != want {
		r.t.Errorf("%s: at the end the store holds something else:\n%s", what, difference(got, want))
	}
}

func (o *Ordeal) firstOpening(t *testing.T, states []string) {
	r := o.begin(t, states)
	r.open().Close()
	writes := r.disk.Writes()
	for _, n := range points(writes) {
		if n%4 != 1 && !testing.Short() {
			continue // what is made there is made in few transactions
		}
		r := o.begin(t, states)
		r.disk.CutAt(n, torn(n))
		if s, err := o.Open(r.folder, r.disk.Name()); err == nil {
			s.Close()
		}
		r.again(fmt.Sprintf("cut at write %d of %d of the first opening", n, writes), 0, 0)
		if t.Failed() {
			return
		}
	}
}

// full lets the disk run full at some point of the steps. What is refused must
// be refused with a fault that says to wait, reading goes on, and when there is
// room again so does writing.
func (o *Ordeal) full(t *testing.T, states []string) {
	for i := range len(o.Steps) {
		for _, room := range []int64{0, 700, 5000} {
			r := o.begin(t, states)
			s := r.open()
			what := fmt.Sprintf("full from step %d, %d bytes left", i+1, room)
			r.until(s, i)
			r.disk.Full(room)
			r.disturbed(s, what, i, func() { r.disk.Full(-1) })
			if t.Failed() {
				return
			}
		}
		if testing.Short() && i > 1 {
			return
		}
	}
}

// errs lets the disk fail for a while, each time from another write on.
func (o *Ordeal) errs(t *testing.T, states []string, writes int) {
	for _, n := range points(writes) {
		if n%5 != 1 && !testing.Short() {
			continue
		}
		r := o.begin(t, states)
		s := r.open()
		r.disk.BreakAt(n)
		r.disturbed(s, fmt.Sprintf("errs from write %d of %d", n, writes), 0, func() { r.disk.Break(false) })
		if t.Failed() {
			return
		}
	}
}

func (r *run) until(s io.Closer, n int) {
	r.t.Helper()
	for i, step := range r.Steps[:n] {
		if err := step(s); err != nil {
			r.t.Fatalf("step %d: %v", i+1, err)
		}
	}
}

// disturbed does the steps from one on; when one is refused it is tried again
// in vain, then the disk is mended and all goes on. Some only fill memory or
// files that have room, so none need fail.
func (r *run) disturbed(s io.Closer, what string, from int, mend func()) {
	r.t.Helper()
	mended := false
	for i := from; i < len(r.Steps); i++ {
		err := r.Steps[i](s)
		for try := 0; err != nil && try < 20; try++ {
			if kind := fault.KindOf(err); kind != fault.Transient {
				r.t.Errorf("%s: step %d: a disk that may be mended gives %s: %v", what, i+1, kind, err)
			}
			if got, err := r.State(s, r.folder); !mended && err == nil && got != r.states[i] {
				r.t.Errorf("%s: step %d was refused and left something:\n%s", what, i+1, difference(got, r.states[i]))
			}
			if try == 2 {
				mend()
				mended = true
			}
			err = r.Steps[i](s)
		}
		if err != nil {
			r.t.Errorf("%s: step %d is refused on a mended disk: %v", what, i+1, err)
			break
		}
	}
	mend()
	if r.t.Failed() {
		s.Close()
		return
	}
	r.finish(s, what, len(r.Steps))
	if err := s.Close(); err != nil {
		r.t.Errorf("%s: close: %v", what, err)
	}
	s = r.open()
	defer s.Close()
	r.finish(s, what+", opened again", len(r.Steps))
	if err := Sound(r.folder); err != nil {
		r.t.Errorf("%s: %v", what, err)
	}
}

// Sound lets SQLite check every database of a folder.
func Sound(folder string) error {
	return each(folder, func(path string, c *sqlite3.Conn) error {
		s, _, err := c.Prepare("PRAGMA integrity_check(3)")
		if err != nil {
			return err
		}
		defer s.Close()
		for s.Step() {
			if text := s.ColumnText(0); text != "ok" {
				return fmt.Errorf("%s: %s", filepath.Base(path), text)
			}
		}
		return s.Err()
	})
}

// Rows is every row of every table of a folder's databases, as text.
func Rows(folder string) (string, error) {
	var out strings.Builder
	err := each(folder, func(path string, c *sqlite3.Conn) error {
		var tables []string
		s, _, err := c.Prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'goose%' ORDER BY name")
		if err != nil {
			return err
		}
		for s.Step() {
			tables = append(tables, s.ColumnText(0))
		}
		if err := s.Close(); err != nil {
			return err
		}
		for _, table := range tables {
			var rows []string
			s, _, err := c.Prepare(`SELECT * FROM "` + table + `"`)
			if err != nil {
				return err
			}
			for s.Step() {
				row := make([]string, s.ColumnCount())
				for i := range row {
					row[i] = fmt.Sprintf("%q", s.ColumnText(i))
				}
				rows = append(rows, strings.Join(row, " "))
			}
			if err := s.Close(); err != nil {
				return err
			}
			slices.Sort(rows)
			fmt.Fprintf(&out, "%s %s\n%s\n", filepath.Base(path), table, strings.Join(rows, "\n"))
		}
		return nil
	})
	return out.String(), err
}

// each opens the databases of a folder beside whoever uses them.
func each(folder string, look func(path string, c *sqlite3.Conn) error) error {
	paths, err := filepath.Glob(filepath.Join(folder, "*.db"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		c, err := sqlite3.OpenContext(context.Background(), "file:"+path+"?mode=rw&_pragma=busy_timeout(10000)")
		if err != nil {
			return err
		}
		err = look(path, c)
		if closed := c.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// difference shows the first lines that differ.
func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\n got %.600s\nwant %.600s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}
