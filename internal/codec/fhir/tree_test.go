package fhir

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thalamus/internal/fault"
)

// TestTreeKeeps: what goes in comes out: order, number text, unknown members.
func TestTreeKeeps(t *testing.T) {
	for _, text := range []string{
		`{"resourceType":"Observation","z":1,"a":{"extension":[{"url":"http://example.org/x","valueDecimal":37.0}]},"_status":{"id":"q"},"value":1.50E+3,"n":[null,true,false,-0.0]}`,
		`"\"\\\u0001\n"`, `[]`, `{}`, `"é😀"`, `12345678901234567890.123456789`, `{"":0}`,
	} {
		n, err := Parse([]byte(text), Limits{})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := string(n.AppendJSON(nil)); got != text {
			t.Errorf("%s came out as %s", text, got)
		}
	}
	for text, want := range map[string]string{
		" {\"a\" : [ 1 ,2 ] }\n": `{"a":[1,2]}`,
		`"\u0041\/\ud83d\ude00"`: `"A/😀"`,
		"\ufeff{}":               `{}`,
	} {
		n, err := Parse([]byte(text), Limits{})
		if err != nil || string(n.AppendJSON(nil)) != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ text, place, says string }{
		{``, "byte 0", "ends where a value"},
		{`{"entry":[{"resource":{"status":tru}}]}`, "entry[0].resource.status, byte 32", "no JSON value"},
		{`{"a":1,"a":2}`, "a, byte 10", "twice"},
		{`[1,]`, "[1], byte 3", "no JSON value"},
		{`{"a":01}`, "a, byte 7", "not a number"},
		{`{"a":1.}`, "a, byte 7", "not a number"},
		{`{"a":-}`, "a, byte 6", "not a number"},
		{`{"a":1e}`, "a, byte 7", "not a number"},
		{`"a`, "byte 2", "without an end"},
		{"\"a\nb\"", "byte 2", "control character"},
		{"\"\xff\"", "byte 2", "not UTF-8"},
		{`"\ud800"`, "byte 7", "no character"},
		{`"\u12"`, "byte 3", "no character"},
		{`"\q"`, "byte 3", "unknown escape"},
		{`{} x`, "byte 3", "after the end"},
		{`{1:2}`, "byte 1", "name of a member"},
		{`{"a" 2}`, "a, byte 5", "':'"},
		{`{"a":1 "b":2}`, "byte 7", "','"},
		{`{"Jo Doe":x}`, "?, byte 10", "no JSON value"},
		{strings.Repeat("[", 100), "[0]", "deeply"},
	} {
		_, err := Parse([]byte(c.text), Limits{})
		var f *fault.Fault
		if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Code != "fhir.json" {
			t.Errorf("%.30q: %v", c.text, err)
			continue
		}
		if !strings.HasPrefix(f.Place, c.place) || !strings.Contains(f.Text, c.says) {
			t.Errorf("%.30q: at %q: %s; want %q, %q", c.text, f.Place, f.Text, c.place, c.says)
		}
	}
	if _, err := Parse([]byte(`[1,2,3]`), Limits{Nodes: 3}); err == nil {
		t.Error("more values than the limit are taken")
	}
	if _, err := Parse([]byte(`[1,2,3]`), Limits{Bytes: 3}); fault.CodeOf(err) != "fhir.oversize" {
		t.Error("more bytes than the limit are taken:", err)
	}
}

func TestTreeEdits(t *testing.T) {
	n, err := Parse([]byte(`{"a":[{"b":"c"}],"d":1}`), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if n.Get("a", "b").Text() != "c" || n.Get("a", "x", "y") != nil || n.Get("x").Text() != "" || n.Get("a").At(7) != nil {
		t.Error("Get")
	}
	c := n.Clone()
	n.Get("a").At(0).Set("b", TextOf("e"))
	n.Set("f", ArrayOf(BoolOf(true), NumberOf("1.0")))
	if !n.Remove("d") || n.Remove("d") {
		t.Error("Remove")
	}
	if got := string(n.AppendJSON(nil)); got != `{"a":[{"b":"e"}],"f":[true,1.0]}` {
		t.Error(got)
	}
	if got := string(c.AppendJSON(nil)); got != `{"a":[{"b":"c"}],"d":1}` {
		t.Error("the clone changed:", got)
	}
}

// FuzzJSON: any text is refused with a catalogued error, or read into a tree
// that prints to JSON which reads and prints the same again.
func FuzzJSON(f *testing.F) {
	golden, _ := filepath.Glob("testdata/*/bundle.json")
	for _, g := range golden {
		if text, err := os.ReadFile(g); err == nil {
			f.Add(text)
		}
	}
	for _, seed := range []string{`{"a":[1,-0.5e+7,"\ud83d\ude00",null,true]}`, "\ufeff{}", `"\u0000"`, `{"a":1,"a":1}`, `[[[[[[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := Parse(text, Limits{})
		if err != nil {
			if fault.CodeOf(err) != "fhir.json" || fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		once := n.AppendJSON(nil)
		if !json.Valid(once) {
			t.Fatalf("printed what is no JSON: %q", once)
		}
		again, err := Parse(once, Limits{})
		if err != nil {
			t.Fatalf("does not read what it printed: %v\n%q", err, once)
		}
		if twice := again.AppendJSON(nil); !bytes.Equal(once, twice) {
			t.Fatalf("prints %q, then %q", once, twice)
		}
	})
}
