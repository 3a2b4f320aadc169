package bench_test

import (
	"strings"
	"testing"

	"thalamus/internal/model"
	"thalamus/internal/service"
)

// TestRereadOfTheProgram (R12, R28): an entry that was read when its channel
// had no zone and no route led to the receiver is read and routed again with
// what is in force now, goes out once although the program is killed, and the
// first reading stays beside the new one.
func TestRereadOfTheProgram(t *testing.T) {
	w := begin(t, t.TempDir())
	text := strings.NewReplacer("HIS", w.his.Address(), "destinations: [his]", "destinations: [his], types: [ADT]").Replace(oneDestination)
	if err := w.Apply(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if answer := w.ask(strings.Replace(oneMessage, "FULL-%", "AGAIN", 1)); !strings.Contains(answer, "MSA|AA|AGAIN") {
		t.Fatal(answer)
	}
	var page service.MessagePage
	get := func() bool {
		page = service.MessagePage{}
		return w.Client.Call(t.Context(), "message.get", service.Ref{Seq: 1}, &page) == nil && page.Message != nil
	}
	w.until("the message is recorded", get)
	if len(page.Message.Routed) > 0 || len(page.Versions) > 0 {
		t.Fatalf("%+v", page)
	}
	first := *page.Message
	text = strings.NewReplacer("HIS", w.his.Address(), "codec: hl7v2", "codec: hl7v2, zone: Europe/Berlin").Replace(oneDestination)
	if err := w.Apply(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	var made service.ReplayMade
	ask := service.ReplayAsk{Entries: []model.Seq{1}, Reason: "the zone was wrong"}
	if err := w.Client.Call(t.Context(), "entry.replay", ask, &made); err != nil {
		t.Fatal(err)
	}
	ask.Reread = true
	if err := w.Client.Call(t.Context(), "entry.replay", ask, &made); err != nil {
		t.Fatal(err)
	}
	w.Kill()
	w.start()
	w.until("it is delivered", func() bool {
		return get() && len(page.Deliveries) == 1 && page.Deliveries[0].State == model.Delivered
	})
	if page.Deliveries[0].Replay != made.Replay || w.his.Different() != 1 {
		t.Errorf("%d messages came, by %+v", w.his.Different(), page.Deliveries)
	}
	if len(page.Versions) != 1 {
		t.Fatalf("versions %+v", page.Versions)
	}
	v := page.Versions[0]
	if v.Replay != made.Replay || len(v.Message.Routed) != 1 || len(page.Message.Routed) != 0 {
		t.Errorf("replay %d, routed %v; the first %v", v.Replay, v.Message.Routed, page.Message.Routed)
	}
	if hours := first.DeviceTime.UTC.Sub(v.Message.DeviceTime.UTC).Hours(); hours != 1 {
		t.Errorf("read with the zone of now it is %v, first it was %v", v.Message.DeviceTime.UTC, first.DeviceTime.UTC)
	}
	if v.Message.Patient == nil || v.Message.Patient.ID != first.Patient.ID || len(v.Message.Devices) == 0 || v.Message.Devices[0].ID != first.Devices[0].ID {
		t.Errorf("it is about another: %+v %+v", v.Message.Patient, v.Message.Devices)
	}
}
