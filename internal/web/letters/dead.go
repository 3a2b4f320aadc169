package letters

import (
	"net/url"
	"strconv"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// pageOfLetters is how many stand on one page, and so how many are settled at
// once.
const pageOfLetters = 50

// deadView is the list with its filters.
type deadView struct {
	List         service.List[service.DeadLetter]
	Destinations []ui.Option
	Names        map[model.DestinationID]string
	Ticked       map[string]bool
	Filtered     bool
	Back         string // address of this page with its filters
}

func dead(v *ui.Visit) (ui.View, error) {
	q := v.Request.URL.Query()
	if v.Form != nil { // shown again by an act: its filters came with the form
		if back, err := url.Parse(v.Typed("back")); err == nil {
			q = back.Query()
		}
	}
	ctx := v.Context()
	p := deadView{Ticked: map[string]bool{}, Names: map[model.DestinationID]string{}, Filtered: q.Get("destination") != "" || q.Get("code") != ""}
	p.Back = "/dead-letters"
	if len(q) > 0 {
		p.Back += "?" + q.Encode()
	}
	after, _ := strconv.ParseUint(q.Get("after"), 10, 64) // not a number: the first page
	ask := service.DeadLetterAsk{Destination: model.DestinationID(q.Get("destination")), Code: q.Get("code"), After: after, Limit: pageOfLetters}
	if err := v.Call("deadletter.list", ask, &p.List); err != nil {
		return ui.View{}, err
	}
	var rows []service.DestinationRow
	if v.May("destination.list") {
		if err := v.Call("destination.list", nil, &rows); err != nil {
			return ui.View{}, err
		}
	}
	p.Destinations = []ui.Option{{Value: "", Text: ui.T(ctx, "every destination")}}
	for _, r := range rows {
		name := string(r.ID)
		if r.Name != "" {
			name = r.Name
		}
		p.Names[r.ID] = name
		p.Destinations = append(p.Destinations, ui.Option{Value: string(r.ID), Text: name})
	}
	for _, id := range v.Form["id"] {
		p.Ticked[id] = true
	}
	return ui.View{Styles: styles, Title: ui.T(ctx, "Dead letters"), Body: deadPage(p)}, nil
}

// settle does one operation with every letter that is ticked. Letters that
// somebody else settled meanwhile are passed over.
func settle(operation string) func(v *ui.Visit) (ui.Done, error) {
	return func(v *ui.Visit) (ui.Done, error) {
		ids := v.Form["id"]
		if v.Typed("all") != "" {
			ids = v.Form["listed"]
		}
		if len(ids) == 0 {
			return ui.Done{}, fault.New(fault.Invalid, "service.argument", "tick the letters it is about").At("id")
		}
		if v.Typed("reason") == "" {
			return ui.Done{}, fault.New(fault.Invalid, "service.no-reason", "say why; it is kept in the audit").At("reason")
		}
		done := 0
		for _, text := range ids[:min(len(ids), pageOfLetters)] {
			id, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return ui.Done{}, fault.New(fault.Invalid, "service.argument", "the form is damaged; open the page again").At("id")
			}
			err = v.Call(operation, service.Letter{ID: id, Reason: v.Typed("reason")}, nil)
			switch {
			case err == nil:
				done++
			case fault.KindOf(err) != fault.Absent:
				return ui.Done{}, err
			}
		}
		ctx := v.Context()
		said := ui.Plural(ctx, done, "%s letter is tried again.", "%s letters are tried again.")
		if operation == "deadletter.discard" {
			said = ui.Plural(ctx, done, "%s letter is set aside.", "%s letters are set aside.")
		}
		to := v.Typed("back")
		if !ui.Local(to) {
			to = "/dead-letters"
		}
		return ui.Done{To: to, Toast: &ui.Toast{Text: said}}, nil
	}
}
