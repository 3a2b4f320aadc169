package patients_test

import (
	"strings"
	"sync"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/patients"
)

func TestWristband(t *testing.T) {
	gsrn := patients.Wristband{Identifier: model.Identifier{Value: "401234512345678900", Type: patients.TypeGSRN}, Anywhere: true}
	stay := gsrn
	stay.Instance = "27"
	for text, want := range map[string]patients.Wristband{
		"MRN-774411":                                {Identifier: model.Identifier{Value: "MRN-774411"}, Anywhere: true},
		" 774411\r\n":                               {Identifier: model.Identifier{Value: "774411"}, Anywhere: true},
		"774411^^^HOSP^MR":                          {Identifier: model.Identifier{Value: "774411", System: "HOSP", Type: "MR"}},
		"774411^^^HOSP&1.2.3&ISO^MR":                {Identifier: model.Identifier{Value: "774411", System: "1.2.3", Type: "MR"}},
		"774411^^^^PI":                              {Identifier: model.Identifier{Value: "774411", Type: "PI"}, Anywhere: true},
		"(8018)401234512345678900":                  gsrn,
		"8018401234512345678900":                    gsrn,
		"]C18018401234512345678900":                 gsrn,
		"]d2\x1D8018401234512345678900":             gsrn,
		"(8018)401234512345678900(8019)27":          stay,
		"]d28018401234512345678900\x1D801927":       stay,
		"8018401234512345678900801927":              stay,
		"(8018)401234512345678907":                  {}, // check digit
		"(8018)4012345":                             {},
		"(8018)401234512345678900(8019)":            {},
		"(8018)401234512345678900(8019)12345678901": {},
		"]d28018401234512345678900\x1D10ABC":        {},
		"":                                          {},
		"^^^HOSP":                                   {},
		"unknown":                                   {},
		"two\nlines":                                {},
		"a|b":                                       {},
		strings.Repeat("1", 2000):                   {},
	} {
		got, err := patients.ParseWristband(text)
		if got != want || (err != nil) != (want == patients.Wristband{}) {
			t.Errorf("%.40q is %+v, %v", text, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "774411") {
			t.Errorf("%.40q: a number in the error", text)
		}
	}
}

func FuzzWristband(f *testing.F) {
	for _, s := range []string{"774411^^^HOSP&1.2.3&ISO^MR", "(8018)401234512345678900(8019)27", "]d28018401234512345678900\x1D801927"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := patients.ParseWristband(text)
		if err != nil {
			if fault.CodeOf(err) != "patients.wristband" || got != (patients.Wristband{}) {
				t.Error(got, err)
			}
			return
		}
		if v := got.Identifier.Value; v == "" || len(v) > len(text) {
			t.Errorf("%q is %+v", text, got)
		}
	})
}

// Who wears a wristband: by the number with its authority, by the bare number
// where one person has it, and by nobody's.
func TestWearer(t *testing.T) {
	r := newRoom(t)
	r.resolve(t, adt("admit", "1", "A", "08:00"))
	r.resolve(t, adt("admit", "2", "B", "08:00"))
	other := adt("admit", "2", "C", "08:00")
	other.Patient.Identifiers[0].System = "LAB"
	other.Patient.Family = "Else"
	r.resolve(t, other)
	for text, want := range map[string]string{
		"1^^^HOSP^MR": "", "1": "", "2^^^LAB^MR": "", "2": "patients.wristband-several", "3": "patients.wristband-unknown", "1^^^LAB^MR": "patients.wristband-unknown",
	} {
		w, err := patients.ParseWristband(text)
		if err != nil {
			t.Fatal(err)
		}
		id, err := r.ByWristband(t.Context(), w, false, day("09:00"))
		if want == "" && (err != nil || id == "") || want != "" && fault.CodeOf(err) != want {
			t.Errorf("%s: %q %v", text, id, err)
		}
	}
}

// R20: two devices that bring the same new patient at the same moment, and a
// scan of the same wristband beside them, make one.
func TestIntroducedAtOnce(t *testing.T) {
	r := newRoom(t)
	for n := range 20 {
		number := "new-" + string(rune('a'+n))
		ids := make([]model.PatientID, 8)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() {
				if i%4 == 3 {
					id, err := r.ByWristband(t.Context(), patients.Wristband{Identifier: mr(number)[0]}, true, day("09:00"))
					if err != nil {
						t.Error(err)
					}
					ids[i] = id
					return
				}
				m := &model.Message{Type: "ORU^R01", Arrived: day("09:00"), Patient: &model.Patient{Identifiers: mr(number)}, Devices: []model.Device{{ID: model.DeviceID("dev-" + string(rune('0'+i))), Serial: "x", Parent: -1}}}
				if err := r.Resolve(t.Context(), m); err != nil {
					t.Error(err)
				}
				ids[i] = m.Patient.ID
			})
		}
		all.Wait()
		for _, id := range ids {
			if id == "" || id != ids[0] {
				t.Fatalf("%s became %q", number, ids)
			}
		}
	}
	r.Flush(t.Context())
	r.reopen(t)
	if found, err := r.Find(t.Context(), "new-", 100); err != nil || len(found) != 20 {
		t.Errorf("%d patients, %v", len(found), err)
	}
}
