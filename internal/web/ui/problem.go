package ui

import (
	"strings"

	"thalamus/internal/fault"
)

// nextStep is what the catalogue of faults says to do, empty where the fault's
// own text says so already.
func nextStep(f *fault.Fault) string {
	for _, e := range fault.Catalogue() {
		if e.Code == f.Code {
			if strings.Contains(strings.ToLower(f.Text), strings.ToLower(strings.TrimSuffix(e.ToDo, "."))) {
				return ""
			}
			return e.ToDo
		}
	}
	return ""
}
