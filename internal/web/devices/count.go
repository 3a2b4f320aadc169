package devices

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// count is how far an inventory is: every device counted carries its name as a
// fact, so that several people count at once and nothing is lost with a window
// (decision 121).
type count struct {
	At, List string
	Expected int // that should stand there
	Here     []service.DeviceRow
	Missing  []service.DeviceRow // expected, not counted
	Extra    []service.DeviceRow // counted, not expected there
}

// away are the stages of life in which nobody expects a device at its place.
func away() []string { return []string{"ordered", "lent", "in-repair", "lost", "retired", "disposed"} }

// counted reads an inventory of a place.
func counted(v *ui.Visit, at, name string) (*count, error) {
	if at == "" || name == "" {
		return nil, fault.New(fault.Invalid, "service.argument", "say where is counted: the beginning of the place, such as ICU").At("at")
	}
	c := &count{At: at, List: name}
	show := []string{"asset", "life", "inventory"}
	seen := map[string]bool{}
	err := everyDevice(v, service.DeviceAsk{Facts: []string{"inventory=" + name}, Show: show}, func(d *service.DeviceRow) {
		seen[string(d.ID)] = true
		if stands := within(d.Place, at) && !slices.Contains(away(), d.Said["life"]); stands {
			c.Here = append(c.Here, *d)
		} else {
			c.Extra = append(c.Extra, *d)
		}
	})
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(at, "^")
	err = everyDevice(v, service.DeviceAsk{Text: first, Show: show}, func(d *service.DeviceRow) {
		if !seen[string(d.ID)] && within(d.Place, at) && !slices.Contains(away(), d.Said["life"]) {
			c.Missing = append(c.Missing, *d)
		}
	})
	c.Expected = len(c.Here) + len(c.Missing)
	for _, rows := range [][]service.DeviceRow{c.Here, c.Missing, c.Extra} {
		slices.SortStableFunc(rows, func(a, b service.DeviceRow) int { return cmp.Compare(a.Place, b.Place) })
	}
	return c, err
}

// within says whether a place is one, or lies in it.
func within(place, in string) bool {
	return strings.EqualFold(place, in) || len(place) > len(in) && place[len(in)] == '^' && strings.EqualFold(place[:len(in)], in)
}

// countCSV is an inventory as a file: what was counted, what is missing, and
// what nobody expected there.
func countCSV(v *ui.Visit, w http.ResponseWriter) error {
	ctx := v.Context()
	j := jobOf(v)
	c, err := counted(v, j.At, j.List)
	if err != nil {
		return err
	}
	f := startCSV(w, "inventory-"+v.Now.In(v.Zone).Format("2006-01-02"),
		ui.T(ctx, "Result"), ui.T(ctx, "Id"), ui.T(ctx, "Name"), ui.T(ctx, "Maker"), ui.T(ctx, "Model"), ui.T(ctx, "Serial number"), ui.T(ctx, "Asset number"), ui.T(ctx, "Place"), ui.T(ctx, "State"))
	for _, part := range []struct {
		result string
		rows   []service.DeviceRow
	}{{ui.T(ctx, "missing"), c.Missing}, {ui.T(ctx, "not expected here"), c.Extra}, {ui.T(ctx, "counted"), c.Here}} {
		for i := range part.rows {
			d := &part.rows[i]
			f.row(part.result, string(d.ID), d.Name, d.Manufacturer, d.Model, d.Serial, d.Said["asset"], d.Place, cellText(ctx, "state", d))
		}
	}
	return f.end()
}
