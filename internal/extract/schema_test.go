package extract_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"thalamus/internal/extract"
)

// The document names every column of every table, and no other (R22: a
// documented schema).
func TestSchemaIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/extract.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string][]string{}
	heading := ""
	quoted := regexp.MustCompile("`([a-z_]+)`")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "### "); ok {
			heading = strings.TrimSpace(rest)
		} else if strings.HasPrefix(line, "## ") {
			heading = ""
		}
		if cells := strings.Split(line, "|"); heading != "" && len(cells) > 3 {
			for _, name := range quoted.FindAllStringSubmatch(cells[1], -1) {
				sections[heading] = append(sections[heading], name[1])
			}
		}
	}
	every, who := sections["In every table"], sections["Of whom it is and when (observations, waveforms, alerts)"]
	for _, table := range extract.Tables() {
		want := slices.Concat(every, sections[string(table)])
		switch table {
		case extract.Observations, extract.Waveforms:
			want = append(want, who...)
		case extract.Alerts:
			want = append(want, slices.DeleteFunc(slices.Clone(who), func(s string) bool { return s == "sub_id" })...)
		}
		got := extract.Columns(table)
		slices.Sort(want)
		sorted := slices.Sorted(slices.Values(got))
		if !slices.Equal(sorted, want) {
			for _, c := range sorted {
				if !slices.Contains(want, c) {
					t.Errorf("%s: the column %s is not documented", table, c)
				}
			}
			for _, c := range want {
				if !slices.Contains(sorted, c) {
					t.Errorf("%s: there is no column %s", table, c)
				}
			}
		}
	}
}
