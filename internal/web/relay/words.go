package relay

import (
	"context"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"thalamus/internal/model"
	"thalamus/internal/web/ui"
)

func unknown(ctx context.Context, rule string) string {
	if rule == "quarantine" {
		return ui.T(ctx, "wait in quarantine until adopted")
	}
	return ui.T(ctx, "are read like any other")
}

func onDead(ctx context.Context, rule string) string {
	if rule == "hold" {
		return ui.T(ctx, "its patient or device waits until somebody decides")
	}
	return ui.T(ctx, "go on with the next message")
}

func patience(ctx context.Context, d model.DeliveryRules) string {
	hours := d.MaxAgeHours
	if hours == 0 {
		hours = 168
	}
	text := ui.Plural(ctx, hours, "%s hour of failing", "%s hours of failing")
	if d.MaxAttempts > 0 {
		text = ui.T(ctx, "%s or %s", ui.Plural(ctx, d.MaxAttempts, "%s failure", "%s failures"), text)
	}
	return text
}

func simulated(ctx context.Context, pass bool) string {
	if pass {
		return ui.T(ctx, "pass too")
	}
	return ui.T(ctx, "do not pass")
}

func groupName(ctx context.Context, name string) string {
	if name == "tls" {
		return ui.T(ctx, "Encryption (TLS)")
	}
	return strings.ReplaceAll(name, "_", " ")
}

func perSecond(n float64) string {
	if n < 0.05 {
		return "–"
	}
	return strconv.FormatFloat(n, 'f', 1, 64)
}

func whole(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func options(list []string) []ui.Option {
	out := make([]ui.Option, len(list))
	for i, s := range list {
		out[i] = ui.Option{Value: s, Text: s}
	}
	return out
}

// back is where a form leads that is left.
func back(f form) templ.SafeURL {
	if f.ID == "" {
		return ui.To("/", f.Noun, "s")
	}
	return ui.To("/", f.Noun, "s/", f.ID)
}

func routeTo(f routeFormView) string {
	if f.ID == "" {
		return "/new/route"
	}
	return "/routes/" + f.ID + "/edit"
}

func routeBack(f routeFormView) templ.SafeURL {
	if f.ID == "" {
		return "/routes"
	}
	return ui.To("/routes/", f.ID)
}
