package devices

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// The one rule of how a device is stands in register/state; here are its words.

// stateName is a state as its badge says it.
func stateName(ctx context.Context, kind string) string {
	switch kind {
	case "unheard":
		return ui.T(ctx, "Never heard")
	case "online":
		return ui.T(ctx, "Online")
	case "late":
		return ui.T(ctx, "Late")
	case "silent":
		return ui.T(ctx, "Silent")
	case "offline":
		return ui.T(ctx, "Offline")
	case "not-adopted":
		return ui.T(ctx, "New")
	case "not-accepted":
		return ui.T(ctx, "Not accepted")
	case "blocked":
		return ui.T(ctx, "Blocked")
	case "in-use":
		return ui.T(ctx, "In use")
	case "clock-off":
		return ui.T(ctx, "Clock off")
	case "changed":
		return ui.T(ctx, "Software changed")
	case "outside-range":
		return ui.T(ctx, "Outside its profile's range")
	case "moved":
		return ui.T(ctx, "Moved")
	case "overdue":
		return ui.T(ctx, "Not returned")
	case "due":
		return ui.T(ctx, "Maintenance due")
	case "ending":
		return ui.T(ctx, "Support ending")
	case "ended":
		return ui.T(ctx, "Support ended")
	case "gone":
		return ui.T(ctx, "Gone, yet speaking")
	}
	return kind
}

// stateWhy says what a state follows from, in a sentence or two.
func stateWhy(ctx context.Context, s service.State) string {
	w := s.Why
	switch string(s.Kind) {
	case "unheard":
		return ui.T(ctx, "No message has come from it; it was entered or imported.")
	case "online", "late", "silent":
		return heardWhy(ctx, s)
	case "offline":
		return endWhy(ctx, s) + " " + ui.T(ctx, "Last heard %s.", ui.Since(ctx, s.Why.Last)) + lossesWhy(ctx, s)
	case "not-adopted":
		return ui.T(ctx, "It sends, and nobody has said that it belongs here.")
	case "not-accepted":
		switch {
		case w.Now != "":
			return ui.T(ctx, "Its acceptance was opened again: %s", w.Now)
		case !w.On.IsZero():
			return ui.T(ctx, "Its acceptance ended on %s.", day(w.On))
		}
		return ui.T(ctx, "It must be accepted before use, and is not.")
	case "blocked":
		if !w.On.IsZero() {
			return ui.T(ctx, "Nothing of it leaves until %s: %s", ui.Minute(ctx, w.On), w.Now)
		}
		return ui.T(ctx, "Nothing of it leaves: %s", w.Now)
	case "in-use":
		return ui.T(ctx, "A patient is connected to it.")
	case "clock-off":
		return ui.T(ctx, "Its clock is %s. Up to %s is tolerated, and nothing corrects it.", offText(ctx, time.Duration(w.Offset)), ui.Span(ctx, time.Duration(w.Bound)))
	case "changed":
		return ui.T(ctx, "Its software was %s and is %s now; nobody has confirmed that.", called(w.Was, "–"), called(w.Now, "–"))
	case "outside-range":
		return ui.T(ctx, "Its software %s is outside the range its profile was made for.", called(w.Now, ui.T(ctx, "not told")))
	case "moved":
		return ui.T(ctx, "People said %s, its messages say %s.", ui.PlaceText(w.Was), ui.PlaceText(w.Now))
	case "overdue":
		return ui.T(ctx, "It is lent and was to be back by %s.", day(w.On))
	case "due":
		if w.Of != "" {
			return ui.T(ctx, "%s is due on %s.", w.Of, day(w.On))
		}
		return ui.T(ctx, "Maintenance is due on %s.", day(w.On))
	case "ending":
		return ui.T(ctx, "Its maker's support ends on %s.", day(w.On))
	case "ended":
		if w.On.IsZero() {
			return ui.T(ctx, "Its maker supports it no more.")
		}
		return ui.T(ctx, "Its maker's support ended on %s.", day(w.On))
	case "gone":
		return ui.T(ctx, "It is said to be %s, and yet it speaks.", choiceName(ctx, w.Was))
	}
	return ""
}

