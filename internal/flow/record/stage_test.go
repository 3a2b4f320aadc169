package record_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// rack is a store in memory that refuses as it is told.
type rack struct {
	cursor  model.Seq
	kept    []*model.Message
	prints  map[record.Print]model.MessageRef
	commits int
	refuse  func(b record.Batch) error // nil: nothing
}

func (s *rack) Cursor() model.Seq { return s.cursor }

func (s *rack) Seen(_ context.Context, prints []record.Print) ([]model.MessageRef, error) {
	refs := make([]model.MessageRef, len(prints))
	for i, p := range prints {
		refs[i] = s.prints[p]
	}
	return refs, nil
}

func (s *rack) Commit(_ context.Context, b record.Batch) error {
	s.commits++
	if s.refuse != nil {
		if err := s.refuse(b); err != nil {
			return err
		}
	}
	if b.Messages[0].Ref.Seq <= s.cursor {
		return fault.New(fault.Conflict, "record.order", "does not follow")
	}
	for i, m := range b.Messages {
		s.kept = append(s.kept, m)
		if _, ok := s.prints[b.Prints[i]]; !ok {
			s.prints[b.Prints[i]] = m.Ref
		}
	}
	s.cursor = b.Cursor
	return nil
}

// text is what was kept: the reference, how often it was routed, what is
// wrong, of what it is a repeat.
func (s *rack) text() string {
	var all []string
	for _, m := range s.kept {
		t := fmt.Sprint(m.Ref.Seq)
		if len(m.Routed) > 0 {
			t += ">" + string(m.Routed[0].Destination)
		}
		for _, i := range m.Issues {
			t += "!" + i.Code
		}
		if m.Duplicate != (model.MessageRef{}) {
			t += fmt.Sprint("=", m.Duplicate.Seq)
		}
		all = append(all, t)
	}
	return strings.Join(all, " ")
}

// house is what the stage asks: register, patients and routes.
type house struct {
	sight, resolve func(m *model.Message) error
	decide         func(m *model.Message)
}

func (h *house) Sight(_ context.Context, m *model.Message) error {
	if h.sight != nil {
		return h.sight(m)
	}
	return nil
}

func (h *house) Resolve(_ context.Context, m *model.Message) error {
	if h.resolve != nil {
		return h.resolve(m)
	}
	return nil
}

func (h *house) Decide(m *model.Message) []model.Decision {
	if h.decide != nil {
		h.decide(m)
	}
	return []model.Decision{{Destination: "ehr"}}
}

func entries(seqs ...int) []record.Entry {
	var all []record.Entry
	for _, n := range seqs {
		m := &model.Message{
			Ref: model.MessageRef{Seq: model.Seq(n)}, Channel: "icu", Type: "ORU^R01", ControlID: fmt.Sprint("C", n%100),
			Observations: []model.Observation{{Field: "OBX[1]"}},
		}
		all = append(all, record.Entry{Seq: model.Seq(n), Digest: record.DigestOf([]byte(m.ControlID)), Messages: []*model.Message{m}})
	}
	return all
}

func stage(h *house, o record.Options) (*record.Stage, *rack) {
	s := &rack{prints: map[record.Print]model.MessageRef{}}
	return record.New(s, h, h, h, o), s
}

