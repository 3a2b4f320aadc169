package correct_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/correct"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/patients"
	"thalamus/internal/store/sqlite/registerdb"
)

var morning = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return morning.Add(time.Duration(n) * time.Minute) }

// world is what the program has, with a record in memory.
type world struct {
	t        testing.TB
	db       *registerdb.DB
	patients *patients.Patients
	record   []*model.Message
	told     map[uint64][]*model.Message
	order    []uint64
	failAt   int // Tell fails after so many calls, 0: never
	fix      *correct.Corrector
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, told: map[uint64][]*model.Message{}}
	var err error
	if w.db, err = registerdb.Open(t.Context(), t.TempDir(), registerdb.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.db.Close() })
	w.start()
	return w
}

// start starts what is in memory anew, as after a crash.
func (w *world) start() {
	var err error
	if w.patients, err = patients.Open(w.t.Context(), w.db, patients.Options{}); err != nil {
		w.t.Fatal(err)
	}
	w.fix = correct.New(correct.Options{
		Store: w.db, Record: (*memory)(w), Patients: w.patients, Head: (*memory)(w).Cursor,
		Tell: func(_ context.Context, c model.Correction, messages []*model.Message) error {
			if _, again := w.told[c.ID]; !again {
				w.told[c.ID] = messages
				w.order = append(w.order, c.ID)
			}
			if w.failAt > 0 {
				if w.failAt--; w.failAt == 0 {
					return errors.New("the power went")
				}
			}
			return nil
		},
		Version:  record.WithVersion,
		DeviceOf: func(m *model.Message) model.DeviceID { return record.DeviceOf(m, -1) },
		Report:   func(err error) { w.t.Error(err) },
	})
}

type memory world

func (r *memory) Cursor() model.Seq { return model.Seq(len(r.record)) }

func (r *memory) Message(_ context.Context, ref model.MessageRef) (*model.Message, error) {
	if n := int(ref.Seq); n >= 1 && n <= len(r.record) {
		return r.record[n-1], nil
	}
	return nil, fault.New(fault.Absent, "record.absent", "no such message")
}

func (r *memory) Refs(_ context.Context, from, until time.Time, device model.DeviceID) iter.Seq2[model.MessageRef, error] {
	return func(yield func(model.MessageRef, error) bool) {
		for _, m := range r.record {
			if m.Arrived.Before(from) || !until.IsZero() && !m.Arrived.Before(until) || !slices.ContainsFunc(m.Devices, func(d model.Device) bool { return d.ID == device }) {
				continue
			}
			if !yield(m.Ref, nil) {
				return
			}
		}
	}
}

// arrive has a message come.
func (w *world) arrive(m model.Message) model.MessageRef {
	w.t.Helper()
	m.Ref = model.MessageRef{Seq: model.Seq(len(w.record) + 1)}
	if m.Patient != nil {
		who := *m.Patient
		m.Patient = &who
	}
	if err := w.patients.Resolve(w.t.Context(), &m); err != nil {
		w.t.Fatal(err)
	}
	w.record = append(w.record, &m)
	return m.Ref
}

func (w *world) settle() {
	w.t.Helper()
	if err := w.fix.All(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// truth gives the patient of a message as known now.
func (w *world) truth(ref model.MessageRef) *model.Message {
	w.t.Helper()
	versions, err := w.db.Amended(w.t.Context(), ref)
	if err != nil {
		w.t.Fatal(err)
	}
	return record.WithVersions(w.record[ref.Seq-1], versions)
}

func (w *world) number(ref model.MessageRef) string {
	m := w.truth(ref)
	if m.Patient == nil || m.Patient.ID == "" {
		return ""
	}
	one, err := w.patients.Get(w.t.Context(), m.Patient.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return one.Identifiers[0].Value
}

func (w *world) act(work func(tx registerdb.Tx) error) {
	w.t.Helper()
	if err := w.db.Update(w.t.Context(), work); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) person(number string) model.PatientID {
	w.t.Helper()
	id, err := w.patients.ByWristband(w.t.Context(), patients.Wristband{Identifier: mr(number)}, true, morning)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.patients.Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) connect(device, number, source string, from, until, made time.Time) int64 {
	w.t.Helper()
	var id int64
	who := w.person(number)
	w.act(func(tx registerdb.Tx) error {
		c, _, err := w.patients.Connect(w.t.Context(), tx, patients.Connection{Device: model.DeviceID(device), Patient: who, Source: source, From: from, Until: until, Made: made, By: "usr-a"})
		id = c.ID
		return err
	})
	return id
}

func mr(number string) model.Identifier {
	return model.Identifier{Value: number, System: "HOSP", Type: "MR"}
}

func place(bed string) model.Place {
	if bed == "" {
		return model.Place{}
	}
	return model.Place{PointOfCare: "ICU", Room: "1", Bed: bed}
}

// value is what a device without a patient says in a bed.
func value(device, bed string, at time.Time) model.Message {
	return model.Message{
		Type: "ORU^R01", Arrived: at, DeviceTime: model.Timestamp{UTC: at},
		Visit:   &model.Visit{Place: place(bed)},
		Devices: []model.Device{{ID: model.DeviceID(device), Serial: device, Parent: -1}},
	}
}

// of names the patient in a message.
func of(number string, m model.Message) model.Message {
	m.Patient = &model.Patient{Identifiers: []model.Identifier{mr(number)}}
	return m
}

func adt(action, number, bed string, happened, came time.Time) model.Message {
	trigger := map[string]string{"admit": "A01", "transfer": "A02", "discharge": "A03", "cancel-admit": "A11", "cancel-transfer": "A12", "cancel-discharge": "A13", "merge": "A40"}[action]
	return model.Message{
		Type: "ADT^" + trigger, Arrived: came, DeviceTime: model.Timestamp{UTC: happened},
		Event:   &model.PatientEvent{Trigger: trigger, Action: action, Occurred: model.Timestamp{UTC: happened}},
		Patient: &model.Patient{Identifiers: []model.Identifier{mr(number)}},
		Visit:   &model.Visit{Place: place(bed), Number: model.Identifier{Value: "V" + number}},
	}
}

// said gives a message the time at which it was said.
func said(m model.Message, at time.Time) model.Message {
	m.DeviceTime.UTC = at
	return m
}
