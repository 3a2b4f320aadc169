package fhir

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thalamus/internal/model"
)

var update = flag.Bool("update", false, "write testdata/*/bundle.json anew")

// gatewayTold says of the gateway what the profiles for personal devices ask.
var gatewayTold = Options{GatewayVersion: "1.0", GatewayClock: 532226}

func cases(t testing.TB) []string {
	t.Helper()
	found, err := filepath.Glob("testdata/*/messages.json")
	if err != nil || len(found) == 0 {
		t.Fatal("no cases", err)
	}
	for i := range found {
		found[i] = filepath.Dir(found[i])
	}
	return found
}

func messagesOf(t testing.TB, folder string) []*model.Message {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "messages.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []*model.Message
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatalf("%s: %v", folder, err)
	}
	return list
}

func TestBundle(t *testing.T) {
	for _, folder := range cases(t) {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			bundle := Bundle(messagesOf(t, folder), gatewayTold)
			if _, err := Parse(bundle, Limits{}); err != nil {
				t.Fatalf("not JSON: %v\n%s", err, bundle)
			}
			var got bytes.Buffer
			if err := json.Indent(&got, bundle, "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			golden := filepath.Join(folder, "bundle.json")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("differs from %s; if it is meant to, run go test -run TestBundle -update\n%s", golden, firstDifference(got.String(), string(want)))
			}
		})
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			return "line " + g[i] + "\nwant " + strings.Join(w[min(i, len(w)-1):min(i+1, len(w))], "")
		}
	}
	return "got ends early"
}
