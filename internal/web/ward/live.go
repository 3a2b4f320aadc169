package ward

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// alarm is an active alert on a card.
type alarm struct {
	ID       string
	Text     string
	Priority string // high medium low none
	Since    int64  // Unix milliseconds
	Key      string
	Muted    string // inactivation state as sent
	Latched  bool
	Device   string
	Heard    int64 // when its source was last heard, Unix milliseconds; 0: not known
	Silent   int64 // milliseconds from which it is silent
}

// lost says whether the source of an alarm is silent.
func (a alarm) lost(now time.Time) bool {
	return a.Heard > 0 && now.UnixMilli()-a.Heard > a.Silent
}

// card is one bed on the live page.
type card struct {
	Key     string // "p" and the patient's id, else "d" and the device's
	To      templ.SafeURL
	Place   string
	Patient string
	Bedded  bool // a bed is known
	Feeds   []feed
	Tiles   []tile
	Rest    []reading
	Alarms  []alarm
	Sim     bool
}

// feed is a device on a card.
type feed struct {
	service.LiveDevice
	// Shared says that it is connected to somebody else or nobody and measures
	// patients by turns, as an analyser or a glucose meter does: that it gives
	// nothing for this one now is nothing to warn of.
	Shared bool
}

// feedsOf gives the devices of a bed, those that are there before the others.
func feedsOf(b *service.Bed, tiles []tile) []feed {
	steady := map[model.DeviceID]bool{}
	for _, t := range tiles {
		for _, r := range t.Readings {
			steady[r.From] = steady[r.From] || t.Steady
		}
	}
	out := make([]feed, len(b.Devices))
	for i, d := range b.Devices {
		out[i] = feed{d, b.Patient != "" && away(&d) && !d.Valued.IsZero() && !steady[d.ID]}
	}
	slices.SortStableFunc(out, func(a, b feed) int { return elsewhere(&a.LiveDevice) - elsewhere(&b.LiveDevice) })
	return out
}

func cards(ctx context.Context, beds []service.Bed) []card {
	out := make([]card, 0, len(beds))
	for i := range beds {
		out = append(out, cardOf(ctx, &beds[i]))
	}
	return out
}

func cardOf(ctx context.Context, b *service.Bed) card {
	c := card{Place: ui.PlaceText(b.Place), Patient: b.PatientName, Bedded: b.Place != ""}
	switch {
	case b.Patient != "":
		c.Key, c.To = "p"+string(b.Patient), ui.To("/patients/", string(b.Patient))
	case len(b.Devices) > 0:
		c.Key, c.To = "d"+string(b.Devices[0].ID), ui.To("/devices/", string(b.Devices[0].ID))
	}
	if c.Place == "" {
		c.Place = c.Patient
		if c.Place == "" && len(b.Devices) > 0 {
			c.Place = b.Devices[0].Name
		}
	}
	c.Tiles, c.Rest = arranged(ctx, b)
	c.Feeds = feedsOf(b, c.Tiles)
	for _, t := range c.Tiles {
		for _, r := range t.Readings {
			c.Sim = c.Sim || r.Sim
		}
	}
	for _, a := range b.Alerts {
		if a.Active {
			one := alarm{
				ID: alarmID(string(a.Device), a.Alert.ID), Text: alertText(ctx, &a.Alert), Priority: priority(a.Alert.Priority), Since: a.Since.UnixMilli(),
				Key: a.Key, Muted: a.Alert.Muted, Latched: a.Stage == model.AlertLatched, Device: string(a.Device),
			}
			if !a.Heard.Last.IsZero() {
				one.Heard, one.Silent = a.Heard.Last.UnixMilli(), time.Duration(a.Heard.Silent).Milliseconds()
			}
			c.Alarms = append(c.Alarms, one)
		}
	}
	slices.SortStableFunc(c.Alarms, func(a, b alarm) int { return urgency(a.Priority) - urgency(b.Priority) })
	return c
}

// elsewhere is 1 for a device that is connected to another patient or to nobody,
// as one of the laboratory: it stands behind those at the bed.
func elsewhere(d *service.LiveDevice) int {
	if away(d) {
		return 1
	}
	return 0
}

// away says whether a device is connected to another patient or to nobody.
func away(d *service.LiveDevice) bool { return d.Left || d.Source == "" }

// alertText says what an alert is about, as people read it.
func alertText(ctx context.Context, a *model.Alert) string {
	if a.Text != "" {
		return a.Text
	}
	text := ui.Named(ctx, a.Code, a.Received)
	if a.Source.Name != "" && (strings.HasPrefix(a.Code.RefID, "MDC_EVT_HI") || strings.HasPrefix(a.Code.RefID, "MDC_EVT_LO")) {
		return ui.Term(ctx, a.Source.RefID, a.Source.Name) + ": " + text // "too low" says nothing without what
	}
	return text
}

// priority is an alert's priority where the sender gave one we know, else
// medium: an alarm of unknown weight is no small one.
func priority(p string) string {
	switch p {
	case "high", "medium", "low", "none":
		return p
	}
	return "medium"
}

func urgency(p string) int { return slices.Index([]string{"high", "medium", "low", "none"}, p) }

func priorityText(ctx context.Context, p string) string {
	switch p {
	case "high":
		return ui.T(ctx, "High priority")
	case "low":
		return ui.T(ctx, "Low priority")
	case "none":
		return ui.T(ctx, "Information")
	}
	return ui.T(ctx, "Medium priority")
}

