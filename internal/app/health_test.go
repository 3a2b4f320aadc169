package app

import (
	"errors"
	"strings"
	"testing"

	"thalamus/internal/flow/journal"
)

func TestJournalWaits(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		st   journal.Stat
		err  error
		want string
	}{
		"well":                   {st: journal.Stat{Free: 100 * mib}, want: ""},
		"full":                   {st: journal.Stat{Fault: "journal.full", Free: 6 * mib, Floor: 8 * mib}, want: "6 MiB are free, 8 MiB are kept"},
		"no room for a segment":  {st: journal.Stat{Fault: "journal.full", Free: 9 * mib, Floor: 8 * mib}, want: "no room"},
		"room again, no traffic": {st: journal.Stat{Fault: "journal.full", Free: 12 * mib, Floor: 8 * mib}, want: ""},
		"erring":                 {st: journal.Stat{Fault: "journal.sync", Free: 100 * mib}, want: "refused"},
		"gone":                   {err: errors.New("input/output error"), want: "does not answer: input/output error"},
	} {
		got := journalWaits(c.st, 4*mib, c.err)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
