package oversight

import (
	"context"
	"slices"
	"time"

	"github.com/a-h/templ"

	"thalamus/internal/service"
	"thalamus/internal/web/accept"
	"thalamus/internal/web/ui"
)

// concern is something that whoever answers for the house should look at.
type concern struct {
	Name  string
	Count int64
	Kind  string // when there is any: warn or bad
	To    templ.SafeURL
	Why   string // what is counted, and why it matters
}

// startView is the first page of Oversight.
type startView struct {
	House []concern
	Plain []service.PlainLink
	Own   service.OwnHealth
	Self  []concern
}

func start(v *ui.Visit) (ui.View, error) {
	var o service.Oversight
	if err := v.Call("oversight.get", nil, &o); err != nil {
		return ui.View{}, err
	}
	ctx := v.Context()
	p := startView{House: house(ctx, &o), Plain: o.Plain, Own: o.Own, Self: self(ctx, &o.Own)}
	if v.May("acceptance.list") {
		var rows []service.AcceptanceRow
		if err := v.Call("acceptance.list", service.AcceptanceAsk{}, &rows); err != nil {
			return ui.View{}, err
		}
		p.House = slices.Insert(p.House, 2, acceptances(ctx, rows, v.Now)...)
	}
	return ui.View{Styles: styles, Title: ui.T(ctx, "Oversight"), Body: startPage(p)}, nil
}

// house is what is not as it should be with devices and links.
func house(ctx context.Context, o *service.Oversight) []concern {
	count := map[string]int64{}
	for _, s := range o.States {
		count[string(s.Kind)] = int64(s.Count)
	}
	open := int64(0)
	for _, l := range o.Plain {
		if !l.Local {
			open++
		}
	}
	in := func(state string) templ.SafeURL { return ui.To("/devices?state=", state) }
	return []concern{
		{ui.T(ctx, "Not adopted"), count["not-adopted"], "warn", "/inbox", ui.T(ctx, "Seen on the wire, and nobody took them into use. What they send waits in quarantine where their channel asks for adopted devices.")},
		{ui.T(ctx, "Not accepted"), count["not-accepted"], "bad", "/devices?state=not-accepted", ui.T(ctx, "Their acceptance is missing, has ended, or was opened again by what was observed.")},
		{ui.T(ctx, "Without an owner"), int64(o.Unowned), "warn", "/devices?fact=owner%3D", ui.T(ctx, "Nothing is said of who owns them: nobody would be asked when they fail.")},
		{ui.T(ctx, "Support ended"), count["ended"], "bad", in("ended"), ui.T(ctx, "Their maker mends nothing any more, by what is said of their release or model.")},
		{ui.T(ctx, "Support ends soon"), count["ending"], "warn", in("ending"), ui.T(ctx, "Support ends within 180 days: time to plan.")},
		{ui.T(ctx, "Silent"), count["silent"], "bad", in("silent"), ui.T(ctx, "They have missed many messages, measured by their own rhythm.")},
		{ui.T(ctx, "Maintenance due"), count["due"], "warn", in("due"), ui.T(ctx, "The day of their plan has come or comes within 14 days.")},
		{ui.T(ctx, "Software changed"), count["changed"], "warn", in("changed"), ui.T(ctx, "Their messages tell another release than before, and nobody confirmed it.")},
		{ui.T(ctx, "Clock off"), count["clock-off"], "warn", in("clock-off"), ui.T(ctx, "Their clock is off by more than is tolerated, and is not corrected.")},
		{ui.T(ctx, "Gone and yet heard"), count["gone"], "bad", in("gone"), ui.T(ctx, "Said to be lost, retired or disposed of, and they still speak.")},
		{ui.T(ctx, "Links that are not encrypted"), open, "warn", "#plain", ui.T(ctx, "Anybody on the way can read what goes over them. Links within this machine are not counted.")},
	}
}

// acceptances tells how many are under way, and how many end soon.
func acceptances(ctx context.Context, rows []service.AcceptanceRow, now time.Time) []concern {
	waiting, ending := int64(0), int64(0)
	for _, a := range rows {
		if a.State != "accepted" && a.State != "rejected" {
			waiting++
		}
		if accept.Ending(a, now) {
			ending++
		}
	}
	return []concern{
		{ui.T(ctx, "In acceptance"), waiting, "warn", "/acceptances?view=waiting", ui.T(ctx, "Begun, ended or opened again: answers or signatures are missing.")},
		{ui.T(ctx, "Acceptance ends soon"), ending, "warn", "/acceptances?view=ending", ui.T(ctx, "Accepted, and not for longer than 90 days: time to look again.")},
	}
}

// self is what is not as it should be with the program.
func self(ctx context.Context, h *service.OwnHealth) []concern {
	cut := int64(0)
	if h.AuditCut {
		cut = 1
	}
	oldest := ""
	if !h.Oldest.IsZero() {
		oldest = " " + ui.T(ctx, "The oldest waits since %s.", ui.Clock(ctx, h.Oldest))
	}
	return []concern{
		{ui.T(ctx, "Faults of the program"), int64(len(h.Faults)), "bad", "", ui.T(ctx, "What keeps it from its work; each is said above.")},
		{ui.T(ctx, "Waiting to be recorded"), h.Behind, "", "/", ui.T(ctx, "Durable in the journal, and not in the record yet.")},
		{ui.T(ctx, "Waiting to be delivered"), h.Queued, "", "/flow", ui.T(ctx, "Owed to destinations.") + oldest},
		{ui.T(ctx, "Waiting for adoption"), h.Quarantined, "warn", "/inbox", ui.T(ctx, "Deliveries of devices that nobody has adopted.")},
		{ui.T(ctx, "Dead letters"), h.Dead, "bad", "/dead-letters", ui.T(ctx, "Refused for good by their destination: somebody must decide.")},
		{ui.T(ctx, "Audit cut off"), cut, "bad", "/audit", ui.T(ctx, "The end of the audit must fit the head that is kept beside it. Whether each record within is as it was written is checked on the page of the audit.")},
	}
}
