package service

import (
	"context"
	"fmt"

	"thalamus/internal/fault"
	"thalamus/internal/imports/mds2"
	"thalamus/internal/register/acceptance"
)

// AcceptanceImport takes over what a maker says.
type AcceptanceImport struct {
	AcceptanceAct
	Name string `json:"name" doc:"name of the file, for the evidence"`
	File []byte `json:"file" doc:"the filled-in worksheet of MDS2 2019, XLSX or CSV"`
}

// AcceptanceImported tells what came of it.
type AcceptanceImported struct {
	Row        AcceptanceRow `json:"row"`
	Maker      string        `json:"maker,omitempty"` // as the worksheet says
	Model      string        `json:"model,omitempty"`
	Document   string        `json:"document,omitempty"`
	Released   string        `json:"released,omitempty"`
	Statements int           `json:"statements"` // that stood in it
	Evidence   int           `json:"evidence"`   // questions that got evidence
	Answers    int           `json:"answers"`    // questions that it answers
	Twice      []string      `json:"twice"`      // stood there more than once; the first counts
}

func importAcceptance(ctx context.Context, c *call, r AcceptanceImport) (AcceptanceImported, error) {
	form, err := mds2.Read(r.File)
	if err != nil {
		return AcceptanceImported{}, under(err, "file", "")
	}
	out := AcceptanceImported{Maker: form.Maker, Model: form.Model, Document: form.Document, Released: form.Released, Statements: len(form.Statements), Twice: form.Twice}
	all := make([]acceptance.Statement, len(form.Statements))
	for i, s := range form.Statements {
		all[i] = acceptance.Statement{ID: s.ID, Text: s.Question, Answer: s.Answer, Value: acceptance.Value(s.Value()), Note: s.Note}
	}
	name := clip(r.Name, 120)
	if form.Document != "" {
		name += ", " + clip(form.Document, 60)
	}
	out.Row, err = c.work(ctx, r.AcceptanceAct, func(a *acceptance.Acceptance) ([]acceptance.Step, error) {
		var step acceptance.Step
		var err error
		step, out.Evidence, out.Answers, err = a.Import(all, name, c.accepter())
		if err == nil && out.Evidence == 0 {
			err = fault.New(fault.Invalid, "acceptance.nothing-imported", "none of the %d statements belongs to a question of this template; name the questions of MDS2 in the template", len(all)).At("file")
		}
		step.Text = fmt.Sprintf("%s: %d statements, evidence for %d questions, answers to %d", name, len(all), out.Evidence, out.Answers)
		return one(step, err)
	})
	return out, err
}
