package relay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"thalamus/internal/conf"
	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// setting is one setting in force, or one that could be set.
type setting struct {
	Key   conf.Key
	Value string // as set; empty: the default
	Set   bool
}

func act(v *ui.Visit) service.Remove {
	version, _ := strconv.ParseInt(v.Typed("version"), 10, 64) // absent: any version
	return service.Remove{ID: v.Path("id"), Version: version, Reason: v.Typed("reason")}
}

// remove ends a thing; nouns are the words of its operations and addresses.
func remove(noun string) func(v *ui.Visit) (ui.Done, error) {
	return func(v *ui.Visit) (ui.Done, error) {
		if err := v.Call(noun+".remove", act(v), nil); err != nil {
			return ui.Done{}, err
		}
		return ui.Done{To: "/" + noun + "s", Toast: &ui.Toast{Text: ui.T(v.Context(), "%s is removed.", v.Path("id"))}}, nil
	}
}

// switched does an act that has a way back.
func switched(v *ui.Visit, operation, to, said, back string) (ui.Done, error) {
	if err := v.Call(operation, act(v), nil); err != nil {
		return ui.Done{}, err
	}
	toast := &ui.Toast{Text: said}
	if noun, _, _ := strings.Cut(operation, "."); v.May(noun + "." + back) {
		toast.Undo, toast.With = to+"/"+back, map[string]string{"reason": ui.T(v.Context(), "Taken back at once")}
	}
	return ui.Done{To: to, Toast: toast}, nil
}

// settings lists what is set and what could be, in the order of the kind's
// description; keys that the description does not know come last.
func settings(keys []conf.Key, set map[string]any) []setting {
	flat := map[string]any{}
	flatten(flat, "", set, keys)
	var out []setting
	for _, k := range keys {
		x, ok := flat[k.Path]
		out = append(out, setting{Key: k, Value: shown(x), Set: ok})
		delete(flat, k.Path)
	}
	for _, path := range slices.Sorted(maps.Keys(flat)) {
		out = append(out, setting{Key: conf.Key{Path: path}, Value: shown(flat[path]), Set: true})
	}
	return out
}

// flatten gives settings by path; a map that is one setting's value stays
// whole.
func flatten(into map[string]any, path string, m map[string]any, keys []conf.Key) {
	for k, x := range m {
		p := k
		if path != "" {
			p = path + "." + k
		}
		sub, group := x.(map[string]any)
		if group && !slices.ContainsFunc(keys, func(key conf.Key) bool { return key.Path == p }) {
			flatten(into, p, sub, keys)
			continue
		}
		into[p] = x
	}
}

// shown writes a setting's value as its field shows it: a list with commas, a
// map as lines of name and value.
func shown(x any) string {
	switch x := x.(type) {
	case nil:
		return ""
	case []any:
		list := make([]string, len(x))
		for i := range x {
			list[i] = fmt.Sprint(x[i])
		}
		return strings.Join(list, ", ")
	case map[string]any:
		var lines []string
		for _, k := range slices.Sorted(maps.Keys(x)) {
			lines = append(lines, k+" = "+fmt.Sprint(x[k]))
		}
		return strings.Join(lines, "\n")
	}
	return fmt.Sprint(x)
}

// atField puts a fault at the field of a form it belongs to, which has the
// name of the place without the number of a list's element.
func atField(err error) error {
	var f *fault.Fault
	if !errors.As(err, &f) {
		return err
	}
	place, _, _ := strings.Cut(f.Place, "[")
	if place == f.Place {
		return err
	}
	return f.At(place)
}

func called(name, id string) string {
	if name != "" {
		return name
	}
	return id
}

func trail(ctx context.Context, text, to string) []ui.Link {
	return []ui.Link{{Text: text, To: templ.SafeURL(to)}}
}

// texts reads a field of texts with commas or lines between.
func texts[T ~string](text string) []T {
	var out []T
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		if one = strings.TrimSpace(one); one != "" {
			out = append(out, T(one))
		}
	}
	return out
}

func joined[T ~string](list []T) string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = string(list[i])
	}
	return strings.Join(out, ", ")
}
