package app_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// wary brings a ward in force whose channel keeps back what nobody adopted.
func wary(t *testing.T) *apptest.House {
	h := apptest.Start(t)
	text := strings.Replace(h.Ward(), "codec: hl7v2\n", "codec: hl7v2\n    unknown: quarantine\n", 1)
	h.Call("config.apply", service.ConfigText{Name: "ward.yaml", Text: text, Reason: "test"}, nil)
	return h
}

// archived gives the device and heart rate of every message that the file
// destination got, in order: "dev-abc 72".
func archived(t *testing.T, h *apptest.House) (out []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(h.Out, "*.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var m model.Message
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				if strings.HasSuffix(line, "\n") {
					t.Fatalf("%v: %s", err, line)
				}
				continue // it is being written
			}
			if len(m.Devices) > 0 && len(m.Observations) > 0 {
				out = append(out, string(m.Devices[0].ID)+" "+m.Observations[0].Value.Number.String())
			}
		}
	}
	return out
}

func refused(t *testing.T, h *apptest.House, op string, ask any, code string) {
	t.Helper()
	if err := h.Door().Call(t.Context(), op, ask, nil); fault.CodeOf(err) != code {
		t.Errorf("%s %+v: %v, want %s", op, ask, err, code)
	}
}

// TestMerge (R11, R29, R30): a stranger that is a known device becomes another
// name of it. What waited goes out under the known device in its order, what
// came before is found under it, what comes later is its own; undone, the
// stranger is a stranger again. All of it holds after a restart.
func TestMerge(t *testing.T) {
	h := wary(t)
	known := h.Stranger("MON-1", "60")
	h.Call("device.adopt", service.DeviceAct{ID: known, Reason: "test"}, nil)
	h.Until("the known device's value is there", func() bool { return len(archived(t, h)) == 1 })
	stranger := h.Stranger("NEW-2", "61")
	h.Measure("NEW-2", "62")
	h.Measure("MON-1", "63")
	h.Until("the known device goes on", func() bool { return len(archived(t, h)) == 2 })

	refused(t, h, "device.merge", service.DeviceMerge{DeviceAct: service.DeviceAct{ID: stranger}, Into: known}, "service.no-reason")
	refused(t, h, "device.merge", service.DeviceMerge{DeviceAct: service.DeviceAct{ID: stranger, Version: 9, Reason: "test"}, Into: known}, "register.version")
	refused(t, h, "device.separate", service.DeviceAct{ID: stranger, Reason: "test"}, "register.merge")
	var done service.DeviceMerged
	h.Call("device.merge", service.DeviceMerge{DeviceAct: service.DeviceAct{ID: stranger, Reason: "new network card"}, Into: known}, &done)
	if done.Deliveries != 2 || done.Device.ID != known {
		t.Fatalf("%+v", done)
	}
	h.Measure("NEW-2", "64")
	h.Measure("MON-1", "65")
	want := []string{"60", "63", "61", "62", "64", "65"}
	for i := range want {
		want[i] = string(known) + " " + want[i]
	}
	check := func() {
		t.Helper()
		h.Until("all are delivered", func() bool { return len(archived(t, h)) >= len(want) })
		if got := archived(t, h); !slices.Equal(got, want) {
			t.Fatalf("delivered\n%v, want\n%v", got, want)
		}
		var page service.DevicePage
		h.Call("device.get", service.ID{ID: string(stranger)}, &page)
		if page.Device.ID != known || len(page.Aliases) != 1 || page.Aliases[0].ID != stranger || page.Aliases[0].Messages != 3 || page.Aliases[0].Merged.Reason != "new network card" || len(page.Aliases[0].Keys) == 0 {
			t.Fatalf("%+v", page)
		}
		var devices service.List[service.DeviceRow]
		h.Call("device.list", nil, &devices)
		if len(devices.Rows) != 1 {
			t.Fatalf("%+v", devices.Rows)
		}
		for _, id := range []model.DeviceID{known, stranger} {
			var found service.List[service.Summary]
			h.Call("message.search", service.MessageSearch{Device: id}, &found)
			if len(found.Rows) != len(want) {
				t.Fatalf("%d messages are found under %s", len(found.Rows), id)
			}
			for _, m := range found.Rows {
				if m.Device != known {
					t.Fatalf("%+v", m)
				}
			}
		}
	}
	check()
	h.Again()
	check()
	refused(t, h, "device.adopt", service.DeviceAct{ID: stranger, Reason: "test"}, "register.merged")
	refused(t, h, "device.merge", service.DeviceMerge{DeviceAct: service.DeviceAct{ID: stranger, Reason: "test"}, Into: known}, "register.merge")

	h.Call("device.separate", service.DeviceAct{ID: stranger, Reason: "two machines after all"}, nil)
	h.Measure("NEW-2", "66")
	h.Measure("MON-1", "67")
	want = append(want, string(known)+" 67")
	h.Until("the known device goes on", func() bool { return len(archived(t, h)) == len(want) })
	if got := archived(t, h); !slices.Equal(got, want) {
		t.Fatalf("after it was undone\n%v, want\n%v", got, want)
	}
	h.Again()
	var page service.DevicePage
	h.Call("device.get", service.ID{ID: string(stranger)}, &page)
	if page.Device.ID != stranger || page.Device.Adopted() || len(page.Quarantined) != 1 || page.Device.Seen.Messages != 4 {
		t.Fatalf("%+v", page)
	}
	facts := map[string]bool{}
	for _, c := range page.History {
		facts[c.Fact+" "+c.Was+">"+c.Now] = true
	}
	if !facts["merged "+string(known)+">"] && !facts["merged >"+string(known)] {
		t.Errorf("its history does not tell of it: %v", facts)
	}
}
