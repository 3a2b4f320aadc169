package storetest

import (
	"reflect"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/register"
	"thalamus/internal/register/acceptance"
	"thalamus/internal/register/fact"
)

func registerAcceptances(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	subject := fact.Of(fact.OfModel, "mdl-1")
	by := acceptance.Mark{By: "user:1", Name: "Ann", At: noon}
	a, began := acceptance.Begin(register.AcceptanceID(subject), string(subject), "Acme VM-200", acceptance.Standard(), by)
	if _, err := s.Acceptance(ctx, a.ID); fault.KindOf(err) != fault.Absent {
		t.Error("one that is not there:", err)
	}
	put := func(expect int64, steps ...acceptance.Step) error {
		return s.Update(ctx, func(tx RegisterTx) (err error) {
			stored, err := tx.PutAcceptance(ctx, a, expect, steps)
			if err != nil {
				return err
			}
			inside, err := tx.Acceptance(ctx, a.ID)
			if err == nil && !reflect.DeepEqual(inside, stored) {
				t.Errorf("within the transaction %+v, stored %+v", inside, stored)
			}
			a = stored
			return err
		})
	}
	must(t, put(register.NoVersion, began))
	if err := put(register.NoVersion, began); fault.CodeOf(err) != "register.version" {
		t.Error("made twice:", err)
	}
	answered, err := a.Answer(acceptance.Answer{Question: "patches", Value: acceptance.Yes, Mark: by, Evidence: []acceptance.Evidence{{Kind: "document", Ref: "DOC-4711"}}})
	must(t, err)
	by.At = noon.Add(time.Minute)
	must(t, put(1, answered, acceptance.Step{Mark: by, What: "signed", Text: "it"}))
	if err := put(1, answered); fault.CodeOf(err) != "register.version" {
		t.Error("another version:", err)
	}
	s = reopen()
	all, err := s.Acceptances(ctx)
	must(t, err)
	if len(all) != 1 || !reflect.DeepEqual(all[0], a) || all[0].Version != 2 {
		t.Errorf("after opening again %+v, expected %+v", all, a)
	}
	steps, err := s.AcceptanceSteps(ctx, a.ID, 2)
	must(t, err)
	if len(steps) != 2 || steps[0].What != "signed" || steps[0].Text != "it" || !steps[0].At.Equal(by.At) || steps[1].What != "answered" || steps[0].Name != "Ann" {
		t.Errorf("steps %+v", steps)
	}
}
