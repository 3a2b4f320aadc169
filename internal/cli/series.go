package cli

import (
	"encoding/json"
	"strconv"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/service"
)

// seriesLine is one number over time as people read it.
type seriesLine struct {
	Time      time.Time        `json:"time"`
	Code      model.Code       `json:"code"`
	Value     string           `json:"value"`
	Unit      string           `json:"unit"`
	Method    string           `json:"method"`
	Count     string           `json:"count"`
	Bounds    string           `json:"bounds"`
	Corrected bool             `json:"corrected"`
	Simulated bool             `json:"simulated"`
	Patient   model.PatientID  `json:"patient"`
	Device    model.DeviceID   `json:"device"`
	Ref       model.MessageRef `json:"ref"`
}

// printSeries writes numbers over time: a line each, or the FHIR bundle they
// were asked for as.
func (c *program) printSeries(a service.SeriesAnswer) error {
	if len(a.FHIR) > 0 {
		return c.printJSON(c.out, json.RawMessage(a.FHIR))
	}
	lines := []seriesLine{}
	some := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	for i := range a.Rows {
		row := &a.Rows[i]
		code := row.Code
		if code.Key() == "" {
			code.Name = row.Received.Text + " (" + row.Received.Code + ")"
		}
		for _, p := range row.Points {
			method := p.Method
			if row.Derived && method != string(row.Method) {
				method = string(row.Method) + ", " + method
			}
			lines = append(lines, seriesLine{
				Time: p.Time, Code: code, Value: p.Comparator + p.Value.String(), Unit: row.UnitUCUM, Method: method, Count: some(p.Count), Bounds: some(p.Bounds),
				Corrected: p.Corrected, Simulated: row.Simulated, Patient: row.Patient, Device: row.Device, Ref: p.Ref,
			})
		}
	}
	return printText(c.out, lines, c.width())
}
