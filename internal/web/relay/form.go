package relay

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/conf"
	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// form is the form of a channel or destination: which kind, which version it
// was made from, and the fields of its settings in groups.
type form struct {
	Noun    string // channel, destination
	Kinds   []service.Kind
	Kind    service.Kind // Name is empty until one is chosen
	ID      string       // empty: a new one
	Version int64
	Groups  []group
}

// group is the settings that are set together; Name is empty for the first.
type group struct {
	Name string
	Set  bool // something in it is set
	Keys []setting
}

// to is where the form is sent.
func (f form) to() string {
	if f.ID == "" {
		return "/new/" + f.Noun
	}
	return "/" + f.Noun + "s/" + f.ID + "/edit"
}

func kindOf(kinds []service.Kind, name string) service.Kind {
	for _, k := range kinds {
		if k.Name == name {
			return k
		}
	}
	return service.Kind{}
}

// groups sorts settings into groups by the first part of their path.
func groups(all []setting) []group {
	out := []group{{}}
	for _, s := range all {
		name := ""
		if top, _, nested := strings.Cut(s.Key.Path, "."); nested {
			name = top
		}
		i := slices.IndexFunc(out, func(g group) bool { return g.Name == name })
		if i < 0 {
			out = append(out, group{Name: name})
			i = len(out) - 1
		}
		out[i].Keys = append(out[i].Keys, s)
		out[i].Set = out[i].Set || s.Set
	}
	return out
}

// field is the field of one setting.
func field(ctx context.Context, s setting) ui.Field {
	_, name, nested := strings.Cut(s.Key.Path, ".")
	if !nested {
		name = s.Key.Path
	}
	f := ui.Field{Name: "value.settings." + s.Key.Path, Label: strings.ReplaceAll(name, "_", " "), Hint: hint(ctx, s), Value: s.Value, Max: 4000}
	switch {
	case s.Key.Secret:
		f.Kind, f.Complete, f.Value = "password", "new-password", ""
	case s.Key.Type == "true/false":
		f.Options = []ui.Option{{Value: "", Text: ui.T(ctx, "as usual: %s", yesNo(ctx, s.Key.Default))}, {Value: "true", Text: ui.T(ctx, "yes")}, {Value: "false", Text: ui.T(ctx, "no")}}
	case s.Key.Type == "map":
		f.Rows, f.Mono = 3, true
	}
	return f
}

func yesNo(ctx context.Context, text string) string {
	if text == "true" {
		return ui.T(ctx, "yes")
	}
	return ui.T(ctx, "no")
}

func hint(ctx context.Context, s setting) string {
	text := s.Key.Doc
	switch {
	case s.Key.Secret && s.Set:
		text += ". " + ui.T(ctx, "Leave it empty and it stays as it is.")
	case s.Key.Default != "" && s.Key.Type != "true/false":
		text += ". " + ui.T(ctx, "Usual: %s", s.Key.Default)
	case s.Key.Type == "map":
		text += ". " + ui.T(ctx, "One a line: name = value")
	}
	return text
}

// typedSettings reads the fields of a form back into settings. What is empty
// is not set; a secret that is empty stays as it was.
func typedSettings(v *ui.Visit, keys []conf.Key, before map[string]any) (map[string]any, error) {
	was := map[string]any{}
	flatten(was, "", before, keys)
	out := map[string]any{}
	for _, k := range keys {
		name := "value.settings." + k.Path
		text := v.Typed(name)
		var value any = text
		switch {
		case text == "" && k.Secret && was[k.Path] != nil:
			value = was[k.Path] // the placeholder: leave as it is
		case text == "":
			continue
		case k.Type == "map":
			m := map[string]any{}
			for line := range strings.Lines(text) {
				key, x, ok := strings.Cut(line, "=")
				if strings.TrimSpace(line) == "" {
					continue
				}
				if !ok {
					return nil, fault.New(fault.Invalid, "service.argument", "expected one name = value on each line").At(name)
				}
				m[strings.TrimSpace(key)] = strings.TrimSpace(x)
			}
			value = m
		case k.Type == "list":
			list := []any{}
			for _, one := range texts[string](text) {
				list = append(list, one)
			}
			value = list
		case k.Type == "true/false":
			value = text == "true"
		case k.Type == "number":
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				value = n
			}
		}
		put(out, k.Path, value)
	}
	return out, nil
}

func put(m map[string]any, path string, value any) {
	top, rest, nested := strings.Cut(path, ".")
	if !nested {
		m[path] = value
		return
	}
	sub, ok := m[top].(map[string]any)
	if !ok {
		sub = map[string]any{}
		m[top] = sub
	}
	put(sub, rest, value)
}

// version the form was made from; 0 for a new thing.
func typedVersion(v *ui.Visit) int64 {
	n, _ := strconv.ParseInt(v.Typed("version"), 10, 64)
	return n
}
