package fhirapi_test

import (
	"strconv"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/model"
)

// BenchmarkFHIR: first pages of a register of 100,000 devices over TLS, as a
// client gets them (goal: below 50 ms each).
func BenchmarkFHIR(b *testing.B) {
	h := apptest.Start(b)
	var batch []*model.Message
	for i := range 100_000 {
		d := model.Device{Parent: -1, Manufacturer: "Maker " + strconv.Itoa(i%40), Model: "VM-" + strconv.Itoa(i%200), Serial: "SN" + strconv.Itoa(i), Release: strconv.Itoa(i % 7),
			Kind: model.Code{MDC: 69965}, Place: model.Place{PointOfCare: "W" + strconv.Itoa(i%60), Room: strconv.Itoa(i % 30), Bed: strconv.Itoa(i % 900)}}
		batch = append(batch, &model.Message{
			Ref: model.MessageRef{Seq: model.Seq(i + 1)}, Channel: model.ChannelID("c" + strconv.Itoa(i%50)), Arrived: time.Now().UTC().Add(-time.Duration(i) * time.Second),
			Sender: model.Party{Application: "GW"}, Devices: []model.Device{d},
		})
		if len(batch) == 5000 {
			if err := h.App.Service().Register.SightAll(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			batch = batch[:0]
		}
	}
	token, _ := h.Token("viewer")
	// A server does both while nobody waits for them; here the first who asked did.
	if err := h.App.Service().Register.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	h.App.Service().Register.TakeUp(time.Now())
	get(b, h, token, "/fhir/Device?_count=1")
	for _, c := range []struct{ name, path string }{
		{"first", "Device"}, {"deep", "Device?_cursor=dev-z"}, {"identifier", "Device?identifier=SN99999"}, {"model", "Device?model=vm-199"}, {"two", "Device?manufacturer=maker%201&status=unknown&location:below=none"},
		{"changed", "Device?_sort=-_lastUpdated"}, {"since", "Device?_lastUpdated=ge2026-01-01"}, {"count", "Device?_summary=count&status=unknown"}, {"with-models", "Device?_include=Device:definition&_include=Device:location"},
		{"models", "DeviceDefinition"}, {"locations", "Location?name=w"}, {"metrics", "DeviceMetric"},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				get(b, h, token, "/fhir/"+c.path)
			}
		})
	}
}
