package service_test

import (
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/register/roster"
	"thalamus/internal/service"
)

// The list of devices names what was merged into each, and a list that knows
// a machine by another name of it, or by a number it told there, is about the
// device (R30).
func TestOtherNamesInExports(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	known := h.Stranger("MON-1", "60")
	h.Call("device.adopt", service.DeviceAct{ID: known, Reason: "test"}, nil)
	stranger := h.Stranger("NEW-2", "61")
	h.Call("device.merge", service.DeviceMerge{DeviceAct: service.DeviceAct{ID: stranger, Reason: "new network card"}, Into: known}, nil)
	var file service.DeviceFile
	h.Call("device.export", service.DeviceAsk{Text: "MON-1"}, &file)
	if !strings.Contains(file.Text, string(known)+","+string(stranger)+",yes,") {
		t.Errorf("%s", file.Text)
	}
	for _, table := range []string{file.Text, "device id,note\r\n" + string(stranger) + ",x\r\n"} {
		var check service.ImportCheck
		h.Call("device.import", service.ImportAsk{Name: "list.csv", Content: []byte(table)}, &check)
		if check.Wrong != 0 || check.Counts[roster.New] != 0 || check.Counts[roster.Doubtful] != 0 {
			t.Errorf("%q: %+v %+v", table, check.Counts, check.Problems)
		}
	}
}
