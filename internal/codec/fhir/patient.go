package fhir

import (
	"strings"

	"thalamus/internal/model"
)

// system gives the URI of an authority: as configured, else made of its name.
func (b *builder) system(authority string) string {
	if uri, ok := b.o.Systems[authority]; ok {
		return uri
	}
	return uriOf(authority)
}

// primary chooses the identifier a patient is looked for by: the medical
// record number, else the patient's internal number, else the first.
// Visit and account numbers name no patient.
func primary(list []model.Identifier) (model.Identifier, bool) {
	best, rank := model.Identifier{}, 9
	for _, i := range list {
		r := 3
		switch i.Type {
		case "MR":
			r = 0
		case "PI", "PT":
			r = 1
		case "":
			r = 2
		case "VN", "AN":
			continue
		}
		if clean(i.Value) != "" && r < rank {
			best, rank = i, r
		}
	}
	return best, rank < 9
}

func (b *builder) identifierIdentity(kind byte, i model.Identifier) Identity {
	b.h.start(kind)
	b.h.add(b.system(i.System))
	b.h.add(i.Value)
	return b.h.sum()
}

func (b *builder) patientIdentity(p *model.Patient) (Identity, bool) {
	if p == nil {
		return Identity{}, false
	}
	i, ok := primary(p.Identifiers)
	if !ok {
		return Identity{}, false
	}
	return b.identifierIdentity('p', i), true
}

// chooseTellers finds for each patient and visit the message that tells of
// it: the last ADT message; for a patient without one, the first message.
func (b *builder) chooseTellers(messages []*model.Message) {
	b.tellers = make(map[Identity]*model.Message, 2)
	for _, m := range messages {
		id, ok := b.patientIdentity(m.Patient)
		if !ok {
			continue
		}
		if have := b.tellers[id]; have == nil || m.Event != nil {
			b.tellers[id] = m
		}
		if m.Event != nil && hasEncounter(m.Visit) {
			b.tellers[b.identifierIdentity('e', m.Visit.Number)] = m
		}
	}
}

// queryFor is identifier=system|value; with no system only identifiers
// without one are meant (FHIR R4 §3.1.1.4.10).
func (b *builder) queryFor(q []byte, i model.Identifier) []byte {
	q = append(q, "identifier="...)
	q = appendEscaped(q, b.system(i.System))
	q = append(q, "%7C"...)
	value := clean(i.Value)
	if strings.ContainsAny(value, `\\|,$`) {
		value = searchEscapes.Replace(value)
	}
	return appendEscaped(q, value)
}

