package ui

import (
	"context"
	"strings"

	"thalamus/internal/model"
)

// Counted writes what came over a link, in the reader's language: the first
// count, and of the others those that are not 0.
func Counted(ctx context.Context, counts model.Counts) string {
	var out []string
	for i, c := range counts {
		if i == 0 || c.N > 0 {
			one, many := countWords(c.Of)
			out = append(out, Plural(ctx, int(c.N), one, many))
		}
	}
	return strings.Join(out, ", ")
}

// countWords are the words for a count that drivers keep.
func countWords(of string) (one, many string) {
	switch of {
	case "messages received":
		return N("%s message received"), N("%s messages received")
	case "reports received":
		return N("%s report received"), N("%s reports received")
	case "answers received":
		return N("%s answer received"), N("%s answers received")
	case "values received":
		return N("%s value received"), N("%s values received")
	case "answers with something new":
		return N("%s answer with something new"), N("%s answers with something new")
	case "files taken":
		return N("%s file taken"), N("%s files taken")
	case "entries taken":
		return N("%s entry taken"), N("%s entries taken")
	case "taken before":
		return N("%s taken before"), N("%s taken before")
	case "not whole yet":
		return N("%s not whole yet"), N("%s not whole yet")
	case "cannot be moved":
		return N("%s cannot be moved"), N("%s cannot be moved")
	case "refused":
		return N("%s refused"), N("%s refused")
	case "requests":
		return N("%s request"), N("%s requests")
	case "requests refused":
		return N("%s request refused"), N("%s requests refused")
	case "devices lost":
		return N("%s device lost"), N("%s devices lost")
	case "sessions":
		return N("%s session"), N("%s sessions")
	case "devices wait for consent":
		return N("%s device waits for consent"), N("%s devices wait for consent")
	}
	return "%s " + of, "%s " + of
}
