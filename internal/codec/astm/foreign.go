package astm

import (
	"strings"

	"thalamus/internal/hl7time"
	"thalamus/internal/model"
)

// Two older ways of instruments that share their cables and hosts with ASTM:
// tagged fields of bioMérieux and the printer lines of Arkray's Spotchem.
// Each is read as far as a published capture shows it, no further.

const (
	rs = 0x1E // before each field of bioMérieux
	gs = 0x1D // before the checksum
)

// foreign reads what is no ASTM and is known all the same.
func foreign(e model.Entry) (model.Message, bool) {
	text := strings.Trim(toUTF8(string(e.Bytes)), "\x02\x03\x05\x04\r\n")
	switch {
	case strings.Contains(text, "mtrsl|"):
		return tagged(e, text), true
	case strings.Contains(text, "ID#") && strings.Contains(text, "["):
		return printed(e, text)
	}
	return model.Message{}, false
}

func blankResult(e model.Entry, maker, name string) model.Message {
	m := refuse(e)
	m.Type, m.Sender.Application = TypeResult, name
	m.Devices = []model.Device{{Manufacturer: maker, Model: name, Parent: -1, Level: "mds", Identifiers: byPort(e.Properties)}}
	return m
}

// tagged reads fields of two letters and a value, ended by a bar.
func tagged(e model.Entry, text string) model.Message {
	m := blankResult(e, "bioMérieux", "miniVIDAS")
	fields := map[string]string{}
	for _, f := range strings.Split(text, string(rune(rs))) {
		f, _, _ = strings.Cut(f, string(rune(gs)))
		if f = strings.TrimSuffix(strings.TrimSpace(f), "|"); len(f) > 2 {
			fields[f[:2]] = strings.TrimSpace(f[2:])
		}
	}
	if id := fields["pi"]; id != "" {
		m.Patient = &model.Patient{Identifiers: []model.Identifier{{Value: id, Type: "PI"}}, Family: fields["pn"]}
	}
	m.Orders = []model.Order{{Field: "ci", Placer: model.Identifier{Value: fields["ci"]}}}
	o := model.Observation{Field: "rt", Received: model.Coding{Code: fields["rt"], Text: fields["rn"]}, Status: model.StatusFinal}
	if o.DeviceTime.Original = strings.TrimSpace(fields["td"] + " " + fields["tt"]); o.DeviceTime.Original != "" {
		m.Issues = append(m.Issues, model.Issue{Code: "astm.two-digit-year", Severity: model.Warning, Field: "td",
			Text: "the date has two digits for the year and nothing says which of its numbers is the month; only its text was kept", Hint: "the time of arrival counts"})
	}
	if ql := fields["ql"]; ql != "" {
		o.Flags = []string{ql}
	}
	d := decoder{m: &m, counts: map[byte]int{}, said: map[string]bool{}}
	switch value := fields["qn"]; {
	case value != "":
		o.Value = d.scalar(Record{Raw: "R"}, value)
	case fields["ql"] != "":
		o.Value = model.Value{Kind: model.ValueText, Text: fields["ql"]}
	default:
		o.Absent = "unknown"
	}
	m.Observations = []model.Observation{o}
	return m
}

// printed reads a date, ID# and the sample, its kind in brackets, then name,
// value and unit of each result.
func printed(e model.Entry, text string) (model.Message, bool) {
	head, rest, _ := strings.Cut(text, "[")
	kind, rest, ok := strings.Cut(rest, "]")
	when, id, ok2 := strings.Cut(head, "ID#")
	words := strings.Fields(rest)
	if !ok || !ok2 || len(words) == 0 || len(words)%3 != 0 || len(words) > 3*maxValues {
		return model.Message{}, false
	}
	m := blankResult(e, "Arkray", "Spotchem EL SE-1520")
	m.Orders = []model.Order{{Field: "ID#", Placer: model.Identifier{Value: strings.TrimSpace(id)}, Code: model.Coding{Text: strings.TrimSpace(kind)}}}
	at := model.Timestamp{Original: strings.TrimSpace(when)}
	if w := at.Original; len(strings.Split(w, "/")) == 3 {
		m.Issues = append(m.Issues, model.Issue{Code: "astm.two-digit-year", Severity: model.Warning, Field: "ID#",
			Text: "the date has fewer than four digits for the year; only its text was kept", Hint: "the time of arrival counts"})
	} else {
		at.Format = hl7time.FormatAuto
	}
	d := decoder{m: &m, counts: map[byte]int{}, said: map[string]bool{}}
	for i := 0; i+2 < len(words); i += 3 {
		o := model.Observation{Field: words[i], Received: model.Coding{Code: words[i]}, UnitSent: model.Coding{Code: words[i+2]}, Status: model.StatusFinal, DeviceTime: at}
		if o.Value = d.scalar(Record{Raw: "R"}, words[i+1]); o.Value.Kind == model.ValueNone {
			o.Absent = "unknown"
		}
		m.Observations = append(m.Observations, o)
	}
	return m, true
}
