package service

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/patients"
	"thalamus/internal/register"
	"thalamus/internal/register/care"
)

// CareAsk says which work that is due to list.
type CareAsk struct {
	Text       string         `json:"text,omitempty" arg:"text" doc:"part of a name, number, maker, model, place or owner of the device"`
	Device     model.DeviceID `json:"device,omitempty" doc:"only of this device"`
	Overdue    bool           `json:"overdue,omitempty" doc:"only what was due before today"`
	Within     int            `json:"within,omitempty" doc:"due within so many days, 30 unless told"`
	Department string         `json:"department,omitempty" doc:"only devices of this department"`
	Model      string         `json:"model,omitempty" doc:"only devices of this model, by its id"`
	Plan       string         `json:"plan,omitempty" doc:"only by this plan"`
	Kind       care.Kind      `json:"kind,omitempty" doc:"only preventive, calibration or electrical-safety"`
	Limit      int            `json:"limit,omitempty" doc:"rows, 200 unless told, at most 10000"`
}

// CareRow is work that is due on a device.
type CareRow struct {
	care.Due
	Days       int    `json:"days"` // until then; less than 0: overdue
	DeviceName string `json:"deviceName"`
	Serial     string `json:"serial,omitempty"`
	Model      string `json:"model,omitempty"` // id
	Place      string `json:"place,omitempty"`
	Department string `json:"department,omitempty"`
	Order      int64  `json:"order,omitempty"` // that is open for it
	State      string `json:"state,omitempty"` // of that order
	Contract   string `json:"contract,omitempty"`
}

// CareList is what is due, the oldest first.
type CareList struct {
	Today   care.Day  `json:"today"`
	Rows    []CareRow `json:"rows"`
	Overdue int       `json:"overdue"` // also beyond the limit
	Soon    int       `json:"soon"`    // due today or later, also beyond the limit
}

// Calendar is what is due as a calendar.
type Calendar struct {
	Text string `json:"text" doc:"iCalendar, RFC 5545"`
}

func careOps() []Op {
	return []Op{
		define(Reads, "care.list", "List what is due: maintenance, calibration and electrical safety by plan, the oldest first.", "--overdue --department ICU", listCare),
		define(Reads, "care.calendar", "Give what is due, loans to be returned and contracts that end as a calendar (iCalendar); calendar programs read it at /api/v1/care/calendar.ics.", "--within 365", careCalendar),
	}
}

// usedBefore gives when a device was last in use and is no more.
func (s *Service) usedBefore(ctx context.Context, id model.DeviceID, now time.Time) (time.Time, error) {
	list, err := s.Patients.Associations(ctx, patients.Query{Device: id, Limit: 20})
	var last time.Time
	for _, a := range list {
		if !a.Until.IsZero() && !a.Until.After(now) && a.Until.After(last) {
			last = a.Until
		}
	}
	return last, err
}

// duesOf gives what is due on a device, also after use.
func (s *Service) duesOf(ctx context.Context, v *register.View, now time.Time) ([]care.Due, error) {
	var used time.Time
	if s.Register.CaredAfterUse(v) {
		var err error
		if used, err = s.usedBefore(ctx, v.ID, now); err != nil {
			return nil, err
		}
	}
	return s.Register.Dues(v, used, now), nil
}

// planned is an order that is open for a plan on a device.
type planned struct {
	device model.DeviceID
	plan   string
}

func liveStates() []care.State { return []care.State{care.Open, care.Working, care.Waiting} }