// alarmNote says in short what is special about an alarm on a card.
func alarmNote(ctx context.Context, a alarm) string {
	var notes []string
	if a.lost(ui.From(ctx).Now) {
		notes = append(notes, ui.T(ctx, "source silent"))
	}
	if a.Latched {
		notes = append(notes, ui.T(ctx, "latched"))
	}
	if muted := mutedText(ctx, a.Muted); muted != "" {
		notes = append(notes, muted)
	}
	return strings.Join(notes, ", ")
}

// restOpen is how much may lie at no bed and yet be shown at once.
const restOpen = 4

// split gives the beds, and what lies at none.
func split(all []card) (beds, rest []card) {
	for _, c := range all {
		if c.Bedded {
			beds = append(beds, c)
		} else {
			rest = append(rest, c)
		}
	}
	return beds, rest
}

// feedState is how a device at a bed speaks: "", "late", "silent" or "never".
func feedState(ctx context.Context, d *feed) string {
	if d.Shared {
		return ""
	}
	age := ui.From(ctx).Now.Sub(d.Heard.Last)
	switch {
	case d.Heard.Last.IsZero():
		return "never"
	case age > time.Duration(d.Heard.Silent):
		return "silent"
	case age > time.Duration(d.Heard.Late):
		return "late"
	}
	return ""
}

func feedWord(ctx context.Context, state string) string {
	switch state {
	case "never":
		return ui.T(ctx, "Never heard")
	case "silent":
		return ui.T(ctx, "Silent")
	case "late":
		return ui.T(ctx, "Late")
	}
	return ""
}

// feedWhy says when a device counts as late and silent, whichever it is now: its
// state goes on by itself while the page is open.
func feedWhy(ctx context.Context, d *feed) string {
	if d.Heard.Last.IsZero() {
		return ui.T(ctx, "It is connected to the patient here, and no message of it ever came.")
	}
	return ui.T(ctx, "By its own rhythm it is late when nothing has come for %s, and silent after %s.", ui.Span(ctx, time.Duration(d.Heard.Late)), ui.Span(ctx, time.Duration(d.Heard.Silent)))
}

// feedNote says how it is known that a device belongs to a bed, and since when.
func feedNote(ctx context.Context, d *feed) string {
	switch {
	case d.Shared:
		return ui.T(ctx, "For several patients")
	case d.Left:
		return ui.T(ctx, "With another patient now")
	case d.Source == "":
		return ui.T(ctx, "Connected to nobody now")
	}
	return sourceText(ctx, d.Source) + ", " + ui.T(ctx, "since %s", ui.Minute(ctx, d.Since))
}

// units lists the points of care of the beds, for the filter.
func units(beds []service.Bed) []string {
	var out []string
	for i := range beds {
		unit := pointOfCare(beds[i].Place)
		if unit != "" && !slices.Contains(out, unit) {
			out = append(out, unit)
		}
	}
	slices.Sort(out)
	return out
}

func pointOfCare(place string) string {
	for i := range len(place) {
		if place[i] == '^' {
			return place[:i]
		}
	}
	return place
}

func live(v *ui.Visit) (ui.View, error) {
	var beds []service.Bed
	if err := v.Call("live.get", service.LiveAsk{Place: v.Query("place")}, &beds); err != nil {
		return ui.View{}, err
	}
	ctx := v.Context()
	return ui.View{
		Title: ui.T(ctx, "Live beds"), Body: livePage(cards(ctx, beds), units(beds), v.Query("place")), Scripts: []string{"wave.js", "live.js"},
		Actions: liveActions(), Wide: true, Styles: []string{"ward.css"},
	}, nil
}

// ageText says how old a value is, as the live script does.
func ageText(ctx context.Context, at int64) string {
	age := ui.From(ctx).Now.Sub(time.UnixMilli(at))
	if age < time.Second {
		return ui.T(ctx, "%d s", 0)
	}
	return ui.Span(ctx, age)
}

// gapAfter is the age from which a card says since when there is no value, and
// no more how old the last one is.
const gapAfter = time.Minute

// agedText is ageText, or since when nothing came; of what is measured now and
// then, when that was.
func agedText(ctx context.Context, at int64, steady bool) string {
	t := time.UnixMilli(at)
	switch {
	case ui.From(ctx).Now.Sub(t) < gapAfter:
		return ageText(ctx, at)
	case !steady:
		return ui.Minute(ctx, t)
	}
	return ui.T(ctx, "since %s", ui.Minute(ctx, t))
}

func isLate(ctx context.Context, r *reading) bool {
	return r.Late > 0 && ui.From(ctx).Now.UnixMilli()-r.At > r.Late
}

// heardAt is the instant that a device's row counts from, in Unix milliseconds.
func heardAt(d *feed) int64 {
	if d.Shared {
		return d.Valued.UnixMilli()
	}
	return d.Heard.Last.UnixMilli()
}

// bounds are the silences from which a device is late and silent, in
// milliseconds; 0: neither is said of it here.
func bounds(d *feed) (late, silent string) {
	if d.Shared {
		return "0", "0"
	}
	return strconv.FormatInt(time.Duration(d.Heard.Late).Milliseconds(), 10), strconv.FormatInt(time.Duration(d.Heard.Silent).Milliseconds(), 10)
}

// shownReading is a value on a card; what may not be used is a dash.
func shownReading(ctx context.Context, r reading) string {
	if r.Off != "" {
		return "–"
	}
	return ui.Shown(ctx, r.Value)
}
