package audit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"thalamus/internal/audit"
	"thalamus/internal/model"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 123_456_789, time.UTC)

// chain is a store in memory.
type chain struct {
	records []audit.Record
	anchor  *audit.Head
	fail    error
}

func newChain(n int) *chain {
	c := &chain{}
	for i := range n {
		r := audit.Record{Seq: uint64(i + 1), At: noon.Add(time.Duration(i) * time.Second), Actor: "usr-a", Action: "device.adopt", Object: fmt.Sprint("device d", i), Outcome: audit.Done}
		c.records = append(c.records, audit.Seal(c.head().Hash, r))
	}
	c.anchored()
	return c
}

func (c *chain) head() (h audit.Head) {
	if n := len(c.records); n > 0 {
		h = audit.Head{Seq: c.records[n-1].Seq, Hash: c.records[n-1].Hash}
	}
	return h
}

func (c *chain) anchored() { h := c.head(); c.anchor = &h }

// again seals everything from a place on anew, as somebody who knows how could.
func (c *chain) again(from int) {
	var before audit.Hash
	if from > 0 {
		before = c.records[from-1].Hash
	}
	for i := from; i < len(c.records); i++ {
		c.records[i].Seq = uint64(i + 1)
		c.records[i] = audit.Seal(before, c.records[i])
		before = c.records[i].Hash
	}
}

func (c *chain) AuditAfter(_ context.Context, seq uint64, limit int) ([]audit.Record, error) {
	if c.fail != nil {
		return nil, c.fail
	}
	var out []audit.Record
	for _, r := range c.records {
		if r.Seq > seq && len(out) < limit {
			out = append(out, r)
		}
	}
	return out, nil
}

func (c *chain) AuditSearch(context.Context, audit.Query) ([]audit.Record, error) { return nil, nil }
func (c *chain) AuditHead(context.Context) (audit.Head, error)                    { return c.head(), nil }
func (c *chain) AuditAnchor() (audit.Head, bool, error) {
	if c.anchor == nil {
		return audit.Head{}, false, nil
	}
	return *c.anchor, true, nil
}

// TestVerify: every way of altering the audit is found, over more than a page.
func TestVerify(t *testing.T) {
	noted := func(c *chain) []audit.Head { return []audit.Head{{Seq: 700, Hash: c.records[699].Hash}} }
	for name, c := range map[string]struct {
		alter func(c *chain)
		want  []string // codes and where
	}{
		"as written":                  {func(*chain) {}, nil},
		"a text altered":              {func(c *chain) { c.records[4].Object = "device d9" }, []string{"audit.altered 5"}},
		"a time altered":              {func(c *chain) { c.records[4].At = noon.Add(time.Hour) }, []string{"audit.altered 5"}},
		"a text moved to its field":   {func(c *chain) { c.records[4].Actor, c.records[4].ActorName = "", "usr-a" }, []string{"audit.altered 5"}},
		"a value altered":             {func(c *chain) { c.records[4].Hash[0]++ }, []string{"audit.altered 5", "audit.altered 6"}},
		"two exchanged":               {func(c *chain) { exchange(c, 4, 5) }, []string{"audit.altered 5", "audit.altered 6", "audit.altered 7"}},
		"one removed":                 {func(c *chain) { c.records = slices.Delete(c.records, 4, 5) }, []string{"audit.removed 5"}},
		"the first removed":           {func(c *chain) { c.records = c.records[2:] }, []string{"audit.removed 1"}},
		"the end cut off":             {func(c *chain) { c.records = c.records[:1190] }, []string{"audit.cut 1191"}},
		"all of it gone":              {func(c *chain) { c.records = nil }, []string{"audit.cut 1", "audit.cut 1"}},
		"one removed, sealed anew":    {func(c *chain) { c.records = slices.Delete(c.records, 4, 5); c.again(4) }, []string{"audit.rewritten 700", "audit.cut 1200"}},
		"altered, sealed anew":        {func(c *chain) { c.records[4].Object = "x"; c.again(4) }, []string{"audit.rewritten 700", "audit.rewritten 1200"}},
		"and the anchor forged":       {func(c *chain) { c.records[4].Object = "x"; c.again(4); c.anchored() }, []string{"audit.rewritten 700"}},
		"the anchor gone":             {func(c *chain) { c.anchor = nil }, []string{"audit.no-anchor 0"}},
		"written on behind an anchor": {func(c *chain) { c.anchor = &audit.Head{Seq: 1100, Hash: c.records[1099].Hash} }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newChain(1200)
			heads := noted(s)
			c.alter(s)
			report, err := audit.Verify(t.Context(), s, heads, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range report.Problems {
				got = append(got, fmt.Sprint(p.Code, " ", p.Seq))
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) || report.Sound() != (len(c.want) == 0) {
				t.Errorf("found %v, want %v", got, c.want)
			}
			if report.Head != s.head() || report.Records != uint64(len(s.records)) {
				t.Errorf("head %v of %d records", report.Head.Seq, report.Records)
			}
		})
	}
}

