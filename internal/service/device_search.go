package service

import (
	"context"
	"slices"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
	"thalamus/internal/register/state"
	"thalamus/internal/udi"
)

// DeviceSearch says which devices are wanted, by what exactly is known of them
// (R4, R29).
type DeviceSearch struct {
	IDs     []model.DeviceID `json:"ids,omitempty" doc:"one of these devices"`
	Numbers []string         `json:"numbers,omitempty" arg:"numbers" doc:"one of these identifies it: serial or asset number, MAC, EUI-64, UDI, host name"`
	Wishes  []register.Wish  `json:"wishes,omitempty" doc:"all of these, as [{\"field\":\"manufacturer\",\"values\":[\"Acme\"],\"match\":\"begins\"}]; fields: manufacturer, model, model id, type, location, status, udi-di, owner, name; matches: whole, begins, contains, within, not"`
	Since   time.Time        `json:"since,omitzero" doc:"something of it changed then or later"`
	Until   time.Time        `json:"until,omitzero" doc:"and before"`
	Changed bool             `json:"changed,omitempty" doc:"in the order of their changes, the last first"`
	Count   bool             `json:"count,omitempty" doc:"only say how many there are"`
	After   string           `json:"after,omitempty" doc:"the next page: what the page before gave"`
	Limit   int              `json:"limit,omitempty" doc:"rows of a page, 50 unless told, at most 1000"`
}

// DevicesFound is a page of devices.
type DevicesFound struct {
	Rows  []DeviceSheet `json:"rows"`
	Next  string        `json:"next,omitempty" doc:"give this as 'after' to get the next page"`
	Total *int          `json:"total,omitempty"` // where it was asked for
}

// DeviceSheet is a device with what counts of it.
type DeviceSheet struct {
	ID          model.DeviceID     `json:"id"`
	Updated     time.Time          `json:"updated,omitzero"` // something that counts of it changed
	Standing    string             `json:"standing"`         // active, inactive, unknown
	Adopted     bool               `json:"adopted"`
	Identifiers []model.Identifier `json:"identifiers,omitempty"` // as its messages tell them
	Kind        model.Code         `json:"kind,omitzero"`
	Facts       map[string]string  `json:"facts"` // what counts, by the names of facts
	Model       string             `json:"model,omitempty"`
	Release     string             `json:"release,omitempty"`
	Location    string             `json:"location,omitempty"` // id of where it stands
	Place       model.Place        `json:"place,omitzero"`
	UDI         *udi.UDI           `json:"udi,omitempty"`      // taken apart, where it is one
	Tells       bool               `json:"tells,omitempty"`    // its own messages tell the UDI
	States      []state.State      `json:"states,omitempty"`   // how it is, but for who is connected to it
	Heard       bool               `json:"heard,omitempty"`    // messages came from it
	LastSeen    time.Time          `json:"lastSeen,omitzero"`  // the last of them
	Observed    uint64             `json:"observed,omitempty"` // observations in them
}

// DeviceVersionAsk says of which device the history is wanted.
type DeviceVersionAsk struct {
	ID    model.DeviceID `json:"id" arg:"id" doc:"device id"`
	Until time.Time      `json:"until,omitzero" doc:"only what was believed before, to page on"`
	Limit int            `json:"limit,omitempty" doc:"versions, 50 unless told, at most 200"`
}

// DeviceVersion is a device as it was believed to be from an instant on.
type DeviceVersion struct {
	DeviceSheet
	By     model.ActorID `json:"by,omitempty"`     // who changed it; empty: its messages did
	Change string        `json:"change,omitempty"` // id of the change
}

func deviceSearchOps() []Op {
	return []Op{
		define(Reads, "device.search", "Find devices by what exactly is known of them: numbers, maker, model, type, status, location, changes.", "SN-4711", searchDevices),
		define(Reads, "device.history", "Show how a device was believed to be, change by change, the newest first.", "dev-abc", deviceVersions),
	}
}

