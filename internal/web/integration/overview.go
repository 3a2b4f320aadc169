package integration

import (
	"context"
	"net/url"

	"github.com/a-h/templ"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// overview shows every channel and destination as a row of counts that lead to
// what they count.
func overview(v *ui.Visit) (ui.View, error) {
	var o service.Overview
	if err := v.Call("overview.get", nil, &o); err != nil {
		return ui.View{}, err
	}
	return ui.View{Title: ui.T(v.Context(), "Overview"), Body: overviewPage(o)}, nil
}

// behind says how many entries wait between the journal and the record.
func behind(o service.Overview) int64 {
	if o.Recorded >= o.Journal {
		return 0
	}
	return int64(o.Journal - o.Recorded)
}

// list makes the address of a filtered list: path and pairs of name and value.
func list(path string, pairs ...string) templ.SafeURL {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return templ.SafeURL(path + "?" + q.Encode())
}

func called(name, id string) string {
	if name != "" {
		return name
	}
	return id
}

func perSecond(ctx context.Context, n float64) string {
	if n < 0.05 {
		return "–"
	}
	return ui.Tenth(ctx, n)
}
