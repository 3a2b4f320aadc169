package service

import (
	"context"
	"net/url"
	"strings"
	"unicode/utf8"

	"thalamus/internal/access"
	"thalamus/internal/fault"
)

// View is a page of the console with its filters, kept under a name.
type View struct {
	Page  string `json:"page"`  // its path
	Name  string `json:"name"`  // what somebody called it
	Query string `json:"query"` // of the address: filters, order, columns
}

// Columns says which columns of a table are shown.
type Columns struct {
	Table string `json:"table"`
	Shown string `json:"shown"` // as the table has it
}

// Views are what one account keeps.
type Views struct {
	Views   []View    `json:"views"`
	Columns []Columns `json:"columns"`
}

// ViewSave keeps a view in place of the one of that page and name.
type ViewSave struct {
	Page  string `json:"page" arg:"page" doc:"path of the page, e.g. /devices"`
	Name  string `json:"name" arg:"name" private:"true" doc:"what to call it, at most 40 letters"`
	Query string `json:"query,omitempty" doc:"query of its address, e.g. state=silent"`
}

// ViewRemove forgets a view.
type ViewRemove struct {
	Page string `json:"page" arg:"page" doc:"path of the page"`
	Name string `json:"name" arg:"name" private:"true" doc:"what it is called"`
}

// ViewColumns chooses the columns of a table.
type ViewColumns struct {
	Table string `json:"table" arg:"table" doc:"id of the table on its page, e.g. devices"`
	Shown string `json:"shown,omitempty" doc:"which columns, as the console writes it; left out: the usual ones"`
}

// Bounds of what an account keeps.
const (
	mostChoices = 200
	longestView = 2000 // bytes of a query
)

func viewOps() []Op {
	return []Op{
		define(Reads, "view.list", "List the views of the console that you keep, and the columns you chose.", "", listViews),
		define(Acts, "view.save", "Keep a page of the console with its filters under a name.", "/devices 'Silent pumps' --query state=silent", saveView),
		define(Acts, "view.remove", "Forget a view of the console.", "/devices 'Silent pumps'", removeView),
		define(Acts, "view.columns", "Choose the columns of a table of the console.", "devices --shown 'state place'", chooseColumns),
	}
}

func listViews(ctx context.Context, c *call, _ None) (Views, error) {
	var out Views
	all, err := c.s.Store.Choices(ctx, c.actor.ID)
	for _, one := range all {
		switch one.Kind {
		case access.ViewChoice:
			out.Views = append(out.Views, View{one.Page, one.Name, one.Value})
		case access.ColumnsChoice:
			out.Columns = append(out.Columns, Columns{one.Page, one.Value})
		}
	}
	return out, err
}

// room refuses what would be one choice too many.
func (c *call) room(ctx context.Context) error {
	all, err := c.s.Store.Choices(ctx, c.actor.ID)
	if err == nil && len(all) >= mostChoices {
		err = fault.New(fault.Invalid, "service.argument", "an account keeps %d views and choices of columns; remove one first", mostChoices).At("name")
	}
	return err
}

func saveView(ctx context.Context, c *call, r ViewSave) (None, error) {
	r.Name = strings.TrimSpace(r.Name)
	if n := utf8.RuneCountInString(r.Name); n == 0 || n > 40 {
		return None{}, fault.New(fault.Invalid, "service.argument", "give the view a name of at most 40 letters").At("name")
	}
	if !strings.HasPrefix(r.Page, "/") || strings.HasPrefix(r.Page, "//") || len(r.Page) > 200 || strings.ContainsAny(r.Page, "?#\\\r\n\t ") {
		return None{}, fault.New(fault.Invalid, "service.argument", "expected the path of a page of the console, such as /devices").At("page")
	}
	c.object = "view " + r.Page // its name may say anything
	if _, err := url.ParseQuery(r.Query); err != nil || len(r.Query) > longestView {
		return None{}, fault.New(fault.Invalid, "service.argument", "expected the query of an address of at most %d bytes", longestView).At("query")
	}
	if err := c.room(ctx); err != nil {
		return None{}, err
	}
	return None{}, c.tx.SaveChoice(ctx, access.Choice{Actor: c.actor.ID, Kind: access.ViewChoice, Page: r.Page, Name: r.Name, Value: r.Query})
}

func removeView(ctx context.Context, c *call, r ViewRemove) (None, error) {
	c.object = "view " + clip(r.Page, 200)
	return None{}, c.tx.RemoveChoice(ctx, access.Choice{Actor: c.actor.ID, Kind: access.ViewChoice, Page: r.Page, Name: strings.TrimSpace(r.Name)})
}

func chooseColumns(ctx context.Context, c *call, r ViewColumns) (None, error) {
	if r.Table == "" || len(r.Table) > 60 || len(r.Shown) > 500 {
		return None{}, fault.New(fault.Invalid, "service.argument", "expected the id of a table and its columns").At("table")
	}
	c.object = "columns " + r.Table
	one := access.Choice{Actor: c.actor.ID, Kind: access.ColumnsChoice, Page: r.Table, Value: r.Shown}
	if r.Shown == "" {
		return None{}, c.tx.RemoveChoice(ctx, one)
	}
	if err := c.room(ctx); err != nil {
		return None{}, err
	}
	return None{}, c.tx.SaveChoice(ctx, one)
}
