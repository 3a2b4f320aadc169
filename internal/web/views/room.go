// Package views keeps how people want to see the console: pages with their
// filters under a name, and the columns of tables. Both belong to the account
// (decision 191). What shows them stands in ui: views.go and table.go.
package views

import (
	"net/url"
	"strings"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// Room lists the acts; every page has them.
func Room() ui.Room {
	return ui.Room{Acts: []ui.Act{
		{Path: "/views", Needs: "view.save", Do: save},
		{Path: "/views/remove", Needs: "view.remove", Do: remove},
		{Path: "/views/columns", Needs: "view.columns", Do: columns},
	}}
}

// back is the page the form was on.
func back(v *ui.Visit) string {
	if to := v.Typed("back"); ui.Local(to) {
		return to
	}
	return "/"
}

func save(v *ui.Visit) (ui.Done, error) {
	ask := service.ViewSave{Page: v.Typed("page"), Name: v.Typed("name"), Query: v.Typed("query")}
	if err := v.Call("view.save", ask, nil); err != nil {
		return ui.Done{}, err
	}
	to := ask.Page
	if ask.Query != "" {
		to += "?" + ask.Query
	}
	return ui.Done{To: to, Toast: &ui.Toast{
		Text: ui.T(v.Context(), "Your account keeps the view %s.", ask.Name),
		Undo: "/views/remove", With: map[string]string{"page": ask.Page, "name": ask.Name, "back": to},
	}}, nil
}

func remove(v *ui.Visit) (ui.Done, error) {
	ask := service.ViewRemove{Page: v.Typed("page"), Name: v.Typed("name")}
	if err := v.Call("view.remove", ask, nil); err != nil {
		return ui.Done{}, err
	}
	toast := &ui.Toast{Text: ui.T(v.Context(), "The view is removed.")}
	if query := v.Typed("query"); query != "" {
		toast.Undo, toast.With = "/views", map[string]string{"page": ask.Page, "name": ask.Name, "query": query}
	}
	return ui.Done{To: back(v), Toast: toast}, nil
}

// columns takes which columns stay: the numbers of those that do.
func columns(v *ui.Visit) (ui.Done, error) {
	shown := ui.HiddenColumns(v.Typed("count"), v.Form["col"])
	if v.Typed("usual") != "" {
		shown = ""
	}
	if err := v.Call("view.columns", service.ViewColumns{Table: v.Typed("table"), Shown: shown}, nil); err != nil {
		return ui.Done{}, err
	}
	to := back(v)
	if u, err := url.Parse(to); err == nil && u.Query().Has("cols") {
		q := u.Query()
		q.Del("cols")
		to = strings.TrimSuffix(u.Path+"?"+q.Encode(), "?")
	}
	return ui.Done{To: to}, nil
}
