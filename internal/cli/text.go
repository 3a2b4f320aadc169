package cli

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
)

// printText writes a value for people: a list of structs as a table at most
// width columns wide (0: as wide as it gets), a struct as its fields, lists
// inside as tables under their name.
func printText(w io.Writer, v any, width int) error {
	x := reflect.ValueOf(v)
	for x.Kind() == reflect.Pointer {
		if x.IsNil() {
			return nil
		}
		x = x.Elem()
	}
	switch {
	case isTable(x.Type()):
		return printTable(w, x, width)
	case isText(x):
		_, err := io.WriteString(w, strings.TrimRight(x.Field(0).String(), "\n")+"\n")
		return err
	case x.Kind() == reflect.Struct && !scalar(x):
		return printFields(w, x, width)
	case x.Kind() == reflect.String:
		_, err := fmt.Fprintln(w, strings.TrimRight(x.String(), "\n"))
		return err
	case x.Kind() == reflect.Slice && scalar(reflect.New(x.Type().Elem()).Elem()):
		for i := range x.Len() {
			if _, err := fmt.Fprintln(w, cell(x.Index(i))); err != nil {
				return err
			}
		}
		return nil
	default:
		_, err := fmt.Fprintln(w, cell(x))
		return err
	}
}

// isText says whether an answer is nothing but a text of several lines, a
// calendar say: it is written as it is, so that it can go into a file.
func isText(x reflect.Value) bool {
	return x.Kind() == reflect.Struct && x.NumField() == 1 && x.Type().Field(0).IsExported() && x.Field(0).Kind() == reflect.String && strings.Contains(x.Field(0).String(), "\n")
}

func isTable(t reflect.Type) bool {
	if t.Kind() != reflect.Slice {
		return false
	}
	e := t.Elem()
	for e.Kind() == reflect.Pointer {
		e = e.Elem()
	}
	return e.Kind() == reflect.Struct && !scalar(reflect.New(e).Elem())
}

// column is a scalar field of a row, embedded structs flattened.
type column struct {
	name  string
	index []int
	field string // name in JSON, of a quantity
	tag   string // what else JSON is told of it
}

func columns(t reflect.Type) []column {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var out []column
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || name == "-" || !f.IsExported() || !scalar(reflect.New(f.Type).Elem()) {
			continue
		}
		if shorter, _, is := quantity(name, reflect.Zero(f.Type)); is {
			out = append(out, column{title(shorter), f.Index, name, options})
			continue
		}
		out = append(out, column{title(name), f.Index, "", options})
	}
	return out
}

