package clinical

import (
	"strings"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/model"
)

// cx reads a CX (or what older versions have in its place) as an identifier.
func (d *decoder) cx(e hl7v2.Element, otherwise string) (model.Identifier, bool) {
	id := model.Identifier{Value: d.text(e.Component(1)), System: d.hd(e.Component(4)), Type: d.text(e.Component(5))}
	if id.Type == "" {
		id.Type = otherwise
	}
	return id, id.Value != ""
}

// patient reads PID. A patient without any identifier, name or birth date is
// nobody; the bed may tell later who it is (R20).
func (d *decoder) patient() {
	p := model.Patient{}
	add := func(e hl7v2.Element, kind string) {
		for _, r := range e.Reps() {
			if id, ok := d.cx(r, kind); ok {
				p.Identifiers = append(p.Identifiers, id)
			}
		}
	}
	add(d.f[3], "")
	add(d.f[2], "PT")
	add(d.f[4], "")
	add(d.f[18], "AN")
	add(d.f[19], "SS")
	if lic := d.text(d.f[20].Component(1)); lic != "" {
		p.Identifiers = append(p.Identifiers, model.Identifier{Value: lic, System: d.text(d.f[20].Component(2)), Type: "DL"})
	}
	d.name(&p)
	p.BirthDate = d.birthDate(d.f[7])
	p.Sex = d.sex(d.f[8])
	p.Address = d.address(d.f[11])
	for _, n := range [...]int{13, 14} {
		for _, r := range d.f[n].Reps() {
			if phone := d.phone(r); phone != "" {
				p.Phones = append(p.Phones, phone)
			}
		}
	}
	p.DeceasedAt = d.sent(d.f[29])
	p.Deceased = p.DeceasedAt.Original != "" || d.text(d.f[30]) == "Y"
	if d.text(d.f[31]) == "Y" && len(p.Identifiers) == 0 {
		return // HL7 v2.5.1 §3.4.2.31: the sender says that it does not know who this is
	}
	if len(p.Identifiers) > 0 || p.Family != "" || len(p.Given) > 0 || p.BirthDate != "" {
		d.out.Patient = &p
	}
}

// name takes the legal name, else the first (XPN-7, HL7 table 0200).
func (d *decoder) name(p *model.Patient) {
	best := d.f[5].Rep(1)
	for _, r := range d.f[5].Reps() {
		if r.Component(7).Is("L") {
			best = r
			break
		}
	}
	p.Family = d.text(best.Component(1).Sub(1))
	for _, n := range [...]int{2, 3} {
		if given := d.text(best.Component(n)); given != "" {
			p.Given = append(p.Given, given)
		}
	}
	p.Suffix, p.Prefix = d.text(best.Component(4)), d.text(best.Component(5))
}

// birthDate gives YYYY, YYYY-MM or YYYY-MM-DD; the time of day is not kept.
func (d *decoder) birthDate(e hl7v2.Element) string {
	t := d.text(e.Component(1))
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
	case n == 4:
		return t[:4]
	case len(t) >= 10 && n == 4 && t[4] == '-' && t[7] == '-':
		d.issueAt(e, "decode.date-form", model.Warning, "the date has hyphens, which HL7 does not; it was read all the same", "the sender should write YYYYMMDD")
		return t[:10]
	}
	d.issueAt(e, "decode.date", model.Error, "this is not a date; it was not read", "the sender should write YYYYMMDD")
	return ""
}

// sex by HL7 table 0001, in FHIR's words.
func (d *decoder) sex(e hl7v2.Element) string {
	switch s := d.text(e.Component(1)); strings.ToUpper(s) {
	case "":
		return ""
	case "M", "MALE":
		return "male"
	case "F", "FEMALE":
		return "female"
	case "O", "A", "N", "OTHER":
		return "other"
	case "U", "UNKNOWN":
		return "unknown"
	default:
		d.issueAt(e, "decode.sex", model.Warning, "not a code of HL7 table 0001; read as unknown", "the sender should write M, F, O, U, A or N")
		return "unknown"
	}
}

// address reads the first XAD.
func (d *decoder) address(e hl7v2.Element) *model.Address {
	e = e.Rep(1)
	a := model.Address{City: d.text(e.Component(3)), State: d.text(e.Component(4)), PostalCode: d.text(e.Component(5)), Country: d.text(e.Component(6))}
	for _, n := range [...]int{1, 2} {
		if line := d.text(e.Component(n).Sub(1)); line != "" {
			a.Lines = append(a.Lines, line)
		}
	}
	if len(a.Lines) == 0 && a.City == "" && a.State == "" && a.PostalCode == "" && a.Country == "" {
		return nil
	}
	return &a
}

// phone reads an XTN: the whole number, or its parts, or the address of it.
func (d *decoder) phone(e hl7v2.Element) string {
	for _, n := range [...]int{1, 12, 4} {
		if t := d.text(e.Component(n)); t != "" {
			return t
		}
	}
	var parts []string
	for _, n := range [...]int{5, 6, 7} {
		if t := d.text(e.Component(n)); t != "" {
			parts = append(parts, t)
		}
	}
	return strings.Join(parts, " ")
}

// visit reads PV1.
func (d *decoder) visit() {
	v := model.Visit{
		Class: d.text(d.f[2].Component(1)), Place: d.location(d.f[3]), Prior: d.location(d.f[6]),
		Attending: d.person(d.f[7]), Admitted: d.sent(d.f[44]), Discharged: d.sent(d.f[45]),
	}
	if id, ok := d.cx(d.f[19].Rep(1), "VN"); ok {
		v.Number = id
	}
	switch {
	case v == (model.Visit{}):
	case d.out.Visit != nil:
		d.issueAt(d.f[2], "decode.second-visit", model.Error, "the message tells of another visit of the same patient; only the first one was read", "the sender should send one message for each visit").Field = "PV1"
	default:
		d.out.Visit = &v
	}
}

// location reads a PL: point of care, room, bed, facility.
func (d *decoder) location(e hl7v2.Element) model.Place {
	e = e.Rep(1)
	return model.Place{PointOfCare: d.text(e.Component(1).Sub(1)), Room: d.text(e.Component(2).Sub(1)),
		Bed: d.text(e.Component(3).Sub(1)), Facility: d.hd(e.Component(4))}
}

// person reads the first XCN as one name.
func (d *decoder) person(e hl7v2.Element) string {
	e = e.Rep(1)
	var parts []string
	for _, n := range [...]int{6, 3, 4, 2, 5} {
		if t := d.text(e.Component(n).Sub(1)); t != "" {
			parts = append(parts, t)
		}
	}
	if len(parts) == 0 {
		return d.text(e.Component(1))
	}
	return strings.Join(parts, " ")
}
