package intellivue

import (
	_ "embed"
	"strconv"
	"strings"
)

// privateText lists the names of the maker's own codes of measurements, those
// from 0xF000 on. A row is here when two public implementations that were written
// apart (OpenICE, VitalSignsCapture) give the code the same name.
//
//go:embed private.tsv
var privateText string

// privateNames by code. It is not changed after it was made.
var privateNames = readPrivate(privateText)

func readPrivate(text string) map[uint16]string {
	names := map[uint16]string{}
	for line := range strings.Lines(text) {
		code, name, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if n, err := strconv.ParseUint(code, 16, 16); ok && err == nil {
			names[uint16(n)] = name
		}
	}
	return names
}
