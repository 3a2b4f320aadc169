package issues

import (
	"cmp"
	"slices"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// group is one line: an issue on a channel, with what the catalogue knows.
type group struct {
	service.IssueGroup
	Meaning, ToDo string
	Example       string // reference of the last message that had it
}

// issuesPage is the list with its filters.
type issuesPage struct {
	Groups   []group
	Channels []ui.Option
	Codes    []ui.Option
	Since    []ui.Option
	Total    uint64
	Filtered bool
}

func issues(v *ui.Visit) (ui.View, error) {
	ctx := v.Context()
	p := issuesPage{
		Filtered: v.Query("channel") != "" || v.Query("code") != "",
		Since: []ui.Option{
			{Value: "1", Text: ui.T(ctx, "In the last hour")}, {Value: "24", Text: ui.T(ctx, "In the last 24 hours")},
			{Value: "168", Text: ui.T(ctx, "In the last 7 days")}, {Value: "all", Text: ui.T(ctx, "Ever")},
		},
		Channels: []ui.Option{{Value: "", Text: ui.T(ctx, "All channels")}},
		Codes:    []ui.Option{{Value: "", Text: ui.T(ctx, "All codes")}},
	}
	ask := service.IssueAsk{Channel: model.ChannelID(v.Query("channel")), Code: v.Query("code")}
	if hours := hoursOf(v.Query("since")); hours > 0 {
		ask.From = v.Now.Add(-time.Duration(hours) * time.Hour)
	}
	var found []service.IssueGroup
	if err := v.Call("issue.list", ask, &found); err != nil {
		return ui.View{}, err
	}
	for _, g := range found {
		ref, _ := g.Ref.MarshalText()
		p.Groups = append(p.Groups, group{g, ui.Meaning(ctx, g.Code), ui.ToDo(ctx, g.Code), string(ref)})
		p.Total += g.Count
		p.Channels = offer(p.Channels, string(g.Channel))
		p.Codes = offer(p.Codes, g.Code)
	}
	p.Channels, p.Codes = offer(p.Channels, v.Query("channel")), offer(p.Codes, v.Query("code"))
	sortBy(v, p.Groups)
	return ui.View{Title: ui.T(ctx, "Issues"), Body: issuesBody(p), Styles: []string{"ward.css"}}, nil
}

// hoursOf reads how far back the page looks; 0 is without an end.
func hoursOf(since string) int {
	switch since {
	case "1":
		return 1
	case "168":
		return 168
	case "all":
		return 0
	}
	return 24
}

func since(v *ui.Visit) string {
	if s := v.Query("since"); s != "" {
		return s
	}
	return "24"
}

func offer(options []ui.Option, value string) []ui.Option {
	if value == "" || slices.ContainsFunc(options, func(o ui.Option) bool { return o.Value == value }) {
		return options
	}
	return append(options, ui.Option{Value: value, Text: value})
}

func sortBy(v *ui.Visit, groups []group) {
	key, backwards := v.Sorted("-last")
	slices.SortStableFunc(groups, func(a, b group) int {
		n := 0
		switch key {
		case "code":
			n = cmp.Compare(a.Code, b.Code)
		case "count":
			n = cmp.Compare(a.Count, b.Count)
		default:
			n = a.Last.Compare(b.Last)
		}
		if backwards {
			return -n
		}
		return n
	})
}
