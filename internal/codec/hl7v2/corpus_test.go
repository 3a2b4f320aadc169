package hl7v2

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// corpus gives the folder with messages that nobody here wrote.
func corpus(t testing.TB) string {
	if dir := os.Getenv("THALAMUS_CORPUS"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Skip("corpus not present")
		}
		dir = up
	}
	dir = filepath.Join(dir, "..", "shared", "corpus")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("corpus not present")
	}
	return dir
}

func files(t testing.TB, dirs ...string) []string {
	root := corpus(t)
	var all []string
	for _, d := range dirs {
		found, err := filepath.Glob(filepath.Join(root, d, "*.hl7*"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no messages in %s: %v", d, err)
		}
		all = append(all, found...)
	}
	sort.Strings(all)
	return all
}

func load(t testing.TB, file string) []byte {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// known is the catalogue's codes.
func known() map[string]bool {
	codes := map[string]bool{}
	for _, d := range fault.Catalogue() {
		codes[d.Code] = true
	}
	return codes
}

// rebuild puts a message together again out of its smallest parts, so that
// nothing that the accessors give can have been lost. What lies between
// segments comes from the bytes themselves and may only be blanks and line
// ends.
func rebuild(m *Message) ([]byte, error) {
	var out []byte
	d := m.Delimiters()
	at := 0
	gap := func(to int) error {
		between := m.Bytes()[at:to]
		if at > 0 && len(bytes.Trim(between, "\r\n\t ")) > 0 && to < len(m.Bytes()) {
			return fmt.Errorf("bytes %d to %d stand in no segment", at, to)
		}
		out = append(out, between...)
		return nil
	}
	for _, s := range m.Segments() {
		if err := gap(s.Offset()); err != nil {
			return nil, err
		}
		from := len(out)
		out = append(out, s.ID()...)
		for n, f := range s.Fields() {
			if g := s.Field(n); g != f {
				return nil, fmt.Errorf("%s: Field and Fields differ", f.Path())
			}
			switch header := headerID([]byte(s.ID())); {
			case n <= 2 && header:
			case n == 1:
				out = append(out, s.Raw()[3]) // the separator, or the line end of a wrapped line
			default:
				out = append(out, d.Field)
			}
			for i, r := range f.Reps() {
				if g := f.Rep(i); g != r {
					return nil, fmt.Errorf("%s: Rep and Reps differ", f.Path())
				}
				if i > 1 {
					out = append(out, d.Repetition)
				}
				for j, c := range r.Components() {
					if g := r.Component(j); g != c {
						return nil, fmt.Errorf("%s: Component and Components differ", f.Path())
					}
					if j > 1 {
						out = append(out, d.Component)
					}
					for k, sub := range c.Subs() {
						if g := c.Sub(k); g != sub {
							return nil, fmt.Errorf("%s: Sub and Subs differ", f.Path())
						}
						if k > 1 {
							out = append(out, d.Sub)
						}
						out = append(out, sub.Raw()...)
					}
				}
			}
		}
		if !bytes.Equal(out[from:], s.Raw()) {
			return nil, fmt.Errorf("%s is not the sum of its parts", m.PathAt(s.Offset()))
		}
		at = s.Offset() + len(s.Raw())
	}
	if err := gap(len(m.Bytes())); err != nil {
		return nil, err
	}
	return out, nil
}

// roundTrip checks that everything comes out as it went in: from the parts,
// through the editor, and read again.
func roundTrip(m *Message, raw []byte) error {
	if !bytes.Equal(m.Bytes(), raw) {
		return fmt.Errorf("the message does not hold its bytes")
	}
	out, err := rebuild(m)
	if err != nil {
		return err
	}
	if !bytes.Equal(out, raw) {
		return fmt.Errorf("the parts do not make up the bytes")
	}
	out, err = Edit(m).Bytes()
	if err != nil {
		return err
	}
	if !bytes.Equal(out, raw) {
		return fmt.Errorf("the editor changes bytes that nobody changed")
	}
	return nil
}

func TestCorpusRoundTrip(t *testing.T) {
	all := files(t, "hl7v2-syntax/roundtrip-and-errors/roundtrip")
	passed := 0
	for _, f := range all {
		raw := load(t, f)
		m, err := Parse(raw)
		if err == nil {
			err = roundTrip(m, raw)
		}
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(f), err)
			continue
		}
		passed++
	}
	t.Logf("round trip: %d of %d files come out as they went in", passed, len(all))
}

func TestCorpusErrors(t *testing.T) {
	all := files(t, "hl7v2-syntax/roundtrip-and-errors/error")
	passed := 0
	for _, f := range all {
		raw := load(t, f)
		m, err := Parse(raw)
		if err != nil {
			passed++
			continue
		}
		// The file's syntax is right; its structure repeats DRG.
		failed := false
		for _, i := range append(m.Structure(), m.Issues()...) {
			failed = failed || i.Severity == model.Error && i.Field == "DRG[2]" && i.Offset > 0
		}
		if !failed {
			t.Errorf("%s: no error names the second DRG: %v", filepath.Base(f), m.Structure())
			continue
		}
		passed++
	}
	t.Logf("errors: %d of %d files fail", passed, len(all))
}

func TestCorpusReads(t *testing.T) {
	codes := known()
	for _, dir := range []string{"hl7v2-syntax/extracted", "hl7v2-to-fhir/messages", "hl7v2-to-fhir/ig/conversions", "hl7v2-devices", "serial-lab/openelis-analyzer-bridge"} {
		all := files(t, dir)
		passed, clean := 0, 0
		seen := map[string]int{}
		for _, f := range all {
			raw := load(t, f)
			m, err := Parse(raw)
			if err != nil {
				if !codes[fault.CodeOf(err)] {
					t.Errorf("%s: not in the catalogue: %v", filepath.Base(f), err)
					continue
				}
				seen[fault.CodeOf(err)]++
				passed++
				continue
			}
			if err := roundTrip(m, raw); err != nil {
				t.Errorf("%s: %v", filepath.Base(f), err)
				continue
			}
			wrong := append(append([]model.Issue(nil), m.Issues()...), m.Structure()...)
			for _, i := range wrong {
				if !codes[i.Code] || i.Text == "" || i.Hint == "" {
					t.Errorf("%s: issue not in the catalogue: %+v", filepath.Base(f), i)
				}
				seen[i.Code]++
				if os.Getenv("SHOW") == i.Code {
					t.Logf("%s: %+v", filepath.Base(f), i)
				}
			}
			if len(wrong) == 0 {
				clean++
			}
			passed++
		}
		var list []string
		for code, n := range seen {
			list = append(list, fmt.Sprintf("%s %d", strings.TrimPrefix(code, "hl7v2."), n))
		}
		sort.Strings(list)
		t.Logf("%s: %d of %d read and come out as they went in, %d without an issue; issues: %s", dir, passed, len(all), clean, strings.Join(list, ", "))
	}
}
