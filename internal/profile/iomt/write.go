package iomt

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"thalamus/internal/profile"
)

// result writes the profile and reads it again: what comes out is a profile
// that can be brought in force as it is.
func (im *importing) result(name string) (*Result, error) {
	out := &Result{Notes: im.notes}
	var b strings.Builder
	fmt.Fprintf(&b, "profile: %s\nversion: 1\ntitle: imported from a device mapping of iomt-fhir; say here which device it is\ncodec: json\n", name)
	fmt.Fprintf(&b, "applies_to: {channel: %s}     # the channel it comes in by; or manufacturer, model, sender, type, when\n", strings.ReplaceAll(name, "/", "-"))
	b.WriteString("hardware: never\nevidence:\n  - {document: device mapping of iomt-fhir, shows: \"which fields are device, time and values; no codes and no units\"}\ntable: labels.csv\n")
	first := im.templates[0]
	visits, format := []string{}, first.format
	shared := [3]bool{true, true, true} // device, time, patient
	for i := range im.templates {
		t := &im.templates[i]
		if t.format != format {
			return nil, wrong("template", "some templates take their time as a count, some as a text; a profile has one form of time: import them into two")
		}
		shared[0] = shared[0] && slices.Equal(t.device, first.device)
		shared[1] = shared[1] && slices.Equal(t.time, first.time)
		shared[2] = shared[2] && slices.Equal(t.patient, first.patient)
		if t.visit != "" && !slices.Contains(visits, t.visit) {
			visits = append(visits, t.visit)
		}
	}
	var times []string
	if shared[1] {
		times = append(times, "from: "+list(first.time))
	}
	if format != "" {
		times = append(times, "format: "+format)
	}
	if len(times) > 0 {
		fmt.Fprintf(&b, "time: {%s}\n", strings.Join(times, ", "))
	}
	if shared[0] {
		fmt.Fprintf(&b, "device: {id: %s}\n", list(first.device))
	}
	var patient []string
	if shared[2] && len(first.patient) > 0 {
		patient = append(patient, "id: "+list(first.patient))
	}
	if len(visits) > 0 {
		patient = append(patient, "visit: "+list(visits))
	}
	if len(patient) > 0 {
		fmt.Fprintf(&b, "patient: {%s}\n", strings.Join(patient, ", "))
	}
	b.WriteString("observe:\n")
	for i := range im.templates {
		im.templates[i].write(&b, shared, out)
	}
	table := "label;code;unit_in;missing\n# Give each label its code (thalamus code find), then take the # away. Until then\n# the values are kept under their labels, and the label inbox lists them.\n"
	for _, l := range out.Labels {
		table += "# " + cell(l) + ";;;\n"
	}
	out.Files = []profile.File{
		{Name: profile.FileName, Text: []byte(b.String())},
		{Name: "labels.csv", Text: []byte(table)},
		{Name: "README.md", Text: []byte(readme(name, out))},
	}
	if _, err := profile.Parse(profile.Files{profile.FileName: b.String(), "labels.csv": table}, "."); err != nil {
		return nil, wrong("", "the profile made of the templates cannot be read: %s", err)
	}
	return out, nil
}

// write adds the rules of a template, one for each value.
func (t *template) write(b *strings.Builder, shared [3]bool, out *Result) {
	for _, v := range t.values {
		if !slices.Contains(out.Labels, v.label) {
			out.Labels = append(out.Labels, v.label)
		}
		keys := []string{"label: " + quoted(`"`+v.label+`"`)}
		put := func(key string, fields ...string) {
			if len(fields) > 0 && fields[0] != "" {
				keys = append(keys, key+": "+list(fields))
			}
		}
		put("value", v.path)
		if v.compute != "" {
			keys = append(keys, "compute: "+quoted(v.compute))
		}
		put("each", t.each)
		if t.match != "" {
			keys = append(keys, "match: "+quoted(t.match))
		}
		put("needs", t.needs...)
		if !shared[0] {
			put("device", t.device...)
		}
		if !shared[1] {
			put("time", t.time...)
		}
		if !shared[2] {
			put("patient", t.patient...)
		}
		fmt.Fprintf(b, "  - {%s}\n", strings.Join(keys, ", "))
	}
}

// list writes paths: one, or several in brackets.
func list(fields []string) string {
	if len(fields) == 1 {
		return quoted(fields[0])
	}
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = quoted(f)
	}
	return "[" + strings.Join(all, ", ") + "]"
}

var bare = regexp.MustCompile(`^[A-Za-z$][A-Za-z0-9_.$-]*$`)

// quoted writes a text as YAML does.
func quoted(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
	default:
		if bare.MatchString(s) {
			return s
		}
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// cell writes a label as a cell of the table.
func cell(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if strings.ContainsAny(s, `;"`) {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}

func readme(name string, r *Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\nImported from a device mapping of iomt-fhir. Not tried on a device.\n\n", name)
	b.WriteString("To do: name the channel or sender in `applies_to`, put a capture into\n`cases/<name>/input.json`, and give each label of `labels.csv` its code.\n")
	for i, n := range r.Notes {
		if i == 0 {
			b.WriteString("\nOtherwise than in the mapping:\n\n")
		}
		fmt.Fprintf(&b, "- `%s`: %s\n", n.Place, n.Text)
	}
	return b.String()
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }

func sorted(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
