package accept

import (
	"context"
	"strings"
	"time"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// looks says how a state looks and what it is called.
func looks(ctx context.Context, s service.AcceptanceState) (kind, text string) {
	switch s {
	case "open":
		return "info", ui.T(ctx, "Questions open")
	case "answered":
		return "busy", ui.T(ctx, "To be signed")
	case "signed":
		return "busy", ui.T(ctx, "Signed in part")
	case "accepted":
		return "good", ui.T(ctx, "Accepted")
	case "expired":
		return "warn", ui.T(ctx, "Has run out")
	case "reopened":
		return "warn", ui.T(ctx, "Reopened")
	case "rejected":
		return "bad", ui.T(ctx, "Rejected")
	}
	return "quiet", string(s)
}

func lookOf(ctx context.Context, s service.AcceptanceState) string {
	kind, _ := looks(ctx, s)
	return kind
}
func textOf(ctx context.Context, s service.AcceptanceState) string {
	_, text := looks(ctx, s)
	return text
}

// states are the choices of the list's filter.
func states(ctx context.Context) []ui.Option {
	out := []ui.Option{{Value: "", Text: ui.T(ctx, "any")}}
	for _, s := range []service.AcceptanceState{"open", "answered", "signed", "accepted", "expired", "reopened", "rejected"} {
		out = append(out, ui.Option{Value: string(s), Text: textOf(ctx, s)})
	}
	return out
}

// role is what a role is called.
func role(ctx context.Context, r service.AcceptanceRole) string {
	switch r {
	case "biomed":
		return ui.T(ctx, "Biomedical engineering")
	case "it":
		return ui.T(ctx, "IT")
	case "security":
		return ui.T(ctx, "IT security")
	case "privacy":
		return ui.T(ctx, "Data protection")
	case "clinical":
		return ui.T(ctx, "Clinical users")
	}
	return string(r)
}

func roles(ctx context.Context, all []service.AcceptanceRole) string {
	var names []string
	for _, r := range all {
		names = append(names, role(ctx, r))
	}
	return strings.Join(names, ", ")
}

// value is an answer in words.
func value(ctx context.Context, v service.AcceptanceValue) string {
	switch v {
	case "yes":
		return ui.T(ctx, "Yes")
	case "no":
		return ui.T(ctx, "No")
	case "partly":
		return ui.T(ctx, "Partly")
	case "n/a":
		return ui.T(ctx, "Does not apply")
	}
	return ui.T(ctx, "Not answered")
}

func values(ctx context.Context) []ui.Option {
	var out []ui.Option
	for _, v := range []service.AcceptanceValue{"yes", "no", "partly", "n/a"} {
		out = append(out, ui.Option{Value: string(v), Text: value(ctx, v)})
	}
	return out
}

// why says what contradicts an acceptance.
func why(ctx context.Context, c service.AcceptanceReason) string {
	switch c.Kind {
	case "release":
		return ui.T(ctx, "%s runs software %s; accepted was %s.", c.Device, c.Now, c.Was)
	case "port":
		return ui.T(ctx, "%s speaks on channel %s; known was %s.", c.Device, c.Now, c.Was)
	case "unencrypted":
		return ui.T(ctx, "%s speaks without encryption on channel %s.", c.Device, c.Now)
	}
	return c.Now
}

// done says what a step was.
func done(ctx context.Context, what string) string {
	switch what {
	case "begun":
		return ui.T(ctx, "Begun")
	case "answered":
		return ui.T(ctx, "Answered")
	case "imported":
		return ui.T(ctx, "Worksheet imported")
	case "signed":
		return ui.T(ctx, "Signed")
	case "condition":
		return ui.T(ctx, "Condition made")
	case "met":
		return ui.T(ctx, "Condition met")
	case "accepted":
		return ui.T(ctx, "Accepted")
	case "reopened":
		return ui.T(ctx, "Reopened")
	case "rejected":
		return ui.T(ctx, "Rejected")
	case "seen":
		return ui.T(ctx, "First seen")
	}
	return what
}

// evidence is what kind of evidence it is.
func evidence(ctx context.Context, kind string) string {
	switch kind {
	case "mds2":
		return ui.T(ctx, "Maker, MDS2")
	case "test":
		return ui.T(ctx, "Test")
	case "link":
		return ui.T(ctx, "Address")
	}
	return ui.T(ctx, "Document")
}

func dayText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// subject leads to what is accepted.
func subject(s service.FactSubject) string {
	layer, id, _ := strings.Cut(string(s), "/")
	if layer == "model" || layer == "device" {
		return "/" + layer + "s/" + id
	}
	return "/devices?release=" + id
}
