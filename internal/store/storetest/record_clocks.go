package storetest

import (
	"context"
	"testing"
	"time"

	"thalamus/internal/flow/record"
	"thalamus/internal/grid"
	"thalamus/internal/model"
)

// What a clock says that is days ahead or behind is found at its own time, in
// a narrow span, long after the day of its arrival and after restarts (R16,
// R22).
func recordClocks(t *testing.T, open func(*testing.T, string) RecordStore) {
	ctx, dir := context.Background(), t.TempDir()
	s := open(t, dir)
	first := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	off := map[model.DeviceID]time.Duration{"right": 0, "ahead": 9 * 24 * time.Hour, "2036": 10 * 365 * 24 * time.Hour, "1970": -56 * 365 * 24 * time.Hour}
	seq := model.Seq(0)
	for day := range 4 {
		for id, by := range off {
			seq++
			at := first.AddDate(0, 0, day)
			m := clockMessage(id, seq, at, at.Add(by))
			must(t, s.Commit(ctx, record.Batch{Cursor: seq, Messages: []*model.Message{m}}))
		}
	}
	for _, when := range []string{"at once", "opened again", "once more"} {
		for id, by := range off {
			for day := range 4 {
				at := first.AddDate(0, 0, day).Add(by)
				who, from, until := record.Subject{Device: id}, at.Add(-time.Minute), at.Add(time.Minute)
				trends, err := s.Trend(ctx, record.TrendQuery{Subject: who, Code: "MDC_ECG_HEART_RATE", From: from, Until: until})
				if err != nil || len(trends) != 1 || len(trends[0].Points) != 1 || !trends[0].Points[0].Time.Equal(at) {
					t.Errorf("%s, clock %q, day %d: trend %+v %v", when, id, day, trends, err)
				}
				waves, err := s.Waveform(ctx, record.TrendQuery{Subject: who, From: at.Add(5 * time.Second), Until: until})
				if err != nil || len(waves) != 1 {
					t.Errorf("%s, clock %q, day %d: waves %v %v", when, id, day, waves, err)
				}
				count := 0
				must(t, s.Numbers(ctx, record.NumbersQuery{Subjects: []record.Subject{who}, From: from, Until: until}, func(_ *record.Series, values []grid.Value) error {
					count += len(values)
					return nil
				}))
				if count != 1 {
					t.Errorf("%s, clock %q, day %d: %d numbers", when, id, day, count)
				}
			}
		}
		must(t, s.Close())
		s = open(t, dir)
	}
	must(t, s.Close())
}

// clockMessage has a number and ten seconds of a curve, both of the time at.
func clockMessage(id model.DeviceID, seq model.Seq, arrived, at time.Time) *model.Message {
	on := model.Timestamp{UTC: at, Original: at.Format("20060102150405+0000")}
	return &model.Message{
		Ref: model.MessageRef{Seq: seq}, Channel: "icu", Codec: "hl7v2", Type: "ORU^R01^ORU_R01", DeviceTime: on, Arrived: arrived,
		Devices: []model.Device{{ID: id, Parent: -1}},
		Observations: []model.Observation{{Field: "OBX[1]", Code: model.Code{MDC: 147842, RefID: "MDC_ECG_HEART_RATE"}, UnitUCUM: "/min",
			Value: model.Value{Kind: model.ValueNumber, Number: model.Decimal{Coef: 70}}, DeviceTime: on, Status: model.StatusFinal}},
		Waveforms: []model.Waveform{{Field: "OBX[2]", Code: model.Code{MDC: 131328, RefID: "MDC_ECG_ELEC_POTL"}, UnitUCUM: "mV",
			DeviceTime: on, PeriodNS: int64(time.Second), Scale: model.Decimal{Coef: 1}, Samples: make([]int32, 10), Status: model.StatusFinal}},
	}
}
