package hl7v2

import (
	"strconv"

	"thalamus/internal/model"
)

// Codes of faults and issues; each is described in the fault catalogue.
const (
	codeEmpty             = "hl7v2.empty"
	codeNotHL7            = "hl7v2.not-hl7"
	codeNoHeader          = "hl7v2.no-header"
	codeHeaderShort       = "hl7v2.header-short"
	codeDelimiters        = "hl7v2.delimiters"
	codeDelimitersDoubled = "hl7v2.delimiters-doubled"
	codeDelimitersFew     = "hl7v2.delimiters-few"
	codeTooLarge          = "hl7v2.too-large"
	codeTooManySegments   = "hl7v2.too-many-segments"
	codeTooManyFields     = "hl7v2.too-many-fields"
	codeBatch             = "hl7v2.batch"
	codeWide              = "hl7v2.utf16"
	codeLeading           = "hl7v2.leading"
	codeTrailing          = "hl7v2.trailing"
	codeBlank             = "hl7v2.blank-before-segment"
	codeWrapped           = "hl7v2.wrapped"
	codeGlued             = "hl7v2.glued"
	codeSecondHeader      = "hl7v2.second-header"
	codeNoControlID       = "hl7v2.no-control-id"
	codeNoType            = "hl7v2.no-type"
	codeCharsetUnknown    = "hl7v2.charset-unknown"
	codeCharsetUndeclared = "hl7v2.charset-undeclared"
	codeCharsetWrong      = "hl7v2.charset-wrong"
	codeMoreIssues        = "hl7v2.more-issues"
	codePath              = "hl7v2.path"
	codeBuild             = "hl7v2.build"
	codeUnencodable       = "hl7v2.unencodable"
	codeNotAck            = "hl7v2.not-ack"
	codeBatchCount        = "hl7v2.batch-count"
	codeBatchOpen         = "hl7v2.batch-open"
	codeBatchStray        = "hl7v2.batch-stray"
	codeSegmentRepeated   = "hl7v2.segment-repeated"
	codeSegmentMissing    = "hl7v2.segment-missing"
	codeVersion           = "hl7v2.version"
)

// maxIssues bounds what is said about one message; the last one says that
// there were more.
const maxIssues = 100

func placeAt(place string, off int) string {
	return place + " (byte " + strconv.Itoa(off) + ")"
}

// note adds an issue about the byte off, in the field named.
func (m *Message) note(code string, sev model.Severity, field string, off int, text, hint string) {
	switch {
	case m.full():
	case len(m.issues) == maxIssues-1:
		m.issues = append(m.issues, model.Issue{Code: codeMoreIssues, Severity: sev, Offset: off,
			Text: "more was wrong with this message than is listed", Hint: "correct the first issues, then read it again"})
	default:
		m.issues = append(m.issues, model.Issue{Code: code, Severity: sev, Field: field, Offset: off, Text: text, Hint: hint})
	}
}

// full tells whether no more issues are taken.
func (m *Message) full() bool { return len(m.issues) >= maxIssues }
