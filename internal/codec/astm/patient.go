package astm

import (
	"strings"

	"thalamus/internal/model"
)

// readPatient reads P (LIS02-A2 §7).
func (d *decoder) readPatient(r Record) {
	p := model.Patient{}
	for _, n := range [...]int{3, 4, 5} { // practice, laboratory, third
		id := joined(r.Field(n))
		if id == "" || hasID(p.Identifiers, id) {
			continue
		}
		p.Identifiers = append(p.Identifiers, model.Identifier{Value: id, Type: "PI"})
	}
	name := r.Field(6)
	p.Family = name.Component(1).Text()
	for _, n := range [...]int{2, 3} {
		if given := name.Component(n).Text(); given != "" {
			p.Given = append(p.Given, given)
		}
	}
	p.Suffix, p.Prefix = name.Component(4).Text(), name.Component(5).Text()
	p.BirthDate = d.birthDate(r)
	p.Sex = d.sex(r)
	d.patient, d.visit, d.control = nil, nil, false
	if len(p.Identifiers) > 0 || p.Family != "" || len(p.Given) > 0 || p.BirthDate != "" {
		d.patient = &p
	}
	if where := place(r.Field(26)); where != "" {
		d.visit = &model.Visit{Place: model.Place{PointOfCare: where}}
	}
	d.m, d.notes = nil, &d.header.Notes
	if d.mode != "Q" { // a control sample's P names nobody
		d.begin(TypeOther)
	}
}

func hasID(all []model.Identifier, value string) bool {
	for _, i := range all {
		if i.Value == value {
			return true
		}
	}
	return false
}

// place is P-26, the location.
func place(e Element) string {
	var out []string
	for _, c := range e.Reps()[0].Components() {
		if t := c.Text(); t != "" {
			out = append(out, t)
		}
	}
	return strings.Join(out, " ")
}

// birthDate reads P-8, YYYYMMDD; the time of day is not kept.
func (d *decoder) birthDate(r Record) string {
	t := r.Field(8).Component(1).Text()
	if t == "" {
		return ""
	}
	n := 0
	for n < len(t) && n < 8 && t[n] >= '0' && t[n] <= '9' {
		n++
	}
	switch {
	case n == 8 && t[4:6] >= "01" && t[4:6] <= "12" && t[6:8] >= "01" && t[6:8] <= "31":
		return t[:4] + "-" + t[4:6] + "-" + t[6:8]
	case n == 6 && t[4:6] >= "01" && t[4:6] <= "12":
		return t[:4] + "-" + t[4:6]
	case n == 4 && len(t) == 4:
		return t
	}
	d.issue(r, 8, model.Issue{Code: "decode.date", Severity: model.Error, Text: "this is not a date; it was not read", Hint: "the sender should write YYYYMMDD"})
	return ""
}

// sex by §7.9, in FHIR's words.
func (d *decoder) sex(r Record) string {
	switch strings.ToUpper(r.Field(9).Component(1).Text()) {
	case "":
		return ""
	case "M":
		return "male"
	case "F":
		return "female"
	case "O":
		return "other"
	case "U":
		return "unknown"
	}
	d.issue(r, 9, model.Issue{Code: "decode.sex", Severity: model.Warning, Text: "not M, F or U; read as unknown", Hint: "the sender should write M, F or U"})
	return "unknown"
}
