package service_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/grid"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// bedside sends results of one monitor, minutes and seconds after the hour
// before the last.
type bedside struct {
	*apptest.House
	hour time.Time
}

func newBedside(t *testing.T) *bedside {
	h := apptest.Start(t)
	h.Furnish()
	return &bedside{h, time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)}
}

const bpm = "264864^MDC_DIM_BEAT_PER_MIN^MDC"

func (b *bedside) send(at, kind, value, status, flag string) {
	after, err := time.Parse("04:05", at)
	if err != nil {
		panic(err)
	}
	stamp := b.hour.Add(time.Duration(after.Minute())*time.Minute+time.Duration(after.Second())*time.Second).Format("20060102150405") + "+0000"
	b.Send("ORU^R01^ORU_R01", "PID|1||MRN-885522^^^HOSP^MR||Vrombaut^Ottokar||19610412|M\rOBR|1||||||"+stamp+"\r"+
		fmt.Sprintf("OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||MON-9^^MON-9^EUI-64\rOBX|2|%s|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|%s|%s||%s|||%s|||%s", kind, value, bpm, flag, status, stamp))
}

// unitsOf writes the units of an answer's rows of measured values, read back
// from its JSON: a count of values has unit 1.
func unitsOf(a *service.SeriesAnswer) string {
	var out bytes.Buffer
	if err := a.WriteJSON(&out); err != nil {
		return err.Error()
	}
	var read struct {
		Rows []struct {
			Method, Unit string
			Simulated    bool
		}
	}
	if err := json.Unmarshal(out.Bytes(), &read); err != nil {
		return err.Error()
	}
	var all []string
	for _, row := range read.Rows {
		if !row.Simulated {
			all = append(all, row.Method+" "+row.Unit)
		}
	}
	return strings.Join(all, ", ")
}

// text writes an answer's points as "00=72.50/2*" : minute, value, numbers it was made
// of, and how the step was filled.
func (b *bedside) text(a *service.SeriesAnswer, simulated bool, method grid.Take) string {
	var out []string
	for _, row := range a.Rows {
		if row.Simulated != simulated || row.Method != method {
			continue
		}
		for _, p := range row.Points {
			one := fmt.Sprintf("%02.0f=%s%s", p.Time.Sub(b.hour).Minutes(), p.Comparator, p.Value)
			if row.Derived {
				one += fmt.Sprintf("/%d", p.Count)
			}
			if p.Method != string(method) {
				one += "*" + p.Method
			}
			out = append(out, one)
		}
	}
	return strings.Join(out, " ")
}