func kept(t *testing.T, s *rack, want string) {
	t.Helper()
	if got := s.text(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestStage(t *testing.T) {
	st, s := stage(&house{}, record.Options{})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(st.Record(t.Context(), nil))
	must(st.Record(t.Context(), entries(1, 2, 3)))
	// A repeat of what is recorded, and one within the batch; what it says is
	// kept once, in the first (R18).
	must(st.Record(t.Context(), entries(102, 4, 104)))
	kept(t, s, "1>ehr 2>ehr 3>ehr 102=2 4>ehr 104=4")
	if m := s.kept[3]; len(m.Observations) > 0 || m.Recorded.IsZero() {
		t.Errorf("%+v", m)
	}
	if st.Cursor() != 104 {
		t.Error(st.Cursor())
	}
}

// TestLateCursor: who reads from before the cursor, or offers entries again,
// changes nothing.
func TestLateCursor(t *testing.T) {
	st, s := stage(&house{}, record.Options{})
	for _, one := range [][]record.Entry{entries(1, 2, 3), entries(1, 2, 3), entries(2, 3, 4, 5), entries(5)} {
		if err := st.Record(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	kept(t, s, "1>ehr 2>ehr 3>ehr 4>ehr 5>ehr")
	if s.commits != 2 {
		t.Errorf("%d commits", s.commits)
	}
}

// TestStageWaits: what passes is waited for, and people are told (R23).
func TestStageWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		st, s := stage(&house{}, record.Options{Waiting: func(err error) { told = append(told, fault.CodeOf(err)) }})
		full := time.Now().Add(time.Hour)
		s.refuse = func(record.Batch) error {
			if time.Now().Before(full) {
				return fault.New(fault.Transient, "record.full", "full")
			}
			return nil
		}
		if err := st.Record(t.Context(), entries(1, 2)); err != nil {
			t.Fatal(err)
		}
		kept(t, s, "1>ehr 2>ehr")
		if len(told) < 100 || told[0] != "record.full" || told[len(told)-1] != "internal" { // the last is nil
			t.Errorf("told %d times: %v", len(told), told[:min(len(told), 3)])
		}
		s.refuse = func(record.Batch) error { return fault.New(fault.Transient, "record.full", "full") }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := st.Record(ctx, entries(3)); err != context.DeadlineExceeded {
			t.Error(err)
		}
		if st.Cursor() != 2 {
			t.Error(st.Cursor())
		}
	})
}

// TestPoison: a message that can never be recorded as it is does not stop
// those behind it, whatever breaks, and says what is wrong with it.
func TestPoison(t *testing.T) {
	on := func(n model.Seq, do func() error) func(m *model.Message) error {
		return func(m *model.Message) error {
			if m.Ref.Seq == n {
				return do()
			}
			return nil
		}
	}
	invalid := func() error { return fault.New(fault.Invalid, "patients.strange", "no such thing") }
	defect := func() error { panic("a patient's name") }
	holds := func(b record.Batch, n model.Seq) bool {
		return slices.ContainsFunc(b.Messages, func(m *model.Message) bool { return m.Ref.Seq == n && len(m.Observations) > 0 })
	}
	for name, c := range map[string]struct {
		house  house
		refuse func(b record.Batch) error
		want   string
	}{
		"the register breaks":       {house: house{sight: on(3, defect)}, want: "1>ehr 2>ehr 3!record.unplaced 4>ehr 5>ehr"},
		"no patient can be found":   {house: house{resolve: on(3, invalid)}, want: "1>ehr 2>ehr 3!record.unplaced 4>ehr 5>ehr"},
		"the routes break":          {house: house{decide: func(m *model.Message) { _ = on(5, defect)(m) }}, want: "1>ehr 2>ehr 3>ehr 4>ehr 5!record.unplaced"},
		"the store breaks":          {refuse: func(b record.Batch) error { return maybe(holds(b, 2), defect) }, want: "1>ehr 2!record.unkept 3>ehr 4>ehr 5>ehr"},
		"the store takes it not":    {refuse: func(b record.Batch) error { return maybe(holds(b, 1), invalid) }, want: "1!record.unkept 2>ehr 3>ehr 4>ehr 5>ehr"},
		"two of them":               {refuse: func(b record.Batch) error { return maybe(holds(b, 4) || holds(b, 2), invalid) }, want: "1>ehr 2!record.unkept 3>ehr 4!record.unkept 5>ehr"},
		"and one in between breaks": {house: house{sight: on(3, defect)}, refuse: func(b record.Batch) error { return maybe(holds(b, 4), invalid) }, want: "1>ehr 2>ehr 3!record.unplaced 4!record.unkept 5>ehr"},
	} {
		t.Run(name, func(t *testing.T) {
			st, s := stage(&c.house, record.Options{})
			s.refuse = c.refuse
			if err := st.Record(t.Context(), entries(1, 2, 3, 4, 5)); err != nil {
				t.Fatal(err)
			}
			kept(t, s, c.want)
			if st.Cursor() != 5 {
				t.Error("cursor", st.Cursor())
			}
			for _, m := range s.kept {
				for _, i := range m.Issues {
					if strings.Contains(i.Text+i.Hint+i.Received, "name") {
						t.Errorf("an issue says what a panic said: %+v", i)
					}
				}
			}
		})
	}
}

func maybe(is bool, do func() error) error {
	if is {
		return do()
	}
	return nil
}

// TestBlamesNoMessage: what the register or the store cannot do at all stops
// the stage, and nothing is recorded in part because of it.
func TestBlamesNoMessage(t *testing.T) {
	broken := fault.New(fault.Broken, "store.open", "gone")
	st, s := stage(&house{sight: func(m *model.Message) error { return maybe(m.Ref.Seq == 2, func() error { return broken }) }}, record.Options{})
	if err := st.Record(t.Context(), entries(1, 2, 3)); fault.CodeOf(err) != "store.open" || len(s.kept) > 0 {
		t.Error(err, s.text())
	}
	st, s = stage(&house{}, record.Options{})
	s.refuse = func(record.Batch) error { return fault.New(fault.Broken, "record.damaged", "rot") }
	if err := st.Record(t.Context(), entries(1, 2, 3)); fault.CodeOf(err) != "record.damaged" || s.commits != 1 {
		t.Error(err, s.commits)
	}
	st, s = stage(&house{}, record.Options{})
	s.refuse = func(record.Batch) error { return fault.New(fault.Broken, "record.broken", "no one knows") }
	if err := st.Record(t.Context(), entries(1, 2, 3)); fault.CodeOf(err) != "record.broken" || len(s.kept) > 0 {
		t.Error("a store that takes nothing, not even an envelope:", err, s.text())
	}
}
