package extract_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"thalamus/internal/extract"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/store/sqlite/recorddb"
)

// month makes the record of a ward over days: beds that send 20 numerics every
// period, as recorddb's own benchmark does.
func month(b testing.TB, dir string, beds, days int, period time.Duration) {
	b.Helper()
	db, err := recorddb.Open(b.Context(), dir, recorddb.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	r := rand.New(rand.NewPCG(1, 2))
	var base []*model.Message
	value := make([]int64, 20*beds)
	for bed := range beds {
		m := &model.Message{
			Channel: "icu", Codec: "hl7v2", Peer: fmt.Sprintf("10.0.0.%d:50000", bed), Type: "ORU^R01^ORU_R01", Profile: "IHE_PCD_001", Version: "2.6",
			Sender:  model.Party{Application: "MONITOR", ApplicationID: fmt.Sprintf("0009FB0000000%03d", bed), Facility: "EUI-64"},
			Patient: &model.Patient{ID: model.PatientID(fmt.Sprint("pat-", bed)), Identifiers: []model.Identifier{{Value: fmt.Sprint("HO", bed), System: "IHE", Type: "PI"}}, Family: "Schneider"},
			Visit:   &model.Visit{Class: "I", Place: model.Place{PointOfCare: "ICU", Room: "1", Bed: fmt.Sprint(bed)}},
			Devices: []model.Device{{ID: model.DeviceID(fmt.Sprint("dev-", bed)), Manufacturer: "Acme", Model: "VM-200", Serial: fmt.Sprint(bed), Level: "mds", Parent: -1}},
		}
		for o := range 20 {
			value[bed*20+o] = 800
			m.Observations = append(m.Observations, model.Observation{
				Field: fmt.Sprintf("OBX[%d]", o+1), SubID: fmt.Sprintf("1.1.1.%d", o+1), ValueType: "NM",
				Received: model.Coding{Code: fmt.Sprint(150000 + o), Text: fmt.Sprintf("MDC_METRIC_NUMBER_%d", o), System: "MDC"},
				UnitSent: model.Coding{Code: "264864", Text: "MDC_DIM_BEAT_PER_MIN", System: "MDC"},
				Code:     model.Code{MDC: uint32(150000 + o), RefID: fmt.Sprintf("MDC_METRIC_NUMBER_%d", o), Name: "Metric"},
				Value:    model.Value{Kind: model.ValueNumber}, UnitUCUM: "/min", Status: model.StatusFinal,
			})
		}
		base = append(base, m)
	}
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	seq := model.Seq(0)
	var batch record.Batch
	for at := start; at.Before(start.AddDate(0, 0, days)); at = at.Add(period) {
		for bed, of := range base {
			seq++
			m := *of
			m.Ref.Seq, m.ControlID = seq, fmt.Sprintf("MON%d-%d", bed, seq)
			m.DeviceTime = model.Timestamp{UTC: at, Original: at.Format("20060102150405-0700"), Precision: "second", Zone: model.ZoneMessage}
			m.Arrived = at.Add(time.Duration(seq%500) * time.Millisecond)
			m.Recorded = m.Arrived.Add(2e8)
			m.Observations = append([]model.Observation(nil), m.Observations...)
			for o := range m.Observations {
				value[bed*20+o] += r.Int64N(5) - 2
				m.Observations[o].DeviceTime = m.DeviceTime
				m.Observations[o].Value.Number = model.Decimal{Coef: value[bed*20+o], Exp: -1}
			}
			batch.Messages = append(batch.Messages, &m)
			batch.Prints = append(batch.Prints, record.Print{Time: at.Unix(), Hash: r.Int64()})
		}
		if len(batch.Messages) >= 500 {
			batch.Cursor = seq
			if err := db.Commit(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			batch = record.Batch{}
		}
	}
	batch.Cursor = seq
	if err := db.Commit(b.Context(), batch); err != nil {
		b.Fatal(err)
	}
}

// resident is the most memory this process had, in MiB; it begins anew where
// the system lets it.
func resident(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			return float64(kb) / 1024
		}
	}
	return 0
}

// processor is the processor time of this process in seconds, the collector's
// included; 0 where the system does not tell.
func processor() float64 {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ") // proc_pid_stat(5): after the name, field 3
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100 // USER_HZ
}

// BenchmarkWard writes a ward as files: 20 beds with 20 numerics every minute.
// THALAMUS_DAYS says how many days, 3 unless told; 30 make 17 million rows.
func BenchmarkWard(b *testing.B) {
	days := 3
	if n, err := strconv.Atoi(os.Getenv("THALAMUS_DAYS")); err == nil {
		days = n
	}
	dir := b.TempDir()
	month(b, dir, 20, days, time.Minute)
	db, err := recorddb.Open(b.Context(), dir, recorddb.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, form := range []extract.Form{extract.Parquet, extract.CSV, extract.FHIR} {
		b.Run(string(form), func(b *testing.B) {
			runtime.GC()
			_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o600)
			rows, size := int64(0), int64(0)
			began := processor()
			for b.Loop() {
				to := b.TempDir()
				s, err := extract.Open(to, db, extract.Options{Made: "bench"})
				if err != nil {
					b.Fatal(err)
				}
				end := make(chan error, 1)
				st, err := s.Begin(b.Context(), extract.Ask{Form: form}, "", "", extract.Watch{}, func(err error) { end <- err })
				if err != nil {
					b.Fatal(err)
				}
				if err := <-end; err != nil {
					b.Fatal(err)
				}
				st, _ = s.Get(st.ID)
				rows, size = rows+st.Rows, size+st.Bytes
				s.Close()
				os.RemoveAll(to)
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
			if spent := processor() - began; spent > 0 {
				b.ReportMetric(float64(rows)/spent, "rows/CPU-s")
			}
			b.ReportMetric(float64(size)/float64(rows), "B/row")
			b.ReportMetric(resident(b), "MiB-resident")
			b.ReportMetric(0, "ns/op")
		})
	}
}
