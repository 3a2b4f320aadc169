package cli

import (
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

// width of the terminal the output goes to; 0 when it is none, so that a file
// or another program gets everything.
func (c *program) width() int {
	f, ok := c.out.(*os.File)
	if !ok {
		return 0
	}
	w, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return w
}

const (
	columnGap   = 2
	leastColumn = 6 // a column is not cut narrower
)

// writeColumns writes columns of the same length side by side, cutting the
// widest ones until the line fits most (0: nothing is cut).
func writeColumns(w io.Writer, columns [][]string, most int) error {
	if len(columns) == 0 || len(columns[0]) == 0 {
		return nil
	}
	wide := make([]int, len(columns))
	total := -columnGap
	for i, c := range columns {
		for _, text := range c {
			wide[i] = max(wide[i], textWidth(text))
		}
		total += wide[i] + columnGap
	}
	for most > 0 && total > most {
		at := 0
		for i := range wide {
			if wide[i] > wide[at] {
				at = i
			}
		}
		if wide[at] <= leastColumn {
			break
		}
		wide[at]--
		total--
	}
	var line strings.Builder
	for row := range columns[0] {
		line.Reset()
		for i, c := range columns {
			text := cut(c[row], wide[i])
			line.WriteString(text)
			if i < len(columns)-1 {
				line.WriteString(strings.Repeat(" ", wide[i]-textWidth(text)+columnGap))
			}
		}
		if _, err := io.WriteString(w, strings.TrimRight(line.String(), " ")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// textWidth is how many columns a text takes on a terminal.
func textWidth(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut shortens a text to n columns, with … at its end.
func cut(s string, n int) string {
	if textWidth(s) <= n {
		return s
	}
	taken := 0
	for i, r := range s {
		if taken += runeWidth(r); taken > n-1 {
			return s[:i] + "…"
		}
	}
	return s
}
