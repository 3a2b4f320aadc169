package ward

import (
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/texts"
	"thalamus/internal/web/ui"
)

func value(t *testing.T, refid, number string, at time.Time) service.LatestValue {
	return service.LatestValue{Code: model.Code{RefID: refid}, Value: model.Value{Kind: model.ValueNumber, Number: decimal(t, number)}, Time: at, Arrived: arrived}
}

func TestCardShowsWhatAWardLooksAtFirst(t *testing.T) {
	bed := service.Bed{Place: "ICU^2^23", Patient: "pat-1", PatientName: "Almeida, Ana", Values: []service.LatestValue{
		value(t, "MDC_FLOW_FLUID_PUMP", "98", arrived),
		value(t, "MDC_PRESS_BLD_NONINV_DIA", "80", arrived),
		value(t, "MDC_PRESS_BLD_NONINV_SYS", "120", arrived),
		value(t, "MDC_ECG_HEART_RATE", "70", arrived.Add(-time.Minute)),
		value(t, "MDC_ECG_HEART_RATE", "78", arrived),
		value(t, "MDC_ATTR_ID_MODEL", "1", arrived),
		value(t, "MDC_TEMP", "37.1", arrived.Add(time.Hour)),
	}}
	c := cardOf(t.Context(), &bed)
	if c.Key != "ppat-1" || c.Place != "ICU · 2 · 23" || string(c.To) != "/patients/pat-1" {
		t.Errorf("card %q %q %q", c.Key, c.Place, c.To)
	}
	var names []string
	for _, tile := range c.Tiles {
		names = append(names, tile.Short)
	}
	if len(names) != 3 || names[0] != "HR" || names[1] != "NIBP" || names[2] != "Temp" {
		t.Fatalf("tiles %v", names)
	}
	if got := c.Tiles[0].Readings[0].Value.Number.String(); got != "78" {
		t.Errorf("of two devices the latest value counts: %s", got)
	}
	if r := c.Tiles[1].Readings; len(r) != 2 || r[0].Value.Number.String() != "120" {
		t.Errorf("a pressure is systolic / diastolic: %+v", r)
	}
	if at := c.Tiles[2].Readings[0].At; at != arrived.UnixMilli() {
		t.Error("a clock that is ahead makes a value younger than it is")
	}
	if len(c.Rest) != 1 || c.Rest[0].Key != "MDC_FLOW_FLUID_PUMP" {
		t.Errorf("what remains is the pump's rate alone: %+v", c.Rest)
	}
}

func TestUrgentAlertsStandFirst(t *testing.T) {
	state := func(id, priority string, active bool) service.AlertRow {
		return service.AlertRow{Life: service.AlertState{Alert: model.Alert{ID: id, Text: id, Priority: priority}, Active: active, Since: arrived}}
	}
	bed := service.Bed{Devices: []service.LiveDevice{{ID: "dev-1", Name: "Monitor 7"}}, Alerts: []service.AlertRow{
		state("low", "low", true), state("gone", "high", false), state("strange", "PX", true), state("high", "high", true),
	}}
	c := cardOf(t.Context(), &bed)
	var got string
	for _, a := range c.Alarms {
		got += a.Text + " "
	}
	if got != "high strange low " {
		t.Errorf("alerts in the order %s", got)
	}
	if c.Place != "Monitor 7" || c.Key != "ddev-1" {
		t.Errorf("a bed without a place is called by its device: %q %q", c.Place, c.Key)
	}
}

func TestYears(t *testing.T) {
	for _, c := range []struct {
		born string
		want int
	}{{"1950-03-01", 76}, {"1950-03-02", 75}, {"1950", -1}, {"", -1}, {"2027-01-01", -1}} {
		if got := years(c.born, arrived); got != c.want {
			t.Errorf("born %q: %d years, not %d", c.born, got, c.want)
		}
	}
}

func TestUnitsAsOnTheWard(t *testing.T) {
	for ucum, want := range map[string]string{"mm[Hg]": "mmHg", "Cel": "°C", "/min": "/min", "mL/h": "ml/h", "ug/kg/min": "µg/kg/min", "1": "", "": ""} {
		if got := unitText(ucum); got != want {
			t.Errorf("%q is written %q, not %q", ucum, got, want)
		}
	}
}

