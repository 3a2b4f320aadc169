package service

import (
	"reflect"
	"strings"

	"thalamus/internal/fault"
)

// ExampleRequest gives a pointer to the request that the operation's example
// command line makes.
func (o Op) ExampleRequest() (any, error) {
	request := reflect.New(o.Request).Interface()
	fields := Fields(o.Request)
	words := shellWords(o.Example)
	for i := 0; i < len(words); i++ {
		name, flag := strings.CutPrefix(words[i], "--")
		value := words[i]
		field := -1
		for j, f := range fields {
			if flag && f.Name == name || !flag && f.Arg {
				field = j
				break
			}
		}
		if field < 0 {
			return nil, fault.New(fault.Broken, "service.example", "the example of %s gives %q, which its request does not have", o.Name, words[i])
		}
		if flag && fields[field].Bool {
			value = "true"
		} else if flag {
			if i++; i == len(words) {
				return nil, fault.New(fault.Broken, "service.example", "the example of %s gives --%s without a value", o.Name, name)
			}
			value = words[i]
		}
		if err := fields[field].Set(request, []string{value}); err != nil {
			return nil, err
		}
	}
	return request, nil
}

// shellWords splits at spaces, but not within single quotes.
func shellWords(line string) []string {
	var out []string
	var word strings.Builder
	quoted, any := false, false
	for _, c := range line {
		switch {
		case c == '\'':
			quoted, any = !quoted, true
		case c == ' ' && !quoted:
			if any {
				out = append(out, word.String())
				word.Reset()
			}
			any = false
		default:
			word.WriteRune(c)
			any = true
		}
	}
	if any {
		out = append(out, word.String())
	}
	return out
}
