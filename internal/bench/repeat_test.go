package bench_test

import (
	"strings"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// TestRepeats (R18): a message that comes again over the same connection,
// another one, after a restart in good order and after kill -9 gets the first
// answer, word for word, and counts once.
func TestRepeats(t *testing.T) {
	w := begin(t, t.TempDir())
	message := strings.Replace(oneMessage, "FULL-%", "REPEAT", 1)
	first := w.ask(message)
	if !strings.Contains(first, "MSA|AA|REPEAT") {
		t.Fatalf("%q", first)
	}
	same := func(when string) {
		t.Helper()
		if again := w.ask(message); again != first {
			t.Errorf("%s: answered %q, first %q", when, again, first)
		}
	}
	same("at once")
	w.ask(strings.Replace(message, "REPEAT", "ANOTHER", 1))
	w.Stop()
	w.start()
	same("after a restart")
	w.Kill()
	w.start()
	same("after kill -9")
	other := w.ask(strings.Replace(message, "||72|", "||73|", 1))
	if other == first || !strings.Contains(other, "MSA|AA|REPEAT") {
		t.Errorf("the same number with other content: %q", other)
	}
	var found service.List[service.Summary]
	w.until("all are recorded", func() bool {
		found = service.List[service.Summary]{}
		err := w.Client.Call(t.Context(), "message.search", service.MessageSearch{Control: "REPEAT"}, &found)
		return err == nil && len(found.Rows) == 5
	})
	repeats := 0
	for _, m := range found.Rows {
		if m.Duplicate != (model.MessageRef{}) {
			repeats++
		}
	}
	if repeats != 3 {
		t.Errorf("%d of 5 are known as repeats, want 3", repeats)
	}
	// The receiver may get one twice because of kill -9; by its number it counts
	// once.
	w.until("all are delivered", func() bool { return w.his.Different() == 2 && w.his.Total() >= 3 })
}

// TestQuarantineOfTheProgram (R11, R29): devices that nobody has adopted wait
// through kill -9, and what waited goes out in order once each is adopted,
// although the program is killed right behind each adoption.
func TestQuarantineOfTheProgram(t *testing.T) {
	w := begin(t, t.TempDir())
	text := strings.NewReplacer("HIS", w.his.Address(), "codec: hl7v2", "codec: hl7v2, unknown: quarantine").Replace(oneDestination)
	if err := w.Apply(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	w.load(3)
	w.acknowledged(100)
	w.Kill()
	w.start()
	w.acknowledged(60)
	var o service.Overview
	w.until("the overview counts what waits", func() bool {
		return w.Client.Call(t.Context(), "overview.get", nil, &o) == nil && o.Quarantined >= 150
	})
	if n := w.his.Total(); n != 0 {
		t.Errorf("%d messages went out of quarantine", n)
	}
	adopted := 0
	for {
		var devices service.List[service.DeviceRow]
		if err := w.Client.Call(t.Context(), "device.list", service.DeviceAsk{New: true}, &devices); err != nil {
			t.Fatal(err)
		}
		if len(devices.Rows) == 0 {
			break
		}
		id := devices.Rows[0].ID
		var page service.DevicePage
		if err := w.Client.Call(t.Context(), "device.get", service.ID{ID: string(id)}, &page); err != nil {
			t.Fatal(err)
		}
		if len(page.Quarantined) == 0 {
			t.Errorf("the page of %s does not say what waits for it", id)
		}
		err := w.Client.Call(t.Context(), "device.adopt", service.DeviceAct{ID: id, Reason: "delivered today"}, nil)
		if err != nil && fault.KindOf(err) != fault.Conflict {
			t.Fatal(err)
		}
		adopted++
		w.Kill()
		w.start()
		w.acknowledged(20)
	}
	if adopted < 3 {
		t.Errorf("%d devices were adopted", adopted)
	}
	w.settled()
}
