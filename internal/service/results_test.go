package service_test

import (
	"fmt"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// HL7 v2 table 0085, R17: a corrected result takes the place of the one before
// it, a deleted, wrong or cancelled one takes it away, and what is simulated
// stands apart from what was measured. Every version stays where it came.
func TestResultsAreCorrectedAndKeptApart(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	at := time.Now().UTC().Truncate(time.Second).Add(-time.Minute)
	send := func(value, unit, status, flag string) {
		t.Helper()
		stamp := at.Format("20060102150405") + "+0000"
		h.Send("ORU^R01^ORU_R01", "PID|1||MRN-885522^^^HOSP^MR||Vrombaut^Ottokar||19610412|M\rOBR|1||||||"+stamp+"\r"+
			fmt.Sprintf("OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||MON-9^^MON-9^EUI-64\rOBX|2|NM|150344^MDC_TEMP^MDC|1.1.1.1|%s|%s||%s|||%s|||%s", value, unit, flag, status, stamp))
	}
	const degF, degC = "266560^MDC_DIM_FAHR^MDC", "268192^MDC_DIM_DEGC^MDC"
	for _, step := range []struct {
		value, unit, status, flag string
		measured, simulated       string
	}{
		{"98.6", degF, "F", "", "37.0", ""},
		{"99.5", degF, "C", "", "37.5", ""},
		{"", "", "D", "", "", ""}, // neither value nor unit: it still withdraws what was converted
		{"37.2", degC, "C", "", "37.2", ""},
		{"", degF, "W", "", "", ""},
		{"37.3", degC, "F", "", "37.3", ""},
		{"36.0", degC, "F", "DEMO", "37.3", "36.0"},
		{"37.3", degC, "X", "", "", "36.0"},
	} {
		send(step.value, step.unit, step.status, step.flag)
		var trends []record.Trend
		h.Call("trend.get", service.TrendAsk{Device: device(h, "MON-9"), Code: "MDC_TEMP", From: at.Add(-time.Hour)}, &trends)
		var measured, simulated string
		for _, one := range trends {
			for _, p := range one.Points {
				if one.Simulated {
					simulated += p.Last.String()
				} else {
					measured += p.Last.String()
				}
			}
		}
		if measured != step.measured || simulated != step.simulated {
			t.Errorf("after %q as %s %s: measured %q, simulated %q, want %q and %q", step.value, step.status, step.flag, measured, simulated, step.measured, step.simulated)
		}
	}
	var list service.List[service.Summary]
	h.Call("message.search", service.MessageSearch{Device: device(h, "MON-9")}, &list)
	if len(list.Rows) != 8 {
		t.Errorf("%d messages: every version stays", len(list.Rows))
	}
}

// device gives the id of the device with an identifier.
func device(h *apptest.House, text string) model.DeviceID {
	var list service.List[service.DeviceRow]
	h.Call("device.list", service.DeviceAsk{Text: text}, &list)
	if len(list.Rows) != 1 {
		return "none"
	}
	return list.Rows[0].ID
}
