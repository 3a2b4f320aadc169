package roster

import (
	"errors"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/register/fact"
	"thalamus/internal/udi"
)

// Dates says how dates with slashes are meant.
type Dates string

// Orders of day and month; where none is told, a date that may be read both
// ways is a problem.
const (
	DayFirst   Dates = "dmy"
	MonthFirst Dates = "mdy"
)

// value brings what stands in a cell into the form the register keeps; want
// says what was expected where that does not go.
func value(layer fact.Layer, name, cell string, dates Dates, stages map[string]string) (out, want string) {
	k, _ := fact.KindOf(name)
	switch k.Form {
	case fact.Date:
		day, ok := date(cell, dates)
		if !ok {
			return "", "a date such as 2026-05-03 or 03.05.2026; say which order days and months have where there are slashes"
		}
		cell = day
	case fact.Number:
		n, ok := number(cell)
		if !ok {
			return "", "a number such as 1250.50"
		}
		cell = n
	case fact.Choice:
		if s := stages[plain(cell)]; s != "" && name == "life" {
			cell = s
		}
	case fact.Address:
		cell, _, _ = strings.Cut(cell, "/") // 10.1.2.3/24
	case fact.Place:
		if strings.Count(cell, "^") > 3 {
			return "", "a place such as ICU^2^23^HOSP"
		}
		if len(cell) > 200 {
			return "", "at most 200 bytes"
		}
	}
	if name == "udi-di" && udi.Identifier(cell) != nil {
		return "", "a device identifier: of GS1 with 8, 12, 13 or 14 digits and the right check digit, of HIBCC or of ICCBBA"
	}
	if name == "name" && len(cell) > 200 {
		return "", "at most 200 bytes"
	}
	out, err := fact.Check(layer, name, cell)
	if err != nil {
		var f *fault.Fault
		if errors.As(err, &f) {
			_, want, _ = strings.Cut(f.Text, "expected ")
		}
		if want == "" {
			want = "another form"
		}
		return "", want
	}
	return out, ""
}

// date reads a day.
func date(s string, order Dates) (string, bool) {
	s = strings.TrimSpace(s)
	if day, rest, ok := strings.Cut(s, " "); ok && strings.Trim(rest, "0123456789:. APMapm") == "" {
		s = day // the time of day says nothing of a day
	}
	s, _, _ = strings.Cut(s, "T")
	for _, form := range []string{time.DateOnly, "2006/1/2", "2006-1-2", "2.1.2006", "20060102"} {
		if t, err := time.Parse(form, s); err == nil && plausible(t) {
			return t.Format(time.DateOnly), true
		}
	}
	for _, sep := range []string{"/", "-"} {
		dm, err1 := time.Parse("2"+sep+"1"+sep+"2006", s)
		md, err2 := time.Parse("1"+sep+"2"+sep+"2006", s)
		switch {
		case err1 == nil && order == DayFirst, err1 == nil && err2 != nil && order == "", err1 == nil && err2 == nil && dm.Equal(md):
			return dm.Format(time.DateOnly), plausible(dm)
		case err2 == nil && order == MonthFirst, err2 == nil && err1 != nil && order == "":
			return md.Format(time.DateOnly), plausible(md)
		}
	}
	return "", false
}

func plausible(t time.Time) bool { return t.Year() >= 1950 && t.Year() <= 2150 }

// number reads a number with or without a currency and thousands. One
// separator with three digits behind it may be either, and is refused.
func number(s string) (string, bool) {
	s = strings.TrimSpace(strings.NewReplacer("€", "", "$", "", "£", "", "CHF", "", "EUR", "", "USD", "", " ", "", "'", "", "’", "", "\u202f", "", "\u00a0", "").Replace(s))
	dot, comma := strings.LastIndexByte(s, '.'), strings.LastIndexByte(s, ',')
	decimal := max(dot, comma)
	if decimal >= 0 {
		several := strings.Count(s, s[decimal:decimal+1]) > 1
		both := dot >= 0 && comma >= 0
		switch {
		case several && both:
			return "", false
		case several:
			decimal = len(s) // thousands alone
		case !both && len(s)-decimal-1 == 3 && decimal > 0 && decimal <= 3 && s[0] != '0':
			return "", false
		}
		whole := strings.NewReplacer(".", "", ",", "").Replace(s[:min(decimal, len(s))])
		if decimal < len(s) {
			whole += "." + s[decimal+1:]
		}
		s = strings.TrimSuffix(whole, ".")
	}
	digits := strings.Replace(strings.TrimPrefix(s, "-"), ".", "", 1)
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", false
	}
	return s, true
}

// lifeWords are what inventories call the stages of life.
func lifeWords() map[string]string {
	out := map[string]string{}
	for choice, list := range map[string]string{
		"ordered":   "ordered;pending;on order;bestellt;commande;en commande",
		"stored":    "stored;ready to deploy;deployable;in stock;stock;spare;available;lager;auf lager;reserve;en stock;en reserve",
		"in-use":    "in use;deployed;active;in service;in betrieb;im einsatz;aktiv;en service;en utilisation;en production;production;produktiv;produktion",
		"lent":      "lent;on loan;loaned;checked out;verliehen;ausgeliehen;prete;en pret",
		"in-repair": "in repair;out for repair;out for diagnostics;under repair;maintenance;broken;in reparatur;defekt;en reparation;en panne",
		"lost":      "lost;lost stolen;lost/stolen;stolen;missing;verloren;gestohlen;vermisst;perdu;vole",
		"retired":   "retired;archived;decommissioned;out of service;ausgemustert;ausser betrieb;stillgelegt;archiviert;retire;hors service;reforme;archive",
		"disposed":  "disposed;scrapped;broken not fixable;broken - not fixable;entsorgt;verschrottet;mis au rebut;elimine",
	} {
		for _, w := range strings.Split(list, ";") {
			out[plain(w)] = choice
		}
	}
	return out
}
