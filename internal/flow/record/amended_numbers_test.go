package record_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"thalamus/internal/flow/record"
	"thalamus/internal/grid"
	"thalamus/internal/model"
)

// numbersAsWritten is a record with two patients on two devices; value n came
// with message n.
type numbersAsWritten struct{ record.Reader }

func (numbersAsWritten) Head() model.MessageRef { return model.MessageRef{Seq: 9} }

func (numbersAsWritten) Numbers(_ context.Context, q record.NumbersQuery, each record.EachNumbers) error {
	for i, s := range []record.Subject{{Patient: "ann", Device: "m1"}, {Patient: "bob", Device: "m2"}} {
		asked := false
		for _, who := range q.Subjects {
			asked = asked || (who.Patient == "" || who.Patient == s.Patient) && (who.Device == "" || who.Device == s.Device)
		}
		if !asked {
			continue
		}
		for n := 1 + i; n <= 6; n += 2 {
			v := grid.Value{At: int64(n), Number: model.Decimal{Coef: int64(n)}, Ref: model.MessageRef{Seq: model.Seq(n)}}
			if err := each(&record.Series{Subject: s}, []grid.Value{v}); err != nil {
				return err
			}
		}
	}
	return nil
}

// moved says that messages are another patient's now.
type moved struct {
	record.Amendments
	list []model.Amended
}

func (m moved) AmendedTo(_ context.Context, p model.PatientID, _ model.MessageRef, _ int) (out []model.Amended, _ error) {
	for _, a := range m.list {
		if a.Patient.ID == p {
			out = append(out, a)
		}
	}
	return out, nil
}

func (m moved) AmendedFrom(_ context.Context, p model.PatientID, _ model.MessageRef, _ int) (out []model.Amended, _ error) {
	for _, a := range m.list {
		if a.First == p {
			out = append(out, a)
		}
	}
	return out, nil
}

func (m moved) AmendedBetween(context.Context, model.MessageRef, model.MessageRef) ([]model.Amended, error) {
	return m.list, nil
}

// R20: numbers are those of whom they are known to be of now.
func TestNumbersOfAmendedMessages(t *testing.T) {
	third := model.Amended{Ref: model.MessageRef{Seq: 3}, First: "ann", Device: "m1", Patient: &model.Patient{ID: "bob"}}
	for _, c := range []struct {
		who  record.Subject
		list []model.Amended
		want string
	}{
		{record.Subject{Patient: "ann"}, nil, "ann/m1 1 3 5"},
		{record.Subject{Patient: "ann"}, []model.Amended{third}, "ann/m1 1 5"},
		{record.Subject{Patient: "bob"}, []model.Amended{third}, "bob/m1 3, bob/m2 2 4 6"},
		{record.Subject{Device: "m1"}, []model.Amended{third}, "ann/m1 1 5, bob/m1 3"},
		{record.Subject{}, []model.Amended{third}, "ann/m1 1 5, bob/m1 3, bob/m2 2 4 6"},
	} {
		r := record.Amend(numbersAsWritten{}, moved{list: c.list})
		var got []string
		var of record.Series
		err := r.Numbers(t.Context(), record.NumbersQuery{Subjects: []record.Subject{c.who}}, func(s *record.Series, values []grid.Value) error {
			if len(got) == 0 || of != *s {
				of = *s
				got = append(got, fmt.Sprintf("%s/%s", s.Patient, s.Device))
			}
			for _, v := range values {
				got[len(got)-1] += " " + v.Number.String()
			}
			return nil
		})
		if text := strings.Join(got, ", "); err != nil || text != c.want {
			t.Errorf("%+v, %d amended: %s, want %s (%v)", c.who, len(c.list), text, c.want, err)
		}
	}
}
