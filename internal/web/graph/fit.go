package graph

import "strings"

// Fit cuts a text to what fits into a width, both as a browser measures: pixels
// of the picture, at a font size in pixels. It goes by the widths of a wide bold
// sans-serif, so that no reader's font is cut in the middle of a letter.
func Fit(text string, width, size float64) string {
	room, all := width/size, 0.0
	for _, r := range text {
		all += em(r)
	}
	if all <= room {
		return text
	}
	room -= em('…')
	for i, r := range text {
		if room -= em(r); room < 0 {
			return strings.TrimRight(text[:i], " ") + "…"
		}
	}
	return text
}

// em is about how wide a letter is, in parts of the font size.
func em(r rune) float64 {
	switch {
	case strings.ContainsRune("ijl.,:;|!'·", r):
		return 0.38
	case strings.ContainsRune(" ftrI()[]-/", r):
		return 0.44
	case strings.ContainsRune("mwMW…%@", r), r > 0x2E80: // ideographs are square
		return 1.02
	case 'A' <= r && r <= 'Z':
		return 0.76
	}
	return 0.68
}