func exchange(c *chain, i, j int) {
	c.records[i], c.records[j] = c.records[j], c.records[i]
	c.records[i].Seq, c.records[j].Seq = c.records[j].Seq, c.records[i].Seq
}

// TestVerifyBounds: a report stays small, progress ends at the end, and what
// cannot be read is an error and no problem of the chain.
func TestVerifyBounds(t *testing.T) {
	s := newChain(2500)
	for i := range s.records {
		s.records[i].Object = "x"
	}
	var done, total uint64
	report, err := audit.Verify(t.Context(), s, nil, func(d, n uint64) { done, total = d, n })
	if err != nil || len(report.Problems) != 100 || done != 2500 || total != 2500 {
		t.Error(len(report.Problems), done, total, err)
	}
	s.fail = errors.New("the disk")
	if _, err := audit.Verify(t.Context(), s, nil, nil); !errors.Is(err, s.fail) {
		t.Error(err)
	}
}

// TestSealCoversEveryField: no field of a record can change unseen.
func TestSealCoversEveryField(t *testing.T) {
	was := audit.Seal(audit.Hash{1}, audit.Record{Seq: 7, At: noon})
	typ := reflect.TypeFor[audit.Record]()
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Name == "Hash" {
			continue
		}
		r := audit.Record{Seq: 7, At: noon}
		switch v := reflect.ValueOf(&r).Elem().Field(i); v.Kind() {
		case reflect.String:
			v.SetString("x")
		case reflect.Uint64:
			v.SetUint(8)
		case reflect.Slice:
			r.Patients = []model.PatientID{"pat-a", "pat-b"}
		default:
			r.At = r.At.Add(time.Microsecond)
		}
		if audit.Seal(audit.Hash{1}, r).Hash == was.Hash {
			t.Errorf("the chain does not cover %s", f.Name)
		}
	}
	sealed := map[audit.Hash]bool{}
	for _, several := range [][]model.PatientID{{"a"}, {"a", ""}, {"a", "b"}, {"ab"}, {"b", "a"}} {
		sealed[audit.Seal(audit.Hash{1}, audit.Record{Seq: 7, At: noon, Patients: several}).Hash] = true
	}
	if len(sealed) != 5 {
		t.Error("the chain does not tell apart whose data it was")
	}
	if audit.Seal(audit.Hash{2}, audit.Record{Seq: 7, At: noon}).Hash == was.Hash {
		t.Error("the chain does not cover what comes before")
	}
	if !was.At.Equal(noon.Truncate(time.Microsecond)) {
		t.Error("the time is kept to the microsecond, as it is sealed:", was.At)
	}
}

