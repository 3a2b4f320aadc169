package fhirapi

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/codec/fhir"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

func metricKind() kind {
	return kind{
		name: "DeviceMetric", doc: "What devices measure, single values and waveforms, as far as they have sent it lately; without values.",
		filters: append(common(false),
			filter{name: "identifier", sort: "token", doc: "its id here"},
			filter{name: "source", sort: "reference", doc: "the device"},
			filter{name: "parent", sort: "reference", doc: "the device, as source"},
			filter{name: "type", sort: "token", doc: "MDC number, RefID or LOINC code of what is measured"},
			filter{name: "category", sort: "token", doc: "measurement"},
		),
		includes: []string{"DeviceMetric:source", "DeviceMetric:parent"},
		sorts:    []string{"_id"},
		read:     readMetrics, search: searchMetrics,
	}
}

// A metric's id is its device's, a point, and a hash of what is measured.
func metricID(m *service.Metric) string {
	key := m.Code.Key()
	if key == "" {
		key = m.Received.System + "|" + m.Received.Code
	}
	if key += "\x00" + m.Unit; m.PeriodNS > 0 { // beside single values of that code
		key += "\x00" + strconv.FormatInt(m.PeriodNS, 10)
	}
	sum := sha256.Sum256([]byte(key))
	return string(m.Device) + "." + hex.EncodeToString(sum[:6])
}

func readMetrics(ctx context.Context, c *caller, ids []string) ([]*resource, error) {
	var devices []string
	for _, id := range ids {
		if device, _, ok := strings.Cut(id, "."); ok && !contains(devices, device) {
			devices = append(devices, device)
		}
	}
	var out []*resource
	for _, d := range devices {
		found, err := metricsOf(ctx, c, []string{d})
		if err != nil && fault.KindOf(err) != fault.Absent {
			return nil, err
		}
		for _, m := range found {
			if contains(ids, m.id) {
				out = append(out, m)
			}
		}
	}
	return out, nil
}

// metricsOf gives the metrics of devices, in the order of their ids.
func metricsOf(ctx context.Context, c *caller, devices []string) ([]*resource, error) {
	ask := service.MetricAsk{}
	for _, d := range devices {
		ask.Devices = append(ask.Devices, model.DeviceID(d))
	}
	var found []service.Metric
	if err := c.Call(ctx, "metric.list", ask, &found); err != nil {
		return nil, err
	}
	out := make([]*resource, len(found))
	for i := range found {
		out[i] = metric(&found[i])
	}
	slices.SortFunc(out, func(a, b *resource) int { return cmp.Compare(a.id, b.id) })
	return slices.CompactFunc(out, func(a, b *resource) bool { return a.id == b.id }), nil
}

// Bounds of a search that names no device: it looks at so many devices for a
// page, and goes on with the next.
const (
	devicesAtOnce = 50
	mostRounds    = 20
)

func searchMetrics(ctx context.Context, c *caller, q *request) (page, error) {
	var devices []string
	named := false
	var keep []func(*resource) bool
	for i := range q.params {
		p := &q.params[i]
		switch p.name {
		case "_id", "identifier":
			var ids []string
			for _, v := range p.values {
				t := tokenOf(v)
				if p.name == "_id" {
					t = token{code: v, bare: true}
				}
				if t.bare || t.system == systemMetric {
					ids = append(ids, t.code)
				}
				device, _, _ := strings.Cut(t.code, ".")
				devices, named = append(devices, device), true
			}
			keep = append(keep, func(r *resource) bool { return contains(ids, r.id) })
		case "source", "parent":
			ids, err := idsOf(p, "Device")
			if err != nil {
				return page{}, err
			}
			devices, named = append(devices, ids...), true
			keep = append(keep, func(r *resource) bool {
				device, _, _ := strings.Cut(r.id, ".")
				return contains(ids, device)
			})
		case "type":
			tokens, _, err := tokensOf(p)
			if err != nil {
				return page{}, err
			}
			keep = append(keep, func(r *resource) bool { return coded(r.node.Get("type", "coding"), tokens) })
		case "category":
			values := p.values
			keep = append(keep, func(r *resource) bool { return contains(values, r.node.Get("category").Text()) })
		}
	}
	matches := func(r *resource) bool {
		for _, k := range keep {
			if !k(r) {
				return false
			}
		}
		return true
	}
	if named {
		return namedMetrics(ctx, c, q, devices, matches)
	}
	if q.total || q.summary == "count" {
		return page{}, fault.New(fault.Invalid, "fhirapi.costly", "metrics are counted for named devices only; give source")
	}
	return anyMetrics(ctx, c, q, matches)
}

