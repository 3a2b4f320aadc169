package record_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// tape is a store in memory that keeps messages as text and gives the last ones
// again, as a store must for measurements to be recognised after a restart.
type tape struct{ shelf }

func (s *tape) Tail(_ context.Context, n int, each func(m *model.Message)) error {
	for _, text := range s.texts[max(0, len(s.texts)-n):] {
		var m model.Message
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			return err
		}
		each(&m)
	}
	return nil
}

// routes owes all to the archive and what the station brings to the lake.
type routes struct{ named }

func (routes) Decide(m *model.Message) []model.Decision {
	d := []model.Decision{{Destination: "archive"}}
	if m.Channel == "station" {
		d = append(d, model.Decision{Destination: "lake"})
	}
	return d
}

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

const (
	direct  = "direct"
	station = "station"
)

// heard is one message with one value: 72 /min at noon unless changed.
type heard struct {
	path   string
	change func(m *model.Message, o *model.Observation)
}

func (h heard) message(seq int) *model.Message {
	m := &model.Message{
		Ref: model.MessageRef{Seq: model.Seq(seq)}, Channel: model.ChannelID(h.path), Codec: "hl7v2", ControlID: fmt.Sprint(h.path, seq),
		Sender: model.Party{Application: h.path}, Arrived: noon.Add(time.Duration(seq) * time.Second), Devices: []model.Device{{Serial: "A", Level: "mds", Parent: -1}},
		Patient: &model.Patient{ID: "pat-1"},
		Observations: []model.Observation{{
			Field: "OBX[1]", Received: model.Coding{Code: "147842", System: "MDC"}, Code: model.Code{MDC: 147842, RefID: "MDC_ECG_HEART_RATE", LOINC: "8867-4"},
			Value: model.Value{Kind: model.ValueNumber, Number: model.Decimal{Coef: 72}}, UnitUCUM: "/min", Status: model.StatusFinal,
			DeviceTime: model.Timestamp{UTC: noon, Original: "x", Precision: "second"},
		}},
	}
	if h.change != nil {
		h.change(m, &m.Observations[0])
	}
	return m
}

// tell records messages one by one and gives of each what was found: "=1" for
// the message it repeats, the codes of issues, who is owed.
func tell(t *testing.T, all ...heard) string {
	t.Helper()
	s := &tape{shelf{sightings: map[model.DeviceID]*record.Sighting{}}}
	for i, h := range all {
		r := routes{}
		stage := record.New(s, r, r, r, record.Options{Now: func() time.Time { return noon }})
		m := h.message(i + 1)
		if err := stage.Record(t.Context(), []record.Entry{{Seq: m.Ref.Seq, Messages: []*model.Message{m}}}); err != nil {
			t.Fatal(err)
		}
	}
	var said []string
	for _, m := range messages(t, &s.shelf) {
		text := "-"
		if n := m.Repeated(); n > 0 {
			text = fmt.Sprintf("=%d", m.Observations[0].Same.Seq)
		}
		for _, i := range m.Issues {
			text += "!" + strings.TrimPrefix(i.Code, "record.")
		}
		for _, d := range m.Routed {
			if d.Owed() {
				text += ">" + string(d.Destination)
			}
			if d.OnlyNew {
				text += "*"
			}
		}
		said = append(said, text)
	}
	return strings.Join(said, " ")
}

func number(coef int64, exp int8) func(*model.Message, *model.Observation) {
	return func(_ *model.Message, o *model.Observation) { o.Value.Number = model.Decimal{Coef: coef, Exp: exp} }
}

func at(d time.Duration, precision string) func(*model.Message, *model.Observation) {
	return func(_ *model.Message, o *model.Observation) {
		o.DeviceTime.UTC, o.DeviceTime.Precision = noon.Add(d), precision
	}
}

