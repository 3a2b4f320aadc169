package app

import (
	"fmt"
	"slices"

	"thalamus/internal/flow/journal"
)

// health says in plain words what is wrong with the program itself.
func (a *App) health() []string {
	var out []string
	if why := a.broken.Load(); why != nil {
		out = append(out, "Messages are received and kept, but not processed: "+*why)
	}
	if why := a.waiting.Load(); why != nil {
		out = append(out, "The record waits: "+*why)
	}
	st, err := a.journal.Stat()
	if why := journalWaits(st, a.boot.Journal.Segment, err); why != "" {
		out = append(out, "The journal takes nothing, senders are told to wait: "+why)
	}
	n := len(out)
	for id, s := range a.links.Status() {
		if s.State == "failed" {
			out = append(out, fmt.Sprintf("Channel %s is not open: %s", id, s.Text))
		}
	}
	slices.Sort(out[n:])
	return out
}

// journalWaits says why the journal takes nothing now; empty when it does. A
// full disk that has room again counts as well at once: the journal finds out
// with the next frame, and whoever waits for readiness sends none until then.
func journalWaits(st journal.Stat, segment int64, err error) string {
	switch {
	case err != nil:
		return "the disk does not answer: " + err.Error()
	case st.Fault == "":
		return ""
	case st.Fault != "journal.full":
		return "the disk refused what was written; look at the disk and the kernel's log [" + st.Fault + "]"
	case st.Free >= st.Floor+segment:
		return ""
	}
	return fmt.Sprintf("there is no room on the disk: %d MiB are free, %d MiB are kept in reserve; free some, nothing else is needed [%s]", st.Free>>20, st.Floor>>20, st.Fault)
}
