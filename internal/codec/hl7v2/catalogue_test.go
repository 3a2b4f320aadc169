package hl7v2

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestCatalogue: every code is described, and every description is of a code.
func TestCatalogue(t *testing.T) {
	text, err := os.ReadFile("codes.go")
	if err != nil {
		t.Fatal(err)
	}
	codes, described := map[string]bool{}, known()
	for _, m := range regexp.MustCompile(`"(hl7v2\.[a-z0-9-]+)"`).FindAllStringSubmatch(string(text), -1) {
		codes[m[1]] = true
		if !described[m[1]] {
			t.Errorf("%s is not in the catalogue", m[1])
		}
	}
	for code := range described {
		if strings.HasPrefix(code, "hl7v2.") && !codes[code] {
			t.Errorf("%s is in the catalogue, but nothing gives it", code)
		}
	}
}