// R17, R19: numbers as they came and on a grid, with corrections, invalid and
// simulated values kept for what they are.
func TestSeries(t *testing.T) {
	b := newBedside(t)
	for _, one := range [][5]string{
		{"00:00", "NM", "72", "F", ""}, {"00:30", "NM", "75", "F", ""},
		{"01:00", "NM", "80", "F", ""}, {"01:10", "NM", "90", "F", ""},
		{"01:10", "NM", "84", "C", ""},                              // corrected
		{"02:00", "NM", "300", "F", ""}, {"02:00", "", "", "D", ""}, // deleted
		{"03:00", "NM", "70", "F", ""}, {"03:20", "NM", "71", "W", ""}, // wrong
		{"05:00", "NM", "74", "F", ""},
		{"05:30", "NM", "32767", "F", ""}, // the marker of an invalid number
		{"07:00", "SN", "<^30", "F", ""},
		{"08:00", "NM", "76", "F", ""},
		{"01:00", "NM", "99", "F", "DEMO"},
	} {
		b.send(one[0], one[1], one[2], one[3], one[4])
	}
	ask := service.SeriesAsk{Device: device(b.House, "MON-9"), Codes: []string{"MDC_ECG_HEART_RATE"}, From: b.hour, Until: b.hour.Add(10 * time.Minute)}
	series := func(r service.SeriesAsk) *service.SeriesAnswer {
		t.Helper()
		var a service.SeriesAnswer
		b.Call("observation.series", r, &a)
		return &a
	}
	onGrid := func(fill grid.Fill, gap time.Duration, take ...grid.Take) service.SeriesAsk {
		r := ask
		r.Step, r.Fill, r.Gap, r.Take = model.Duration(time.Minute), fill, model.Duration(gap), take
		return r
	}
	all := series(onGrid(grid.Leave, 0, grid.Last, grid.Mean, grid.Min, grid.Max, grid.Count))
	for _, c := range []struct {
		what, got, want string
	}{
		{"raw", b.text(series(ask), false, ""), "00=72 00=75 01=80 01=84 03=70 05=74 07=<30 08=76"},
		{"raw, simulated", b.text(series(ask), true, ""), "01=99"},
		{"last", b.text(all, false, grid.Last), "00=75/2 01=84/2 03=70/1 05=74/1 07=<30/0 08=76/1"},
		{"mean", b.text(all, false, grid.Mean), "00=73.50/2 01=82.00/2 03=70.00/1 05=74.00/1 08=76.00/1"},
		{"min", b.text(all, false, grid.Min), "00=72/2 01=80/2 03=70/1 05=74/1 08=76/1"},
		{"max", b.text(all, false, grid.Max), "00=75/2 01=84/2 03=70/1 05=74/1 08=76/1"},
		{"count", b.text(all, false, grid.Count), "00=2/2 01=2/2 03=1/1 05=1/1 08=1/1"},
		{"units", unitsOf(all), "last /min, mean /min, min /min, max /min, count 1"},
		{"simulated mean", b.text(all, true, grid.Mean), "01=99.00/1"},
		{"carry", b.text(series(onGrid(grid.Carry, 2*time.Minute, grid.Last)), false, grid.Last), "00=75/2 01=84/2 02=84/0*carry 03=70/1 04=70/0*carry 05=74/1 07=<30/0 08=76/1 09=76/0*carry"},
		{"linear", b.text(series(onGrid(grid.Linear, 2*time.Minute, grid.Last)), false, grid.Last), "00=75/2 01=84/2 02=77.64/0*linear 03=70/1 04=72.00/0*linear 05=74/1 07=<30/0 08=76/1"},
	} {
		if c.got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.what, c.got, c.want)
		}
	}
	for _, row := range all.Rows {
		if !row.Derived || row.Series.UnitUCUM != "/min" || row.Code.RefID != "MDC_ECG_HEART_RATE" || row.Received.Code != "147842" || row.Patient == "" || row.Ref.Seq == 0 {
			t.Errorf("row %+v", row.Series)
		}
	}
	if all.Step != model.Duration(time.Minute) || !all.From.Equal(ask.From) || !all.Until.Equal(ask.Until) || all.Asked.IsZero() {
		t.Errorf("the answer does not say its grid: %+v", *all)
	}
	if raw := series(ask); len(raw.Rows[0].Points) > 0 && (raw.Rows[0].Derived || !raw.Rows[0].Points[3].Corrected || raw.Rows[0].Points[0].Ref.Seq == 0) {
		t.Errorf("raw row: %+v", raw.Rows[0])
	}
	var last []service.LatestValue
	b.Call("observation.last", service.LastAsk{Device: ask.Device, Codes: []string{"147842"}}, &last)
	if len(last) != 2 || last[0].Value.Number.String() != "76" || last[1].Value.Number.String() != "99" || !last[1].Simulated {
		t.Errorf("last values: %+v", last)
	}
	b.send("08:00", "NM", "76", "X", "") // taken back: the one before it holds again
	b.Call("observation.last", service.LastAsk{Device: ask.Device, Codes: []string{"147842"}}, &last)
	if len(last) != 2 || last[0].Value.Number.String() != "30" || last[0].Value.Comparator != "<" || last[0].Status != model.StatusFinal {
		t.Errorf("last values after one was taken back: %+v", last)
	}
	b.Call("observation.last", service.LastAsk{Device: ask.Device, From: b.hour.Add(30 * time.Minute)}, &last)
	for _, v := range last {
		if v.Code.RefID == "MDC_ECG_HEART_RATE" {
			t.Errorf("older than asked for: %+v", v)
		}
	}
	for _, ask := range []service.SeriesAsk{ask, onGrid(grid.Leave, 0, grid.Mean), {Patient: "pat-nobody", Codes: []string{"<&>"}}} {
		var a service.SeriesAnswer
		b.Call("observation.series", ask, &a)
		var written, usual bytes.Buffer
		e := json.NewEncoder(&usual)
		e.SetEscapeHTML(false)
		if err := errors.Join(a.WriteJSON(&written), e.Encode(a)); err != nil || written.String() != usual.String() {
			t.Errorf("%v: written\n%s\nand is\n%s", err, &written, &usual)
		}
	}
	b.asFHIR(t, ask, onGrid(grid.Carry, 2*time.Minute, grid.Mean, grid.Last))
	for _, act := range []string{"observation.series", "observation.last"} {
		looked := 0
		for _, r := range b.Audited(act) {
			looked += len(r.All())
		}
		if looked == 0 {
			t.Errorf("%s leaves no record of whom was looked at (R44)", act)
		}
	}
}