// TestAnchor: the head kept last comes back; torn at any byte of a write, the
// one before it does.
func TestAnchor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.head")
	a, err := audit.OpenAnchor(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := a.Get(); ok || err != nil {
		t.Error("of nothing:", ok, err)
	}
	head := func(n uint64) audit.Head { return audit.Head{Seq: n, Hash: audit.Hash{byte(n), 1}} }
	var before []byte
	for n := uint64(1); n <= 5; n++ {
		before, _ = os.ReadFile(path)
		if err := a.Put(head(n)); err != nil {
			t.Fatal(err)
		}
		if h, ok, err := a.Get(); h != head(n) || !ok || err != nil {
			t.Fatal(h, ok, err)
		}
	}
	a.Close()
	after, err := os.ReadFile(path)
	if err != nil || len(after) != len(before) {
		t.Fatal(len(after), len(before), err)
	}
	for cut := range len(after) {
		torn := append(slices.Clone(after[:cut]), before[cut:]...)
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := audit.OpenAnchor(path)
		if err != nil {
			t.Fatal(cut, err)
		}
		h, ok, err := b.Get()
		if err != nil || !ok || h != head(4) && h != head(5) {
			t.Fatalf("torn at byte %d: %v %v %v", cut, h.Seq, ok, err)
		}
		if err := b.Put(head(6)); err != nil {
			t.Fatal(err)
		}
		if h, ok, _ := b.Get(); h != head(6) || !ok {
			t.Fatalf("after a tear at byte %d the next is not kept", cut)
		}
		b.Close()
	}
	for _, text := range []string{"", "x", string(make([]byte, 400)), string(after[:50])} {
		os.WriteFile(path, []byte(text), 0o600)
		b, err := audit.OpenAnchor(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := b.Get(); ok || err != nil {
			t.Errorf("%.10q: %v %v", text, ok, err)
		}
		if err := b.Reset(head(9)); err != nil {
			t.Error(err)
		}
		if h, ok, _ := b.Get(); !ok || h != head(9) {
			t.Errorf("%.10q, begun anew: %v %v", text, h, ok)
		}
		b.Close()
	}
}

func TestHashText(t *testing.T) {
	h := audit.Hash{1, 0xab}
	text, _ := h.MarshalText()
	var back audit.Hash
	if err := back.UnmarshalText(text); err != nil || back != h {
		t.Error(back, err)
	}
	for _, bad := range []string{"", "ab", string(text) + "00", "zz" + string(text[2:])} {
		if back.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// TestOf: a look at several patients is one record that names each once; at
// very many, as few as hold them.
func TestOf(t *testing.T) {
	act := audit.Record{Action: "live.get", Patient: "pat-z"}
	many := make([]model.PatientID, 2*audit.MostPatients+1)
	for i := range many {
		many[i] = model.PatientID(fmt.Sprintf("pat-%05d", len(many)-i))
	}
	for name, c := range map[string]struct {
		of   []model.PatientID
		want []int // patients of each record
	}{
		"nobody":    {nil, []int{0}},
		"one":       {[]model.PatientID{"b"}, []int{1}},
		"one twice": {[]model.PatientID{"b", "b"}, []int{1}},
		"several":   {[]model.PatientID{"b", "a", "b"}, []int{2}},
		"very many": {many, []int{audit.MostPatients, audit.MostPatients, 1}},
	} {
		var got []int
		var named []model.PatientID
		for _, r := range act.Of(slices.Clone(c.of)) {
			if r.Action != "live.get" || r.Patient != "" && r.Patients != nil || len(r.Patients) == 1 {
				t.Errorf("%s: %+v", name, r)
			}
			got, named = append(got, len(r.All())), append(named, r.All()...)
		}
		want := slices.Clone(c.of)
		slices.Sort(want)
		if !slices.Equal(got, c.want) || !slices.Equal(named, slices.Compact(want)) {
			t.Errorf("%s: %v patients in the records, want %v", name, got, c.want)
		}
	}
}
