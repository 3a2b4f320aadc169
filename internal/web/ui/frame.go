package ui

import "thalamus/internal/web/texts"

func languages() []*texts.Language { return texts.Languages() }

func pressed(is bool) string {
	if is {
		return "true"
	}
	return "false"
}

// searched is what the page answers a search for, empty on every other page.
func (v *Visit) searched() string {
	if v.Request.URL.Path != "/search" {
		return ""
	}
	return v.Typed("text")
}

// named says whether the site has a name of its own.
func (v *Visit) named() bool { return v.Site != "" && v.Site != "Thalamus" }
