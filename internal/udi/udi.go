// Package udi reads unique device identifiers as scanners and people give
// them: GS1 element strings and Digital Links, HIBC of HIBCC, and ISBT 128 of
// ICCBBA. It is pure: the year that two-digit years are read by is an argument.
//
// The forms are those of "UDI formats by FDA-accredited issuing agency"
// (FDA, version 1.3), the GS1 General Specifications §3 and §7.12, ANSI/HIBC
// 2.6 and ISBT 128 ST-011. R30
package udi

import (
	"strings"

	"thalamus/internal/fault"
)

// Issuer is the agency whose rules an identifier follows.
type Issuer string

// The agencies accredited by the FDA and named by Commission Implementing
// Decision (EU) 2019/939.
const (
	GS1    Issuer = "GS1"
	HIBCC  Issuer = "HIBCC"
	ICCBBA Issuer = "ICCBBA"
)

// maxLength bounds what is looked at; the longest carrier is below 200.
const maxLength = 512

// UDI is a unique device identifier taken apart. Dates are "2006-01-02", or
// "2006-01" where the carrier names no day. What a carrier does not hold is
// empty.
type UDI struct {
	Issuer   Issuer `json:"issuer"`
	DI       string `json:"di"`                 // device identifier, which stands for the model: GTIN-14, LIC with product and unit, or ISBT 128 processor, product and facility code
	Serial   string `json:"serial,omitempty"`   // of this device
	Lot      string `json:"lot,omitempty"`      // batch
	Made     string `json:"made,omitempty"`     // day of manufacture
	Expires  string `json:"expires,omitempty"`  // last day of use
	Software string `json:"software,omitempty"` // version, GS1 AI (8012)
	Donation string `json:"donation,omitempty"` // donation identification number, ISBT 128 only
	Others   []Part `json:"others,omitempty"`   // what else the carrier holds, in its order
	Carrier  string `json:"carrier"`            // what was scanned, with the separators that were in it
}

// Part is an element of a carrier that is no part of the UDI.
type Part struct {
	ID   string `json:"id"` // application identifier, or flag
	Text string `json:"text"`
}

// Parse reads a carrier. year is that of the reading: a two-digit year means
// the one that lies no more than 49 years before it or 50 after (GS1 General
// Specifications §7.12). An error is a fault with a code udi.* and the place,
// counted in characters from 1.
func Parse(carrier string, year int) (UDI, error) {
	text := strings.Trim(carrier, " \t\r\n")
	if text == "" {
		return UDI{}, fault.New(fault.Invalid, "udi.empty", "there is nothing to read; scan the label again")
	}
	if len(text) > maxLength {
		return UDI{}, fault.New(fault.Invalid, "udi.long", "%d characters are more than any label holds (%d); scan one label at a time", len(text), maxLength)
	}
	u := UDI{Carrier: text}
	symbology := ""
	if len(text) > 3 && text[0] == ']' {
		symbology, text = text[:3], text[3:] // ISO/IEC 15424
	}
	s := scan{u: &u, text: text, start: len(symbology), year: year}
	var err error
	switch {
	case text[0] == '*' && len(text) > 2 && text[1] == '+', text[0] == '+':
		err = s.hibc()
	case text[0] == '=', text[0] == '&':
		err = s.isbt()
	case text[0] == '(':
		err = s.bracketed()
	case strings.HasPrefix(strings.ToLower(text), "http://"), strings.HasPrefix(strings.ToLower(text), "https://"):
		err = s.link()
	case symbology == "]C1", symbology == "]d2", symbology == "]Q3", symbology == "]e0", symbology == "]J1", symbology == "", text[0] == separator:
		err = s.elements()
	default:
		err = fault.New(fault.Invalid, "udi.unknown", "this is a bar code, but none that holds a device identifier; scan the code beside the letters UDI")
	}
	if err != nil {
		return UDI{}, err
	}
	if u.DI == "" {
		return UDI{}, fault.New(fault.Invalid, "udi.part", "this label holds no device identifier, only %s; scan the other code of the device too", s.held())
	}
	return u, nil
}

// Identity is the serial-bearing form by which one device is known: issuer,
// device identifier and serial number. It is empty without a serial number,
// for then the label stands on many devices.
func (u UDI) Identity() string {
	if u.Serial == "" {
		return ""
	}
	return string(u.Issuer) + ":" + u.DI + ":" + u.Serial
}

// scan is a carrier being read.
type scan struct {
	u     *UDI
	text  string
	start int // characters of the carrier before text
	year  int
}

func (s *scan) wrong(code string, at int, format string, args ...any) error {
	return fault.New(fault.Invalid, code, format, args...).At(place(s.start + at))
}

// set gives a field its text, once.
func (s *scan) set(field *string, name, text string, at int) error {
	if *field != "" && *field != text {
		return s.wrong("udi.twice", at, "the label says the %s twice, and not the same; scan one label at a time", name)
	}
	*field = text
	return nil
}

// held says what a label without a device identifier holds.
func (s *scan) held() string {
	var names []string
	for _, f := range []struct{ name, text string }{
		{"a serial number", s.u.Serial}, {"a lot", s.u.Lot}, {"a day of manufacture", s.u.Made}, {"an expiry", s.u.Expires}, {"a donation number", s.u.Donation},
	} {
		if f.text != "" {
			names = append(names, f.name)
		}
	}
	if len(names) == 0 {
		return "other elements"
	}
	return strings.Join(names, " and ")
}
