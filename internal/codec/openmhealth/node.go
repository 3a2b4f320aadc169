package openmhealth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"thalamus/internal/fault"
)

// maxDepth bounds how deep a document may nest. The deepest of the schemas
// (a medication's prescription) needs nine.
const maxDepth = 32

// kind of a JSON value.
type kind byte

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

// node is a JSON value. Numbers keep their text.
type node struct {
	kind    kind
	text    string // of a text, number or boolean
	names   []string
	members []*node // of an object, in their order, or an array
}

// member gives a member of an object, nil when there is none.
func (n *node) member(name string) *node {
	if n == nil || n.kind != object {
		return nil
	}
	for i, other := range n.names {
		if other == name {
			return n.members[i]
		}
	}
	return nil
}

// at follows the names of members; nil when one of them is missing.
func (n *node) at(names ...string) *node {
	for _, name := range names {
		n = n.member(name)
	}
	return n
}

// string is the text of a text, empty for anything else.
func (n *node) string() string {
	if n == nil || n.kind != text {
		return ""
	}
	return n.text
}

// Split gives the documents of an entry: one, several after another (NDJSON),
// or the elements of an array. Errors are fault.Invalid.
func Split(raw []byte) ([][]byte, error) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(raw) {
		return nil, fault.New(fault.Invalid, "openmhealth.json", "the text is not UTF-8")
	}
	var out [][]byte
	if trimmed := bytes.TrimLeft(raw, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		var elements []json.RawMessage
		if err := json.Unmarshal(raw, &elements); err != nil {
			return nil, notJSON(err)
		}
		for _, e := range elements {
			out = append(out, e)
		}
		return out, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	for {
		var one json.RawMessage
		err := d.Decode(&one)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, notJSON(err)
		}
		out = append(out, one)
	}
}

func notJSON(error) error {
	return fault.New(fault.Invalid, "openmhealth.json", "the text is not JSON")
}

var errDepth = errors.New("deeper than any schema")

// parse reads one JSON document. A member that stands twice is refused: which
// of the two counts, nobody could say.
func parse(raw []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	n, err := value(d, 0)
	switch {
	case err == errDepth:
		return nil, fault.New(fault.Invalid, "openmhealth.json", "the document nests deeper than %d", maxDepth)
	case fault.CodeOf(err) == "openmhealth.json":
		return nil, err
	case err != nil:
		return nil, notJSON(err)
	}
	return n, nil
}

func value(d *json.Decoder, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '[' {
			return elements(d, depth)
		}
		return members(d, depth)
	case json.Number:
		return &node{kind: number, text: v.String()}, nil
	case string:
		return &node{kind: text, text: v}, nil
	case bool:
		if v {
			return &node{kind: boolean, text: "true"}, nil
		}
		return &node{kind: boolean, text: "false"}, nil
	}
	return &node{kind: null}, nil
}

func elements(d *json.Decoder, depth int) (*node, error) {
	n := &node{kind: array}
	for d.More() {
		e, err := value(d, depth+1)
		if err != nil {
			return nil, err
		}
		n.members = append(n.members, e)
	}
	_, err := d.Token()
	return n, err
}

func members(d *json.Decoder, depth int) (*node, error) {
	n := &node{kind: object}
	var seen map[string]bool // of objects with many members
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := name.(string)
		if len(n.names) == 16 {
			seen = make(map[string]bool, 64)
			for _, other := range n.names {
				seen[other] = true
			}
		}
		if seen[key] || seen == nil && n.member(key) != nil {
			return nil, fault.New(fault.Invalid, "openmhealth.json", "a member of an object stands twice")
		}
		if seen != nil {
			seen[key] = true
		}
		v, err := value(d, depth+1)
		if err != nil {
			return nil, err
		}
		n.names, n.members = append(n.names, key), append(n.members, v)
	}
	_, err := d.Token()
	return n, err
}
