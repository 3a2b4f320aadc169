package poct1alink

import (
	"errors"
	"io"
	"os"
	"strings"

	"thalamus/internal/codec/poct1a"
)

// Bounds of an operator list.
const (
	maxOperatorFile = 1 << 20
	maxOperators    = 10_000
)

// readOperators reads lines of id;name;level. Level is the permission level as
// the device knows it; where it is left out, 1.
func readOperators(path string) ([]poct1a.Operator, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.New("the file cannot be opened")
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxOperatorFile+1))
	if err != nil || len(b) > maxOperatorFile {
		return nil, errors.New("the file cannot be read, or has more than 1 MiB")
	}
	var out []poct1a.Operator
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, ";")
		for len(f) < 3 {
			f = append(f, "")
		}
		o := poct1a.Operator{ID: strings.TrimSpace(f[0]), Name: strings.TrimSpace(f[1]), Level: strings.TrimSpace(f[2])}
		if o.Level == "" {
			o.Level = "1"
		}
		if o.ID == "" || len(out) == maxOperators {
			return nil, errors.New("a line has no id, or there are more than 10,000")
		}
		out = append(out, o)
	}
	return out, nil
}