// heardWhy explains whether a device still speaks, by its own rhythm.
func heardWhy(ctx context.Context, s service.State) string {
	w := s.Why
	why := ui.T(ctx, "Last heard %s.", ui.Since(ctx, w.Last))
	if w.Beat > 0 {
		why += " " + ui.T(ctx, "On the average it sends every %s.", ui.Span(ctx, max(time.Duration(w.Beat), time.Second)))
	} else {
		why += " " + ui.T(ctx, "It sent too little to know its rhythm.")
	}
	if w.How != "" { // it took its leave, and is overdue since
		why = endWhy(ctx, s) + " " + why
	}
	why += lossesWhy(ctx, s)
	switch string(s.Kind) {
	case "silent":
		return why + " " + ui.T(ctx, "Silent means: nothing for %s.", ui.Span(ctx, time.Duration(w.Bound)))
	case "late":
		return why + " " + ui.T(ctx, "Late means: nothing for %s.", ui.Span(ctx, time.Duration(w.Bound)))
	}
	return why
}

// endWhy says how a device's link ended.
func endWhy(ctx context.Context, s service.State) string {
	switch w := s.Why; w.How {
	case "goodbye":
		if w.Code != 0 {
			return ui.T(ctx, "It ended its connection with reason code %s.", fmt.Sprintf("0x%02X", w.Code))
		}
		return ui.T(ctx, "It took its leave and ended its connection.")
	case "silent":
		return ui.T(ctx, "Its connection was ended: it fell silent for longer than it had said.")
	case "will":
		return ui.T(ctx, "It was lost; what it left to be said then (its will) went to %s.", w.Topic)
	case "death":
		return ui.T(ctx, "Its gateway says that it is gone (%s).", w.Topic)
	case "refused":
		return ui.T(ctx, "It was cut off because it broke the protocol.")
	case "revoked":
		return ui.T(ctx, "It was cut off: its credential was revoked or has expired.")
	case "taken-over":
		return ui.T(ctx, "Another connection took its name.")
	}
	return ui.T(ctx, "Its connection was cut, or closed without a word.")
}

// lossesWhy says how often a device was lost, where it was more than once.
func lossesWhy(ctx context.Context, s service.State) string {
	if s.Why.Losses < 2 {
		return ""
	}
	return " " + ui.T(ctx, "It was lost %s times so far.", strconv.FormatUint(s.Why.Losses, 10))
}

// day writes a day; days have no zone.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// badgeKind is how a state looks: its grade, quieter where nobody need look.
func badgeKind(s service.State) string {
	if k := string(s.Kind); s.Grade == "info" && (k == "unheard" || k == "silent" || k == "offline") {
		return "quiet"
	}
	return string(s.Grade)
}

// settledAt is where a state, or a task that came of it, is looked into and
// settled. fact names what a disagreement is about.
func settledAt(kind, device, model, fact string) string {
	page := "/devices/" + device
	switch kind {
	case "late", "silent", "offline", "unheard":
		return page + "#wire"
	case "clock-off":
		return page + "#clock-of"
	case "outside-range":
		return page + "#reading"
	case "due":
		return "/orders?device=" + device
	case "moved":
		return factPage("device/"+device, "place")
	case "changed":
		return factPage("device/"+device, "release")
	case "blocked":
		return page + "#decided-title"
	case "overdue":
		return "/scan?do=return&device=" + device
	case "gone":
		return factPage("device/"+device, "life")
	case "ending", "ended":
		if model != "" {
			return "/models/" + model
		}
	case "disagreement", "exception":
		return factPage("device/"+device, fact)
	}
	return page
}
