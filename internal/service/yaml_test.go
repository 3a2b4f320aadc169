package service

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"thalamus/internal/conf"
)

// FuzzYAML: whatever a text is, as key, as value and in a list, it is read as
// it was written.
func FuzzYAML(f *testing.F) {
	for _, s := range []string{"", "plain", "yes", "0123", "1e3", "~", "a: b", "a #b", "- a", "\"", "'", `\`, "two\nlines\n", "\tx", " x ", "{", "日本語", "\u0085\u2028\ufeff", "😀", "<<", "(secret)", "https://h:1/x", "x:", "---"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) || len(s) > 1000 {
			t.Skip()
		}
		want := map[string]any{"k": s, "z" + s: map[string]any{"in" + s: []any{s, "x" + s, int64(7), true, 1.5}}}
		text := writeYAML(want)
		got, _, err := conf.ParseYAML("text", []byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v\n%s\n%#v", err, text, got)
		}
	})
}
