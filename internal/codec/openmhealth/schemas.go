package openmhealth

import (
	_ "embed"
	"strconv"
	"strings"
)

//go:embed schemas.txt
var schemasText string

// schemas are all of schemas.txt by name and version, "omh/heart-rate-2.0", and
// by the versions that stand for the highest of them, "omh/heart-rate-2.x".
var schemas, wrong = load(schemasText)

// load reads the schemas. What cannot be read is named, and demands the
// impossible; a test sees to it that there is none.
func load(all string) (map[string]*shape, []string) {
	byName := map[string]*shape{}
	var wrong []string
	all = strings.ReplaceAll(all, "\n  ", " ")
	for line := range strings.Lines(all) {
		line = strings.TrimSuffix(line, "\n")
		name, notation, ok := strings.Cut(line, " = ")
		if line == "" || line[0] == '#' {
			continue
		}
		r := reader{rest: notation}
		s, err := r.shape()
		if r.space(); !ok || err != nil || r.rest != "" {
			s = &shape{op: anyOf}
			wrong = append(wrong, name)
		}
		byName[name] = s
	}
	highest := map[string]int{}
	for name, s := range byName {
		major, minor, _ := strings.Cut(name[strings.LastIndexByte(name, '-')+1:], ".")
		n, err := strconv.Atoi(minor)
		family := name[:len(name)-len(minor)] + "x"
		if at, seen := highest[family]; err == nil && major != "" && (!seen || n > at) {
			highest[family], byName[family] = n, s
		}
	}
	for name, s := range byName {
		if !join(s, byName) {
			wrong = append(wrong, name)
		}
	}
	return byName, wrong
}

// join points every use of a schema to it.
func join(s *shape, byName map[string]*shape) bool {
	ok := true
	if s.op == isSchema && len(s.parts) == 0 {
		to, known := byName[s.name]
		if !known {
			to, ok = &shape{op: anyOf}, false
		}
		s.parts = []*shape{to}
		return ok
	}
	if s.op == isSchema {
		return true
	}
	for _, part := range s.parts {
		ok = join(part, byName) && ok
	}
	return ok
}

// Known says whether a schema is one of those that documents are held against:
// namespace omh, ieee or granola; name heart-rate; version 2.0.
func Known(namespace, name, version string) bool {
	_, ok := schemas[schemaName(namespace, name, version)]
	return ok && !strings.HasSuffix(version, "x")
}

func schemaName(namespace, name, version string) string {
	return namespace + "/" + name + "-" + version
}

// Violation is a place where a document is not as its schema demands. Neither
// part holds anything of the document but names of members that the schema
// knows.
type Violation struct {
	Place string // "body.blood_glucose.unit"
	Text  string // what is demanded
}

// Check holds a document against a schema: nil when it is as demanded. An
// unknown schema and a text that is not JSON are a violation of the whole.
func Check(namespace, name, version string, document []byte) []Violation {
	s, ok := schemas[schemaName(namespace, name, version)]
	if !ok {
		return []Violation{{"", "there is no schema " + clip(schemaName(namespace, name, version))}}
	}
	n, err := parse(document)
	if err != nil {
		return []Violation{{"", err.Error()}}
	}
	return s.violations(n, "")
}

func clip(s string) string {
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
