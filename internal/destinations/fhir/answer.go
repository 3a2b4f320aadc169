package fhir

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	codec "thalamus/internal/codec/fhir"
	"thalamus/internal/destination"
	"thalamus/internal/fault"
)

// patience is how many attempts may end in a conflict before it is given up:
// a conflict is a race that one more try wins, or a state only people mend.
const patience = 2

// refused judges an answer that is no success.
func (c call) refused(status int, header http.Header, text []byte) error {
	o := c.outcome(text)
	after := retryAfter(header, time.Now())
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return destination.Down{Err: fault.New(fault.Transient, "fhir.unauthorised", "the FHIR server answered %d%s; what is owed waits. Check auth, token, user, password or the client certificate, and what this client may do there", status, o)}
	case status == http.StatusTooManyRequests:
		return later(after, fault.New(fault.Transient, "fhir.throttled", "the FHIR server answered 429, too many requests; what is owed waits. Lower delivery.concurrency if it happens often"))
	case status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout || status == http.StatusInsufficientStorage:
		return later(after, fault.New(fault.Transient, "fhir.down", "the FHIR server answered %d%s; what is owed waits", status, o))
	case status == http.StatusNotFound && o.place == "" || status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented:
		return destination.Down{Err: fault.New(fault.Transient, "fhir.no-transactions", "the FHIR server answered %d to a transaction at its base%s; what is owed waits. Check base_url, and that the server takes transactions", status, o)}
	case status >= 300 && status < 400:
		return destination.Down{Err: fault.New(fault.Transient, "fhir.redirect", "the FHIR server answered %d and wants us elsewhere; what is owed waits. Set base_url to the address it redirects to", status)}
	}
	return c.judge(status, o, after)
}

// judge is for what concerns these messages alone.
func (c call) judge(status int, o outcome, after time.Duration) error {
	switch {
	case status == http.StatusConflict || status == http.StatusPreconditionFailed:
		if c.attempt <= patience && o.code != "multiple-matches" {
			return patient(after, fault.New(fault.Transient, "fhir.conflict", "the FHIR server answered %d%s; another change was faster, it is tried again", status, o).At(o.place))
		}
		return fault.New(fault.Conflict, "fhir.conflict", "the FHIR server answered %d%s; it may hold two resources with one of our identifiers: join them there, then replay", status, o).At(o.place)
	case status == http.StatusRequestEntityTooLarge:
		return fault.New(fault.Invalid, "fhir.too-large", "the FHIR server answered 413: the transaction is too large for it. Set max_entries to a smaller number, then replay")
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests || status >= 500:
		return patient(after, fault.New(fault.Transient, "fhir.failed", "the FHIR server answered %d%s; it is tried again", status, o).At(o.place))
	}
	return fault.New(fault.Invalid, "fhir.refused", "the FHIR server answered %d%s; what it does not take must be corrected there, in the settings or in the profile of the device, then replay", status, o).At(o.place)
}

func later(after time.Duration, f *fault.Fault) error {
	return destination.Down{Err: patient(after, f)}
}

func patient(after time.Duration, f *fault.Fault) error {
	if after > 0 {
		return destination.Later{Err: f, After: after}
	}
	return f
}

// count checks the answer entry by entry (FHIR R4 §3.1.0.11.4) and adds up
// what was done. A server may answer a transaction as a batch, where some
// entries fail alone.
func (c call) count(b *codec.Transaction, answer *codec.Node, t *totals) error {
	entries := answer.Get("entry")
	if entries.Len() != b.Entries {
		return fault.New(fault.Transient, "fhir.answer", "the FHIR server answered %d entries to %d; it is asked again, which does nothing twice", entries.Len(), b.Entries)
	}
	var first, worst error
	updates := 0
	for i := range entries.Len() {
		r := entries.At(i).Get("response")
		status := statusOf(r.Get("status").Text())
		switch {
		case status == http.StatusCreated:
			t.created++
		case status >= 200 && status < 300 || status == http.StatusNotModified:
			t.unchanged++
			updates++
		case status == 0:
			first = keep(first, fault.New(fault.Transient, "fhir.answer", "the answer has no status for Bundle.entry[%d]; it is asked again, which does nothing twice", i))
		default:
			o := c.outcomeOf(r.Get("outcome"))
			if o.place == "" {
				o.place = fmt.Sprintf("Bundle.entry[%d]", i)
			}
			err := c.judge(status, o, 0)
			first = keep(first, err)
			if fault.KindOf(err) != fault.Transient {
				worst = keep(worst, err)
			}
		}
	}
	if worst != nil {
		return worst
	}
	if first != nil {
		return first
	}
	// Answers do not tell an update from a resource that was there already.
	updated := min(updates, b.Updates)
	t.updated += updated
	t.unchanged -= updated
	return nil
}

func keep(have, err error) error {
	if have != nil {
		return have
	}
	return err
}

// statusOf reads "201 Created" or "201".
func statusOf(text string) int {
	n := 0
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			break
		}
		if n = n*10 + int(text[i]-'0'); n > 999 {
			return 0
		}
	}
	return n
}

// outcome is what an OperationOutcome says, without a patient's data.
type outcome struct {
	code  string // of the first error: IssueType
	place string // FHIRPath of the element
	text  string
}

// String is ": code, text" or empty.
func (o outcome) String() string {
	s := ""
	if o.code != "" {
		s = ": " + o.code
	}
	if o.text != "" {
		s += " (" + o.text + ")"
	}
	return s
}

func (c call) outcome(text []byte) outcome {
	n, err := codec.Parse(text, codec.Limits{Bytes: 1 << 20})
	if err != nil {
		return outcome{}
	}
	return c.outcomeOf(n)
}

func (c call) outcomeOf(n *codec.Node) outcome {
	issues := n.Get("issue")
	for i := range issues.Len() {
		is := issues.At(i)
		if s := is.Get("severity").Text(); s != "error" && s != "fatal" && i+1 < issues.Len() {
			continue
		}
		o := outcome{code: word(is.Get("code").Text())}
		o.place = path(is.Get("expression").At(0).Text())
		if o.place == "" {
			o.place = path(is.Get("location").At(0).Text())
		}
		said := is.Get("details", "text").Text()
		if d := is.Get("diagnostics").Text(); d != "" {
			said = strings.TrimSpace(said + " " + d)
		}
		o.text = mask(said, c.messages)
		return o
	}
	return outcome{}
}
