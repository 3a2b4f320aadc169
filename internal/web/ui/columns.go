package ui

import (
	"bytes"
	"context"
	"html"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// leastColumns is how many columns a table has of which some may be hidden.
const leastColumns = 5

// shownTable is a table whose columns may be chosen.
type shownTable struct {
	ID    string
	Heads []string // texts of its columns' headings; empty where it has none to read
	Hide  []string // numbers of hidden columns, from 1 on
}

func (t *shownTable) hidden(column int) bool { return slices.Contains(t.Hide, strconv.Itoa(column)) }

// HiddenColumns writes which columns of a table are hidden, given how many it
// has and which are shown: "8:3 5". Of a table that has other columns since it
// says nothing.
func HiddenColumns(count string, shown []string) string {
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > mostColumns {
		return ""
	}
	var hide []string
	for i := 1; i <= n; i++ {
		if text := strconv.Itoa(i); !slices.Contains(shown, text) {
			hide = append(hide, text)
		}
	}
	if len(hide) == 0 {
		return ""
	}
	return strconv.Itoa(n) + ":" + strings.Join(hide, " ")
}

// mostColumns is as many as the stylesheet can hide.
const mostColumns = 20

// Hides gives the numbers of the columns, from 1 on, that the visitor does not
// want to see of a table with so many.
func (v *Visit) Hides(table string, count int) []string {
	n, hide, _ := strings.Cut(v.Columns(table), ":")
	if n != strconv.Itoa(count) || count > mostColumns {
		return nil
	}
	return strings.Fields(hide)
}

var (
	headings = regexp.MustCompile(`(?s)<th scope="col"[^>]*>(.*?)</th>`)
	tags     = regexp.MustCompile(`<[^>]*>`)
	headEnd  = []byte("</thead>")
)

// Table is a table with its caption; the children are thead and tbody. It
// scrolls within itself where the window is narrow, and its reader chooses its
// columns. On a row, data-row marks what j and k walk through.
func Table(id, caption string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		var body bytes.Buffer
		children := templ.GetChildren(ctx)
		ctx = templ.ClearChildren(ctx)
		if err := children.Render(ctx, &body); err != nil {
			return err
		}
		v, t := From(ctx), shownTable{ID: id}
		if at := bytes.Index(body.Bytes(), headEnd); at > 0 {
			for _, m := range headings.FindAllSubmatch(body.Bytes()[:at], -1) {
				t.Heads = append(t.Heads, strings.TrimSpace(html.UnescapeString(tags.ReplaceAllString(string(m[1]), ""))))
			}
		}
		choose := v.Page != nil && len(t.Heads) >= leastColumns && len(t.Heads) <= mostColumns && v.May("view.columns")
		if choose {
			t.Hide = v.Hides(id, len(t.Heads))
			v.tables = append(v.tables, t)
		}
		return table(id, caption, choose, strings.Join(t.Hide, " ")).Render(templ.WithChildren(ctx, templ.Raw(body.String())), w)
	})
}
