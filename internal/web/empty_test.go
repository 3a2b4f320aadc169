package web_test

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
)

var (
	menuLinks = regexp.MustCompile(`<a href="([^"]*)"`)
	fields    = regexp.MustCompile(`href="#([^"]*)"`)
)

// full are the pages of an empty house that have something to show or to do
// all the same: a map of what there is, a form to begin with, what the program
// has by itself.
var full = []string{"/", "/audit", "/people", "/oversight", "/journal", "/configuration", "/profiles", "/scan", "/import", "/extracts", "/connect"}

// Whoever opens a list of a house in which nothing has happened yet reads what
// would stand there, and finds where to begin (R53).
func TestEmptyPages(t *testing.T) {
	h := apptest.Start(t)
	r := signedIn(t, h, "otto", "administrator")
	_, menu, _ := strings.Cut(r.get("/").body, `id="menu"`)
	menu, _, _ = strings.Cut(menu, "</nav>")
	paths := []string{"/orders", "/plans", "/accessories", "/devices?state=silent", "/messages?type=ORU"}
	for _, a := range menuLinks.FindAllStringSubmatch(menu, -1) {
		paths = append(paths, html.UnescapeString(a[1]))
	}
	if len(paths) < 25 {
		t.Fatalf("the menu has %d pages", len(paths))
	}
	for _, path := range paths {
		p := r.get(path)
		if p.StatusCode != 200 {
			t.Errorf("%s: %d", path, p.StatusCode)
			continue
		}
		parts := strings.Split(p.body, `<div class="empty">`)
		if len(parts) == 1 && !slices.Contains(full, path) {
			t.Errorf("%s says nothing of its being empty", path)
		}
		for _, part := range parts[1:] {
			said, _, _ := strings.Cut(part, "</div></div>")
			for _, a := range fields.FindAllStringSubmatch(said, -1) {
				if !strings.Contains(p.body, ` id="`+a[1]+`"`) {
					t.Errorf("%s leads to the field %q, which it has not", path, a[1])
				}
			}
			if !strings.Contains(said, "<a ") && !strings.Contains(said, "<button") {
				t.Errorf("%s does not lead on: %s", path, said)
			}
		}
	}
}
