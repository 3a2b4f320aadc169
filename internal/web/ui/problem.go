package ui

import "thalamus/internal/fault"

// nextStep is what the catalogue of faults says to do.
func nextStep(f *fault.Fault) string {
	for _, e := range fault.Catalogue() {
		if e.Code == f.Code {
			return e.ToDo
		}
	}
	return ""
}