// openOrders gives the orders that are open for plans.
func (s *Service) openOrders(ctx context.Context) (map[planned]care.Order, error) {
	open := map[planned]care.Order{}
	q := care.OrderQuery{States: liveStates(), Limit: 1000}
	for {
		page, err := s.Store.Orders(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, o := range page {
			if o.Plan != "" {
				open[planned{o.Device, o.Plan}] = o
			}
			q.Before = o.ID
		}
		if len(page) < q.Limit {
			return open, nil
		}
	}
}

func listCare(ctx context.Context, c *call, r CareAsk) (CareList, error) {
	if r.Limit <= 0 {
		r.Limit = 200
	}
	f, err := c.s.cared(ctx, r, min(r.Limit, 10_000))
	if err != nil {
		return CareList{}, err
	}
	return CareList{Today: f.today, Rows: f.rows, Overdue: f.overdue, Soon: f.soon}, nil
}

// cared gives what is due and matches, at most so many of the oldest as rows.
func (s *Service) cared(ctx context.Context, r CareAsk, most int) (*cared, error) {
	now := s.now()
	today := s.Register.Day(now)
	if r.Within <= 0 {
		r.Within = 30
	}
	last := today.Add(0, min(r.Within, 36_500))
	open, err := s.openOrders(ctx)
	if err != nil {
		return nil, err
	}
	contracts, err := register.Contracts().List(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	found := cared{today: today, dues: firsts[care.Due]{limit: most, compare: care.Due.Compare}}
	add := func(id model.DeviceID, department string, dues []care.Due) {
		if r.Department != "" && !strings.EqualFold(r.Department, department) {
			return
		}
		for _, due := range dues {
			if due.On <= last && (!r.Overdue || due.On < today) && (r.Plan == "" || due.Plan == r.Plan) && (r.Kind == "" || due.Kind == r.Kind) {
				found.add(due)
			}
		}
	}
	if r.Device != "" {
		v, err := s.Register.View(r.Device)
		if err != nil {
			return nil, err
		}
		dues, err := s.duesOf(ctx, &v, now)
		if err != nil {
			return nil, err
		}
		add(v.ID, saidOf(v.Said, "department", now), dues)
	} else {
		s.survey(register.Query{Text: r.Text, Model: r.Model}, now, func(d *register.Surveyed) bool {
			add(d.ID, d.Department, d.Dues)
			return true
		})
	}
	for _, due := range found.dues.list() {
		v, err := s.Register.View(due.Device)
		if err != nil {
			continue // it went meanwhile
		}
		dev := deviceRow(v.Device)
		row := CareRow{Due: due, Days: today.Until(due.On), DeviceName: nameOf(&dev), Serial: dev.Serial, Model: v.Model, Place: dev.Place, Department: saidOf(v.Said, "department", now)}
		if o, ok := open[planned{due.Device, due.Plan}]; ok {
			row.Order, row.State = o.ID, string(o.State)
		}
		for i := range contracts {
			if k := &contracts[i].Value; k.Does(due.Kind) && k.For(v.ID, v.Model, max(due.On, today)) {
				row.Contract = k.ID
				break
			}
		}
		found.rows = append(found.rows, row)
	}
	return &found, nil
}

// cared is what is due: how much in all, and the oldest of it.
type cared struct {
	today         care.Day
	overdue, soon int
	dues          firsts[care.Due]
	rows          []CareRow
}

func (f *cared) add(due care.Due) {
	if due.On < f.today {
		f.overdue++
	} else {
		f.soon++
	}
	f.dues.add(due)
}

// mostEvents bounds a calendar: programs that read it know no pages.
const mostEvents = 10_000

func careCalendar(ctx context.Context, c *call, r CareAsk) (Calendar, error) {
	if r.Within <= 0 {
		r.Within = 365
	}
	f, err := c.s.cared(ctx, r, mostEvents+1)
	if err != nil {
		return Calendar{}, err
	}
	var events []care.Event
	for _, row := range f.rows {
		text := []string{"Device " + string(row.Device)}
		if row.Serial != "" {
			text = append(text, "Serial number "+row.Serial)
		}
		if row.Days < 0 {
			text = append(text, "Overdue")
		}
		if row.Order > 0 {
			text = append(text, "Order "+strconv.FormatInt(row.Order, 10)+", "+row.State)
		}
		if row.Contract != "" {
			text = append(text, "Contract "+row.Contract)
		}
		events = append(events, care.Event{
			UID: uid("due", row.Plan, string(row.Device)), On: row.On, Title: row.Name + ": " + row.DeviceName, Text: strings.Join(text, "\n"),
			Place: cmp.Or(placeWords(row.Place), row.Department), Category: string(row.Kind),
		})
	}
	if r.Kind == "" && r.Plan == "" && !r.Overdue {
		events = append(events, c.s.loanEvents(r)...)
		ends, err := c.s.contractEvents(ctx, r, f.today)
		if err != nil {
			return Calendar{}, err
		}
		events = append(events, ends...)
	}
	if len(events) > mostEvents {
		return Calendar{}, fault.New(fault.Invalid, "care.too-many", "%d entries are too many for one calendar; ask for one department, model or plan", len(events))
	}
	return Calendar{Text: care.Calendar("Maintenance", "-//Thalamus//Maintenance//EN", events, c.s.now())}, nil
}

// placeWords writes a place for people who do not know HL7: "ICU 2 23".
func placeWords(place string) string {
	return strings.Join(strings.FieldsFunc(place, func(r rune) bool { return r == '^' }), " ")
}

// uid names an entry of the calendar, the same each time (RFC 5545 §3.8.4.7).
func uid(parts ...string) string { return strings.Join(parts, "/") + "@thalamus" }

// loanEvents are the days on which lent devices are to be back.
func (s *Service) loanEvents(r CareAsk) (events []care.Event) {
	now := s.now()
	last := s.Register.Day(now).Add(0, min(r.Within, 36_500))
	s.walk(register.Query{Text: r.Text, Model: r.Model, Facts: map[string]string{"life": "lent"}}, func(v *register.View) bool {
		on := care.Day(saidOf(v.Said, "return-by", now))
		department := saidOf(v.Said, "department", now)
		if on == "" || on > last || r.Device != "" && v.ID != r.Device || r.Department != "" && !strings.EqualFold(r.Department, department) || saidOf(v.Said, "life", now) != "lent" {
			return true
		}
		row := deviceRow(v.Device)
		events = append(events, care.Event{
			UID: uid("loan", string(v.ID)), On: on, Title: "To be returned: " + nameOf(&row),
			Text: fmt.Sprintf("Device %s\nLent to %s", v.ID, saidOf(v.Said, "borrower", now)), Place: placeWords(row.Place), Category: "loan",
		})
		return true
	})
	return events
}

// contractEvents are the last days of contracts, and the last on which one may
// be ended.
func (s *Service) contractEvents(ctx context.Context, r CareAsk, today care.Day) (events []care.Event, err error) {
	if r.Text != "" || r.Department != "" || r.Device != "" || r.Model != "" {
		return nil, nil // what a contract covers is asked for by device
	}
	contracts, err := register.Contracts().List(ctx, s.Store)
	last := today.Add(0, min(r.Within, 36_500))
	for _, v := range contracts {
		k := &v.Value
		if k.Until == "" || k.Until < today {
			continue
		}
		text := strings.TrimSpace("With " + k.Supplier + " " + k.Number)
		if k.Until <= last {
			events = append(events, care.Event{UID: uid("contract", k.ID), On: k.Until, Title: "Contract ends: " + k.Name, Text: text, Category: "contract"})
		}
		if notice := k.Until.Add(0, -k.Notice); k.Notice > 0 && notice <= last {
			events = append(events, care.Event{UID: uid("notice", k.ID), On: notice, Title: "Last day to end the contract: " + k.Name, Text: text, Category: "contract"})
		}
	}
	return events, err
}
