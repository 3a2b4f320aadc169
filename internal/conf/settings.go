// Package conf reads configuration: the boot file, and the settings of
// drivers and destinations. One struct with tags gives parsing, checking, the
// manual, the sample and redaction:
//
//	Port int `yaml:"port" default:"2575" doc:"TCP port to listen on"`
//	Key  string `yaml:"key" doc:"signing key" secret:"true"`
//
// Unknown keys and wrong types are errors that name the key (R56).
package conf

import (
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
)

// Checker is implemented by settings with rules beyond their types.
type Checker interface{ Check() error }

// Setter is implemented by a setting that has more than one spelling, such as
// one text or a list of texts. Set gets what stands in the text; its error
// says what was expected.
type Setter interface{ Set(given any) error }

// Decode fills the struct pointed to by into from settings: defaults first,
// then what is given. Errors are fault.Invalid with Place = the key's path.
func Decode(settings map[string]any, into any) error {
	v := reflect.ValueOf(into).Elem()
	if err := setDefaults(v); err != nil {
		return err
	}
	if err := decodeStruct(settings, v, ""); err != nil {
		return err
	}
	if c, ok := into.(Checker); ok {
		return c.Check()
	}
	return nil
}

// DecodeKeys fills the struct pointed to by into from keys alone, without
// defaults; place is put before the places of errors.
func DecodeKeys(keys map[string]any, into any, place string) error {
	return decodeStruct(keys, reflect.ValueOf(into).Elem(), place)
}

func setDefaults(v reflect.Value) error {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		if isGroup(f.Type) {
			if err := setDefaults(v.Field(i)); err != nil {
				return err
			}
			continue
		}
		if d, ok := f.Tag.Lookup("default"); ok {
			if err := set(v.Field(i), d, keyOf(f)); err != nil {
				return err
			}
		}
	}
	return nil
}

var durationType = reflect.TypeFor[time.Duration]()

func isGroup(t reflect.Type) bool { return t.Kind() == reflect.Struct }

func keyOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}

func decodeStruct(from map[string]any, v reflect.Value, path string) error {
	t := v.Type()
	known := map[string]int{}
	for i := range t.NumField() {
		if k := keyOf(t.Field(i)); k != "" && k != "-" {
			known[k] = i
		}
	}
	keys := make([]string, 0, len(from))
	for k := range from {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		place := join(path, k)
		i, ok := known[k]
		if !ok {
			return UnknownKey(k, sortedKeys(known)).At(place)
		}
		if isGroup(v.Field(i).Type()) {
			sub, ok := from[k].(map[string]any)
			if !ok {
				return fault.New(fault.Invalid, "conf.wrong-type", "expected a group of keys, got %s", describe(from[k])).At(place)
			}
			if err := decodeStruct(sub, v.Field(i), place); err != nil {
				return err
			}
			continue
		}
		if err := set(v.Field(i), from[k], place); err != nil {
			return err
		}
	}
	return nil
}

