package ui

import (
	"testing"

	"thalamus/internal/model"
	"thalamus/internal/web/texts"
)

// What came over a link is told in the reader's language.
func TestCounted(t *testing.T) {
	counts := model.Counts{{Of: "files taken", N: 1}, {Of: "refused"}, {Of: "taken before", N: 1200}}
	for tag, want := range map[string]string{"en": "1 file taken, 1200 taken before", "de": "1 Datei genommen, 1200 schon zuvor genommen", "fr": "1 fichier pris, 1200 déjà pris auparavant"} {
		if got := Counted(With(t.Context(), &Visit{Language: texts.Pick(tag, "")}), counts); got != want {
			t.Errorf("%s: %q", tag, got)
		}
	}
}
