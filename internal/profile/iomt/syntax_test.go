package iomt

import (
	"strings"
	"testing"

	"thalamus/internal/fault"
)

// A file that is no JSON says where, and what to do.
func TestNoJSON(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "line 1, column 1: the file is empty"},
		{" \n\n", "line 1, column 1: the file is empty"},
		{"{\n \"templateType\": \"CollectionContent\",\n \"ä\": [ {\"a\": 1 \"b\"} ]}", "line 3, column 17: the file is not JSON: invalid character '\"' after object key:value pair; correct it there"},
		{"{\n/* two\nlines */ \"template\": [,]}", "line 3, column 23: the file is not JSON: invalid character ','"},
		{"{\"template\": [\n", "line 2, column 1: the JSON text ends before it is whole"},
		{"{} {}", "line 1, column 4: the file is not JSON: invalid character '{' after top-level value"},
		{"\x7fELF", "line 1, column 1: the file is not JSON: invalid character"},
	} {
		_, err := Import([]byte(c.text), "acme/watch")
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || fault.CodeOf(err) != "profile.import" {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}
