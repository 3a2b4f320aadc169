package web

import (
	"strings"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// found is what the search of the top bar shows. Its answer stands at the
// address /search, so that no name gets into an address (R44).
type found struct {
	patients []hit
	devices  []hit
	models   []hit
	messages []hit
	labels   []hit
	profiles []hit
	services []hit
	links    []hit // channels, routes and destinations
	settings []hit
	pages    []hit
}

type hit struct {
	text, about string
	to          string
}

func (f found) all() int {
	return len(f.patients) + len(f.devices) + len(f.models) + len(f.messages) + len(f.labels) + len(f.profiles) +
		len(f.services) + len(f.links) + len(f.settings) + len(f.pages)
}

const hitsOfAKind = 20

// search looks for everything that has a name; each only where the visitor
// may, and only what has a page the visitor may see.
func (c *console) search(v *ui.Visit) (ui.Done, error) {
	text, ctx := v.Typed("text"), v.Context()
	var f found
	if text != "" {
		for _, find := range []func(*ui.Visit, string, *found) error{
			findPatients, findDevices, findMessages, findMeanings, findLinks, findSettings, findPages,
		} {
			if err := find(v, text, &f); err != nil {
				return ui.Done{}, err
			}
		}
	}
	return ui.Done{View: &ui.View{Title: ui.T(ctx, "Found"), Body: foundPage(f, text)}}, nil
}

func findPatients(v *ui.Visit, text string, f *found) error {
	if !v.May("patient.search") || len(text) < 2 {
		return nil
	}
	var rows []service.Patient
	err := v.Call("patient.search", service.PatientAsk{Text: text, Limit: hitsOfAKind}, &rows)
	for _, p := range rows {
		f.patients = append(f.patients, hit{p.DisplayName(), joined(p.BirthDate, ui.Place(p.Place)), "/patients/" + string(p.ID)})
	}
	return err
}

func findMessages(v *ui.Visit, text string, f *found) error {
	if v.May("message.get") {
		var ref model.MessageRef
		if ref.UnmarshalText([]byte(text)) == nil && ref.Seq > 0 {
			f.messages = append(f.messages, hit{ui.T(v.Context(), "Message %s", text), "", "/messages/" + text})
		}
	}
	if !v.May("message.search") || len(text) < 3 || strings.ContainsAny(text, " ,") {
		return nil
	}
	var l service.List[service.Summary]
	if err := v.Call("message.search", service.MessageSearch{Control: text, Limit: hitsOfAKind}, &l); err != nil {
		return err
	}
	for _, m := range l.Rows {
		number := ui.Ref(m.Ref)
		f.messages = append(f.messages, hit{ui.T(v.Context(), "Message %s", number), joined(m.Type, m.ControlID, ui.Clock(v.Context(), m.Arrived)), "/messages/" + number})
	}
	return nil
}

func joined(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, " · ")
}
