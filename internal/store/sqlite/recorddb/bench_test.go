package recorddb

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

var messages = flag.Int("messages", 200_000, "messages in the record that BenchmarkRead reads; 10000000 takes an hour and 2 GB")

// monitors makes what n monitors send each second: 20 numerics.
type monitors struct {
	r     *rand.Rand
	base  []*model.Message
	value []int64
	seq   model.Seq
	start time.Time
}

func newMonitors(n int) *monitors {
	w := &monitors{r: rand.New(rand.NewPCG(1, 2)), value: make([]int64, 20*n), start: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
	for dev := range n {
		m := &model.Message{
			Channel: "icu", Codec: "hl7v2", Peer: fmt.Sprintf("10.0.0.%d:50000", dev), Type: "ORU^R01^ORU_R01", Profile: "IHE_PCD_001", Version: "2.6",
			Sender:  model.Party{Application: "MONITOR", ApplicationID: fmt.Sprintf("0009FB0000000%03d", dev), Facility: "EUI-64"},
			Patient: &model.Patient{ID: model.PatientID(fmt.Sprint("pat-", dev)), Identifiers: []model.Identifier{{Value: fmt.Sprint("HO", dev), System: "IHE", Type: "PI"}}, Family: "Schneider", Given: []string{"Anna"}, BirthDate: "1970-01-01", Sex: "female"},
			Visit:   &model.Visit{Class: "I", Place: model.Place{PointOfCare: "ICU", Room: "1", Bed: fmt.Sprint(dev)}},
			Devices: []model.Device{{ID: model.DeviceID(fmt.Sprint("dev-", dev)), Manufacturer: "Acme", Model: "VM-200", Serial: fmt.Sprint(dev), Level: "mds", Parent: -1}, {SubID: "1.1", Level: "vmd"}},
			Routed:  []model.Decision{{Route: "all", Destination: "ehr"}, {Route: "all", Destination: "fhir"}},
		}
		for o := range 20 {
			w.value[dev*20+o] = 800
			m.Observations = append(m.Observations, model.Observation{
				Field: fmt.Sprintf("OBX[%d]", o+1), SubID: fmt.Sprintf("1.1.1.%d", o+1), ValueType: "NM",
				Received: model.Coding{Code: fmt.Sprint(150000 + o), Text: fmt.Sprintf("MDC_METRIC_NUMBER_%d", o), System: "MDC"},
				UnitSent: model.Coding{Code: "264864", Text: "MDC_DIM_BEAT_PER_MIN", System: "MDC"},
				Code:     model.Code{MDC: uint32(150000 + o), RefID: fmt.Sprintf("MDC_METRIC_NUMBER_%d", o), LOINC: fmt.Sprintf("88%d-4", o), Name: "Metric"},
				Value:    model.Value{Kind: model.ValueNumber}, UnitUCUM: "/min", Status: model.StatusFinal,
			})
		}
		w.base = append(w.base, m)
	}
	return w
}

func (w *monitors) batch(n int) record.Batch {
	b := record.Batch{Messages: make([]*model.Message, n), Prints: make([]record.Print, n)}
	for i := range n {
		w.seq++
		dev := int(w.seq) % len(w.base)
		at := w.start.Add(time.Duration(int(w.seq)/len(w.base)) * time.Second)
		m := *w.base[dev]
		m.Ref.Seq, m.ControlID = w.seq, fmt.Sprintf("MON%d-%d", dev, w.seq)
		m.DeviceTime = model.Timestamp{UTC: at, Original: at.Format("20060102150405.000-0700"), Precision: "fraction", Zone: model.ZoneMessage}
		m.Arrived = at.Add(time.Duration(w.seq%500)*time.Millisecond + 1234567)
		m.Recorded = m.Arrived.Add(2e8)
		m.Observations = append([]model.Observation(nil), m.Observations...)
		for o := range m.Observations {
			w.value[dev*20+o] += w.r.Int64N(5) - 2
			m.Observations[o].DeviceTime = m.DeviceTime
			m.Observations[o].Value.Number = model.Decimal{Coef: w.value[dev*20+o], Exp: -1}
		}
		b.Messages[i] = &m
		b.Prints[i] = record.Print{Time: at.Unix(), Hash: w.r.Int64()}
	}
	b.Cursor = w.seq
	return b
}

func size(dir string) (n int64) {
	files, _ := filepath.Glob(filepath.Join(dir, "record-*.db"))
	for _, f := range files {
		if at, err := os.Stat(f); err == nil {
			n += at.Size()
		}
	}
	return n
}

// BenchmarkCommit records messages of 20 observations from 500 monitors, in
// batches of the size named; ns/op and B/message are of one message, seals and
// the recognition of repeats among them.
func BenchmarkCommit(b *testing.B) {
	ctx := context.Background()
	for _, n := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			d := opened(b, dir, Options{})
			w := newMonitors(500)
			b.ReportAllocs()
			b.ResetTimer()
			for done := 0; done < b.N; done += n {
				b.StopTimer()
				batch := w.batch(n)
				b.StartTimer()
				if _, err := d.Seen(ctx, batch.Prints); err != nil {
					b.Fatal(err)
				}
				if err := d.Commit(ctx, batch); err != nil {
					b.Fatal(err)
				}
			}
			if err := d.Close(); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			b.ReportMetric(float64(size(dir))/float64(w.seq), "B/message")
		})
	}
}

