// Package service holds every operation of Thalamus. A call is permission →
// work → audit record, in one transaction; console, API and CLI are thin
// callers of it (design: one door). The list of operations is the source of
// the permission table, the OpenAPI document, the command line and the names
// in the audit.
package service

import (
	"context"
	"reflect"
	"strings"
)

// Mode says what an operation does to the store.
type Mode int

const (
	// Reads changes nothing.
	Reads Mode = iota
	// Acts changes governed things; work and audit record are one transaction.
	Acts
	// Works takes long or touches the flow (verify, replay): audited when it
	// begins and when it ends, outside one transaction. What cannot be recorded
	// does not begin.
	Works
)

// Op is one operation. Name is noun.verb and is at once the permission, the
// audit action, the URL /api/v1/noun/verb and the command `thalamus noun verb`.
type Op struct {
	Name     string
	Doc      string // one sentence
	Example  string // arguments of an example command line
	Mode     Mode
	Patients bool // the answer holds patients' data: every look is audited (R44)
	Forces   bool // what it changes is brought in force, or taken back: one at a time
	Request  reflect.Type
	Response reflect.Type

	run func(ctx context.Context, c *call, request any) (any, error)
}

// Noun and Verb of the name.
func (o Op) Noun() string { n, _, _ := strings.Cut(o.Name, "."); return n }
func (o Op) Verb() string { _, v, _ := strings.Cut(o.Name, "."); return v }

// define makes an Op from a typed function.
func define[Req, Resp any](mode Mode, name, doc, example string, run func(ctx context.Context, c *call, r Req) (Resp, error)) Op {
	return Op{
		Name: name, Doc: doc, Example: example, Mode: mode,
		Request: reflect.TypeFor[Req](), Response: reflect.TypeFor[Resp](),
		run: func(ctx context.Context, c *call, request any) (any, error) {
			got, err := run(ctx, c, *request.(*Req))
			if err == nil {
				noNulls(reflect.ValueOf(&got).Elem())
			}
			return got, err
		},
	}
}

// noNulls gives an answer without rows an empty list, also within its fields,
// so that JSON has [] there and never null: a shape that does not change.
func noNulls(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			if f.Kind() == reflect.Slice && f.IsNil() && f.CanSet() && f.Type().Elem().Kind() != reflect.Uint8 {
				noNulls(f)
			}
		}
	}
}

// ofPatients marks an operation whose answer holds patients' data.
func ofPatients(o Op) Op { o.Patients = true; return o }

// forcing marks an operation that calls bringInForce: the next begins when what
// this one changed is in force, or taken back.
func forcing(o Op) Op { o.Forces = true; return o }

// Caller calls operations by name: the service for one actor, or the API's
// client. request is a pointer to (or value of) the operation's request type,
// nil for none; response a pointer to its response type, nil to ignore it.
type Caller interface {
	Call(ctx context.Context, name string, request, response any) error
}

// None is the request or response of operations that need none.
type None struct{}

// List is a page of something.
type List[T any] struct {
	Rows []T    `json:"rows"`
	Next string `json:"next,omitempty" doc:"give this as 'after' to get the next page"`
}
