package oversight

import (
	"strconv"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// journalView is how the journal stands.
type journalView struct {
	Stat     service.JournalStat
	Segments []service.JournalSegment
	Check    service.JournalCheck
	MayCheck bool
}

func journal(v *ui.Visit) (ui.View, error) {
	var p journalView
	if err := v.Call("journal.stat", nil, &p.Stat); err != nil {
		return ui.View{}, err
	}
	if err := v.Call("hold.list", nil, &p.Segments); err != nil {
		return ui.View{}, err
	}
	if p.MayCheck = v.May("journal.checked"); p.MayCheck {
		if err := v.Call("journal.checked", nil, &p.Check); err != nil {
			return ui.View{}, err
		}
	}
	return ui.View{Styles: styles, Title: ui.T(v.Context(), "Journal"), Body: journalPage(p), Actions: journalActions(p)}, nil
}

func checkJournal(v *ui.Visit) (ui.Done, error) {
	if err := v.Call("journal.check", nil, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/journal", Toast: &ui.Toast{Text: ui.T(v.Context(), "The check has begun.")}}, nil
}

func hold(v *ui.Visit) (ui.Done, error) {
	return segment(v, "hold.set", ui.T(v.Context(), "The segment is held."))
}

func release(v *ui.Visit) (ui.Done, error) {
	return segment(v, "hold.release", ui.T(v.Context(), "The segment is no longer held."))
}

func segment(v *ui.Visit, operation, said string) (ui.Done, error) {
	n, err := strconv.ParseUint(v.Path("id"), 10, 32)
	if err != nil {
		return ui.Done{}, fault.New(fault.Absent, "journal.segment", "there is no such segment")
	}
	ask := service.SegmentAct{Reason: v.Typed("reason")}
	ask.Segment += service.SegmentID(n)
	if err := v.Call(operation, ask, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/journal", Toast: &ui.Toast{Text: said}}, nil
}

func redact(v *ui.Visit) (ui.Done, error) {
	n, err := strconv.ParseUint(v.Typed("seq"), 10, 64)
	if err != nil || n == 0 {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "expected the number of an entry").At("seq")
	}
	if v.Typed("sure") != v.Typed("seq") {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "this is another number; it cannot be undone, so type it twice").At("sure")
	}
	if err := v.Call("entry.redact", service.EntryAct{Seq: model.Seq(n), Reason: v.Typed("reason")}, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/journal", Toast: &ui.Toast{Text: ui.T(v.Context(), "The bytes of entry %d are gone; its place and hash stay.", n)}}, nil
}
