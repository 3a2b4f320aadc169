package iomt

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

// jsonFault says where a text stops being JSON, by line and column; nil where
// it is. Columns count characters, both from 1.
func jsonFault(text []byte) error {
	const todo = "; correct it there, or write the mapping out again with the tool it comes from"
	if len(bytes.TrimSpace(text)) == 0 {
		return wrong("line 1, column 1", "the file is empty; give the device mapping that the iomt-fhir service uses")
	}
	var any json.RawMessage
	err := json.Unmarshal(text, &any)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &syntax):
		return wrong("line 1, column 1", "the file is not JSON%s", todo)
	case syntax.Offset >= int64(len(text)) && syntax.Error() == "unexpected end of JSON input":
		return wrong(lineAndColumn(text, len(text)), "the JSON text ends before it is whole%s", todo)
	}
	return wrong(lineAndColumn(text, int(max(syntax.Offset, 1))-1), "the file is not JSON: %s%s", syntax.Error(), todo)
}

// lineAndColumn is where a byte stands.
func lineAndColumn(text []byte, at int) string {
	before := text[:min(at, len(text))]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return "line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column)
}
