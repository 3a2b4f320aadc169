package devices

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// column is one column of the register beside the device itself. A column
// whose key begins with "fact:" is what people say of that fact.
type column struct {
	Key  string
	Kind string // "num" for numbers
}

// columns are all there are, in the order they stand.
func columns() []column {
	return []column{
		{"state", ""}, {"place", ""}, {"serial", ""}, {"release", ""}, {"fact:owner", ""}, {"fact:department", ""},
		{"fact:custodian", ""}, {"fact:asset", ""}, {"fact:life", ""}, {"fact:inventory", ""}, {"channel", ""}, {"peer", ""}, {"battery", ""},
		{"profile", ""}, {"first", ""}, {"heard", ""}, {"messages", "num"}, {"values", "num"}, {"alerts", "num"}, {"issues", "num"},
	}
}

// usual are the columns of who chose none.
const usual = "state place serial release heard messages issues"

// columnName is the heading of a column.
func columnName(ctx context.Context, key string) string {
	switch key {
	case "state":
		return ui.T(ctx, "State")
	case "serial":
		return ui.T(ctx, "Serial number")
	case "channel":
		return ui.T(ctx, "Channel")
	case "peer":
		return ui.T(ctx, "Network address")
	case "battery":
		return ui.T(ctx, "Battery")
	case "first":
		return ui.T(ctx, "First heard")
	case "heard":
		return ui.T(ctx, "Last heard")
	case "messages":
		return ui.T(ctx, "Messages")
	case "values":
		return ui.T(ctx, "Values")
	case "alerts":
		return ui.T(ctx, "Alerts")
	case "issues":
		return ui.T(ctx, "Issues")
	}
	return factName(ctx, strings.TrimPrefix(key, "fact:"))
}

// keptColumns is the table whose columns the account keeps.
const keptColumns = "devices"

// chosenColumns are those the address names, else those the account keeps,
// else the usual ones.
func chosenColumns(v *ui.Visit) []column {
	text := v.Query("cols")
	if text == "" {
		text = v.Columns(keptColumns)
	}
	out := columnsOf(text)
	if len(out) == 0 {
		return columnsOf(usual)
	}
	return out
}

// columnsOf reads keys with blanks between; what is not known is left out.
func columnsOf(text string) (out []column) {
	keys := strings.Fields(text)
	for _, c := range columns() {
		if slices.Contains(keys, c.Key) {
			out = append(out, c)
		}
	}
	return out
}

func keysOf(list []column) string {
	keys := make([]string, len(list))
	for i, c := range list {
		keys[i] = c.Key
	}
	return strings.Join(keys, " ")
}

// shownFacts are the facts the list must be asked for.
func shownFacts(list []column) (out []string) {
	for _, c := range list {
		if name, ok := strings.CutPrefix(c.Key, "fact:"); ok {
			out = append(out, name)
		}
	}
	return out
}

// cellText is what a cell says, as a file has it: times in UTC, no badges.
func cellText(ctx context.Context, key string, d *service.DeviceRow) string {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	switch key {
	case "state":
		var names []string
		for _, s := range d.States {
			names = append(names, stateName(ctx, string(s.Kind)))
		}
		return strings.Join(names, ", ")
	case "place":
		return d.Place
	case "serial":
		return d.Serial
	case "release":
		return d.Release
	case "channel":
		return string(d.Channel)
	case "peer":
		return d.Peer
	case "battery":
		return d.Battery
	case "profile":
		return d.Profile
	case "first":
		return at(d.FirstSeen)
	case "heard":
		return at(d.LastSeen)
	case "messages":
		return strconv.FormatUint(d.Messages, 10)
	case "values":
		return strconv.FormatUint(d.Observations, 10)
	case "alerts":
		return strconv.FormatUint(d.Alerts, 10)
	case "issues":
		return strconv.FormatUint(d.Issues, 10)
	}
	return d.Said[strings.TrimPrefix(key, "fact:")]
}

// chooseColumns has the account keep which columns are shown.
func chooseColumns(v *ui.Visit) (ui.Done, error) {
	chosen := columnsOf(strings.Join(v.Form["col"], " "))
	if v.Typed("usual") != "" {
		chosen = nil
	}
	return ui.Done{To: backTo(v, "/devices")}, v.Call("view.columns", service.ViewColumns{Table: keptColumns, Shown: keysOf(chosen)}, nil)
}

// backTo is the page a form was on, when it is one of those below a path.
func backTo(v *ui.Visit, path string) string {
	if back := v.Typed("back"); back == path || strings.HasPrefix(back, path+"?") {
		return back
	}
	return path
}
