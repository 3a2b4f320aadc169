package ui

import (
	"context"
	"strings"
	"sync"

	"thalamus/internal/fault"
)

// nextStep is what the catalogue of faults says to do, in the reader's language;
// empty where the fault's own English text says so already.
func nextStep(ctx context.Context, f *fault.Fault) string {
	if !foreign(ctx) && strings.Contains(strings.ToLower(f.Text), strings.ToLower(strings.TrimSuffix(ToDo(ctx, f.Code), "."))) {
		return ""
	}
	return ToDo(ctx, f.Code)
}

// foreign says that the reader's language is not that of faults' own texts.
func foreign(ctx context.Context) bool {
	return From(ctx).foreign()
}

// asItIs says that a text begins with an id, a file's name or a quotation, which
// get no capital.
func asItIs(text string) bool {
	first, _, _ := strings.Cut(text, " ")
	return strings.ContainsAny(first, "0123456789-_./\\\"“:@")
}

// ToDo is what the catalogue says to do about a fault or an issue of a code, in
// the reader's language; empty for a code it does not hold.
func ToDo(ctx context.Context, code string) string { return Described(ctx, code).ToDo }

// Meaning is what a code of a fault or an issue means, in the reader's language.
func Meaning(ctx context.Context, code string) string { return Described(ctx, code).Meaning }

// Described is what the catalogue says of a code, in the reader's language.
func Described(ctx context.Context, code string) fault.Described { return From(ctx).described(code) }

func (v *Visit) foreign() bool {
	_, ok := catalogues()[v.Language.Tag]
	return ok
}

func (v *Visit) described(code string) fault.Described {
	if v.foreign() {
		return catalogues()[v.Language.Tag][code]
	}
	return catalogues()[""][code]
}

// catalogues are the catalogue by language and code; English has no tag.
var catalogues = sync.OnceValue(func() map[string]map[string]fault.Described {
	all := map[string]map[string]fault.Described{}
	for _, tag := range append(fault.Languages(), "") {
		all[tag] = map[string]fault.Described{}
		for _, d := range fault.CatalogueIn(tag) {
			all[tag][d.Code] = d
		}
	}
	return all
})
