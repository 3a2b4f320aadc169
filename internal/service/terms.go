package service

import (
	"context"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/flow/normalise"
)

// TermAsk searches the table of terms.
type TermAsk struct {
	Text  string `json:"text" arg:"text" doc:"a name in English, German or French, a label, an MDC name or number, a LOINC code"`
	Unit  string `json:"unit,omitempty" doc:"unit that was sent; weighs what is found"`
	Limit int    `json:"limit,omitempty" doc:"at most so many, 10 unless told"`
}

const (
	usualTerms = 10
	mostTerms  = 50
)

func findTerms(_ context.Context, _ *call, r TermAsk) ([]LabelCandidate, error) {
	if strings.TrimSpace(r.Text) == "" {
		return nil, fault.New(fault.Invalid, "service.argument", "say what to look for").At("text")
	}
	limit := min(max(r.Limit, 0), mostTerms)
	if limit == 0 {
		limit = usualTerms
	}
	out := []LabelCandidate{}
	for _, n := range normalise.FindMetric(r.Text, r.Unit, limit) {
		out = append(out, candidate(n, r.Unit))
	}
	return out, nil
}

// candidate tells a metric of the table, and whether it can have a unit.
func candidate(n normalise.Candidate, unit string) LabelCandidate {
	t := n.Term
	c := LabelCandidate{Code: t.RefID, Name: t.Name, Label: n.Label, Likeness: float64(n.Score) / 1000, LOINC: t.LOINC, Kind: string(t.Kind), Evidence: t.Evidence}
	c.Unit, _, _ = strings.Cut(t.UCUM, " ")
	if t.Low != nil && t.High != nil {
		c.Range = t.Low.String() + " – " + t.High.String()
	}
	if fits, known := normalise.Fits(&t.Quantity, unit); unit != "" && known {
		c.Fits = "no"
		if fits {
			c.Fits = "yes"
		}
	}
	return c
}
