package ui

import "thalamus/internal/web/texts"

func languages() []*texts.Language { return texts.Languages() }

func pressed(is bool) string {
	if is {
		return "true"
	}
	return "false"
}
