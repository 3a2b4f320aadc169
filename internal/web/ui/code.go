package ui

import (
	"strconv"
	"strings"
)

// CodeLine is one line of a text with its number.
type CodeLine struct {
	Number int
	Text   string
	Kind   string // add and del in a comparison, here where a fault is, gap for lines left out
	Column int    // of the fault, from 1; 0: the whole line
}

// Lines gives a text line by line.
func Lines(text string) []CodeLine {
	var out []CodeLine
	for l := range strings.Lines(text) {
		out = append(out, CodeLine{Number: len(out) + 1, Text: strings.TrimRight(l, "\r\n")})
	}
	return out
}

// Around gives the lines about the place of a fault in the text of that name:
// "labels.csv:4:51" is line 4, column 51. Nothing is given for a place
// elsewhere.
func Around(name, text, place string) []CodeLine {
	rest, ok := strings.CutPrefix(place, name+":")
	if !ok {
		return nil
	}
	parts := strings.SplitN(rest, ":", 3)
	at, err := strconv.Atoi(parts[0])
	if err != nil {
		return nil
	}
	column := 0
	if len(parts) > 1 {
		column, _ = strconv.Atoi(parts[1]) // a key may follow the line at once: the whole line
	}
	var out []CodeLine
	for _, l := range Lines(text) {
		if l.Number < at-2 || l.Number > at+2 {
			continue
		}
		if l.Number == at {
			l.Kind, l.Column = "here", column
		}
		out = append(out, l)
	}
	return out
}

// gutter is what stands before a line.
func (l CodeLine) gutter() string {
	switch l.Kind {
	case "add":
		return "+"
	case "del":
		return "−"
	case "gap":
		return "…"
	case "":
		return strconv.Itoa(l.Number)
	}
	return "▸ " + strconv.Itoa(l.Number)
}

// halves of the line, before and from the column of the fault.
func (l CodeLine) halves() (before, from string) {
	runes := []rune(l.Text)
	at := min(max(l.Column-1, 0), len(runes))
	return string(runes[:at]), string(runes[at:])
}

func first(before, _ string) string { return before }
func second(_, from string) string  { return from }
