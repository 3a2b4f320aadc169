package hl7v2

import (
	"strconv"
	"strings"

	"thalamus/internal/fault"
)

// Answer is an acknowledgement as somebody sent it to us.
type Answer struct {
	Code      AckCode // MSA-1
	ControlID string  // MSA-2: the message that is answered
	Text      string  // MSA-3, or what the first ERR says
	Errors    []AckError
	Own       string // MSH-10 of the acknowledgement itself
}

// ParseAck reads an acknowledgement. A fault says that b is not HL7 or holds
// no MSA with a code. Answers are matched by ControlID, never by order.
func ParseAck(b []byte) (Answer, error) {
	m, err := Parse(b)
	if err != nil {
		return Answer{}, err
	}
	msa := m.Find("MSA", 1)
	if !msa.Present() {
		return Answer{}, fault.New(fault.Invalid, codeNotAck, "the answer has no MSA segment, so it acknowledges nothing").At("MSA")
	}
	a := Answer{
		Code:      AckCode(strings.TrimSpace(msa.Field(1).Text())),
		ControlID: msa.Field(2).Text(),
		Text:      msa.Field(3).Text(),
		Own:       m.Segment(0).Field(10).Text(),
	}
	switch a.Code {
	case AA, AE, AR, CA, CE, CR:
	default:
		return a, fault.New(fault.Invalid, codeNotAck, "the answer's code is none of AA, AE, AR, CA, CE and CR").At("MSA-1")
	}
	for _, s := range m.Segments() {
		if s.Is("ERR") && len(a.Errors) < maxIssues {
			a.Errors = append(a.Errors, readErr(s))
		}
	}
	if len(a.Errors) == 0 && msa.Field(6).Present() {
		a.Errors = []AckError{{Code: number(msa.Field(6).Component(1)), Diagnostic: msa.Field(6).Component(2).Text()}}
	}
	for i := range a.Errors {
		if a.Text == "" {
			a.Text = a.Errors[i].UserMessage
		}
		if a.Text == "" {
			a.Text = a.Errors[i].Diagnostic
		}
	}
	return a, nil
}

func readErr(s Segment) AckError {
	if place, code := s.Field(2), s.Field(3); place.Present() || code.Present() {
		return AckError{
			Place: Path{place.Component(1).Text(), number(place.Component(2)), number(place.Component(3)),
				number(place.Component(4)), number(place.Component(5)), number(place.Component(6))},
			Code:        number(code.Component(1)),
			Severity:    s.Field(4).Text(),
			Application: s.Field(5).Component(1).Text(),
			Diagnostic:  s.Field(7).Text(),
			UserMessage: s.Field(8).Text(),
		}
	}
	old := s.Field(1)
	return AckError{
		Place:      Path{Segment: old.Component(1).Text(), Occurrence: number(old.Component(2)), Field: number(old.Component(3))},
		Code:       number(old.Component(4).Sub(1)),
		Diagnostic: old.Component(4).Sub(2).Text(),
	}
}

// number is the element's number, 0 when it is none.
func number(e Element) int {
	n, err := strconv.Atoi(string(e.Raw()))
	if err != nil || n < 0 {
		return 0
	}
	return n
}
