package devices

import (
	"context"
	"slices"
	"strconv"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// sourceText says where a fact is known from: by whom, from what, how surely.
func sourceText(ctx context.Context, f service.Fact) string {
	text := byText(ctx, f.By)
	if f.By == "" && f.Source != "" {
		text = f.Source
	} else if f.Source != "" {
		text += " · " + f.Source
	}
	if f.Confidence > 0 && f.Confidence < 100 {
		text += " · " + ui.T(ctx, "%s %% sure", strconv.Itoa(f.Confidence))
	}
	return text
}

// againstText says what speaks against what counts.
func againstText(ctx context.Context, f service.Fact) string {
	value := valueText(ctx, f.Name, f.Value)
	switch string(f.Truth) {
	case "observed":
		return ui.T(ctx, "Observed: %s (%s)", value, sourceText(ctx, f))
	case "decided":
		return ui.T(ctx, "Decided: %s (%s)", value, sourceText(ctx, f))
	}
	return ui.T(ctx, "Said: %s (%s)", value, sourceText(ctx, f))
}

// whyCounts says why a value counts before others.
func whyCounts(ctx context.Context, p factsPage) string {
	switch {
	case string(p.One.Truth) == "decided":
		return ui.T(ctx, "A decision counts before what is observed or said.")
	case string(p.Kind.First) == "observed":
		return ui.T(ctx, "Of this, what is observed counts before what people say; a decision would count before both.")
	}
	return ui.T(ctx, "Of this, what people say counts before what is observed; a decision would count before both.")
}

// stands says whether something of a truth is believed now.
func stands(p factsPage, truth string) bool {
	return slices.ContainsFunc(p.History, func(f service.Fact) bool {
		return string(f.Truth) == truth && f.Retracted.IsZero()
	})
}

// dayNotice says which days a page of facts is of.
func dayNotice(ctx context.Context, p factsPage) string {
	switch {
	case p.Known != "" && p.At != "":
		return ui.T(ctx, "This is what was true on %s, as it was believed on %s.", p.At, p.Known)
	case p.Known != "":
		return ui.T(ctx, "This is as it was believed on %s, and not what is known today.", p.Known)
	}
	return ui.T(ctx, "This is what was true on %s, as it is known today.", p.At)
}