// asFHIR: values as they came are those a FHIR destination gets; derived ones
// say what they are.
func (b *bedside) asFHIR(t *testing.T, raw, derived service.SeriesAsk) {
	t.Helper()
	type resource struct {
		ResourceType, Status string
		ValueQuantity        *struct {
			Value      json.Number
			Comparator string
		}
		Component []struct {
			Code struct {
				Coding []struct{ Code string }
				Text   string
			}
			ValueQuantity struct{ Value json.Number }
		}
	}
	observations := func(r service.SeriesAsk) []resource {
		r.To = "fhir"
		var a service.SeriesAnswer
		b.Call("observation.series", r, &a)
		var bundle struct{ Entry []struct{ Resource resource } }
		if err := json.Unmarshal(a.FHIR, &bundle); err != nil || len(a.Rows) > 0 {
			t.Fatal(err, len(a.Rows))
		}
		var all []resource
		for _, e := range bundle.Entry {
			if e.Resource.ResourceType == "Observation" {
				all = append(all, e.Resource)
			}
		}
		return all
	}
	var values []string
	for _, o := range observations(raw) {
		if o.ValueQuantity == nil || len(o.Component) > 0 {
			t.Errorf("raw: %+v", o)
			continue
		}
		values = append(values, o.ValueQuantity.Comparator+o.ValueQuantity.Value.String()+" "+o.Status)
	}
	if got, want := strings.Join(values, ", "), "72 final, 75 final, 80 final, 84 corrected, 70 final, 74 final, <30 final, 99 final"; got != want {
		t.Errorf("raw as FHIR: %s, want %s", got, want)
	}
	found := observations(derived)
	for _, o := range found {
		if o.ValueQuantity != nil || len(o.Component) < 2 || o.Status != "final" {
			t.Errorf("derived: %+v", o)
		}
	}
	if len(found) == 0 || len(found[0].Component) != 3 || found[0].Component[0].Code.Coding[0].Code != "average" || found[0].Component[0].ValueQuantity.Value.String() != "73.50" {
		t.Errorf("derived: %+v", found)
	}
	if len(found) < 3 || !strings.Contains(found[2].Component[0].Code.Text, "carried") {
		t.Errorf("what is carried does not say so: %+v", found)
	}
}

func TestSeriesRefuses(t *testing.T) {
	h := apptest.Start(t)
	now := time.Now()
	for _, c := range []struct {
		ask  service.SeriesAsk
		code string
	}{
		{service.SeriesAsk{}, "service.series"},
		{service.SeriesAsk{Device: "d", To: "xml"}, "service.series"},
		{service.SeriesAsk{Device: "d", Take: []grid.Take{grid.Mean}}, "service.series"},
		{service.SeriesAsk{Device: "d", Step: model.Duration(time.Minute), Take: []grid.Take{"median"}}, "service.series"},
		{service.SeriesAsk{Device: "d", Step: model.Duration(time.Minute), Take: []grid.Take{grid.Mean, grid.Mean}}, "service.series"},
		{service.SeriesAsk{Device: "d", Step: model.Duration(7 * time.Second)}, "grid.step"},
		{service.SeriesAsk{Device: "d", Step: model.Duration(time.Minute), Fill: grid.Carry}, "grid.gap"},
		{service.SeriesAsk{Device: "d", From: now, Until: now.Add(-time.Hour)}, "grid.span"},
		{service.SeriesAsk{Device: "d", Step: model.Duration(time.Second), From: now.AddDate(0, -1, 0)}, "service.too-many-points"},
	} {
		err := h.Door().Call(context.Background(), "observation.series", c.ask, nil)
		if fault.CodeOf(err) != c.code || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", c.ask, err)
		}
	}
}

// What is written by hand reads back as it was.
func TestSeriesPointsAsJSON(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.UTC)
	all := service.SeriesPoints{
		{Time: at, Value: model.Decimal{Coef: 370, Exp: -1}, Comparator: "<", Corrected: true, Ref: model.MessageRef{Seq: 4711, Part: 2}},
		{Time: at.Truncate(time.Hour), Value: model.Decimal{Coef: -5, Exp: 3}, Method: "mean", Count: 60, Bounds: 1},
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var again service.SeriesPoints
	if err := json.Unmarshal(text, &again); err != nil || fmt.Sprint(again) != fmt.Sprint(all) {
		t.Errorf("%v\n%s\n got %+v\nwant %+v", err, text, again, all)
	}
}
