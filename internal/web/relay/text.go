package relay

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// textLimit bounds a configuration text that is sent, with its form.
const textLimit = 10 << 20

// textView is the configuration as text: what is in force, and a text that is
// to be.
type textView struct {
	InForce string
	Text    string // to be compared or applied
	Wrong   []line // of Text, around what is wrong
	Changes []service.ConfigChange
	Base    string // what Changes were counted from
	Shown   bool   // Changes are those of Text
}

// line of a text.
type line struct {
	Number int
	Text   string
	Here   bool
}

func configuration(v *ui.Visit) (ui.View, error) {
	var t service.ConfigText
	if err := v.Call("config.export", nil, &t); err != nil {
		return ui.View{}, err
	}
	p := textView{InForce: t.Text, Text: v.Form.Get("text")}
	if v.Fault != nil {
		p.Wrong = around(p.Text, v.Fault.Place)
	}
	return textPage(v, p), nil
}

func textPage(v *ui.Visit, p textView) ui.View {
	return ui.View{Styles: styles, Title: ui.T(v.Context(), "Configuration"), Body: configurationPage(p), Actions: downloadButton()}
}

// textName is what a text goes by in errors.
const textName = "text"

// around gives the lines about the place of a fault ("text:12: channels[0]").
func around(text, place string) []line {
	rest, ok := strings.CutPrefix(place, textName+":")
	if !ok {
		return nil
	}
	number, _, _ := strings.Cut(rest, ":")
	at, err := strconv.Atoi(number)
	if err != nil {
		return nil
	}
	var out []line
	n := 0
	for l := range strings.Lines(text) {
		if n++; n >= at-2 && n <= at+2 {
			out = append(out, line{n, strings.TrimRight(l, "\r\n"), n == at})
		}
	}
	return out
}

// typedText reads the text from the form, or the file that was chosen.
func typedText(v *ui.Visit) (service.ConfigText, error) {
	r := v.Request
	if err := r.ParseMultipartForm(1 << 20); err != nil && err != http.ErrNotMultipart {
		return service.ConfigText{}, fault.Wrap(err, fault.Invalid, "web.form", "what was sent is not a form")
	}
	if r.MultipartForm != nil {
		v.Form = r.MultipartForm.Value
		file, _, err := r.FormFile("file")
		if err == nil {
			defer file.Close()
			text, err := io.ReadAll(io.LimitReader(file, textLimit))
			if err != nil {
				return service.ConfigText{}, fault.Wrap(err, fault.Invalid, "web.form", "the file did not arrive whole; send it again").At("file")
			}
			if len(text) > 0 {
				v.Form.Set("text", string(text))
			}
		}
		_ = r.MultipartForm.RemoveAll() // what is left is removed with the request
	}
	t := service.ConfigText{Name: textName, Text: v.Form.Get("text"), Base: v.Form.Get("base"), Reason: v.Typed("reason")}
	if strings.TrimSpace(t.Text) == "" {
		return t, fault.New(fault.Invalid, "web.no-text", "paste a text or choose a file").At("text")
	}
	return t, nil
}

// compareText shows what a text would change; nothing changes yet.
func compareText(v *ui.Visit) (ui.Done, error) {
	t, err := typedText(v)
	if err != nil {
		return ui.Done{}, err
	}
	var now service.ConfigText
	if err := v.Call("config.export", nil, &now); err != nil {
		return ui.Done{}, err
	}
	t.Base = now.Base // what is shown is what is applied
	p := textView{InForce: now.Text, Text: t.Text, Base: now.Base, Shown: true}
	if err := v.Call("config.diff", t, &p.Changes); err != nil {
		return ui.Done{}, err
	}
	view := textPage(v, p)
	return ui.Done{View: &view}, nil
}

func applyText(v *ui.Visit) (ui.Done, error) {
	t, err := typedText(v)
	if err != nil {
		return ui.Done{}, err
	}
	var changes []service.ConfigChange
	if err := v.Call("config.apply", t, &changes); err != nil {
		return ui.Done{}, err
	}
	said := ui.T(v.Context(), "The text is in force already; nothing changed.")
	if len(changes) > 0 {
		said = ui.Plural(v.Context(), len(changes), "The text is in force: %s change.", "The text is in force: %s changes.")
	}
	return ui.Done{To: "/configuration", Toast: &ui.Toast{Text: said}}, nil
}

func download(v *ui.Visit, w http.ResponseWriter) error {
	var t service.ConfigText
	if err := v.Call("config.export", nil, &t); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="thalamus.yaml"`)
	_, err := fmt.Fprint(w, t.Text)
	return err
}
