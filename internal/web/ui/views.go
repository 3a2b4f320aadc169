package ui

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"thalamus/internal/service"
)

// Views are what the visitor's account keeps; nothing for who may keep none.
// They are asked for once a visit.
func (v *Visit) Views() *service.Views {
	if v.kept == nil {
		v.kept = &service.Views{}
		if v.May("view.list") {
			if err := v.Call("view.list", nil, v.kept); err != nil {
				*v.kept = service.Views{} // the page is as it is for everybody
			}
		}
	}
	return v.kept
}

// Columns gives what the account chose for a table, empty for nothing.
func (v *Visit) Columns(table string) string {
	for _, c := range v.Views().Columns {
		if c.Table == table {
			return c.Shown
		}
	}
	return ""
}

// viewsHere are the views of the page that is shown.
func (v *Visit) viewsHere() (out []service.View) {
	if v.Page == nil || v.Page.Name == "" || v.Partial() {
		return nil
	}
	for _, one := range v.Views().Views {
		if one.Page == v.Page.Path {
			out = append(out, one)
		}
	}
	return out
}

// viewQuery is what a view of this page would keep: its filters, without where
// its reader is in the list; empty where there is nothing to keep.
func (v *Visit) viewQuery(view *View) string {
	if v.Page == nil || v.Page.Name == "" || v.Request.Method != http.MethodGet || !v.May("view.save") {
		return ""
	}
	kept := url.Values{}
	for name, values := range v.Request.URL.Query() {
		values = slices.DeleteFunc(slices.Clone(values), func(s string) bool { return s == "" })
		if len(values) > 0 && name != "after" && name != "as" && name != "table" {
			kept[name] = values
		}
	}
	if len(kept) > 0 && view.Query != "" {
		return view.Query
	}
	return kept.Encode()
}

// current says whether a view is what the address shows.
func (v *Visit) current(one service.View) bool {
	want, err := url.ParseQuery(one.Query)
	have := v.Request.URL.Query()
	have.Del("after")
	return err == nil && want.Encode() == have.Encode()
}

// choosing lists the tables of this page whose columns may be chosen, as they
// were drawn.
func choosing(ctx context.Context) []shownTable {
	v := From(ctx)
	if v.Page == nil || v.Partial() || !v.May("view.columns") {
		return nil
	}
	return v.tables
}