// namedMetrics searches the metrics of some devices.
func namedMetrics(ctx context.Context, c *caller, q *request, devices []string, matches func(*resource) bool) (page, error) {
	slices.Sort(devices)
	devices = slices.Compact(devices)
	out := page{total: 0}
	for _, d := range devices {
		found, err := metricsOf(ctx, c, []string{d})
		if fault.KindOf(err) == fault.Absent {
			continue
		}
		if err != nil {
			return page{}, err
		}
		for _, m := range found {
			if !matches(m) {
				continue
			}
			if out.total++; m.id <= q.cursor {
				continue
			}
			if len(out.rows) == q.count {
				out.next = "" // set below
				if q.count > 0 {
					out.next = out.rows[q.count-1].id
				}
				continue
			}
			out.rows = append(out.rows, m)
		}
	}
	return out, nil
}

// anyMetrics goes through the devices that were heard, as far as a page needs.
func anyMetrics(ctx context.Context, c *caller, q *request, matches func(*resource) bool) (page, error) {
	out := page{total: -1}
	after, _, _ := strings.Cut(q.cursor, ".")
	again := q.cursor != "" && after != q.cursor // in the midst of a device
	for range mostRounds {
		var ids []string
		if again {
			ids, again = []string{after}, false
		} else {
			var found service.DevicesFound
			if err := c.Call(ctx, "device.search", service.DeviceSearch{After: after, Limit: devicesAtOnce}, &found); err != nil {
				return page{}, err
			}
			for i := range found.Rows {
				if found.Rows[i].Observed > 0 {
					ids = append(ids, string(found.Rows[i].ID))
				}
			}
			if after = found.Next; after == "" && len(ids) == 0 {
				return out, nil
			}
		}
		for _, d := range ids {
			rows, err := metricsOf(ctx, c, []string{d})
			if err != nil && fault.KindOf(err) != fault.Absent {
				return page{}, err
			}
			for _, m := range rows {
				if m.id <= q.cursor || !matches(m) {
					continue
				}
				if len(out.rows) == q.count {
					out.next = out.rows[q.count-1].id
					return out, nil
				}
				out.rows = append(out.rows, m)
			}
		}
		if after == "" {
			return out, nil
		}
	}
	out.next = after
	return out, nil
}

// coded says whether one of some codings is asked for.
func coded(codings *fhir.Node, tokens []token) bool {
	for i := range codings.Len() {
		one := codings.At(i)
		for _, t := range tokens {
			system, code := one.Get("system").Text(), one.Get("code").Text()
			if (t.bare || t.system == system) && (code == t.code || one.Get("display").Text() == t.code && t.bare) {
				return true
			}
		}
	}
	return false
}

// metric is a DeviceMetric (FHIR R4 §8.19).
func metric(m *service.Metric) *resource {
	r := &resource{kind: "DeviceMetric", id: metricID(m)}
	n := resourceOf(r.kind, r.id)
	n.list("identifier", identifier(systemMetric, r.id, ""))
	n.put("type", meaning(m.Code, m.Received))
	if m.Unit != "" {
		n.put("unit", concept("", coding(systemUCUM, m.Unit, "")))
	}
	to := "Device/" + string(m.Device)
	r.refer("source", to)
	r.refer("parent", to)
	n.put("source", reference(to, "")).put("parent", reference(to, ""))
	status := "off"
	if m.Speaks {
		status = "on"
	}
	n.text("operationalStatus", status)
	n.text("category", "measurement")
	if m.PeriodNS > 0 {
		n.put("measurementPeriod", object().put("repeat", sampling(m.PeriodNS)))
	}
	state := ""
	switch {
	case m.CalibrationDue:
		state = "calibration-required"
	case !m.Calibrated.IsZero():
		state = "calibrated"
	}
	if state != "" {
		n.list("calibration", object().text("type", "unspecified").text("state", state).instant("time", m.Calibrated))
	}
	r.node = n
	return r
}

// sampling says how often a waveform is sampled (FHIR R4 §2.24.0.12 Timing):
// 250 times in one second, or where a second holds no whole number of samples,
// once in a part of one.
func sampling(periodNS int64) *node {
	times, period := int64(time.Second)/periodNS, "1"
	if times == 0 || int64(time.Second)%periodNS != 0 {
		times, period = 1, strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%09d", periodNS/int64(time.Second), periodNS%int64(time.Second)), "0"), ".")
	}
	out := object()
	out.Set("frequency", fhir.NumberOf(strconv.FormatInt(times, 10)))
	out.Set("period", fhir.NumberOf(period))
	return out.text("periodUnit", "s")
}
