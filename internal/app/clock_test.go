package app_test

import (
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// pulse is a heart rate of a monitor at a time, written in a form of its own.
func pulse(serial, at string) string {
	return "PID|1||MRN-774411^^^HOSP^MR\rOBR|1|||182777000^monitoring of patient^SCT|||" + at + "\r" +
		"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||" + serial + "^^" + serial + "^EUI-64\r" +
		"OBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||" + at + "|||||" + serial + "^^" + serial + "^EUI-64\r"
}

// R16, on the running program: the register shows a device's clock, a rule
// corrects it from then on, what is known outlives a restart, and a device's
// zone counts before its channel's.
func TestClocks(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	const serial = "0009FB0000000777"
	ahead := func() string {
		return time.Now().UTC().Add(10*time.Minute).Format("20060102150405.000") + "+0000"
	}
	read := func(seq model.Seq) *model.Message {
		t.Helper()
		var page service.MessagePage
		h.Call("message.get", service.Ref{Seq: seq}, &page)
		return page.Message
	}
	h.Send("ORU^R01^ORU_R01", pulse(serial, ahead()))
	seq := h.Send("ORU^R01^ORU_R01", pulse(serial, ahead()))
	m := read(seq)
	device := m.Devices[0].ID
	if at := m.Observations[0].DeviceTime; at.ClockOffsetNS != 0 || at.UTC.Sub(m.Arrived) < 9*time.Minute {
		t.Fatalf("nobody asked for a correction: %+v", at)
	}
	clockOf := func() *service.DevicePage {
		t.Helper()
		var page service.DevicePage
		h.Call("device.get", service.ID{ID: string(device)}, &page)
		return &page
	}
	if c := clockOf().Clock; c == nil || c.Samples != 2 || c.OffsetNS < int64(9*time.Minute) || c.OffsetNS > int64(11*time.Minute) {
		t.Fatalf("%+v", c)
	}

	h.Call("device.clock", service.DeviceClock{DeviceAct: service.DeviceAct{ID: device, Reason: "it runs ahead"}, Rule: "offset"}, nil)
	h.Again()
	if c := clockOf().Clock; c == nil || c.Samples != 2 {
		t.Fatalf("after a restart: %+v", c)
	}
	m = read(h.Send("ORU^R01^ORU_R01", pulse(serial, ahead())))
	at := m.Observations[0].DeviceTime
	if off := m.Arrived.Sub(at.UTC); off < -time.Second || off > 20*time.Second || at.UncertaintyNS == 0 || !strings.HasPrefix(at.Original, at.UTC.Add(time.Duration(at.ClockOffsetNS)).Format("20060102150405")) {
		t.Errorf("%+v, arrived %s", at, m.Arrived)
	}
	page := clockOf()
	if page.Device.Asserted.Clock != "offset" || page.Clock.Samples != 3 || page.History[0].Fact != "clock" {
		t.Errorf("%+v %+v", page.Device.Asserted, page.Clock)
	}

	// Without a zone in the message, the device's counts.
	h.Call("device.clock", service.DeviceClock{DeviceAct: service.DeviceAct{ID: device}, Zone: "Asia/Tokyo"}, nil)
	tokyo := time.FixedZone("", 9*3600)
	local := time.Now().In(tokyo).Format("20060102150405")
	h.Header = time.Now().In(tokyo).Format("20060102150405")
	m = read(h.Send("ORU^R01^ORU_R01", pulse(serial, local)))
	if at := m.Observations[0].DeviceTime; at.Zone != model.ZoneDevice || at.UTC.Sub(m.Arrived).Abs() > time.Minute {
		t.Errorf("%+v, arrived %s", at, m.Arrived)
	}
}

// R16: a device that says 1970 does not take a patient's values there.
func TestClockUnset(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	const serial = "0009FB0000000778"
	seq := h.Send("ORU^R01^ORU_R01", pulse(serial, "19700101000312+0000"))
	var page service.MessagePage
	h.Call("message.get", service.Ref{Seq: seq}, &page)
	at := page.Message.Observations[0].DeviceTime
	if at.Original != "19700101000312+0000" || at.UTC.Sub(page.Message.Arrived).Abs() > 2*time.Second {
		t.Errorf("%+v, arrived %s", at, page.Message.Arrived)
	}
	found := false
	for _, i := range page.Message.Issues {
		found = found || i.Code == "clock.unset"
	}
	if !found {
		t.Errorf("%+v", page.Message.Issues)
	}
	// The register counts it, beside what decode and normalise said.
	h.Until("the register counts every issue", func() bool {
		var device service.DevicePage
		h.Call("device.get", service.ID{ID: string(page.Message.Devices[0].ID)}, &device)
		return device.Device.Seen.Issues == uint64(len(page.Message.Issues))
	})
}
