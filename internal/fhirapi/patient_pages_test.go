package fhirapi_test

import (
	"net/url"
	"strings"
	"testing"

	"thalamus/internal/service"
)

// The pages of a search for a patient's devices, asked for by a number, hold
// that patient's devices and no others', and no number stands in an address
// (R44).
func TestPagesOfAPatient(t *testing.T) {
	h, id := furnished(t)
	viewer, _ := h.Token("viewer")
	other := h.Stranger("MON-77", "61")
	for _, serial := range []string{"MON-78", "MON-79", "MON-80"} {
		h.Stranger(serial, "60")
	}
	h.Call("association.start", service.AssociationStart{Wristband: "MRN-774411", Barcode: "MON-77"}, nil)
	const form = "application/x-www-form-urlencoded"
	body := "patient:identifier=" + url.QueryEscape("urn:id:HOSP|MRN-774411") + "&_count=1"
	got := map[string]bool{}
	a := ask(t, h, viewer, "POST", "/fhir/Device/_search", body, "Content-Type", form)
	for pages := 0; ; pages++ {
		for _, one := range ids(a, "match") {
			got[one] = true
		}
		if strings.Contains(text(a.tree, "link", 0, "url")+next(t, a), "MRN-") {
			t.Errorf("a number stands in the links: %s", a.body)
		}
		to := next(t, a)
		if to == "" || pages > 10 {
			break
		}
		a = get(t, h, viewer, to)
	}
	if len(got) != 2 || !got["Device/"+id] || !got["Device/"+string(other)] {
		t.Errorf("the pages of the patient's devices hold %v", got)
	}
}
