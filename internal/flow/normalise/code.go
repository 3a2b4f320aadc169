package normalise

import (
	"strings"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// meaning fills the observation's code and gives what is known of the
// quantity, nil when nothing is.
func (n *normaliser) meaning(o *model.Observation) *mdc.Quantity {
	if o.Code = o.Mapped.Code; o.Code == (model.Code{}) {
		o.Code = n.code(o.Received, o.Alternate, o.Field)
	}
	if t, ok := mdc.ByRefID(o.Code.RefID); ok {
		return &t.Quantity
	}
	if q, ok := mdc.ByLOINC(o.Code.LOINC); ok {
		return q
	}
	return nil
}

// code finds what a coding means; the alternate counts where the first says
// nothing (R15).
func (n *normaliser) code(first, second model.Coding, field string) model.Code {
	if first == (model.Coding{}) && second == (model.Coding{}) {
		return model.Code{}
	}
	t, disagree, ok := mdc.OfCoding(first)
	sent := first
	if !ok {
		t2, disagree2, ok2 := mdc.OfCoding(second)
		if ok2 || !disagree && disagree2 {
			t, disagree, ok, sent = t2, disagree2, ok2, second
		}
	}
	if disagree {
		n.disagreement(sent, field, ok)
	}
	if ok {
		return t.Meaning()
	}
	for _, c := range [...]model.Coding{first, second} {
		if isLOINC(c) {
			code := model.Code{LOINC: c.Code, Name: c.Text}
			if q, ok := mdc.ByLOINC(c.Code); ok {
				code.Name = q.Name
			}
			return code
		}
	}
	subject := first.Code
	if subject == "" {
		subject = first.Text
	}
	n.once(model.Issue{Code: prefix + "unknown-code", Severity: model.Warning, Field: field, Received: received(first),
		Text: "the code is not in our tables, so nobody knows what this observation means", Hint: "map it in a device profile, or report it"}, subject)
	return asSent(first, second, disagree)
}

// asSent is the code of an MDC term that the table lacks, as the sender names
// it, so that its values are at least kept together.
func asSent(first, second model.Coding, disagree bool) model.Code {
	for _, c := range [...]model.Coding{first, second} {
		if strings.HasPrefix(c.Text, "MDC") && !disagree {
			code := model.Code{RefID: c.Text}
			if number, ok := mdc.Number(c.Code); ok && number >= 1<<16 {
				code.MDC = number
			}
			return code
		}
	}
	return model.Code{}
}

func (n *normaliser) disagreement(c model.Coding, field string, resolved bool) {
	i := model.Issue{Code: prefix + "code-disagrees", Severity: model.Warning, Field: field, Received: received(c),
		Text: "the number is not the one of the name; the name counts", Hint: "the sender should correct the number"}
	if !resolved {
		i.Code, i.Severity = prefix+"code-unclear", model.Error
		i.Text = "the number belongs to another term than the name, which we do not know; neither was taken"
	}
	n.once(i, c.Code+"^"+c.Text)
}

// received is a coding as an issue may show it.
func received(c model.Coding) string {
	s := c.Code + "^" + c.Text + "^" + c.System
	if len(s) > 120 {
		s = s[:120]
	}
	return strings.ToValidUTF8(strings.Trim(s, "^"), "")
}

// isLOINC recognises a LOINC code: the system says so and the form is right.
func isLOINC(c model.Coding) bool {
	switch c.System {
	case "LN", "LOINC", "http://loinc.org", "2.16.840.1.113883.6.1":
	default:
		return false
	}
	body, digit, ok := strings.Cut(c.Code, "-")
	if !ok || len(digit) != 1 || len(body) == 0 || len(body) > 7 {
		return false
	}
	sum, double := 0, true
	for i := len(body) - 1; i >= 0; i-- {
		d := int(body[i]) - '0'
		if d < 0 || d > 9 {
			return false
		}
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum, double = sum+d, !double
	}
	return int(digit[0]-'0') == (10-sum%10)%10
}
