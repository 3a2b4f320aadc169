package app_test

import (
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/service"
)

// An alarm that a stranger reported before it was merged into a known device
// goes on under the device (R21, R30): its end, told under the device's id, is
// the end of that alarm, before and after a restart.
func TestAlarmGoesOnAfterMerge(t *testing.T) {
	for _, again := range []bool{false, true} {
		h := apptest.Start(t)
		h.Furnish()
		known := h.Stranger("MON-1", "60")
		h.Call("device.adopt", service.DeviceAct{ID: known, Reason: "test"}, nil)
		stranger := h.Stranger("NEW-2", "61")
		start := time.Now().Add(-time.Minute).Truncate(time.Second)
		send := func(serial string, a alarm) {
			t.Helper()
			_, report, _ := strings.Cut(a.segments(start), "\rOBR")
			h.Send("ORU^R40^ORU_R40", "OBR"+strings.ReplaceAll(report, "0009FB0000000AAA", serial))
		}
		list := func(active bool) (rows []service.AlertRow) {
			t.Helper()
			h.Call("alert.list", service.AlertAsk{Active: active}, &rows)
			return rows
		}
		send("NEW-2", alarm{id: "al-1", phase: "start", state: "active", priority: "PH", text: "Asystole"})
		send("NEW-2", alarm{id: "al-2", phase: "start", state: "active", priority: "PL", text: "Battery low"})
		if rows := list(true); len(rows) != 2 || rows[0].Device != stranger {
			t.Fatalf("%+v", rows)
		}
		h.Call("device.merge", service.DeviceMerge{DeviceAct: service.DeviceAct{ID: stranger, Reason: "new network card"}, Into: known}, nil)
		if again {
			h.Again()
		}
		send("NEW-2", alarm{id: "al-1", after: 20, phase: "end", state: "inactive", priority: "PH"})
		check := func(active, all int) {
			t.Helper()
			if rows := list(true); len(rows) != active {
				t.Errorf("%d alarms are active, not %d: %+v", len(rows), active, rows)
			}
			rows := list(false)
			if len(rows) != all {
				t.Errorf("%d alarms, not %d: %+v", len(rows), all, rows)
			}
			for _, r := range rows {
				if r.Device != known {
					t.Errorf("it is the alarm of %s, not of %s", r.Device, known)
				}
				if r.Alert.Text == "Asystole" && (r.Stage != "ended" || r.Events != 2) {
					t.Errorf("%s after %d reports", r.Stage, r.Events)
				}
			}
		}
		check(1, 2)
		h.Again()
		check(1, 2)
		// What the device reports under its own name goes on with it too.
		send("MON-1", alarm{id: "al-2", after: 30, phase: "end", state: "inactive", priority: "PL"})
		check(0, 2)
	}
}
