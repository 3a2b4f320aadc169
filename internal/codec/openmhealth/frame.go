package openmhealth

import (
	"math/big"
	"time"

	"thalamus/internal/hl7time"
	"thalamus/internal/model"
)

// timestamp reads an ISO time. Normalising reads it again, with the zones of
// the channel for a date alone.
func timestamp(text string) model.Timestamp {
	var zones hl7time.Zones
	ts, _ := zones.ReadAs(hl7time.FormatISO, text, time.Time{})
	return ts
}

// times reads the effective time frame into an order, under which all
// observations stand: an instant, or a span by two of start, end and duration,
// or a part of a day.
func (d *decoder) times(frame *node) {
	span := frame.member("time_interval")
	var o model.Order
	switch {
	case frame == nil:
		return
	case span == nil:
		o.Start = timestamp(frame.at("date_time").string())
	case span.member("date") != nil:
		o.Start = timestamp(span.at("date").string())
		d.partOfDay = span.at("part_of_day").string()
	default:
		o.Start, o.End = timestamp(span.at("start_date_time").string()), timestamp(span.at("end_date_time").string())
		if length := span.member("duration"); length != nil {
			d.complete(&o, length)
		}
	}
	if !o.End.UTC.IsZero() && o.End.UTC.Before(o.Start.UTC) {
		d.issue(model.Issue{Code: "openmhealth.time-frame", Severity: model.Warning, Field: "body.effective_time_frame",
			Text: "the span ends before it begins; only its beginning counts", Hint: "the sender should correct its clock or zone"})
	}
	o.Field, o.Status = "body.effective_time_frame", model.StatusFinal
	d.m.Orders = []model.Order{o}
}

// complete finds the end of a span from its start and duration, or the start
// from its end. Months and years are those of the calendar.
func (d *decoder) complete(o *model.Order, length *node) {
	value, ok := ratio(length.at("value").text)
	from, to, sign := &o.Start, &o.End, 1
	if o.Start.Original == "" {
		from, to, sign = &o.End, &o.Start, -1
	}
	var at time.Time
	if ok && !from.UTC.IsZero() {
		at, ok = after(from.UTC, value, length.at("unit").string(), sign)
	}
	if !ok || at.IsZero() {
		d.issue(model.Issue{Code: "openmhealth.time-frame", Severity: model.Warning, Field: "body.effective_time_frame",
			Text: "the duration of the span cannot be counted from its other end", Hint: "the sender should give start and end"})
		if sign < 0 {
			o.Start, o.End = o.End, model.Timestamp{}
		}
		return
	}
	*to = model.Timestamp{UTC: at, Precision: from.Precision, Zone: from.Zone}
}

// ratio reads a number of at most 18 significant digits.
func ratio(text string) (*big.Rat, bool) {
	d, err := model.ParseDecimal(text)
	if err != nil {
		return nil, false
	}
	return new(big.Rat).SetString(d.String())
}

// lengths are the units of durations in seconds.
var lengths = map[string]int64{"sec": 1, "min": 60, "h": 3600, "d": 86400, "wk": 604800}

// after adds a duration, to the nanosecond.
func after(t time.Time, value *big.Rat, unit string, sign int) (time.Time, bool) {
	if value.Sign() < 0 || value.Cmp(big.NewRat(1<<40, 1)) > 0 {
		return time.Time{}, false
	}
	ns := new(big.Rat).Set(value)
	switch unit {
	case "Mo", "yr":
		if !value.IsInt() || value.Num().Int64() > 2400 {
			return time.Time{}, false
		}
		n := sign * int(value.Num().Int64())
		if unit == "yr" {
			return t.AddDate(n, 0, 0), n < 200 && n > -200
		}
		return t.AddDate(0, n, 0), true
	case "ps":
		ns.Quo(ns, big.NewRat(1000, 1))
	case "ns":
	case "us":
		ns.Mul(ns, big.NewRat(1000, 1))
	case "ms":
		ns.Mul(ns, big.NewRat(1_000_000, 1))
	default:
		seconds, ok := lengths[unit]
		if !ok {
			return time.Time{}, false
		}
		ns.Mul(ns, big.NewRat(seconds*1_000_000_000, 1))
	}
	whole := new(big.Int).Quo(ns.Num(), ns.Denom())
	if !whole.IsInt64() || whole.Int64() > 200*366*86400*1_000_000_000 {
		return time.Time{}, false
	}
	return t.Add(time.Duration(sign) * time.Duration(whole.Int64())), true
}
