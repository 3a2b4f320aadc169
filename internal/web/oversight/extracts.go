package oversight

import (
	"context"
	"net/http"
	"path"
	"reflect"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

func extracts(v *ui.Visit) (ui.View, error) {
	var rows []service.ExtractRow
	if err := v.Call("extract.list", nil, &rows); err != nil {
		return ui.View{}, err
	}
	return ui.View{Styles: styles, Title: ui.T(v.Context(), "Extracts"), Body: extractsPage(rows)}, nil
}

func extractView(v *ui.Visit) (ui.View, error) {
	var st service.Extract
	if err := v.Call("extract.get", service.ID{ID: v.Path("id")}, &st); err != nil {
		return ui.View{}, err
	}
	return ui.View{
		Styles: styles, Title: st.ID, Body: extractPage(st),
		Trail: []ui.Link{{Text: ui.T(v.Context(), "Extracts"), To: ui.To("/extracts")}},
	}, nil
}

// words are the parts of a text between commas or blanks.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
}

func beginExtract(v *ui.Visit) (ui.Done, error) {
	ask := service.ExtractAsk{Places: words(v.Typed("places")), Codes: words(v.Typed("codes")), Reason: v.Typed("reason")}
	for _, f := range service.Fields(reflect.TypeOf(ask)) {
		if f.Name == "form" {
			if err := f.Set(&ask, []string{v.Typed("form")}); err != nil {
				return ui.Done{}, at(err, fault.CodeOf(err), "form")
			}
		}
	}
	for _, p := range words(v.Typed("patients")) {
		ask.Patients = append(ask.Patients, model.PatientID(p))
	}
	for name, into := range map[string]*time.Time{"from": &ask.From, "until": &ask.Until} {
		text := v.Typed(name)
		if text == "" {
			continue
		}
		t, err := service.ParseTime(text, v.Now.In(v.Zone))
		if err != nil {
			return ui.Done{}, fault.New(fault.Invalid, "service.argument", `expected a time such as 14:30, 2026-11-21 14:30 or -2h`).At(name)
		}
		*into = t
	}
	var st service.Extract
	if err := v.Call("extract.begin", ask, &st); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/extracts/" + st.ID, Toast: &ui.Toast{Text: ui.T(v.Context(), "The extract has begun.")}}, nil
}

// extractAct makes an act on one extract, and says what was done on its page
// or, where it is gone, on the list.
func extractAct(operation, said string) func(v *ui.Visit) (ui.Done, error) {
	return func(v *ui.Visit) (ui.Done, error) {
		if err := v.Call(operation, service.ExtractAct{ID: v.Path("id"), Reason: v.Typed("reason")}, nil); err != nil {
			return ui.Done{}, err
		}
		to := "/extracts"
		if operation != "extract.remove" {
			to += "/" + v.Path("id")
		}
		return ui.Done{To: to, Toast: &ui.Toast{Text: ui.T(v.Context(), said)}}, nil
	}
}

// saveCommand brings an extract here.
const saveCommand = "thalamus extract save"

// extractFile gives a finished file of an extract; a download that was cut
// goes on (RFC 9110 §14).
func extractFile(v *ui.Visit, w http.ResponseWriter) error {
	name := v.Path("file")
	f, file, err := v.Door.OpenExtract(v.Context(), v.Path("id"), name)
	if err != nil {
		return err
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+path.Base(file.Name)+`"`)
	if file.SHA256 != "" {
		w.Header().Set("ETag", `"`+file.SHA256+`"`)
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // as long as it takes
	http.ServeContent(w, v.Request, "", time.Time{}, f)
	return nil
}

// stateOf is how an extract stands, as a badge says it.
func stateOf(ctx context.Context, state string) (kind, text string) {
	switch state {
	case "whole":
		return "good", ui.T(ctx, "Whole")
	case "running":
		return "info", ui.T(ctx, "Being written")
	case "waiting":
		return "quiet", ui.T(ctx, "Waiting")
	case "stopped":
		return "warn", ui.T(ctx, "Stopped")
	case "failed":
		return "bad", ui.T(ctx, "Failed")
	}
	return "warn", ui.T(ctx, "Cut")
}

// extractWhy says why an extract is in its state; code is that of the fault
// that ended it.
func extractWhy(ctx context.Context, state, code string) string {
	switch state {
	case "whole":
		return ui.T(ctx, "All its files are written, and their checksums are in the manifest.")
	case "running":
		return ui.T(ctx, "Its files are being written; what is finished can be fetched already.")
	case "waiting":
		return ui.T(ctx, "One extract is written at a time; this one begins when those before it have ended.")
	case "stopped", "cut":
		if code == "" {
			code = "extract." + state
		}
	}
	return ui.Meaning(ctx, code) + " " + ui.ToDo(ctx, code)
}

// rests says that an extract is neither being written nor waits for that.
func rests(state string) bool { return state != "running" && state != "waiting" }

// formName is what the form of an extract is called.
func formName(form string) string {
	switch form {
	case "parquet":
		return "Parquet"
	case "fhir":
		return "FHIR NDJSON"
	case "csv":
		return "CSV"
	}
	return form
}

func formOptions() []ui.Option {
	var all []ui.Option
	for _, form := range []string{"parquet", "csv", "fhir"} {
		all = append(all, ui.Option{Value: form, Text: formName(form)})
	}
	return all
}
