package fhir_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"thalamus/internal/codec/fhir"
	"thalamus/internal/model"
)

// statement is one coded value, wherever a bundle keeps it: an Observation,
// or one of its components.
type statement struct {
	codes string // " code code "
	value string
	unit  string
}

func (s statement) String() string { return strings.TrimSpace(s.codes) + "=" + s.value + " " + s.unit }

func statements(n *fhir.Node) (all []statement) {
	entries := n.Get("entry")
	for i := range entries.Len() {
		r := entries.At(i).Get("resource")
		if r.Get("resourceType").Text() != "Observation" {
			continue
		}
		own := codesOf(r)
		if v, unit, ok := valueOf(r); ok {
			all = append(all, statement{own, v, unit})
		}
		parts := r.Get("component")
		for k := range parts.Len() {
			codes := codesOf(parts.At(k))
			if strings.TrimSpace(codes) == "" {
				codes = own
			}
			if v, unit, ok := valueOf(parts.At(k)); ok {
				all = append(all, statement{codes, v, unit})
			}
		}
	}
	return all
}

func codesOf(r *fhir.Node) string {
	b := " "
	c := r.Get("code", "coding")
	for i := range c.Len() {
		b += c.At(i).Get("code").Text() + " "
	}
	if c.Len() == 0 {
		b += r.Get("code", "text").Text() + " "
	}
	return b
}

func valueOf(r *fhir.Node) (value, unit string, ok bool) {
	for i := range r.Len() {
		name, v := r.Name(i), r.At(i)
		switch name {
		case "valueQuantity":
			unit = v.Get("code").Text()
			if unit == "" {
				unit = v.Get("unit").Text()
			}
			return v.Get("comparator").Text() + plainNumber(v.Get("value").Text()), unit, true
		case "valueSampledData":
			return strconv.Itoa(len(strings.Fields(v.Get("data").Text()))), v.Get("origin", "code").Text(), true
		case "valueString":
			return v.Text(), "", true
		case "valueDateTime", "valueTime":
			return v.Text()[:min(10, len(v.Text()))], "", true
		case "valueCodeableConcept":
			if code := v.Get("coding", "code").Text(); code != "" {
				return code, "", true
			}
			return v.Get("text").Text(), "", true
		case "valueRange":
			return v.Get("low", "value").Text() + "-" + v.Get("high", "value").Text(), v.Get("low", "code").Text(), true
		case "valueRatio":
			return v.Get("numerator", "value").Text() + ":" + v.Get("denominator", "value").Text(), "", true
		case "dataAbsentReason":
			return "", "", true
		}
	}
	return "", "", false
}

// plainNumber writes 37.0 and 37 alike: a reference may have lost digits.
func plainNumber(s string) string {
	if strings.Contains(s, ".") && !strings.ContainsAny(s, "eE") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func patientNumbers(n *fhir.Node) map[string]bool {
	found := map[string]bool{}
	entries := n.Get("entry")
	for i := range entries.Len() {
		r := entries.At(i).Get("resource")
		if r.Get("resourceType").Text() != "Patient" {
			continue
		}
		ids := r.Get("identifier")
		for k := range ids.Len() {
			found[ids.At(k).Get("value").Text()] = true
		}
	}
	return found
}

// differences counts how our statements differ from those of a reference:
//
//	identity  a patient's number of the reference that we do not have
//	absent    a value of the reference that we do not have
//	value     the same code with another value
//	unit      the same code and value in another unit
//	more      a value of ours that the reference does not have
func differences(ref, own []statement, refNumbers, ownNumbers map[string]bool) (map[string]int, []string) {
	d := map[string]int{}
	var told []string
	count := func(kind string, what ...any) {
		d[kind]++
		told = append(told, kind+": "+fmt.Sprint(what...))
	}
	for number := range refNumbers {
		if !ownNumbers[number] {
			count("identity", number)
		}
	}
	left := append([]statement(nil), own...)
	take := func(fits func(statement) bool) (statement, bool) {
		for i, s := range left {
			if fits(s) {
				left = append(left[:i:i], left[i+1:]...)
				return s, true
			}
		}
		return statement{}, false
	}
	var open []statement
	for _, r := range ref {
		if _, ok := take(func(s statement) bool { return sharesCode(r, s) && s.value == r.value && s.unit == r.unit }); !ok {
			open = append(open, r)
		}
	}
	var still []statement
	for _, r := range open {
		if s, ok := take(func(s statement) bool { return sharesCode(r, s) && s.value == r.value }); ok {
			count("unit", r, " | ", s)
		} else {
			still = append(still, r)
		}
	}
	for _, r := range still {
		if s, ok := take(func(s statement) bool { return sharesCode(r, s) }); ok {
			count("value", r, " | ", s)
		} else {
			count("absent", r)
		}
	}
	for _, s := range left {
		count("more", s)
	}
	return d, told
}

func sharesCode(a, b statement) bool {
	for _, c := range strings.Fields(a.codes) {
		if strings.Contains(b.codes, " "+c+" ") {
			return true
		}
	}
	return strings.TrimSpace(a.codes) == strings.TrimSpace(b.codes)
}

func rowOf(d map[string]int) string {
	var parts []string
	for _, kind := range []string{"identity", "absent", "value", "unit", "more"} {
		if d[kind] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", kind, d[kind]))
		}
	}
	return strings.Join(parts, ", ")
}

