package profiles

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// mainFile holds the profile itself; other files are its tables.
const mainFile = "profile.yaml"

// profilePage is one profile.
type profilePage struct {
	service.ProfilePage
	Passed int // cases that came out as expected
}

func profile(v *ui.Visit) (ui.View, error) {
	var p profilePage
	if err := v.Call("profile.get", service.ProfileAsk{ID: v.Path("id")}, &p.ProfilePage); err != nil {
		return ui.View{}, err
	}
	p.Passed = passed(p.Cases)
	return ui.View{
		Styles: styles, Title: p.Title, Body: profileBody(p), Actions: profileActions(p),
		Trail: []ui.Link{{Text: ui.T(v.Context(), "Profiles"), To: "/profiles"}},
	}, nil
}

// fileNames lists the files of a profile, the profile itself first.
func fileNames(files map[string]string) []string {
	names := slices.Sorted(maps.Keys(files))
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case a == mainFile && b != mainFile:
			return -1
		case b == mainFile && a != mainFile:
			return 1
		}
		return 0
	})
	return names
}

// distinct gives each version once, the latest first, with the program's.
func (p profilePage) distinct() []service.ProfileRow {
	var out []service.ProfileRow
	for _, r := range p.Versions {
		if !slices.ContainsFunc(out, func(o service.ProfileRow) bool { return o.Version == r.Version }) {
			out = append(out, r)
		}
	}
	return out
}

// before is the version that a row of the history replaced, 0 for none.
func (p profilePage) before(i int) int {
	if i+1 < len(p.Versions) {
		return p.Versions[i+1].Version
	}
	return 0
}

func by(ctx context.Context, r service.ProfileRow) string {
	switch {
	case !r.Own:
		return ui.T(ctx, "came with the program")
	case r.By == "":
		return ui.T(ctx, "nobody known")
	}
	return ui.Who(ctx, r.By)
}

func home(id string) string { return "/profiles/" + id }

func rollback(v *ui.Visit) (ui.Done, error) {
	version, _ := strconv.Atoi(v.Typed("version")) // absent: the one before
	var now service.ProfileRow
	var is service.ProfilePage
	if err := v.Call("profile.get", service.ProfileAsk{ID: v.Path("id")}, &is); err != nil {
		return ui.Done{}, err
	}
	if err := v.Call("profile.rollback", service.RollbackProfile{ID: is.Name, Version: version, Reason: v.Typed("reason")}, &now); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: home(v.Path("id")), Toast: &ui.Toast{Text: ui.T(v.Context(), "Version %d is in force again.", now.Version)}}, nil
}

func remove(v *ui.Visit) (ui.Done, error) {
	var is service.ProfilePage
	if err := v.Call("profile.get", service.ProfileAsk{ID: v.Path("id")}, &is); err != nil {
		return ui.Done{}, err
	}
	if err := v.Call("profile.remove", service.Remove{ID: is.Name, Reason: v.Typed("reason")}, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/profiles", Toast: &ui.Toast{Text: ui.T(v.Context(), "The profile of this house is out of force.")}}, nil
}

// others offers the versions that can be brought in force again.
func (p profilePage) others() []ui.Option {
	var out []ui.Option
	for _, r := range p.distinct() {
		if r.Version != p.Version {
			text := "@" + strconv.Itoa(r.Version)
			out = append(out, ui.Option{Value: strconv.Itoa(r.Version), Text: text})
		}
	}
	return out
}

func comparison(p profilePage, from, until int) templ.SafeURL {
	return ui.To(home(string(p.ID)), "/compare?from=", strconv.Itoa(from), "&to=", strconv.Itoa(until))
}

// stem is a file's name without what follows its first full stop: the name of
// its field, at which a fault in it shows.
func stem(name string) string {
	name, _, _ = strings.Cut(name, ".")
	return name
}

func called(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}
