package service

import (
	"bytes"
	"context"
	"encoding/csv"
	"strings"
	"time"

	"thalamus/internal/extract"
	"thalamus/internal/fault"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
)

// DeviceFile is a list of devices as a file.
type DeviceFile struct {
	Name string `json:"name"`
	Rows int    `json:"rows"`
	Text string `json:"text"` // CSV: a head, CRLF, UTF-8 (RFC 4180)
}

// mostExported bounds a file.
const mostExported = 200_000

func exportOps() []Op {
	return []Op{
		define(Reads, "device.export", "Write the devices that match as CSV, which device.import takes again.", "--facts department=ICU", exportDevices),
	}
}

// exportColumns are the columns of facts, behind those that are for reading
// alone; device.import guesses what they tell by these names.
func exportColumns() []string {
	var out []string
	for _, k := range fact.Kinds(fact.OfDevice) {
		switch k.Name {
		case "adoption", "profile", "range", "zone", "clock":
		default:
			out = append(out, k.Name)
		}
	}
	return out
}

func exportDevices(ctx context.Context, c *call, r DeviceAsk) (DeviceFile, error) {
	q, err := r.query()
	if err != nil {
		return DeviceFile{}, err
	}
	now := c.s.now()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	columns := exportColumns()
	if err := w.Write(append([]string{"device id", "other ids", "adopted", "last heard"}, columns...)); err != nil {
		return DeviceFile{}, fault.Wrap(err, fault.Broken, "service.export", "the list cannot be written")
	}
	f := DeviceFile{Name: "devices-" + now.Format("20060102-150405") + ".csv"}
	var failed error
	merged := c.s.Register.Merged()
	see := func(v *register.View) bool {
		if f.Rows++; f.Rows > mostExported {
			failed = fault.New(fault.Invalid, "service.export", "more than %d devices match; filter them", mostExported)
			return false
		}
		if f.Rows%1000 == 0 && ctx.Err() != nil {
			failed = ctx.Err()
			return false
		}
		counts := register.Counts(v, now)
		row := []string{string(v.ID), "", "no", ""}
		for _, other := range merged[v.ID] {
			row[1] = strings.TrimSpace(row[1] + " " + string(other.ID))
		}
		if v.Adopted() {
			row[2] = "yes"
		}
		if !v.Seen.LastSeen.IsZero() {
			row[3] = v.Seen.LastSeen.UTC().Format(time.RFC3339)
		}
		for _, name := range columns {
			row = append(row, extract.Harmless(counts[name]))
		}
		failed = w.Write(row)
		return failed == nil
	}
	if r.State != "" {
		q.Limit = mostExported + 1
		page, err := c.s.inState(ctx, q, r.State)
		if err != nil {
			return f, err
		}
		for i := range page {
			if !see(&page[i]) {
				break
			}
		}
	} else {
		c.s.walk(q, see)
	}
	w.Flush()
	f.Text = b.String()
	return f, failed
}
