package ui

import (
	"strings"
	"sync"

	"thalamus/internal/fault"
)

// nextStep is what the catalogue of faults says to do, empty where the fault's
// own text says so already.
func nextStep(f *fault.Fault) string {
	do := ToDo(f.Code)
	if strings.Contains(strings.ToLower(f.Text), strings.ToLower(strings.TrimSuffix(do, "."))) {
		return ""
	}
	return do
}

// ToDo is what the catalogue says to do about a fault or an issue of a code,
// empty for a code it does not hold.
func ToDo(code string) string { return catalogue()[code] }

var catalogue = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, e := range fault.Catalogue() {
		all[e.Code] = e.ToDo
	}
	return all
})
