package patients

import (
	"context"
	"slices"
	"strings"

	"thalamus/internal/model"
)

// who gives the person a message names by numbers, making a record when
// nobody has them; nil when it names none. Called with p.mu held.
func (p *Patients) who(ctx context.Context, m *model.Message) (*Patient, error) {
	ids := m.Patient.Identifiers
	t := tuple{n: len(ids)}
	if len(ids) > 0 {
		t.v0, t.s0, t.t0 = ids[0].Value, ids[0].System, ids[0].Type
	}
	if len(ids) > 1 {
		t.v1, t.s1, t.t1 = ids[1].Value, ids[1].System, ids[1].Type
	}
	if len(ids) > 2 {
		t.v2, t.s2, t.t2 = ids[2].Value, ids[2].System, ids[2].Type
	}
	if t.n <= 3 {
		if s, ok := p.fast.get(t); ok {
			one, err := p.root(ctx, s.id)
			if one == nil || err != nil {
				return nil, err
			}
			return p.compare(m, one), nil
		}
	}
	keys := keysOf(ids, p.authority)
	if len(keys) == 0 {
		return nil, nil
	}
	one, certain, err := p.identify(ctx, m, keys)
	if err != nil {
		return nil, err
	}
	if certain && t.n <= 3 {
		p.fast.put(t, sure{one.ID})
	}
	return p.compare(m, one), nil
}

// identify finds or makes the person behind keys. certain is false when an
// issue was given, so that the next message gives it again.
//
// A known number wins. Where numbers lead to several persons, the strongest
// one counts and nothing is joined. Where the strongest number is new and a
// weaker one leads to a person who has another number of that kind, the new
// number is a new person: two patients are never put in one.
func (p *Patients) identify(ctx context.Context, m *model.Message, keys []key) (*Patient, bool, error) {
	owners, err := p.owners(ctx, keys)
	if err != nil {
		return nil, false, err
	}
	var found *Patient
	certain := true
	for i, o := range owners {
		switch {
		case o == nil:
		case found == nil && i > 0 && contradicts(o, keys[:i], keys[i].group):
			certain = false
			p.contradiction(m, "a number of this patient is new, but another of its numbers belongs to somebody who has a different one of that kind; it is kept as a patient of its own")
		case found == nil:
			found = o
		case found.ID != o.ID:
			certain = false
			p.contradiction(m, "the numbers of this patient belong to two patients; the strongest number counts")
		}
	}
	if found == nil {
		return p.introduce(m, keys, owners), certain, nil
	}
	if !certain {
		return found, false, nil
	}
	var fresh []key
	for i, o := range owners {
		if o == nil && len(found.Keys)+len(fresh) < mostKeys {
			fresh = append(fresh, keys[i])
		}
	}
	if len(fresh) > 0 {
		found = p.addKeys(found, fresh, m.Patient.Identifiers)
	}
	return found, true, nil
}

// mostKeys bounds the numbers of one patient.
const mostKeys = 64

func (p *Patients) contradiction(m *model.Message, text string) {
	issue(m, model.Issue{
		Code: "patients.identifier-conflict", Severity: model.Warning, Field: "PID-3", Text: text,
		Hint: "if they are one person, the patient administration should send a merge (A40); if not, correct the number at the device",
	})
}

// contradicts says that a person has another number in the group of one of
// the keys. Numbers of one stay contradict nothing, and neither do those of
// the group by which the person was found: the sender gave both.
func contradicts(o *Patient, keys []key, group string) bool {
	for _, k := range keys {
		if k.rank >= 4*strength("AN") || k.group == group {
			continue
		}
		for _, have := range o.Keys {
			if strings.HasPrefix(have, k.group+"|") && have != k.text {
				return true
			}
		}
	}
	return false
}

// owners gives for each key the person who has it, nil for nobody.
func (p *Patients) owners(ctx context.Context, keys []key) ([]*Patient, error) {
	owners := make([]*Patient, len(keys))
	var ask []string
	for _, k := range keys {
		if _, ok := p.byKey.get(k.text); !ok {
			ask = append(ask, k.text)
		}
	}
	if len(ask) > 0 {
		known, err := p.store.PatientsByKey(ctx, ask)
		if err != nil {
			return nil, err
		}
		for _, one := range known {
			if _, ok := p.people.get(one.ID); !ok {
				p.people.put(one.ID, &one)
			}
			for _, k := range one.Keys {
				p.byKey.put(k, one.ID)
			}
		}
	}
	for i, k := range keys {
		id, ok := p.byKey.get(k.text)
		if !ok {
			continue
		}
		one, err := p.root(ctx, id)
		if err != nil {
			return nil, err
		}
		owners[i] = one
	}
	return owners, nil
}

// introduce makes a record with those keys that nobody has.
func (p *Patients) introduce(m *model.Message, keys []key, owners []*Patient) *Patient {
	one := Patient{Patient: *m.Patient, FirstSeen: m.Arrived}
	one.FromADT = false
	one.Identifiers = nil
	var own []key
	for i, k := range keys {
		if owners[i] == nil {
			own = append(own, k)
		}
	}
	one.ID = p.idOf(own[0])
	return p.addKeys(&one, own, m.Patient.Identifiers)
}

// addKeys gives a record more numbers.
func (p *Patients) addKeys(one *Patient, keys []key, ids []model.Identifier) *Patient {
	next := *one
	next.Keys = slices.Clone(one.Keys)
	next.Identifiers = slices.Clone(one.Identifiers)
	for _, k := range keys {
		next.Keys = append(next.Keys, k.text)
		p.byKey.put(k.text, one.ID)
	}
	for _, id := range ids {
		k := keysOf([]model.Identifier{id}, p.authority)
		if len(k) == 1 && slices.Contains(next.Keys, k[0].text) && !slices.Contains(next.Identifiers, id) && len(next.Identifiers) < mostKeys {
			next.Identifiers = append(next.Identifiers, id)
		}
	}
	return p.keep(next)
}

// compare takes a name over from a message where none is known, and tells of
// a message whose name and birth date are another's.
func (p *Patients) compare(m *model.Message, one *Patient) *Patient {
	said := m.Patient
	if m.Event != nil || said.Family == "" {
		return one
	}
	if one.Family == "" && one.Updated.IsZero() {
		next := *one
		next.Family, next.Given, next.Prefix, next.Suffix = said.Family, slices.Clone(said.Given), said.Prefix, said.Suffix
		if next.BirthDate == "" {
			next.BirthDate = said.BirthDate
		}
		if next.Sex == "" {
			next.Sex = said.Sex
		}
		return p.keep(next)
	}
	n := min(len(said.BirthDate), len(one.BirthDate))
	if n > 0 && said.BirthDate[:n] != one.BirthDate[:n] && !strings.EqualFold(said.Family, one.Family) {
		issue(m, model.Issue{
			Code: "patients.demographics-differ", Severity: model.Warning, Field: "PID-5",
			Text: "this number belongs to a patient with another name and birth date",
			Hint: "check whether the device still has the patient before; the message was kept under its number",
		})
	}
	return one
}
