// Package ui is what every page of the console is made of: the visit (who
// asks, in which language, at which time), the list of pages and acts, and the
// components that look and sound the same everywhere. Package web's comment
// says how to add a page.
package ui

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/texts"
)

// Visit is one request to the console. Templates reach it through their
// context: T, At, May and the other short functions of this package take it
// from there.
type Visit struct {
	Request  *http.Request
	Door     *service.Door // nil: nobody is signed in
	Site     string
	Version  string
	Zone     *time.Location
	Now      time.Time // one "now" for the whole page
	Language *texts.Language
	Theme    Theme
	Pages    []Page // all there are; the menu shows those the actor may see
	Page     *Page  // the one that is shown; nil on a fault page
	Toast    *Toast // what happened just before

	// Fault and Form are set when an act was refused and its page is shown
	// again: what is wrong, and what was typed.
	Fault *fault.Fault
	Form  url.Values

	kept   *service.Views    // of the account, when it was asked for
	tables []shownTable      // drawn so far
	names  map[string]string // what ids are called, as far as the page asked
}

// Theme of the console.
type Theme string

const (
	Auto  Theme = "auto" // as the reader's system is
	Light Theme = "light"
	Dark  Theme = "dark"
)

// Context of the request.
func (v *Visit) Context() context.Context { return v.Request.Context() }

// Call calls an operation for whoever visits.
func (v *Visit) Call(operation string, request, response any) error {
	return v.Door.Call(v.Context(), operation, request, response)
}

// May says whether the visitor may call an operation.
func (v *Visit) May(operation string) bool { return v.Door != nil && v.Door.May(operation) }

// Query gives one parameter of the address.
func (v *Visit) Query(name string) string { return strings.TrimSpace(v.Request.URL.Query().Get(name)) }

// Tab is the tab of a thing that is asked for beside its page: history, raw or
// none.
func (v *Visit) Tab() string {
	if tab := v.Query("tab"); v.Page != nil && v.Page.Thing.Kind != "" && (tab == "history" || tab == "raw") {
		return tab
	}
	return ""
}

// Path gives one part of the page's path, "{name}" in Page.Path.
func (v *Visit) Path(name string) string { return v.Request.PathValue(name) }

// Typed gives what was typed into a field of a form.
func (v *Visit) Typed(name string) string { return strings.TrimSpace(v.Form.Get(name)) }

// Why gives the reason of an act that needs one; the fault names its field.
func (v *Visit) Why() (string, error) {
	why := v.Typed("reason")
	if why == "" {
		return "", fault.New(fault.Invalid, "service.no-reason", "say why; it is kept in the audit").At("reason")
	}
	return why, nil
}

// Partial says that htmx asks for a region, so the frame may stay away.
func (v *Visit) Partial() bool {
	h := v.Request.Header
	return h.Get("HX-Request") == "true" && h.Get("HX-Boosted") == "" && h.Get("HX-History-Restore-Request") == ""
}

// Here is the address of this page with some parameters of its query changed:
// pairs of name and value; an empty value takes the parameter away.
func (v *Visit) Here(pairs ...string) string {
	q := v.Request.URL.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return v.Request.URL.Path
	}
	return v.Request.URL.Path + "?" + q.Encode()
}

// Wrong gives what is wrong with a field, empty when nothing is: in another
// language than English what the fault's code means, then its own words.
func (v *Visit) Wrong(field string) string {
	if v.Fault == nil || field == "" || v.Fault.Place != field && !strings.HasPrefix(v.Fault.Place, field+".") {
		return ""
	}
	if meaning := v.described(v.Fault.Code).Meaning; v.foreign() && meaning != "" {
		return meaning + " (" + v.Fault.Text + ")"
	}
	return v.Fault.Text
}

type key struct{}

// With puts a visit into a context, for templates.
func With(ctx context.Context, v *Visit) context.Context { return context.WithValue(ctx, key{}, v) }

// From gives the visit of a template's context; a context without one gives an
// English visit of nobody.
func From(ctx context.Context) *Visit {
	if v, ok := ctx.Value(key{}).(*Visit); ok {
		return v
	}
	return &Visit{Request: &http.Request{URL: &url.URL{Path: "/"}}, Zone: time.UTC, Now: time.Now(), Language: texts.Pick("", ""), Theme: Auto}
}

// May says in a template whether the visitor may call an operation.
func May(ctx context.Context, operation string) bool { return From(ctx).May(operation) }
