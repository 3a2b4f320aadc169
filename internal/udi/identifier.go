package udi

import (
	"strings"

	"thalamus/internal/fault"
)

// Identifier checks a device identifier as it stands in GUDID and on labels
// without its brackets: a GTIN of GS1 with 8, 12, 13 or 14 digits and its check
// digit, or one of HIBCC (labeller, product, unit of measure) or ICCBBA
// (facility, product), which have letters and no check digit of their own.
// Errors: fault.Invalid, code udi.check, udi.length, udi.character or udi.unknown.
func Identifier(text string) error {
	switch n := len(text); {
	case n == 0:
		return fault.New(fault.Invalid, "udi.empty", "there is no device identifier")
	case n > 25:
		return fault.New(fault.Invalid, "udi.length", "a device identifier has at most 25 characters, this has %d", n)
	case digits(text) == n:
		if n != 8 && n != 12 && n != 13 && n != 14 {
			return fault.New(fault.Invalid, "udi.length", "a device identifier of GS1 has 8, 12, 13 or 14 digits, this has %d", n)
		}
		if want := checkDigit(text[:n-1]); text[n-1] != want {
			return fault.New(fault.Invalid, "udi.check", "the last digit of %s should be %c; one digit is wrong", text, want)
		}
		return nil
	}
	plain := strings.TrimPrefix(strings.TrimPrefix(text, "+"), "=/")
	for i := range len(plain) {
		c := plain[i]
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' {
			return fault.New(fault.Invalid, "udi.character", "a device identifier has capital letters and digits; character %d is neither", i+1)
		}
	}
	// HIBCC: four of the labeller, the first a letter, one to eighteen of the
	// product, one of the unit of measure (ANSI/HIBC 2.6 §2.2.1). ICCBBA: A and
	// four digits of the facility, then the product (ST-017 §3.1).
	if len(plain) < 6 || plain[0] < 'A' || plain[0] > 'Z' {
		return fault.New(fault.Invalid, "udi.unknown", "%q is no device identifier of GS1, HIBCC or ICCBBA", text)
	}
	return nil
}
