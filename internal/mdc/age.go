package mdc

import (
	"strconv"
	"strings"

	"thalamus/internal/model"
)

// AgeRange narrows what is possible to one span of ages. Ages are in days of
// life; Until is exclusive and 0 where there is no upper end.
type AgeRange struct {
	From, Until int
	Low, High   *model.Decimal
}

// Range gives what is possible for somebody of an age in days; -1 where the
// age is not known.
func (q *Quantity) Range(ageDays int) (low, high *model.Decimal) {
	if ageDays >= 0 {
		for i := range q.Ages {
			if a := &q.Ages[i]; ageDays >= a.From && (a.Until == 0 || ageDays < a.Until) {
				return a.Low, a.High
			}
		}
	}
	return q.Low, q.High
}

func ageRange(from, until, low, high string) AgeRange {
	f, _ := days(from)
	u, _ := days(until)
	return AgeRange{From: f, Until: u, Low: decimal(low), High: decimal(high)}
}

// days reads "28 d" or "18 a"; a year is 365.25 days.
func days(s string) (int, bool) {
	number, unit, _ := strings.Cut(s, " ")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil:
		return 0, false
	case unit == "d":
		return n, true
	case unit == "a":
		return n * 1461 / 4, true
	}
	return 0, false
}