// searchEscapes: these have a meaning in the value of a search parameter
// (FHIR R4 §3.1.1.4.2.1).
var searchEscapes = strings.NewReplacer(`\`, `\\`, `|`, `\|`, `,`, `\,`, `$`, `\$`)

// patient makes sure that the transaction holds the message's patient.
func (b *builder) patient() {
	s := &b.spoken
	if !s.hasWho || !b.entry(s.patient, "Patient") {
		return
	}
	teller := b.tellers[s.patient]
	p := teller.Patient
	w := &b.w
	if teller.Test {
		b.meta("", true)
	}
	b.identifiers(p.Identifiers)
	if teller.Event != nil {
		w.truth("active", true)
	}
	b.humanName(p)
	b.phones(p.Phones)
	switch p.Sex {
	case "male", "female", "other", "unknown":
		w.word("gender", p.Sex)
	}
	if isDate(p.BirthDate) {
		w.word("birthDate", p.BirthDate)
	}
	if !p.DeceasedAt.UTC.IsZero() {
		w.dateTime("deceasedDateTime", p.DeceasedAt)
	} else if p.Deceased {
		w.truth("deceasedBoolean", true)
	}
	b.address(p.Address)
	gone := b.mergedInto(teller)
	b.links(gone, "replaces")
	first, _ := primary(p.Identifiers)
	b.requestBy(first, "Patient", teller.Event != nil && !b.o.KeepPatients)
	b.shared = append(b.shared, s.patient)
	for _, i := range gone {
		b.merged(i)
	}
}

// mergedInto gives the numbers a merge took out of use: one for each patient,
// and none that is the surviving patient's own.
func (b *builder) mergedInto(m *model.Message) []model.Identifier {
	if m.Event == nil || len(m.Event.Merged) == 0 {
		return nil
	}
	i, ok := primary(m.Event.Merged)
	if !ok || b.identifierIdentity('p', i) == b.spoken.patient {
		return nil
	}
	return []model.Identifier{i}
}

func (b *builder) humanName(p *model.Patient) {
	w := &b.w
	mark := len(w.b)
	w.open("name", '[')
	w.element()
	inside := len(w.b)
	w.text("family", p.Family)
	b.list("given", p.Given...)
	b.list("prefix", p.Prefix)
	b.list("suffix", p.Suffix)
	if len(w.b) == inside {
		w.b = w.b[:mark]
		return
	}
	w.close('}')
	w.close(']')
}

// list writes the texts that have visible characters; nothing when none has.
func (b *builder) list(name string, texts ...string) {
	w, open := &b.w, false
	for _, t := range texts {
		if t = clean(t); t == "" {
			continue
		}
		if !open {
			w.open(name, '[')
			open = true
		}
		w.comma()
		w.b = appendText(w.b, t)
	}
	if open {
		w.close(']')
	}
}

func (b *builder) identifiers(list []model.Identifier) {
	w := &b.w
	w.open("identifier", '[')
	for _, i := range list {
		if clean(i.Value) == "" {
			continue
		}
		w.element()
		b.identifier(i)
		w.close('}')
	}
	w.close(']')
}

// identifier writes the members of an Identifier (v2-to-FHIR, CX).
func (b *builder) identifier(i model.Identifier) {
	w := &b.w
	if t := codeText(clean(i.Type)); t != "" {
		w.open("type", '{')
		w.open("coding", '[')
		w.element()
		w.word("system", systemIdentifierType)
		w.code("code", t)
		w.b = append(w.b, "}]}"...)
	}
	if uri := b.system(i.System); uri != "" {
		w.text("system", uri)
	}
	w.text("value", i.Value)
	if i.System != "" && !isOID(i.System) && uriOf(i.System) != i.System {
		w.open("assigner", '{')
		w.text("display", i.System)
		w.close('}')
	}
}

func (b *builder) phones(list []string) {
	w, open := &b.w, false
	for _, p := range list {
		if clean(p) == "" {
			continue
		}
		if !open {
			w.open("telecom", '[')
			open = true
		}
		w.element()
		w.word("system", "phone")
		w.text("value", p)
		w.close('}')
	}
	if open {
		w.close(']')
	}
}

func (b *builder) address(a *model.Address) {
	if a == nil {
		return
	}
	w := &b.w
	mark := len(w.b)
	w.open("address", '[')
	w.element()
	inside := len(w.b)
	b.list("line", a.Lines...)
	w.text("city", a.City)
	w.text("state", a.State)
	w.text("postalCode", a.PostalCode)
	w.text("country", a.Country)
	if len(w.b) == inside {
		w.b = w.b[:mark]
		return
	}
	w.close('}')
	w.close(']')
}

// links writes Patient.link to patients named by identifier.
func (b *builder) links(others []model.Identifier, kind string) {
	w, open := &b.w, false
	for _, i := range others {
		if clean(i.Value) == "" {
			continue
		}
		if !open {
			w.open("link", '[')
			open = true
		}
		w.element()
		b.reference("other", b.identifierIdentity('p', i))
		w.word("type", kind)
		w.close('}')
	}
	if open {
		w.close(']')
	}
}

// isDate tells a FHIR date: YYYY, YYYY-MM or YYYY-MM-DD, of the calendar.
func isDate(s string) bool {
	if len(s) != 4 && len(s) != 7 && len(s) != 10 {
		return false
	}
	for i := range len(s) {
		if dash := i == 4 || i == 7; dash != (s[i] == '-') || !dash && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	if s[:4] == "0000" {
		return false
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	if len(s) >= 7 && (two(5) < 1 || two(5) > 12) {
		return false
	}
	if len(s) < 10 {
		return true
	}
	days := [...]int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[two(5)-1]
	year := two(0)*100 + two(2)
	if two(5) == 2 && (year%4 != 0 || year%100 == 0 && year%400 != 0) {
		days = 28
	}
	return two(8) >= 1 && two(8) <= days
}
