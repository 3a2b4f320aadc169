package service

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Field is one field of a request as people give it: a flag of the command
// line, a query parameter of the API.
type Field struct {
	Name     string // JSON name
	Doc      string
	Arg      bool // may be given by position on the command line
	Required bool
	Secret   bool // never on a command line or in a URL
	Private  bool // may be a patient's name or number: never in a URL
	List     bool
	Bool     bool
	JSON     bool // a whole thing, given as JSON
	File     bool // bytes; on the command line the name of a file
	index    []int
	typ      reflect.Type
}

// Type of the field.
func (f Field) Type() reflect.Type { return f.typ }

// Fields lists the fields of a request type, in order.
func Fields(t reflect.Type) []Field {
	if t.Kind() != reflect.Struct {
		return nil
	}
	var out []Field
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || name == "-" {
			continue
		}
		_, arg := f.Tag.Lookup("arg")
		kind := f.Type.Kind()
		out = append(out, Field{
			Name: name, Doc: f.Tag.Get("doc"), Arg: arg, index: f.Index, typ: f.Type,
			Required: !strings.Contains(options, "omit"), Secret: f.Tag.Get("secret") == "true", Private: f.Tag.Get("private") == "true",
			List: kind == reflect.Slice && f.Type.Elem().Kind() != reflect.Uint8, Bool: kind == reflect.Bool,
			File: f.Type == reflect.TypeFor[[]byte](),
			JSON: (kind == reflect.Struct || kind == reflect.Map) && f.Type != reflect.TypeFor[time.Time]() && !reflect.PointerTo(f.Type).Implements(textual),
		})
	}
	return out
}

// Set gives a field of the request (a pointer) its value from texts; several
// texts only for a list.
func (f Field) Set(request any, texts []string) error {
	v := reflect.ValueOf(request).Elem().FieldByIndex(f.index)
	if f.List {
		var all []string
		for _, t := range texts {
			for one := range strings.SplitSeq(t, ",") {
				all = append(all, strings.TrimSpace(one))
			}
		}
		list := reflect.MakeSlice(f.typ, len(all), len(all))
		for i, t := range all {
			if err := f.one(list.Index(i), t); err != nil {
				return err
			}
		}
		v.Set(list)
		return nil
	}
	return f.one(v, texts[len(texts)-1])
}

// Form says in words what form a value of the field has.
func (f Field) Form() string {
	t := f.typ
	if f.List {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "a time such as 2026-11-21T14:30:00Z"
	case t == reflect.TypeFor[model.Duration]():
		return `a duration such as "30s" or "5m"`
	}
	return "another form; the field is: " + f.Doc
}

var textual = reflect.TypeFor[encoding.TextUnmarshaler]()

func (f Field) one(v reflect.Value, text string) error {
	wrong := func(want string) error {
		return fault.New(fault.Invalid, "service.argument", "expected %s", want).At(f.Name)
	}
	switch {
	case v.Kind() == reflect.Pointer: // nil: the field was left out
		p := reflect.New(v.Type().Elem())
		if err := f.one(p.Elem(), text); err != nil {
			return err
		}
		v.Set(p)
	case v.Type() == reflect.TypeFor[time.Time]():
		t, err := ParseTime(text, time.Now())
		if err != nil {
			return wrong(`a time such as 2026-11-21T14:30:00Z, "14:30" or "-15m"`)
		}
		v.Set(reflect.ValueOf(t))
	case v.Addr().Type().Implements(textual):
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			return wrong("another form: " + err.Error())
		}
	case v.Type() == reflect.TypeFor[[]byte]():
		v.SetBytes([]byte(text))
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return wrong("true or false")
		}
		v.SetBool(b)
	case v.CanInt():
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return wrong("a whole number")
		}
		v.SetInt(n)
	case v.CanUint():
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			return wrong("a whole number from 0")
		}
		v.SetUint(n)
	default:
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields() // as in a body
		if err := d.Decode(v.Addr().Interface()); err != nil {
			name, unknown := strings.CutPrefix(err.Error(), "json: unknown field ")
			if unknown {
				return fault.New(fault.Invalid, "service.argument", "there is no field %s in it; `thalamus reference` and /api/openapi.json list those there are", clip(name, 80)).At(f.Name)
			}
			return wrong("JSON")
		}
		if d.More() {
			return wrong("one JSON value")
		}
	}
	return nil
}

// ParseTime reads RFC 3339, a date, a clock time of today or a span back from
// now ("-15m").
func ParseTime(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location()), nil
		}
	}
	return time.Time{}, fault.New(fault.Invalid, "service.argument", "not a time")
}
