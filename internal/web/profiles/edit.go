package profiles

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// editPage is a text of a profile that is to be.
type editPage struct {
	ID       string // of the profile in force that it changes; empty: a new one
	Name     string
	Files    []file
	Channels []ui.Option
	Trial    *service.Trial        // what it would change of what is stored
	Refused  []service.ProfileCase // cases that differ, for which it was not brought in force
	Changes  []fileChange          // against what is in force
}

// file is one text of the form.
type file struct {
	Name, Text string
	Wrong      []ui.CodeLine // lines about what is wrong with it
}

// edit opens the text in force, or an earlier one, with the version that comes
// next.
func edit(v *ui.Visit) (ui.View, error) {
	ask := service.ProfileAsk{ID: v.Path("id")}
	if text := v.Query("from"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return ui.View{}, fault.Wrap(err, fault.Invalid, "web.number", "this is no number of a version")
		}
		ask.Version = n
	}
	var is service.ProfilePage
	if err := v.Call("profile.get", ask, &is); err != nil {
		return ui.View{}, err
	}
	newest := 0
	for _, r := range is.Versions {
		newest = max(newest, r.Version)
	}
	p := editPage{ID: string(is.ID), Name: is.Name}
	for _, name := range fileNames(is.Files) {
		text := is.Files[name]
		if name == mainFile {
			text = counted(text, newest+1)
		}
		p.Files = append(p.Files, file{Name: name, Text: text})
	}
	return editView(v, p)
}

var versionLine = regexp.MustCompile(`(?m)^version:[ \t]*[0-9]+`)

// counted writes a version into the text of a profile.
func counted(text string, version int) string {
	return versionLine.ReplaceAllString(text, "version: "+strconv.Itoa(version))
}

// begin asks for the name of a new profile, then opens an example of each
// part.
func begin(v *ui.Visit) (ui.View, error) {
	name, codec := v.Query("name"), v.Query("codec")
	if name == "" {
		return ui.View{Styles: styles, Title: ui.T(v.Context(), "Make a profile"), Body: beginBody(), Trail: trail(v.Context(), editPage{})}, nil
	}
	files, err := service.BeginProfile(name, codec)
	if err != nil {
		return ui.View{}, err
	}
	p := editPage{Name: name}
	for _, name := range fileNames(files) {
		p.Files = append(p.Files, file{Name: name, Text: files[name]})
	}
	return editView(v, p)
}

func trail(ctx context.Context, p editPage) []ui.Link {
	out := []ui.Link{{Text: ui.T(ctx, "Profiles"), To: "/profiles"}}
	if p.ID != "" {
		out = append(out, ui.Link{Text: p.Name, To: ui.To(home(p.ID))})
	}
	return out
}

func editView(v *ui.Visit, p editPage) (ui.View, error) {
	ctx := v.Context()
	if v.May("channel.list") {
		var channels []service.ChannelRow
		if err := v.Call("channel.list", nil, &channels); err != nil {
			return ui.View{}, err
		}
		p.Channels = []ui.Option{{Text: ui.T(ctx, "every channel")}}
		for _, c := range channels {
			p.Channels = append(p.Channels, ui.Option{Value: string(c.ID), Text: called(c.Name, string(c.ID))})
		}
	}
	title := ui.T(ctx, "Make a profile")
	if p.ID != "" {
		title = ui.T(ctx, "Change %s", p.Name)
	}
	return ui.View{Styles: styles, Title: title, Body: editBody(p), Trail: trail(ctx, p)}, nil
}

// typed reads the form: the texts, under the names their fields have.
func typed(v *ui.Visit) editPage {
	p := editPage{ID: v.Typed("id"), Name: v.Typed("name")}
	for _, name := range v.Form["file"] {
		text := strings.ReplaceAll(v.Form.Get(stem(name)), "\r\n", "\n")
		if name == mainFile || strings.TrimSpace(text) != "" {
			p.Files = append(p.Files, file{Name: name, Text: text})
		}
	}
	return p
}

func (p editPage) texts() map[string]string {
	out := map[string]string{}
	for _, f := range p.Files {
		out[f.Name] = f.Text
	}
	return out
}

// typedAgain shows what was typed, with the lines about what is wrong.
func typedAgain(v *ui.Visit) (ui.View, error) {
	p := typed(v)
	if fault.CodeOf(v.Fault) == "service.profile-cases" {
		var tested service.ProfilesTested
		if err := v.Call("profile.test", service.ProfileTest{Files: p.texts()}, &tested); err != nil {
			return ui.View{}, err
		}
		for _, one := range tested.Profiles {
			p.Refused = append(p.Refused, one.Cases...)
		}
	} else if v.Fault != nil {
		for i := range p.Files {
			p.Files[i].Wrong = ui.Around(p.Files[i].Name, p.Files[i].Text, v.Fault.Place)
		}
	}
	return editView(v, p)
}

// try reads what is stored with the text and says what would be different.
// Nothing changes.
func try(v *ui.Visit) (ui.Done, error) {
	p := typed(v)
	ask := service.TryProfile{Files: p.texts(), Channel: model.ChannelID(v.Typed("channel"))}
	if text := v.Typed("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return ui.Done{}, fault.New(fault.Invalid, "service.argument", "expected a whole number of entries").At("limit")
		}
		ask.Limit = n
	}
	p.Trial = &service.Trial{}
	if err := v.Call("profile.try", ask, p.Trial); err != nil {
		return ui.Done{}, err
	}
	if p.ID != "" {
		var is service.ProfilePage
		if err := v.Call("profile.get", service.ProfileAsk{ID: p.ID}, &is); err != nil {
			return ui.Done{}, err
		}
		p.Changes = changes(is.Files, p.texts())
	}
	view, err := editView(v, p)
	return ui.Done{View: &view}, err
}

// put brings the text in force.
func put(v *ui.Visit) (ui.Done, error) {
	var made service.ProfileRow
	if err := v.Call("profile.put", service.PutProfile{Files: typed(v).texts(), Reason: v.Typed("reason"), DespiteCases: v.Typed("despite") != ""}, &made); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{
		To:    home(string(made.ID)),
		Toast: &ui.Toast{Text: ui.T(v.Context(), "Version %d is in force. Messages that come from now on are read with it.", made.Version)},
	}, nil
}

// differs says whether a case says something else with the text, so that
// bringing it in force needs a word more.
func (p editPage) differs() bool {
	return len(p.Refused) > 0 || p.Trial != nil && p.Trial.CasesOf != service.CasesOfProgram && passed(p.Trial.Cases) < len(p.Trial.Cases)
}

func passed(cases []service.ProfileCase) int {
	n := 0
	for _, c := range cases {
		if c.OK {
			n++
		}
	}
	return n
}

// back is where the form came from.
func back(p editPage) templ.SafeURL {
	if p.ID == "" {
		return "/profiles"
	}
	return ui.To(home(p.ID))
}

// rows is how high a text's field is: as high as the text, within reason.
func rows(text string) string {
	return strconv.Itoa(min(max(strings.Count(text, "\n")+2, 6), 28))
}
