package ui

import "strings"

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
