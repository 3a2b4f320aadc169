package service

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// writeYAML writes structs (by their yaml tags, in order), maps (sorted), lists
// and scalars. Texts that YAML could read as something else stand in double
// quotes, so that what is written is what is read, in any YAML.
func writeYAML(v any) string {
	var b strings.Builder
	writeBlock(&b, reflect.ValueOf(v), 0, false)
	return b.String()
}

type yamlPair struct {
	key   string
	value reflect.Value
}

// pairs gives the keys and values of a struct or map that are to be written.
func pairs(v reflect.Value) []yamlPair {
	var out []yamlPair
	if v.Kind() == reflect.Map {
		for _, k := range v.MapKeys() {
			out = append(out, yamlPair{k.String(), inside(v.MapIndex(k))})
		}
		slices.SortFunc(out, func(a, b yamlPair) int { return strings.Compare(a.key, b.key) })
		return out
	}
	for i := range v.NumField() {
		key, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if key == "" || key == "-" || options == "omitempty" && empty(v.Field(i)) {
			continue
		}
		out = append(out, yamlPair{key, inside(v.Field(i))})
	}
	return out
}

func empty(v reflect.Value) bool {
	return v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
}

func inside(v reflect.Value) reflect.Value {
	for v.IsValid() && v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v
}

// writeBlock writes the lines of a struct or map, each indented; the first one
// not when it stands behind a dash.
func writeBlock(b *strings.Builder, v reflect.Value, indent int, dashed bool) {
	for i, p := range pairs(v) {
		if i > 0 || !dashed {
			b.WriteString(strings.Repeat(" ", indent))
		}
		b.WriteString(scalarText(p.key) + ":")
		switch {
		case p.value.IsValid() && isGroup(p.value) && len(pairs(p.value)) > 0:
			b.WriteString("\n")
			writeBlock(b, p.value, indent+2, false)
		case p.value.IsValid() && p.value.Kind() == reflect.Slice && p.value.Len() > 0 && isGroup(inside(p.value.Index(0))):
			b.WriteString("\n")
			for j := range p.value.Len() {
				b.WriteString(strings.Repeat(" ", indent+2) + "- ")
				writeBlock(b, inside(p.value.Index(j)), indent+4, true)
			}
		default:
			b.WriteString(" " + flowText(p.value) + "\n")
		}
	}
}

func isGroup(v reflect.Value) bool { return v.Kind() == reflect.Struct || v.Kind() == reflect.Map }

// flowText writes a value on one line.
func flowText(v reflect.Value) string {
	v = inside(v)
	switch {
	case !v.IsValid():
		return "null"
	case v.Kind() == reflect.String:
		return scalarText(v.String())
	case v.Kind() == reflect.Slice:
		list := make([]string, v.Len())
		for i := range list {
			list[i] = flowText(v.Index(i))
		}
		return "[" + strings.Join(list, ", ") + "]"
	case isGroup(v):
		var list []string
		for _, p := range pairs(v) {
			list = append(list, scalarText(p.key)+": "+flowText(p.value))
		}
		return "{" + strings.Join(list, ", ") + "}"
	case v.CanFloat():
		return strconv.FormatFloat(v.Float(), 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// scalarText writes a text bare where every YAML reads it as that text, else
// in double quotes with JSON's escapes, which are YAML's too.
func scalarText(s string) string {
	if plainText.MatchString(s) && !slices.Contains(notPlain, strings.ToLower(s)) || s == secret {
		return s
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return strings.NewReplacer("\u007f", `\u007f`, "\u0085", `\u0085`, "\ufeff", `\ufeff`).Replace(strings.TrimSuffix(b.String(), "\n"))
}

var (
	plainText = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9 _./^@+-]*[A-Za-z0-9_./^@+-])?$|^[A-Za-z]+://[A-Za-z0-9_./:-]*[A-Za-z0-9_/-]$`)
	notPlain  = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
)
