package udi

import (
	"fmt"
	"strconv"
	"time"
)

func place(at int) string { return "character " + strconv.Itoa(at+1) }

// century gives the year that two digits mean.
// GS1 General Specifications §7.12
func century(yy, year int) int {
	full := year/100*100 + yy
	switch {
	case full-year > 50:
		return full - 100
	case full-year < -49:
		return full + 100
	}
	return full
}

// day writes a day that exists. Day 0 stands for a month as a whole.
func (s *scan) day(year, month, day, at int) (string, error) {
	if month >= 1 && month <= 12 && day == 0 {
		return fmt.Sprintf("%04d-%02d", year, month), nil
	}
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if t.Year() != year || int(t.Month()) != month || t.Day() != day {
		return "", s.wrong("udi.date", at, "there is no day %04d-%02d-%02d; scan the label again", year, month, day)
	}
	return t.Format(time.DateOnly), nil
}

// dayOfYear writes the day that its number in the year means, from 1.
func (s *scan) dayOfYear(year, n, at int) (string, error) {
	t := time.Date(year, 1, n, 0, 0, 0, 0, time.UTC)
	if n < 1 || t.Year() != year {
		return "", s.wrong("udi.date", at, "the year %d has no day %d; scan the label again", year, n)
	}
	return t.Format(time.DateOnly), nil
}

// numbers reads text as numbers of the widths given. It gives nil where a
// character is no digit or the length is another.
func numbers(text string, widths ...int) []int {
	var out []int
	for _, w := range widths {
		if len(text) < w {
			return nil
		}
		n := 0
		for _, c := range []byte(text[:w]) {
			if c < '0' || c > '9' {
				return nil
			}
			n = n*10 + int(c-'0')
		}
		out, text = append(out, n), text[w:]
	}
	if text != "" {
		return nil
	}
	return out
}
