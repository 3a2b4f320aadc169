package profiles

import (
	"testing"

	"thalamus/internal/builtin"
	"thalamus/internal/flow"
	"thalamus/internal/profile"
)

// TestCases reads the cases of every profile that is shipped (R12).
func TestCases(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	var force []profile.InForce
	for _, p := range all {
		force = append(force, profile.InForce{Profile: p})
		results, err := flow.Try(p, builtin.Codecs())
		if err != nil {
			t.Error(err)
		}
		for _, r := range results {
			cases++
			for _, d := range r.Problems {
				t.Errorf("%s, case %s, line %d:\n got %s\nwant %s", p.Name, r.Case, d.Line, d.Got, d.Expected)
			}
		}
	}
	if _, err := profile.NewSet(force); err != nil {
		t.Error(err)
	}
	t.Logf("%d cases of %d profiles", cases, len(all))
}
