package ui

import (
	"context"
	"net/http"
	"strings"

	"github.com/a-h/templ"
)

// seenLink leads to a table of this page as CSV; empty where the page is what
// an act answered with, which has no address.
func seenLink(ctx context.Context, id string) templ.SafeURL {
	v := From(ctx)
	if v.Page == nil || v.Request.Method != http.MethodGet {
		return ""
	}
	return To(v.Here("as", "csv", "table", id))
}

// Sorted gives the key a list is to be sorted by and whether backwards: what
// the address says, else what the page says.
func (v *Visit) Sorted(otherwise string) (key string, backwards bool) {
	by := v.Query("sort")
	if by == "" {
		by = otherwise
	}
	key, backwards = strings.CutPrefix(by, "-")
	return key, backwards
}

func sorted(v *Visit, key string) string {
	switch v.Query("sort") {
	case key:
		return "ascending"
	case "-" + key:
		return "descending"
	}
	return "none"
}

func nextSort(v *Visit, key string) string {
	if v.Query("sort") == key {
		return "-" + key
	}
	return key
}
