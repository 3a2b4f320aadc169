package service_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/register"
	"thalamus/internal/service"
)

// BenchmarkImport imports 100,000 devices of eight facts each into a server on
// a real disk, lists them, and takes them back (goal: below 60 s, lists below
// 50 ms).
func BenchmarkImport(b *testing.B) {
	const devices = 100_000
	var text strings.Builder
	text.WriteString("Serial;Manufacturer;Model;Asset Tag;Ward;Room;Purchase Date;MAC;Owner\n")
	for i := range devices {
		fmt.Fprintf(&text, "SN-%06d;Maker %d;Model %d;INV-%06d;Ward %d;%d;2024-05-03;02-00-00-%02X-%02X-%02X;Clinic %d\n", i, i%40, i%200, i, i%60, i%30, i>>16, i>>8&255, i&255, i%9)
	}
	for b.Loop() {
		h := apptest.Start(b)
		began := time.Now()
		var check service.ImportCheck
		h.Call("device.import", service.ImportAsk{Name: "all.csv", Content: []byte(text.String())}, &check)
		checked := time.Since(began)
		h.Call("device.import", service.ImportAsk{Job: check.Job.ID, Begin: true, Digest: check.Digest, Reason: "bench"}, &check)
		until := func(id string) (j register.Job) {
			for !j.State.Ended() {
				time.Sleep(50 * time.Millisecond)
				h.Call("job.get", service.ID{ID: id}, &j)
			}
			return j
		}
		j := until(check.Job.ID)
		if j.Counts["new"] != devices {
			b.Fatalf("%+v", j)
		}
		b.ReportMetric(checked.Seconds(), "check-s")
		b.ReportMetric(time.Since(began).Seconds(), "import-s")
		ask := func(name string, r service.DeviceAsk) {
			var list service.List[service.DeviceRow]
			h.Call("device.list", r, &list) // the texts that are looked through are made once
			at := time.Now()
			h.Call("device.list", r, &list)
			b.ReportMetric(float64(time.Since(at).Microseconds())/1000, name+"-ms")
		}
		ask("list", service.DeviceAsk{})
		ask("search", service.DeviceAsk{Text: "inv-099999"})
		ask("facts", service.DeviceAsk{Facts: []string{"owner=Clinic 8"}})
		at := time.Now()
		var undo register.Job
		h.Call("job.undo", service.JobAct{ID: check.Job.ID, Reason: "bench"}, &undo)
		if u := until(undo.ID); u.Counts["removed"] != devices {
			b.Fatalf("%+v", u)
		}
		b.ReportMetric(time.Since(at).Seconds(), "undo-s")
	}
}