// R18: what is the same over two paths, and what is not.
func TestTwoPaths(t *testing.T) {
	const first = "->archive "
	fine := heard{direct, at(640*time.Millisecond, "fraction")}
	for name, c := range map[string]struct {
		said []heard
		want string
	}{
		"the same": {[]heard{{direct, nil}, {station, nil}}, first + "=1>lake*"},
		"the station first, which goes everywhere": {[]heard{{station, nil}, {direct, nil}}, "->archive>lake =1"},
		"with another number of digits":            {[]heard{{direct, nil}, {station, number(720, -1)}}, first + "=1>lake"},
		"in LOINC":                                 {[]heard{{direct, nil}, {station, func(_ *model.Message, o *model.Observation) { o.Code = model.Code{LOINC: "8867-4"} }}}, first + "=1>lake"},
		"another value":                            {[]heard{{direct, nil}, {station, number(73, 0)}}, first + "-!conflict>archive>lake"},
		"another value a second later":             {[]heard{{direct, nil}, {station, func(m *model.Message, o *model.Observation) { number(73, 0)(m, o); at(time.Second, "second")(m, o) }}}, first + "->archive>lake"},
		"cut to the second":                        {[]heard{fine, {station, nil}}, first + "=1>lake"},
		"rounded to the second":                    {[]heard{fine, {station, at(time.Second, "second")}}, first + "=1>lake"},
		"the rounded one first":                    {[]heard{{station, at(time.Second, "second")}, fine}, "->archive>lake =1"},
		"half a second off":                        {[]heard{fine, {station, at(100*time.Millisecond, "fraction")}}, first + "->archive>lake"},
		"to the minute only":                       {[]heard{{direct, at(0, "minute")}, {station, at(0, "minute")}}, first + "->archive>lake"},
		"twice on one path":                        {[]heard{{direct, nil}, {direct, nil}}, first + "->archive"},
		"twice on both":                            {[]heard{{direct, nil}, {direct, nil}, {station, nil}, {station, nil}, {station, nil}}, first + first + "=1>lake =2>lake ->archive>lake"},
		"a correction":                             {[]heard{{direct, nil}, {station, func(_ *model.Message, o *model.Observation) { o.Status = model.StatusCorrected }}}, first + "->archive>lake"},
		"the first, late, after a correction":      {[]heard{{direct, func(_ *model.Message, o *model.Observation) { o.Status = model.StatusCorrected }}, {station, nil}}, first + "=1>lake"},
		"validated only by the station":            {[]heard{{direct, func(_ *model.Message, o *model.Observation) { o.Status = model.StatusPreliminary }}, {station, nil}}, first + "->archive>lake"},
		"validated before":                         {[]heard{{direct, nil}, {station, func(_ *model.Message, o *model.Observation) { o.Status = model.StatusPreliminary }}}, first + "=1>lake"},
		"another device":                           {[]heard{{direct, nil}, {station, func(m *model.Message, _ *model.Observation) { m.Devices[0].Serial = "B" }}}, first + "->archive>lake"},
		"simulated":                                {[]heard{{direct, nil}, {station, func(m *model.Message, _ *model.Observation) { m.Test = true }}}, first + "->archive>lake"},
		"another patient":                          {[]heard{{direct, nil}, {station, func(m *model.Message, _ *model.Observation) { m.Patient.ID = "pat-2" }}}, first + "-!other-patient>archive>lake"},
		"only the station knows the patient":       {[]heard{{direct, func(m *model.Message, _ *model.Observation) { m.Patient = nil }}, {station, nil}}, first + "->archive>lake"},
		"only the monitor knows the patient":       {[]heard{{direct, nil}, {station, func(m *model.Message, _ *model.Observation) { m.Patient = nil }}}, first + "=1>lake"},
		"rounded by a conversion": {[]heard{{direct, number(371, -1)}, {station, func(m *model.Message, o *model.Observation) {
			number(3711, -2)(m, o)
			o.ValueSent = &model.Value{Kind: model.ValueNumber}
		}}}, first + "=1>lake"},
		"rounded by nobody":                           {[]heard{{direct, number(371, -1)}, {station, number(3711, -2)}}, first + "-!conflict>archive>lake"},
		"with the sender's own id, twice on one path": {[]heard{{direct, func(_ *model.Message, o *model.Observation) { o.Instance = "i-1" }}, {direct, func(_ *model.Message, o *model.Observation) { o.Instance = "i-1" }}}, first + "=1"},
		"an hour late":                                {[]heard{{direct, nil}, {station, func(m *model.Message, _ *model.Observation) { m.Arrived = m.Arrived.Add(time.Hour) }}}, first + "->archive>lake"},
	} {
		if got := tell(t, c.said...); strings.ReplaceAll(got, "*", "") != strings.ReplaceAll(c.want, "*", "") {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

// busy is an hour of three devices over two paths, the second late and
// sometimes wrong, with more of its own.
func busy() []record.Entry {
	r := rand.New(rand.NewPCG(7, 9))
	type one struct {
		at time.Time
		m  *model.Message
	}
	var all []one
	for i := range 900 {
		stamp := noon.Add(time.Duration(i)*4*time.Second + time.Duration(r.IntN(1000))*time.Millisecond)
		for k, serial := range []string{"A", "B", "C"} {
			for _, path := range []string{direct, station} {
				h := heard{path, func(m *model.Message, o *model.Observation) {
					m.Devices[0].Serial = serial
					o.Value.Number.Coef = int64(60 + (i*7+k)%5)
					o.DeviceTime.UTC, o.DeviceTime.Precision = stamp, "fraction"
				}}
				m := h.message(1)
				m.Arrived = stamp.Add(time.Duration(50+r.IntN(200)) * time.Millisecond)
				if path == station {
					m.Arrived = m.Arrived.Add(time.Duration(r.IntN(20)) * time.Second)
					o := &m.Observations[0]
					o.DeviceTime.UTC, o.DeviceTime.Precision = stamp.Truncate(time.Second), "second"
					if r.IntN(40) == 0 {
						o.Value.Number.Coef++
					}
					if r.IntN(4) == 0 {
						more := *o
						more.Field, more.Code = "OBX[2]", model.Code{RefID: "MDC_PULS_RATE"}
						m.Observations = append(m.Observations, more)
					}
				}
				all = append(all, one{m.Arrived, m})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b one) int { return a.at.Compare(b.at) })
	entries := make([]record.Entry, len(all))
	for i, o := range all {
		o.m.Ref = model.MessageRef{Seq: model.Seq(i + 1)}
		o.m.ControlID = fmt.Sprint(i)
		entries[i] = record.Entry{Seq: o.m.Ref.Seq, Messages: []*model.Message{o.m}}
	}
	return entries
}

// R18: what is recognised depends on the messages alone: not on batches, on
// restarts between them, on commits that failed.
func TestTwoPathsAgain(t *testing.T) {
	run := func(batch, restart, fail int) []string {
		s := &tape{shelf{sightings: map[model.DeviceID]*record.Sighting{}}}
		r, o := routes{}, record.Options{Now: func() time.Time { return noon }}
		stage := record.New(s, r, r, r, o)
		n := 0
		for part := range slices.Chunk(busy(), batch) {
			if n++; fail > 0 && n%fail == 0 {
				s.failing = 1
			}
			if err := stage.Record(t.Context(), part); err != nil {
				t.Fatal(err)
			}
			if restart > 0 && n%restart == 0 {
				stage = record.New(s, r, r, r, o)
			}
		}
		return s.texts
	}
	want := run(10_000, 0, 0)
	repeated := 0
	for _, text := range want {
		if strings.Contains(text, `"same"`) {
			repeated++
		}
	}
	if repeated < 2500 || repeated > 2700 {
		t.Errorf("%d of 2700 messages of the second path were recognised, all but one in 40 should be", repeated)
	}
	for _, c := range [][3]int{{1, 0, 0}, {64, 7, 0}, {250, 1, 0}, {200, 3, 9}} {
		got := run(c[0], c[1], c[2])
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%v: message %d\n got %s\nwant %s", c, i+1, got[i], want[i])
			}
		}
	}
}

// Hostile senders cost no more than their bytes: many parts with one code.
func TestTwoPathsBounded(t *testing.T) {
	var all []record.Entry
	for i := range 40 {
		m := heard{[]string{direct, station}[i%2], func(m *model.Message, o *model.Observation) {
			for k := range 5000 {
				more := *o
				more.Value.Number.Coef = int64(1000*i + k)
				m.Observations = append(m.Observations, more)
			}
		}}.message(i + 1)
		all = append(all, record.Entry{Seq: m.Ref.Seq, Messages: []*model.Message{m}})
	}
	s, _ := stage(&house{}, record.Options{})
	began := time.Now()
	if err := s.Record(t.Context(), all); err != nil && fault.KindOf(err) != fault.Invalid {
		t.Fatal(err)
	}
	t.Log(time.Since(began)) // quadratic work would take minutes
}

func BenchmarkStage(b *testing.B) {
	r := routes{}
	stage := record.New(nowhere{}, r, r, r, record.Options{})
	var batch []record.Entry
	seq := 0
	for b.Loop() {
		seq++
		m := heard{direct, nil}.message(seq)
		o := m.Observations[0]
		for k := range 23 {
			o.Code.RefID = codes[k]
			o.Code.LOINC = ""
			o.DeviceTime.UTC = m.Arrived
			m.Observations = append(m.Observations, o)
		}
		if batch = append(batch, record.Entry{Seq: m.Ref.Seq, Messages: []*model.Message{m}}); len(batch) == 64 {
			if err := stage.Record(context.Background(), batch); err != nil {
				b.Fatal(err)
			}
			batch = batch[:0]
		}
	}
}

var codes = func() (all [23]string) {
	for i := range all {
		all[i] = fmt.Sprint("MDC_SOME_LONGER_CODE_", i)
	}
	return all
}()

// nowhere is a store that keeps nothing.
type nowhere struct{}

func (nowhere) Cursor() model.Seq { return 0 }
func (nowhere) Seen(_ context.Context, p []record.Print) ([]model.MessageRef, error) {
	return make([]model.MessageRef, len(p)), nil
}
func (nowhere) Commit(context.Context, record.Batch) error { return nil }
