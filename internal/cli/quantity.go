package cli

import (
	"reflect"
	"strconv"
	"strings"
	"time"
)

// quantity gives a number whose field names its unit as people read it: the
// name without the unit, and the number with one that fits. JSON keeps both as
// they are.
func quantity(name string, v reflect.Value) (shorter, text string, ok bool) {
	if v.Kind() != reflect.Int64 {
		return "", "", false
	}
	if shorter, ok = strings.CutSuffix(name, "Ns"); ok {
		text = span(time.Duration(v.Int()))
		switch {
		case strings.HasSuffix(strings.ToLower(shorter), "offset") || shorter == "jumped":
			text = ahead(v.Int())
		case strings.HasSuffix(strings.ToLower(shorter), "uncertainty"):
			text = "± " + text
		}
		return shorter, text, true
	}
	if shorter, ok = strings.CutSuffix(name, "Ppb"); ok {
		ppm := strconv.FormatFloat(float64(v.Int())/1000, 'f', -1, 64)
		if v.Int() > 0 {
			ppm = "+" + ppm
		}
		return shorter, ppm + " ppm", true
	}
	return "", "", false
}

// ahead writes ns with a sign: ahead of ours, or forward, is +.
func ahead(ns int64) string {
	if ns > 0 {
		return "+" + span(time.Duration(ns))
	}
	return span(time.Duration(ns))
}

// span writes a length of time to three digits or the second: "3.2 s",
// "250 ms", "1h2m3s", "12d4h".
func span(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	for _, u := range []struct {
		least, unit time.Duration
		name        string
	}{{time.Second, time.Second, " s"}, {time.Millisecond, time.Millisecond, " ms"}, {time.Microsecond, time.Microsecond, " µs"}, {0, 1, " ns"}} {
		if d < u.least || d >= 2*time.Minute {
			continue
		}
		if d == 0 {
			return "0 s"
		}
		return sign + strconv.FormatFloat(float64(d)/float64(u.unit), 'g', 3, 64) + u.name
	}
	if d < 48*time.Hour {
		return sign + d.Round(time.Second).String()
	}
	days := d / (24 * time.Hour)
	return sign + strconv.FormatInt(int64(days), 10) + "d" + strconv.FormatInt(int64((d-days*24*time.Hour)/time.Hour), 10) + "h"
}