// UnknownKey says that a key is not known, and which is most likely meant.
func UnknownKey(key string, known []string) *fault.Fault {
	meant := "; "
	if near := fault.Nearest(key, known); near != "" {
		meant = fmt.Sprintf("; did you mean %q? ", near)
	}
	return fault.New(fault.Invalid, "conf.unknown-key", "unknown key %q%sknown here: %s", key, meant, strings.Join(known, ", "))
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func sortedKeys(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func describe(x any) string {
	if x == nil {
		return "nothing"
	}
	return fmt.Sprintf("%T", x)
}

func set(v reflect.Value, x any, place string) error {
	wrong := func(want string) error {
		return fault.New(fault.Invalid, "conf.wrong-type", "expected %s, got %s", want, describe(x)).At(place)
	}
	if own, ok := v.Addr().Interface().(Setter); ok {
		var f *fault.Fault
		err := own.Set(x)
		if errors.As(err, &f) {
			return f.At(place + f.Place)
		}
		return err
	}
	text := fmt.Sprint(x)
	switch {
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		list, ok := x.([]any)
		if !ok {
			return wrong("a list of groups of keys")
		}
		out := reflect.MakeSlice(v.Type(), len(list), len(list))
		for i := range list {
			at := fmt.Sprintf("%s[%d]", place, i)
			sub, ok := list[i].(map[string]any)
			if !ok {
				return fault.New(fault.Invalid, "conf.wrong-type", "expected a group of keys, got %s", describe(list[i])).At(at)
			}
			if err := setDefaults(out.Index(i)); err != nil {
				return err
			}
			if err := decodeStruct(sub, out.Index(i), at); err != nil {
				return err
			}
		}
		v.Set(out)
	case v.Kind() == reflect.Interface:
		v.Set(reflect.ValueOf(x))
	case v.Type() == durationType:
		d, err := time.ParseDuration(text)
		if err != nil {
			return wrong(`a duration such as "30s" or "5m"`)
		}
		v.SetInt(int64(d))
	case v.Kind() == reflect.String:
		switch x.(type) {
		case map[string]any, []any, nil:
			return wrong("a text")
		}
		v.SetString(text)
	case v.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return wrong("true or false")
		}
		v.SetBool(b)
	case v.CanInt():
		n, err := ParseSize(text)
		if err != nil || v.OverflowInt(n) {
			return wrong("a whole number")
		}
		v.SetInt(n)
	case v.Kind() == reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return wrong("a number")
		}
		v.SetFloat(f)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.String:
		list, ok := x.([]any)
		if s, isText := x.(string); isText {
			if s != "" {
				for _, one := range strings.Split(s, ",") {
					list = append(list, strings.TrimSpace(one))
				}
			}
			ok = true
		}
		if !ok {
			if ss, isList := x.([]string); isList {
				v.Set(reflect.ValueOf(append([]string(nil), ss...)))
				return nil
			}
			return wrong("a list of texts")
		}
		out := reflect.MakeSlice(v.Type(), len(list), len(list))
		for i := range list {
			if err := set(out.Index(i), list[i], fmt.Sprintf("%s[%d]", place, i)); err != nil {
				return err
			}
		}
		v.Set(out)
	case v.Kind() == reflect.Map:
		m, ok := x.(map[string]any)
		if !ok {
			return wrong("a group of keys")
		}
		out := reflect.MakeMap(v.Type())
		for k, one := range m {
			e := reflect.New(v.Type().Elem()).Elem()
			if one == nil && e.Kind() == reflect.Interface {
				out.SetMapIndex(reflect.ValueOf(k), e)
				continue
			}
			if isGroup(e.Type()) {
				sub, ok := one.(map[string]any)
				if !ok {
					return fault.New(fault.Invalid, "conf.wrong-type", "expected a group of keys, got %s", describe(one)).At(join(place, k))
				}
				if err := decodeStruct(sub, e, join(place, k)); err != nil {
					return err
				}
			} else if err := set(e, one, join(place, k)); err != nil {
				return err
			}
			out.SetMapIndex(reflect.ValueOf(k), e)
		}
		v.Set(out)
	default:
		return fault.New(fault.Broken, "conf.unsupported", "settings field of type %s cannot be read", v.Type()).At(place)
	}
	return nil
}

// ParseSize reads a whole number with an optional KiB, MiB or GiB behind it.
func ParseSize(s string) (int64, error) {
	shift := 0
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if rest, ok := strings.CutSuffix(s, unit); ok {
			s, shift = strings.TrimSpace(rest), 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil && (n<<shift)>>shift != n {
		err = strconv.ErrRange
	}
	return n << shift, err
}

// Key describes one setting, for the manual, the sample and redaction.
type Key struct {
	Path    string
	Type    string
	Default string
	Doc     string
	Secret  bool
}

// Describe lists the keys of a settings struct (a pointer or a value).
func Describe(settings any) []Key {
	t := reflect.TypeOf(settings)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return describeStruct(t, "")
}

func describeStruct(t reflect.Type, path string) []Key {
	var keys []Key
	for i := range t.NumField() {
		f := t.Field(i)
		k := keyOf(f)
		if k == "" || k == "-" {
			continue
		}
		if isGroup(f.Type) {
			keys = append(keys, describeStruct(f.Type, join(path, k))...)
			continue
		}
		if f.Type.Kind() == reflect.Slice && isGroup(f.Type.Elem()) {
			keys = append(keys, describeStruct(f.Type.Elem(), join(path, k)+"[]")...)
			continue
		}
		keys = append(keys, Key{
			Path: join(path, k), Type: typeName(f.Type), Default: f.Tag.Get("default"),
			Doc: f.Tag.Get("doc"), Secret: f.Tag.Get("secret") == "true",
		})
	}
	return keys
}

func typeName(t reflect.Type) string {
	switch {
	case t == durationType:
		return "duration"
	case t.Kind() == reflect.Slice:
		return "list"
	case t.Kind() == reflect.Map:
		return "map"
	case t.Kind() == reflect.Bool:
		return "true/false"
	case t.Kind() == reflect.String:
		return "text"
	}
	return "number"
}

// Redact gives a copy of settings with every secret replaced by "(secret)".
func Redact(settings map[string]any, described []Key) map[string]any {
	secret := map[string]bool{}
	for _, k := range described {
		if k.Secret {
			secret[k.Path] = true
		}
	}
	return redact(settings, secret, "")
}

func redact(m map[string]any, secret map[string]bool, path string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		place := join(path, k)
		if sub, ok := v.(map[string]any); ok {
			v = redact(sub, secret, place)
		}
		if secret[place] {
			v = "(secret)"
		}
		out[k] = v
	}
	return out
}