// A bed says of each device whether it speaks and why it is there, and what
// lies at no bed stands apart.
func TestFeedsSpeakForThemselves(t *testing.T) {
	ctx := ui.With(t.Context(), &ui.Visit{Now: arrived, Zone: time.UTC, Language: texts.Pick("en", "")})
	heard := func(before time.Duration) service.Hearing {
		return service.Hearing{Last: arrived.Add(-before), Late: model.Duration(time.Minute), Silent: model.Duration(5 * time.Minute)}
	}
	for _, c := range []struct {
		device      service.LiveDevice
		state, note string
	}{
		{service.LiveDevice{Heard: heard(time.Second), Source: "scan", Since: arrived.Add(-time.Hour)}, "", "Scanned at the bed, since " + arrived.Add(-time.Hour).Format("15:04")},
		{service.LiveDevice{Heard: heard(2 * time.Minute)}, "late", "Connected to nobody now"},
		{service.LiveDevice{Heard: heard(time.Hour), Left: true}, "silent", "With another patient now"},
		{service.LiveDevice{}, "never", "Connected to nobody now"},
	} {
		one := feed{LiveDevice: c.device}
		if got := feedState(ctx, &one); got != c.state {
			t.Errorf("state %q, not %q", got, c.state)
		}
		if got := feedNote(ctx, &one); got != c.note {
			t.Errorf("note %q, not %q", got, c.note)
		}
	}
	if got := agedText(ctx, arrived.Add(-2*time.Minute).UnixMilli(), true); got != "since "+arrived.Add(-2*time.Minute).Format("15:04") {
		t.Errorf("a gap is told as %q", got)
	}
	beds, rest := split([]card{{Key: "a"}, {Key: "b", Bedded: true}, {Key: "c"}})
	if len(beds) != 1 || len(rest) != 2 {
		t.Errorf("%d beds, %d at none", len(beds), len(rest))
	}
}

// A value is missing by the rhythm of its device and by its kind: a cuff and a
// laboratory measure now and then, and a meter that went to the next patient is
// nothing to warn of; a monitor is.
func TestWhatIsMissing(t *testing.T) {
	ctx := ui.With(t.Context(), &ui.Visit{Now: arrived, Zone: time.UTC, Language: texts.Pick("en", "")})
	by := func(late time.Duration) service.Hearing {
		return service.Hearing{Last: arrived, Late: model.Duration(late), Silent: model.Duration(4 * late)}
	}
	of := func(device model.DeviceID, code string) service.LatestValue {
		v := value(t, code, "80", arrived.Add(-50*time.Second))
		v.Device, v.Arrived = device, v.Time
		return v
	}
	bed := service.Bed{Place: "ICU^1^1", Patient: "pat-1", Devices: []service.LiveDevice{
		{ID: "lab", Heard: by(30 * time.Second), Valued: arrived.Add(-50 * time.Second)},
		{ID: "meter", Heard: by(30 * time.Second), Left: true, Valued: arrived.Add(-50 * time.Second)},
		{ID: "monitor", Heard: by(30 * time.Second), Source: "message", Valued: arrived},
		{ID: "pump", Heard: by(time.Minute), Source: "message", Valued: arrived},
		{ID: "old", Heard: by(30 * time.Second), Left: true, Valued: arrived},
	}, Values: []service.LatestValue{
		of("monitor", "MDC_ECG_HEART_RATE"), of("monitor", "MDC_PRESS_BLD_NONINV_SYS"), of("old", "MDC_PULS_OXIM_SAT_O2"),
		of("pump", "MDC_FLOW_FLUID_PUMP"), of("monitor", "MDC_VENT_FLOW"), of("lab", "MDC_CONC_POTASSIUM"), of("meter", "MDC_CONC_GLU"),
	}}
	c := cardOf(ctx, &bed)
	got := map[string]bool{}
	for _, one := range c.Tiles {
		got[one.Short] = isLate(ctx, &one.Readings[0])
	}
	for _, r := range c.Rest {
		got[r.Key] = isLate(ctx, &r)
	}
	for key, want := range map[string]bool{
		"HR": true, "SpO₂": true, "NIBP": false, "MDC_FLOW_FLUID_PUMP": false, "MDC_VENT_FLOW": true, "MDC_CONC_POTASSIUM": false, "MDC_CONC_GLU": false,
	} {
		if is, there := got[key]; is != want || !there {
			t.Errorf("%s: late %v", key, is)
		}
	}
	for i := range c.Feeds {
		d := &c.Feeds[i]
		if want := d.ID == "lab" || d.ID == "meter"; d.Shared != want {
			t.Errorf("%s: shared %v", d.ID, d.Shared)
		}
	}
	meter := feed{LiveDevice: bed.Devices[1], Shared: true}
	meter.Heard.Last = arrived.Add(-time.Hour)
	if feedState(ctx, &meter) != "" || feedNote(ctx, &meter) != "For several patients" || agedText(ctx, arrived.Add(-2*time.Minute).UnixMilli(), false) != arrived.Add(-2*time.Minute).Format("15:04") {
		t.Errorf("a meter elsewhere: %q %q", feedState(ctx, &meter), feedNote(ctx, &meter))
	}
}