func searchDevices(ctx context.Context, c *call, r DeviceSearch) (DevicesFound, error) {
	now := c.s.now()
	for _, w := range r.Wishes {
		if !slices.Contains(wished, w.Field) || w.Or != "" && !slices.Contains(wished, w.Or) {
			return DevicesFound{}, fault.New(fault.Invalid, "service.argument", "there is no field %q; expected one of %v", clip(string(w.Field), 40), wished).At("wishes.field")
		}
	}
	w := register.Wanted{IDs: r.IDs, Numbers: r.Numbers, Wishes: r.Wishes, Since: r.Since, Until: r.Until, Changed: r.Changed, After: r.After, Limit: r.Limit}
	if r.Count {
		n, err := c.s.Register.Count(ctx, w, now)
		return DevicesFound{Rows: []DeviceSheet{}, Total: &n}, err
	}
	page, next, err := c.s.Register.Search(ctx, w, now)
	if err != nil {
		return DevicesFound{}, err
	}
	found := DevicesFound{Rows: make([]DeviceSheet, len(page)), Next: next}
	for i := range page {
		found.Rows[i] = c.s.sheet(&page[i], now)
	}
	return found, nil
}

var wished = []register.Field{register.ByMaker, register.ByName, register.ByModel, register.ByKind, register.ByPlace, register.ByState, register.ByDI, register.ByOwner, register.ByCalled}

// sheet is a device as it is told outside.
func (s *Service) sheet(d *register.Sheet, now time.Time) DeviceSheet {
	out := DeviceSheet{
		ID: d.ID, Updated: d.Updated, Standing: d.Standing, Adopted: d.Adopted(), Identifiers: d.Observed.Identifiers, Kind: d.Observed.Kind,
		Facts: d.Counts, Model: d.Model, Release: d.Release, Location: d.Location, Place: register.PlaceOf(d.Counts),
		States: state.Of(s.knownOf(&d.View, now), now), Heard: d.Seen.Messages > 0, LastSeen: d.Seen.LastSeen, Observed: d.Seen.Observations,
	}
	out.carrier(d.Observed.UDI, now)
	return out
}

// carrier takes the UDI apart; told is what the device's messages said.
func (d *DeviceSheet) carrier(told string, now time.Time) {
	text := d.Facts["udi"]
	if text == "" {
		return
	}
	d.Tells = text == told
	if u, err := udi.Parse(text, now.Year()); err == nil {
		d.UDI = &u
	}
}

func deviceVersions(ctx context.Context, c *call, r DeviceVersionAsk) ([]DeviceVersion, error) {
	now := c.s.now()
	sheet, err := c.s.Register.Sheet(r.ID, now)
	if err != nil {
		return nil, err
	}
	rows, err := c.s.Register.FactHistory(ctx, fact.Of(fact.OfDevice, string(r.ID)), "", mostFacts)
	if err != nil {
		return nil, err
	}
	if r.Limit <= 0 {
		r.Limit = 50
	}
	var out []DeviceVersion
	for _, at := range instants(rows, r.Until) {
		if len(out) == min(r.Limit, 200) {
			break
		}
		v := DeviceVersion{DeviceSheet: DeviceSheet{ID: r.ID, Updated: at.UTC(), Identifiers: sheet.Observed.Identifiers, Kind: sheet.Observed.Kind, Facts: map[string]string{}}}
		for _, f := range fact.Resolve(fact.Select(rows, at, at)) {
			v.Facts[f.Name] = f.Value
		}
		v.Adopted = v.Facts["adoption"] == "adopted"
		v.Standing, v.Place = register.Standing(v.Facts["life"], v.Adopted), register.PlaceOf(v.Facts)
		v.Location = register.LocationID(v.Place)
		if name := v.Facts["model"]; name != "" {
			v.Model = register.ModelID(v.Facts["manufacturer"], name)
			if version := v.Facts["release"]; version != "" {
				v.Release = register.ReleaseID(v.Model, version)
			}
		}
		v.carrier(sheet.Observed.UDI, now)
		for i := range rows {
			if f := &rows[i]; f.Believed.Equal(at) || f.Retracted.Equal(at) {
				v.By, v.Change = f.By, f.Change
				if f.Believed.Equal(at) {
					break
				}
				v.Change = f.Undone
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// mostFacts bounds how many beliefs of one device a history is made of.
const mostFacts = 5000

// instants gives when something was believed or taken back, the last first.
func instants(rows []fact.Fact, until time.Time) []time.Time {
	var out []time.Time
	for i := range rows {
		for _, at := range []time.Time{rows[i].Believed, rows[i].Retracted} {
			if !at.IsZero() && (until.IsZero() || at.Before(until)) {
				out = append(out, at)
			}
		}
	}
	slices.SortFunc(out, func(a, b time.Time) int { return b.Compare(a) })
	return slices.CompactFunc(out, time.Time.Equal)
}
