// Package fault is the one kind of error Thalamus returns: a Kind says what
// to do, a Code says where to look it up, the text says what happened and
// what to do next. Text never holds a secret or a patient's data (R41, R57).
//
// The catalogue of codes is docs/reference/faults.md, generated from Catalogue.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what to do about an error.
type Kind string

const (
	Invalid   Kind = "invalid"   // the input is wrong: change it
	Denied    Kind = "denied"    // not allowed: sign in, or ask for the permission
	Absent    Kind = "absent"    // there is no such thing
	Conflict  Kind = "conflict"  // it changed meanwhile, or exists already: read again
	Transient Kind = "transient" // try again later
	Broken    Kind = "broken"    // our fault, or the disk's: tell the operator
)

// Fault is an error with its kind, code and place.
type Fault struct {
	Kind  Kind
	Code  string // "mllp.oversize": room, dot, what
	Text  string // what happened, and what to do next
	Place string // segment and field, file and line, key: optional
	Err   error  // cause, optional
}

func (f *Fault) Error() string {
	s := f.Text
	if f.Place != "" {
		s = f.Place + ": " + s
	}
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s + " [" + f.Code + "]"
}

func (f *Fault) Unwrap() error { return f.Err }

// At gives a copy of the fault with its place.
func (f *Fault) At(place string) *Fault {
	g := *f
	g.Place = place
	return &g
}

// New makes a fault; the text is formatted like fmt.Sprintf.
func New(kind Kind, code, text string, args ...any) *Fault {
	return &Fault{Kind: kind, Code: code, Text: fmt.Sprintf(text, args...)}
}

// Wrap makes a fault with a cause.
func Wrap(err error, kind Kind, code, text string, args ...any) *Fault {
	return &Fault{Kind: kind, Code: code, Text: fmt.Sprintf(text, args...), Err: err}
}

// KindOf gives the kind of the first fault in err's chain; Broken when there
// is none, because an error nobody classified is our fault.
func KindOf(err error) Kind {
	var f *Fault
	if errors.As(err, &f) {
		return f.Kind
	}
	return Broken
}

// CodeOf gives the code of the first fault in err's chain, else "internal".
func CodeOf(err error) string {
	var f *Fault
	if errors.As(err, &f) {
		return f.Code
	}
	return "internal"
}