// title turns "faultCode" into "FAULT CODE", and "unitUCUM" into "UNIT UCUM".
func title(name string) string {
	var b strings.Builder
	capital := true
	for _, r := range name {
		was := capital
		if capital = unicode.IsUpper(r); capital && !was {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

func scalar(v reflect.Value) bool {
	t := v.Type()
	if _, known := nounText(v.Interface()); known {
		return true
	}
	switch {
	case t == reflect.TypeFor[time.Time](), t.Implements(reflect.TypeFor[encoding.TextMarshaler]()), t.Implements(reflect.TypeFor[fmt.Stringer]()):
		return true
	case t.Kind() == reflect.Slice:
		return t.Elem().Kind() == reflect.String
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map, t.Kind() == reflect.Pointer, t.Kind() == reflect.Interface, t.Kind() == reflect.Array:
		return false
	}
	return true
}

func cell(v reflect.Value) string {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return ""
	}
	if text, known := nounText(v.Interface()); known {
		return oneLine(text)
	}
	switch x := v.Interface().(type) {
	case time.Time:
		if x.IsZero() {
			return ""
		}
		return x.Local().Format("2006-01-02 15:04:05.000")
	case encoding.TextMarshaler:
		if v.IsZero() {
			return ""
		}
		text, err := x.MarshalText()
		if err != nil {
			return "?"
		}
		return string(text)
	case fmt.Stringer:
		return x.String()
	}
	switch v.Kind() {
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = fmt.Sprint(v.Index(i).Interface())
		}
		return strings.Join(parts, " ")
	case reflect.Bool:
		if v.Bool() {
			return "yes"
		}
		return ""
	}
	return oneLine(fmt.Sprint(v.Interface()))
}

// unsaid says whether a number is left out of JSON too, because it says nothing.
func unsaid(v reflect.Value, options string) bool {
	return (v.CanInt() || v.CanUint() || v.CanFloat()) && v.IsZero() && strings.Contains(options, "omitempty")
}

func oneLine(s string) string {
	return strings.NewReplacer("\r\n", "⏎", "\r", "⏎", "\n", "⏎").Replace(s)
}

func printTable(w io.Writer, rows reflect.Value, width int) error {
	if rows.Len() == 0 {
		_, err := fmt.Fprintln(w, "none")
		return err
	}
	all := columns(rows.Type().Elem())
	if len(all) == 0 {
		return nil
	}
	texts := make([][]string, len(all))
	used := make([]bool, len(all))
	for i, c := range all {
		texts[i] = make([]string, 0, rows.Len()+1)
		texts[i] = append(texts[i], c.name)
		for j := range rows.Len() {
			row := rows.Index(j)
			for row.Kind() == reflect.Pointer {
				row = row.Elem()
			}
			text := ""
			switch x := row.FieldByIndex(c.index); {
			case unsaid(x, c.tag):
			case c.field == "":
				text = cell(x)
			default:
				_, text, _ = quantity(c.field, x)
			}
			used[i] = used[i] || text != ""
			texts[i] = append(texts[i], text)
		}
	}
	// Columns that are empty in every row only take room.
	kept := texts[:0]
	for i := range texts {
		if used[i] {
			kept = append(kept, texts[i])
		}
	}
	if err := writeColumns(w, kept, width); err != nil {
		return err
	}
	return printBelow(w, rows, all[0], width)
}

// printBelow writes the lists that rows hold and that are told to people too
// (`text:"below"`): a table of each, which names the row by its first column.
func printBelow(w io.Writer, rows reflect.Value, owner column, width int) error {
	row := rows.Type().Elem()
	for row.Kind() == reflect.Pointer {
		row = row.Elem()
	}
	for _, f := range reflect.VisibleFields(row) {
		if f.Tag.Get("text") != "below" {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		inside := columns(f.Type.Elem())
		texts := [][]string{{owner.name}}
		for _, c := range inside {
			texts = append(texts, []string{c.name})
		}
		for i := range rows.Len() {
			r := reflect.Indirect(rows.Index(i))
			for j, list := 0, r.FieldByIndex(f.Index); j < list.Len(); j++ {
				texts[0] = append(texts[0], cell(r.FieldByIndex(owner.index)))
				for k, c := range inside {
					text := ""
					if x := list.Index(j).FieldByIndex(c.index); !x.IsZero() {
						text = cell(x)
					}
					texts[k+1] = append(texts[k+1], text)
				}
			}
		}
		if len(texts[0]) == 1 {
			continue
		}
		texts = slices.DeleteFunc(texts, func(c []string) bool {
			return !slices.ContainsFunc(c[1:], func(s string) bool { return s != "" })
		})
		fmt.Fprintf(w, "\n%s\n", strings.ToLower(title(name)))
		if err := writeColumns(w, texts, width); err != nil {
			return err
		}
	}
	return nil
}

func printFields(w io.Writer, v reflect.Value, width int) error {
	var names, values []string
	var later []reflect.StructField
	next := ""
	for _, f := range reflect.VisibleFields(v.Type()) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || name == "-" {
			continue
		}
		x := v.FieldByIndex(f.Index)
		if !scalar(x) {
			later = append(later, f)
			continue
		}
		text := cell(x)
		if shorter, measured, is := quantity(name, x); is {
			if name, text = shorter, measured; x.IsZero() && strings.Contains(options, "omitempty") {
				continue
			}
		}
		if unsaid(x, options) {
			text = ""
		}
		if x.Kind() == reflect.Bool && text == "" && options == "" {
			text = "no" // it is always told
		}
		if name == "next" && f.Type.Kind() == reflect.String && f.Type.Name() == "string" { // the next page, no day
			next = text
		} else if text != "" {
			names, values = append(names, strings.ToLower(title(name))), append(values, text)
		}
	}
	if err := writeColumns(w, [][]string{names, values}, 0); err != nil {
		return err
	}
	for _, f := range later {
		x := v.FieldByIndex(f.Index)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "rows" && (x.IsZero() || (x.Kind() == reflect.Slice || x.Kind() == reflect.Map) && x.Len() == 0) {
			continue
		}
		if name != "rows" && name != "value" {
			fmt.Fprintf(w, "\n%s\n", strings.ToLower(title(name)))
		}
		var err error
		switch {
		case x.Type() == reflect.TypeFor[json.RawMessage]():
			var text bytes.Buffer
			if err = json.Indent(&text, x.Bytes(), "", "  "); err == nil {
				_, err = fmt.Fprintln(w, text.String())
			}
		case x.Type() == reflect.TypeFor[[]byte]():
			_, err = fmt.Fprintln(w, strings.ReplaceAll(string(x.Bytes()), "\r", "\n"))
		case x.Kind() == reflect.Map || x.Kind() == reflect.Interface:
			var text []byte
			if text, err = json.Marshal(x.Interface()); err == nil {
				_, err = fmt.Fprintln(w, string(text))
			}
		default:
			err = printText(w, x.Interface(), width)
		}
		if err != nil {
			return err
		}
	}
	if next != "" {
		_, err := fmt.Fprintf(w, "more: the same command with --after %s\n", next)
		return err
	}
	return nil
}
