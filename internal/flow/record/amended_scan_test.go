package record

import (
	"context"
	"iter"
	"slices"
	"testing"

	"thalamus/internal/model"
)

// plain is a record of some messages, and their amendments.
type plain struct {
	Reader
	all     []*model.Message
	amended []model.Amended // the last version of each, oldest first
}

func (p plain) Scan(_ context.Context, q Query) iter.Seq2[*model.Message, error] {
	return func(yield func(*model.Message, error) bool) {
		for _, m := range p.all {
			if q.Matches(m) && !yield(m, nil) {
				return
			}
		}
	}
}

func (p plain) Amended(_ context.Context, ref model.MessageRef) (list []model.Amended, err error) {
	for _, a := range p.amended {
		if a.Ref == ref {
			list = append(list, a)
		}
	}
	return list, nil
}

func (p plain) AmendedBetween(_ context.Context, from, to model.MessageRef) ([]model.Amended, error) {
	return slices.DeleteFunc(slices.Clone(p.amended), func(a model.Amended) bool { return compareRefs(a.Ref, from) < 0 || compareRefs(a.Ref, to) > 0 }), nil
}

func (p plain) AmendedTo(_ context.Context, patient model.PatientID, _ model.MessageRef, _ int) ([]model.Amended, error) {
	return slices.DeleteFunc(slices.Clone(p.amended), func(a model.Amended) bool { return idOf(&a) != patient }), nil
}

func (p plain) AmendedFrom(context.Context, model.PatientID, model.MessageRef, int) ([]model.Amended, error) {
	return nil, nil
}

// A scan finds messages by whose they are known to be now, whoever they were
// recorded for (R20).
func TestScanOfTheAmended(t *testing.T) {
	var p plain
	for seq := range model.Seq(9000) {
		m := &model.Message{Ref: model.MessageRef{Seq: seq + 1}}
		if seq%3 > 0 {
			m.Patient = &model.Patient{ID: []model.PatientID{"", "ann", "bob"}[seq%3]}
		}
		p.all = append(p.all, m)
	}
	to := func(seq model.Seq, id model.PatientID) {
		a := model.Amended{Ref: model.MessageRef{Seq: seq}, First: PatientOf(p.all[seq-1]), Version: 1}
		if id != "" {
			a.Patient = &model.Patient{ID: id}
		}
		p.amended = append(p.amended, a)
	}
	to(2, "bob")    // was ann
	to(3, "cleo")   // was bob
	to(5000, "")    // was ann
	to(8999, "bob") // was ann
	find := func(who ...model.PatientID) (refs []model.Seq) {
		for m, err := range Amend(p, p).Scan(t.Context(), Query{Patients: who}) {
			if err != nil {
				t.Fatal(err)
			}
			if m.Ref.Seq == 2 && (m.Amended == nil || m.Amended.First != "ann") {
				t.Errorf("%+v", m.Amended)
			}
			refs = append(refs, m.Ref.Seq)
		}
		return refs
	}
	if got := find("cleo"); !slices.Equal(got, []model.Seq{3}) {
		t.Error("cleo:", got)
	}
	if got := find("bob"); len(got) != 3000-1+2 || !slices.Contains(got, 2) || !slices.Contains(got, 8999) || slices.Contains(got, 3) {
		t.Error("bob:", len(got))
	}
	if got := find("ann"); len(got) != 3000-3 {
		t.Error("ann:", len(got))
	}
	if got := find(); len(got) != 9000 {
		t.Error("all:", len(got))
	}
	to(1, "dora") // was nobody's
	if got := find("dora"); !slices.Equal(got, []model.Seq{1}) {
		t.Error("dora:", got)
	}
}
