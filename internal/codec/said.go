package codec

import "strings"

// Said reads a frame's Properties: what the link said beside the bytes, "name:
// value" a line. The first line of a name counts; names are compared without
// regard to case.
func Said(properties, name string) string {
	for line := range strings.Lines(properties) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