// BenchmarkRead reads a record of -messages messages in every way.
func BenchmarkRead(b *testing.B) {
	ctx, dir := context.Background(), b.TempDir()
	d := opened(b, dir, Options{})
	w := newMonitors(500)
	for int(w.seq) < *messages {
		if err := d.Commit(ctx, w.batch(1000)); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d messages in %d bytes", w.seq, size(dir))
	run := func(name string, work func(i int) (int, error)) {
		b.Run(name, func(b *testing.B) {
			n := 0
			for i := range b.N {
				var err error
				if n, err = work(i); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n), "found")
		})
	}
	search := func(q record.Query) func(int) (int, error) {
		return func(int) (int, error) { found, _, err := d.Search(ctx, q); return len(found), err }
	}
	end := w.start.Add(time.Duration(int(w.seq)/500) * time.Second)
	run("search/newest", search(record.Query{}))
	run("search/patient", search(record.Query{Patients: []model.PatientID{"pat-77"}}))
	run("search/patient-oldest", search(record.Query{Patients: []model.PatientID{"pat-77"}, Before: model.MessageRef{Seq: 20_000}}))
	run("search/device", search(record.Query{Device: "dev-78"}))
	run("search/code", search(record.Query{Code: "MDC_METRIC_NUMBER_7"}))
	run("search/device-and-code", search(record.Query{Device: "dev-78", Code: "887-4"}))
	run("search/none", search(record.Query{Device: "dev-78", WithIssues: true}))
	run("search/time", search(record.Query{Channel: "icu", Until: w.start.Add(end.Sub(w.start) / 2)}))
	run("search/control", search(record.Query{ControlText: fmt.Sprint("-", 4711, "1")}))
	run("latest/patient", func(i int) (int, error) {
		all, err := d.Latest(ctx, record.Subject{Patient: model.PatientID(fmt.Sprint("pat-", i%500))})
		return len(all), err
	})
	run("latest/all", func(int) (int, error) { all, err := d.Latest(ctx, record.Subject{}); return len(all), err })
	trend := func(step time.Duration) func(int) (int, error) {
		return func(int) (int, error) {
			t, err := d.Trend(ctx, record.TrendQuery{Subject: record.Subject{Patient: "pat-9"}, Code: "MDC_METRIC_NUMBER_3", Step: step})
			if err != nil || len(t) == 0 {
				return 0, err
			}
			return len(t[0].Points), err
		}
	}
	run("trend/raw", trend(0))
	run("trend/minutes", trend(time.Minute))
	run("message", func(i int) (int, error) {
		_, err := d.Message(ctx, model.MessageRef{Seq: 1 + model.Seq(i*7919)%w.seq})
		return 1, err
	})
	run("owed-oldest", func(int) (int, error) {
		all, _, err := d.Owed(ctx, "fhir", model.MessageRef{}, 256)
		return len(all), err
	})
	b.Run("open", func(b *testing.B) {
		for range b.N {
			if err := d.Close(); err != nil {
				b.Fatal(err)
			}
			d = opened(b, dir, Options{})
		}
	})
	if err := d.Close(); err != nil {
		b.Fatal(err)
	}
}
