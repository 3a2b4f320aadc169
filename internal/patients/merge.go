package patients

import (
	"context"
	"slices"

	"thalamus/internal/model"
)

// merge makes the numbers of MRG-1 the person's (HL7 v2.5.1 §3.3.40). Records
// that had them go on in the person's; their history stays theirs.
func (p *Patients) merge(ctx context.Context, m *model.Message, id model.PatientID) error {
	// A number without an authority is one of the surviving patient's.
	authority := p.authority
	for _, one := range m.Patient.Identifiers {
		if one.System != "" {
			authority = one.System
			break
		}
	}
	keys := keysOf(m.Event.Merged, authority)
	if len(keys) == 0 {
		issue(m, model.Issue{
			Code: "patients.no-identifier", Severity: model.Error, Field: "MRG-1",
			Text: "the merge names no usable number to be merged, so it changed nothing",
			Hint: "the sender must fill MRG-1",
		})
		return nil
	}
	owners, err := p.owners(ctx, keys)
	if err != nil {
		return err
	}
	var fresh []key
	for i, o := range owners {
		switch {
		case o == nil:
			fresh = append(fresh, keys[i])
		case o.ID != id:
			if err := p.join(ctx, m, id, o.ID); err != nil {
				return err
			}
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	one, err := p.person(ctx, id)
	if err != nil || one == nil {
		return err
	}
	p.addKeys(one, fresh, nil)
	return nil
}

// join makes the record from go on in the record into.
func (p *Patients) join(ctx context.Context, m *model.Message, into, from model.PatientID) error {
	a, err := p.person(ctx, into)
	if err != nil || a == nil {
		return err
	}
	b, err := p.person(ctx, from)
	if err != nil || b == nil || b.MergedInto != "" {
		return err
	}
	sa, err := p.stayOf(ctx, a)
	if err != nil {
		return err
	}
	sb, err := p.stayOf(ctx, b)
	if err != nil {
		return err
	}
	before := append(spansOf(sa.moves, a.ID), spansOf(sb.moves, b.ID)...)
	s := &stay{
		group: append(slices.Clone(sa.group), sb.group...),
		moves: append(slices.Clone(sa.moves), sb.moves...),
		since: sa.since,
	}
	if sb.since.After(s.since) {
		s.since = sb.since
	}
	after := spansOf(s.moves, a.ID)
	if err := p.load(ctx, before, after); err != nil {
		return err
	}
	gone, stays := *b, *a
	gone.MergedInto = a.ID
	stays.Aliases = append(append(slices.Clone(a.Aliases), b.ID), b.Aliases...)
	if stays.Family == "" && stays.Updated.IsZero() {
		stays.Family, stays.Given, stays.BirthDate, stays.Sex = b.Family, b.Given, b.BirthDate, b.Sex
	}
	p.keep(gone)
	p.keep(stays)
	p.stays.put(a.ID, s)
	p.replace(m, s, before, after)
	p.fast.clear()
	return nil
}
