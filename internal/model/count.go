package model

import (
	"strconv"
	"strings"
)

// Count is how often something happened on a link since it began.
type Count struct {
	Of string `json:"of"` // what, in English and as of many: files taken
	N  uint64 `json:"n"`
}

// Counts are those of one link, what matters most first.
type Counts []Count

// String writes them as one line: 9 files taken, 0 refused.
func (c Counts) String() string {
	parts := make([]string, len(c))
	for i, one := range c {
		parts[i] = strconv.FormatUint(one.N, 10) + " " + one.Of
	}
	return strings.Join(parts, ", ")
}
