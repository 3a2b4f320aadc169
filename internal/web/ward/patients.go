package ward

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// patientRow is a patient in a list.
type patientRow struct {
	ID, Name, Number, Born, Sex, Place string
	Merged                             bool
}

// searchView shows the search, and what was found when found is not nil. The
// text never stands in an address: it is a name (R44).
func searchView(v *ui.Visit, text string, found []patientRow) (ui.View, error) {
	ctx := v.Context()
	var here []patientRow
	if found == nil && v.May("live.get") {
		var beds []service.Bed
		if err := v.Call("live.get", nil, &beds); err != nil {
			return ui.View{}, err
		}
		for _, b := range beds {
			if b.Patient != "" {
				here = append(here, patientRow{ID: string(b.Patient), Name: b.PatientName, Place: ui.PlaceText(b.Place)})
			}
		}
	}
	return ui.View{Title: ui.T(ctx, "Patients"), Body: patientsPage(text, found, here), Styles: []string{"ward.css"}}, nil
}

func patientsList(v *ui.Visit) (ui.View, error) { return searchView(v, "", nil) }

func findPatients(v *ui.Visit) (ui.Done, error) {
	text := v.Typed("text")
	if text == "" {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "type the beginning of a name or number").At("text")
	}
	var list []service.Patient
	if err := v.Call("patient.search", service.PatientAsk{Text: text}, &list); err != nil {
		return ui.Done{}, err
	}
	found := make([]patientRow, len(list))
	for i, p := range list {
		found[i] = patientRow{
			ID: string(p.ID), Name: p.DisplayName(), Number: numbersOf(p.Identifiers), Born: p.BirthDate,
			Sex: sexText(v.Context(), p.Sex), Place: ui.Place(p.Place), Merged: p.MergedInto != "",
		}
	}
	view, err := searchView(v, text, found)
	return ui.Done{View: &view}, err
}

// waveforms gives those of a patient of the last hour as files (R19, R22).
func waveforms(v *ui.Visit, w http.ResponseWriter) error {
	ask := service.WaveformExportAsk{Form: v.Path("form")}
	ask.Patient = model.PatientID(v.Path("id"))
	return ui.Archive(v, w, ask)
}

func patientView(v *ui.Visit) (ui.View, error) {
	ctx := v.Context()
	id := v.Path("id")
	var page service.PatientPage
	if err := v.Call("patient.get", service.ID{ID: id}, &page); err != nil {
		return ui.View{}, err
	}
	p := patientPage{page: page, span: spanOf(v.Query("span"))}
	p.Place = ui.Place(page.Patient.Place)
	if v.Tab() != "" { // it shows nothing measured
		return ui.View{Title: ui.T(ctx, "Patient"), Bare: true, Head: patientHead(p), Styles: []string{"ward.css"}}, nil
	}
	var beds []service.Bed
	if v.May("live.get") {
		if err := v.Call("live.get", service.LiveAsk{Patient: page.Patient.ID}, &beds); err != nil {
			return ui.View{}, err
		}
	}
	for i := range beds {
		c := cardOf(ctx, &beds[i])
		p.Now = append(p.Now, c)
		p.Devices = append(p.Devices, beds[i].Devices...)
		if p.Place == "" { // no movement told it; its devices say
			p.Place = ui.PlaceText(beds[i].Place)
		}
	}
	if v.May("alert.list") {
		var states []service.AlertRow
		if err := v.Call("alert.list", service.AlertAsk{Patient: page.Patient.ID, Limit: 50}, &states); err != nil {
			return ui.View{}, err
		}
		p.Alerts = alertRows(ctx, states, nil)
	}
	var err error
	if v.May("trend.get") {
		if p.Charts, err = charts(v, service.TrendAsk{Patient: page.Patient.ID}, p.span, beds); err != nil {
			return ui.View{}, err
		}
	}
	return ui.View{
		Title: ui.T(ctx, "Patient"), Bare: true, Head: patientHead(p), Body: patientBody(p),
		Scripts: []string{"wave.js", "live.js"}, Styles: []string{"ward.css"},
	}, nil
}

// patientPage is everything shown of one patient.
type patientPage struct {
	page    service.PatientPage
	span    span
	Place   string
	Now     []card
	Devices []service.LiveDevice
	Charts  []chart
	Alerts  []alertRow
}

func (p patientPage) key() string { return "p" + string(p.page.Patient.ID) }

// called is what a device is called where it is connected now, else its id.
func (p patientPage) called(id model.DeviceID) string {
	for _, d := range p.Devices {
		if d.ID == id {
			return d.Name
		}
	}
	return string(id)
}

// numbersOf lists a patient's identifiers as people read them.
func numbersOf(ids []model.Identifier) string {
	var out []string
	for _, id := range ids {
		out = append(out, id.Value)
	}
	return strings.Join(out, ", ")
}

func sexText(ctx context.Context, sex string) string {
	switch sex {
	case "male":
		return ui.T(ctx, "male")
	case "female":
		return ui.T(ctx, "female")
	case "other":
		return ui.T(ctx, "other")
	}
	return ""
}

// years gives the age in whole years at a moment, -1 when it cannot be told.
func years(born string, now time.Time) int {
	t, err := time.Parse(time.DateOnly, born)
	if err != nil || t.After(now) {
		return -1
	}
	age := now.Year() - t.Year()
	if now.Month() < t.Month() || now.Month() == t.Month() && now.Day() < t.Day() {
		age--
	}
	return age
}

// classText says what kind of visit it is (HL7 table 0004).
func classText(ctx context.Context, class string) string {
	switch class {
	case "I":
		return ui.T(ctx, "Inpatient")
	case "O":
		return ui.T(ctx, "Outpatient")
	case "E":
		return ui.T(ctx, "Emergency")
	case "P":
		return ui.T(ctx, "Pre-admission")
	}
	return class
}

func sourceText(ctx context.Context, source string) string {
	switch source {
	case "adt":
		return ui.T(ctx, "Patient administration (ADT)")
	case "message":
		return ui.T(ctx, "Named in the device's messages")
	case "scan":
		return ui.T(ctx, "Scanned at the bed")
	case "hand":
		return ui.T(ctx, "Entered by hand")
	}
	return source
}

// present puts associations that last before those that ended.
func present(list []model.Association) []model.Association {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b model.Association) int {
		switch {
		case a.Until.IsZero() && !b.Until.IsZero():
			return -1
		case !a.Until.IsZero() && b.Until.IsZero():
			return 1
		}
		return b.From.Compare(a.From)
	})
	return out
}

func messagesOf(p model.PatientID) templ.SafeURL { return ui.To("/messages?patient=", string(p)) }

// idName says what an identifier is (HL7 table 0203).
func idName(ctx context.Context, id model.Identifier) string {
	switch id.Type {
	case "MR":
		return ui.T(ctx, "Medical record number")
	case "PI":
		return ui.T(ctx, "Patient number")
	case "AN":
		return ui.T(ctx, "Account number")
	case "VN":
		return ui.T(ctx, "Visit number")
	case "SS", "NI", "NH":
		return ui.T(ctx, "National number")
	case "":
		return ui.T(ctx, "Identifier")
	}
	return ui.T(ctx, "Identifier (%s)", id.Type)
}
