package phd

import (
	"fmt"
	"strings"

	"thalamus/internal/mdc"
)

// namesOf lists the bits that are set.
func namesOf(code uint32, value uint32, width int) string {
	var out []string
	for at := range width {
		if value>>(width-1-at)&1 == 0 {
			continue
		}
		name := mdc.BitName(code, at)
		if name == "" {
			name = fmt.Sprintf("bit %d", at)
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}