// documented reads the table of docs/compat.md: | message | differences | why |.
func documented(t *testing.T) map[string]string {
	text, err := os.ReadFile(filepath.Join(fhir.Root(t), "docs", "compat.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "<!-- references: read by TestReferences -->")
	if !ok {
		t.Fatal("docs/compat.md has no table of references")
	}
	table, _, _ = strings.Cut(table, "<!-- end -->")
	rows := map[string]string{}
	for line := range strings.Lines(table) {
		f := strings.Split(line, "|")
		if len(f) != 5 || strings.Contains(f[1], "---") || strings.TrimSpace(f[1]) == "message" {
			continue
		}
		if strings.TrimSpace(f[3]) == "" {
			t.Errorf("%s: no reason is given", strings.TrimSpace(f[1]))
		}
		rows[strings.TrimSpace(f[1])] = strings.TrimSpace(f[2])
	}
	return rows
}

// TestReferences compares our bundles with those that another converter makes
// of the same messages. A difference that docs/compat.md does not explain
// fails, and so does an explanation without a difference.
func TestReferences(t *testing.T) {
	said := documented(t)
	pairs, same, explained, values := 0, 0, 0, 0
	all := files(t, "hl7v2-to-fhir/messages")
	guide := filepath.Join(corpus(t), "hl7v2-to-fhir", "ig", "conversions")
	for _, file := range append(all, filepath.Join(guide, "ADT_A01.hl7")) {
		name := strings.TrimSuffix(filepath.Base(file), ".hl7")
		bundle := filepath.Join(corpus(t), "hl7v2-to-fhir", "bundles", name+"-expected.json")
		if filepath.Dir(file) == guide { // agreed by HL7's guide; of the others it has no bundle in JSON
			bundle, name = filepath.Join(guide, "FHIR_bundle.hl7_"+name+".json"), "guide "+name
		}
		text, err := os.ReadFile(bundle)
		if err != nil {
			continue // nobody made a bundle of it
		}
		reference, err := fhir.Parse(text, fhir.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var own []statement
		numbers := map[string]bool{}
		for _, m := range read(t, file) {
			if bundle := fhir.Bundle([]*model.Message{m}, fhir.Options{}); bundle != nil {
				n, err := fhir.Parse(bundle, fhir.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				own = append(own, statements(n)...)
				for number := range patientNumbers(n) {
					numbers[number] = true
				}
			}
		}
		pairs++
		values += len(own)
		d, told := differences(statements(reference), own, patientNumbers(reference), numbers)
		got := rowOf(d)
		switch got {
		case "":
			same++
		case said[name]:
			explained++
		}
		if got != said[name] {
			sort.Strings(told)
			t.Errorf("%s: differs by %q, docs/compat.md says %q\n  %s", name, got, said[name], strings.Join(told, "\n  "))
		}
		delete(said, name)
	}
	for name := range said {
		t.Errorf("docs/compat.md explains %s, which has no reference", name)
	}
	t.Logf("references: %d of %d messages agree in patient identity, number of values, values, units and codes (%d) or differ as docs/compat.md says (%d); %d values of ours", same+explained, pairs, same, explained, values)
}
