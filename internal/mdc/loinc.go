package mdc

import "strings"

// LOINCForm says whether a text has the form of a LOINC code, digits and a
// check digit, and gives the code with the right one (Luhn over the digits
// before the hyphen).
func LOINCForm(text string) (right string, form bool) {
	body, digit, ok := strings.Cut(text, "-")
	if !ok || len(digit) != 1 || digit[0] < '0' || digit[0] > '9' || len(body) == 0 || len(body) > 7 {
		return "", false
	}
	sum, double := 0, true
	for i := len(body) - 1; i >= 0; i-- {
		d := int(body[i]) - '0'
		if d < 0 || d > 9 {
			return "", false
		}
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum, double = sum+d, !double
	}
	if byte('0'+(10-sum%10)%10) == digit[0] {
		return text, true
	}
	return body + "-" + string(rune('0'+(10-sum%10)%10)), true
}

// EvidenceOfLOINC tells where a code of loinc.tsv was seen, empty for others.
func EvidenceOfLOINC(code string) string {
	for p := range rows(loincText, 7) {
		if p[0] == code {
			return p[6]
		}
	}
	return ""
}
