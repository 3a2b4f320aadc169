package api_test

import (
	"encoding/json"
	"testing"

	"thalamus/internal/api"
	"thalamus/internal/peertest"
	"thalamus/internal/service"
)

// A foreign validator finds nothing wrong with the document: OpenAPI 3.1, all
// references there.
func TestForeignValidator(t *testing.T) {
	text, err := api.Document("1.2.3", service.Ops())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what     string
		document string
		valid    bool
	}{
		{"ours", string(text), true},
		{"one without info, so that the validator is known to look", `{"openapi":"3.1.0","paths":{}}`, false},
	} {
		said := peertest.Run(t, "openapi.mjs", "@seriousme/openapi-schema-validator", map[string]any{"document": json.RawMessage(c.document)})
		if len(said) != 1 || said[0]["valid"] != c.valid || c.valid && (said[0].Text("version") != "3.1" || said[0]["paths"] != float64(len(service.Ops())+4)) { // events, files of extracts, archives of waveforms, the calendar of what is due
			out, _ := json.MarshalIndent(said, "", "  ")
			t.Errorf("%s: %s", c.what, out)
		}
	}
}
