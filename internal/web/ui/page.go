package ui

import (
	"slices"
	"strings"

	"github.com/a-h/templ"
)

// Workplace is one of the four places people work at; each has its own menu.
type Workplace string

const (
	Ward        Workplace = "ward"
	Integration Workplace = "integration"
	Devices     Workplace = "devices"
	Oversight   Workplace = "oversight"
)

// Workplaces lists them in the order of the menu.
func Workplaces() []struct {
	ID   Workplace
	Name string
	Icon string
} {
	return []struct {
		ID   Workplace
		Name string
		Icon string
	}{
		{Ward, N("Ward"), "pulse"},
		{Integration, N("Integration"), "flow"},
		{Devices, N("Devices"), "device"},
		{Oversight, N("Oversight"), "shield"},
	}
}

// Page is one address that shows something.
type Page struct {
	Path  string // as http.ServeMux has it: "/messages/{ref}"
	Name  string // in the menu, N("Messages"); empty: reached by links alone
	Place Workplace
	Icon  string // see icon.templ
	Needs string // operation the visitor must be allowed; empty: who is signed in
	Under string // path of the menu's page this one belongs to, when it has no name
	Thing Thing  // what it is about; gives it tabs of history and of the thing as it is
	Show  func(v *Visit) (View, error)
}

// View is what a page shows.
type View struct {
	Title   string // in the reader's language
	Body    templ.Component
	Trail   []Link          // where the page lies, above the title
	Scripts []string        // assets beside console.js: "live.js"
	Styles  []string        // assets beside style.css: "ward.css"
	Head    templ.Component // in place of the title, of a bare page
	Bare    bool            // the body has its own heading
	Wide    bool            // the body takes the whole width of the window
	Actions templ.Component
	Query   string          // what a saved view keeps, where that is more than the address says
	History templ.Component // what the page itself tells of the past; stands in its tab
	Tabs    []Tab           // of a page that is about a thing; set for it
}

// Link is a text that leads somewhere.
type Link struct {
	Text string
	To   templ.SafeURL
}

// Act is one address that changes something: POST only, works without scripts.
// It answers by leading to a page, where a toast tells what was done. When
// what was typed is wrong, Again shows its page once more with v.Fault and
// v.Form set, so that fields keep their text and say what is wrong.
type Act struct {
	Path  string
	Needs string
	Limit int64 // of the form in bytes; 0: 64 kB
	Do    func(v *Visit) (Done, error)
	Again func(v *Visit) (View, error) // nil: the fault page
}

// Done is what became of an act.
type Done struct {
	To    string // page that is shown next: a path of our own
	Toast *Toast // what it says there, may be nil
	// View is shown at once instead, at the act's own address: for answers
	// that must not stand in an address, such as names or new secrets.
	View *View
}

// Toast tells what just happened. It travels in a short-lived cookie: never a
// name of a patient, never a secret.
type Toast struct {
	Text string            `json:"text"`           // in the reader's language
	Undo string            `json:"undo,omitempty"` // path of the act that takes it back
	With map[string]string `json:"with,omitempty"` // fields of that act's form
}

// Undoable is a toast of changes that change.undo takes back; the reader is at
// back then.
func Undoable(v *Visit, text, back string, changes ...string) *Toast {
	toast := &Toast{Text: text}
	changes = slices.DeleteFunc(changes, func(c string) bool { return c == "" })
	if len(changes) > 0 && v.May("change.undo") {
		toast.Undo, toast.With = "/changes/undo", map[string]string{"change": strings.Join(changes, " "), "back": back}
	}
	return toast
}

// Menu gives the pages of one workplace the visitor may see.
func (v *Visit) Menu(w Workplace) []Page {
	var out []Page
	for _, p := range v.Pages {
		if p.Place == w && p.Name != "" && v.allowed(p.Needs) {
			out = append(out, p)
		}
	}
	return out
}

func (v *Visit) allowed(operation string) bool {
	return v.Door != nil && (operation == "" || v.May(operation))
}

// Current says whether a page of the menu is the one that is shown, or the one
// it lies under.
func (v *Visit) Current(p Page) bool {
	return v.Page != nil && (v.Page.Path == p.Path || v.Page.Under == p.Path)
}

// Leads says whether an address is a page that the visitor may see.
func (v *Visit) Leads(to string) bool {
	to, _, _ = strings.Cut(to, "?")
	to, _, _ = strings.Cut(to, "#")
	for i := range v.Pages {
		if fits(v.Pages[i].Path, to) && v.allowed(v.Pages[i].Needs) {
			return true
		}
	}
	return false
}

// fits says whether a path is one of a page's: "/messages/{ref}".
func fits(pattern, path string) bool {
	for {
		part, rest, more := strings.Cut(pattern, "/")
		have, others, deeper := strings.Cut(path, "/")
		if more != deeper || part != have && (!strings.HasPrefix(part, "{") || have == "") {
			return false
		}
		if !more {
			return true
		}
		pattern, path = rest, others
	}
}

// Local says whether an address is a path of our own, so that a redirect or a
// form may go there.
func Local(to string) bool {
	return strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.ContainsAny(to, "\\\r\n\t")
}

// To makes a path of our own from parts: To("/messages/", ref).
func To(parts ...string) templ.SafeURL { return templ.SafeURL(strings.Join(parts, "")) }
