package codec

import (
	"strings"
	"testing"

	"thalamus/internal/model"
)

func TestChanges(t *testing.T) {
	list := func(s string) (out []model.Alert) {
		for _, one := range strings.Fields(s) {
			id, priority, _ := strings.Cut(one, ":")
			out = append(out, model.Alert{ID: id, Priority: priority})
		}
		return out
	}
	for _, c := range []struct {
		now, before string
		known       bool
		want        string
	}{
		{"a b", "", false, "a=continue b=continue"},
		{"", "a", false, ""},
		{"a b", "a", true, "b=start"},
		{"a:high", "a:low", true, "a=update"},
		{"", "a b b", true, "a=end b=end"},
		{"a a", "", true, "a=start"},
		{"a", "a", true, ""},
	} {
		var got []string
		for _, a := range Changes(list(c.now), list(c.before), c.known) {
			if (a.Phase == "end") != (a.State == "inactive") {
				t.Errorf("%s is %s", a.Phase, a.State)
			}
			got = append(got, a.ID+"="+a.Phase)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%q after %q: %q, want %q", c.now, c.before, s, c.want)
		}
	}
}
