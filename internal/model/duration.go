package model

import (
	"errors"
	"strings"
	"time"
)

// ErrDuration says that a text is no duration.
var ErrDuration = errors.New(`no duration such as "30s", "5m" or "1h30m"`)

// Duration is a time.Duration that stands in JSON as people write it, "1h30m".
// Whole minutes and hours have no zeros behind them: "8760h", not "8760h0m0s".
type Duration time.Duration

// String gives the shortest text that ParseDuration reads as d again.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// MarshalText gives String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return ErrDuration
	}
	*d = Duration(v)
	return nil
}
