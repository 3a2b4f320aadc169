package integration

import (
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"thalamus/internal/model"
	"thalamus/internal/web/ui"
)

// profileOf is the page of the profile that a message was read with:
// "mindray/vs8@1".
func profileOf(ref string) templ.SafeURL {
	name, _, _ := strings.Cut(ref, "@")
	return ui.To("/profiles/", url.PathEscape(strings.ReplaceAll(name, "/", "-")))
}

// labelsOf is the inbox of labels, with what one message holds.
func labelsOf(ref model.MessageRef) templ.SafeURL {
	text, _ := ref.MarshalText() // numbers: cannot fail
	return ui.To("/labels?message=", string(text))
}

// ofLabel says whether an issue is about what a label or its unit means.
func ofLabel(i model.Issue) bool {
	return slices.Contains([]string{"normalise.unknown-code", "normalise.unknown-unit", "normalise.code-by-label"}, i.Code)
}

// outside says whether the device's software lies outside the range of the
// profile the message was read with.
func outside(m *model.Message) bool {
	return slices.ContainsFunc(m.Issues, func(i model.Issue) bool { return i.Code == "normalise.profile-range" })
}
