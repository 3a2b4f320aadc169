package profiles

import (
	"fmt"
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	many := strings.Split(strings.TrimSuffix(strings.Repeat("same\n", 20), "\n"), "\n")
	for _, c := range []struct{ name, was, is, want string }{
		{"equal", "a\nb", "a\nb", ""},
		{"changed", "a\nb\nc", "a\nx\nc", " 1a -b +x  3c"},
		{"added at the end", "a", "a\nb", " 1a +b"},
		{"taken away at the start", "a\nb", "b", "-a  1b"},
		{"made", "", "a\nb", "+a +b"},
		{"moved", "a\nb\nc", "b\nc\na", "-a  1b  2c +a"},
		{"far apart", strings.Join(many, "\n") + "\nend", strings.Join(many, "\n") + "\nEND", "…  18same  19same  20same -end +END"},
	} {
		var out []string
		for _, l := range diff(split(c.was), split(c.is)) {
			switch l.Kind {
			case "add":
				out = append(out, "+"+l.Text)
			case "del":
				out = append(out, "-"+l.Text)
			case "gap":
				out = append(out, "…")
			default:
				out = append(out, fmt.Sprintf(" %d%s", l.Number, l.Text))
			}
		}
		if got := strings.Join(out, " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	// Texts too long to be compared line by line are exchanged whole.
	a, b := strings.Split(strings.Repeat("a\n", 3000), "\n"), strings.Split(strings.Repeat("b\n", 3000), "\n")
	if got := diff(a[:3000], b[:3000]); len(got) != 6000 {
		t.Errorf("%d lines", len(got))
	}
}
