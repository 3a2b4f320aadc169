package record

import (
	"context"
	"slices"

	"thalamus/internal/model"
)

// The record keeps whose a message was when it came. What became known later
// lies beside it, as versions; a reader of the amended record sees the last
// version everywhere (R20, decision 0093). A look at what was never amended
// costs one look-up more.

// Amendments are the versions of messages whose patient was corrected.
type Amendments interface {
	// Amended gives the versions of a message, the last one first.
	Amended(ctx context.Context, ref model.MessageRef) ([]model.Amended, error)
	// AmendedBetween gives the last version of the messages from one reference
	// to another, both included, oldest first.
	AmendedBetween(ctx context.Context, from, to model.MessageRef) ([]model.Amended, error)
	// AmendedTo gives messages that are a patient's by their last version,
	// newest first, before a reference where one is given.
	AmendedTo(ctx context.Context, patient model.PatientID, before model.MessageRef, limit int) ([]model.Amended, error)
	// AmendedFrom gives messages that were first recorded as a patient's and
	// have another by their last version, in the same order.
	AmendedFrom(ctx context.Context, patient model.PatientID, before model.MessageRef, limit int) ([]model.Amended, error)
}

// AmendedReader reads the record as it is known now.
type AmendedReader struct {
	Reader
	amendments Amendments
}

// Amend makes a reader of the amended record.
func Amend(r Reader, a Amendments) *AmendedReader { return &AmendedReader{r, a} }

var _ Reader = (*AmendedReader)(nil)

// mostAmended bounds the amended messages of one patient that one read looks
// at, the newest first.
const mostAmended = 200_000

// Message gives one message by its last version.
func (r *AmendedReader) Message(ctx context.Context, ref model.MessageRef) (*model.Message, error) {
	m, err := r.Reader.Message(ctx, ref)
	if err != nil {
		return nil, err
	}
	versions, err := r.amendments.Amended(ctx, ref)
	if err != nil {
		return nil, err
	}
	return WithVersions(m, versions), nil
}

// WithVersions gives a message as recorded by the last of its versions, which
// comes first.
func WithVersions(m *model.Message, versions []model.Amended) *model.Message {
	if len(versions) == 0 {
		return m
	}
	was := m.Patient
	if len(versions) > 1 {
		was = versions[1].Patient
	}
	return WithVersion(m, &versions[0], was)
}

// WithVersion gives a message the patient of a version; was is the one of the
// version before.
func WithVersion(m *model.Message, a *model.Amended, was *model.Patient) *model.Message {
	one := *m
	one.Patient = a.Patient
	if m.Visit != nil && a.Patient != nil && m.Patient != nil && m.Patient.ID != a.Patient.ID {
		// The kind and number of the visit may be the other patient's.
		visit := model.Visit{Place: m.Visit.Place, Prior: m.Visit.Prior}
		one.Visit = &visit
	}
	one.Amended = &model.Amendment{Correction: a.ID, Version: a.Version, First: PatientOf(m), Was: was, At: a.At, Cause: a.Cause}
	return &one
}

// truths gives the last versions of those of some messages that have any.
func (r *AmendedReader) truths(ctx context.Context, refs []model.MessageRef) (map[model.MessageRef]*model.Amended, error) {
	slices.SortFunc(refs, compareRefs)
	refs = slices.Compact(refs)
	if len(refs) == 0 {
		return nil, nil
	}
	list, err := r.amendments.AmendedBetween(ctx, refs[0], refs[len(refs)-1])
	if err != nil || len(list) == 0 {
		return nil, err
	}
	all := make(map[model.MessageRef]*model.Amended, len(list))
	for i := range list {
		all[list[i].Ref] = &list[i]
	}
	return all, nil
}

func compareRefs(a, b model.MessageRef) int {
	switch {
	case a == b:
		return 0
	case a.Seq < b.Seq || a.Seq == b.Seq && a.Part < b.Part:
		return -1
	}
	return 1
}

func idOf(a *model.Amended) model.PatientID {
	if a.Patient == nil {
		return ""
	}
	return a.Patient.ID
}

// Search finds messages, newest first, by what is known now.
func (r *AmendedReader) Search(ctx context.Context, q Query) ([]Summary, model.MessageRef, error) {
	found, next, err := r.Reader.Search(ctx, q)
	if err != nil {
		return nil, next, err
	}
	if len(q.Patients) == 0 {
		return found, next, r.relabel(ctx, found)
	}
	var mine, gone []model.Amended
	limit := q.Most()
	for _, p := range q.Patients {
		to, err := r.amendments.AmendedTo(ctx, p, q.Before, limit)
		if err != nil {
			return nil, next, err
		}
		mine = append(mine, to...)
		from, err := r.amendments.AmendedFrom(ctx, p, q.Before, mostAmended)
		if err != nil {
			return nil, next, err
		}
		gone = append(gone, from...)
	}
	if len(mine)+len(gone) == 0 {
		return found, next, nil
	}
	left := make(map[model.MessageRef]bool, len(gone))
	for i := range gone {
		if !slices.Contains(q.Patients, idOf(&gone[i])) {
			left[gone[i].Ref] = true
		}
	}
	found = slices.DeleteFunc(found, func(s Summary) bool { return left[s.Ref] })
	// How far down both lists are complete.
	floor := next
	if len(mine) >= limit {
		slices.SortFunc(mine, func(a, b model.Amended) int { return compareRefs(b.Ref, a.Ref) })
		if last := mine[limit-1].Ref; compareRefs(last, floor) > 0 {
			floor = last
		}
	}
	have := make(map[model.MessageRef]bool, len(found))
	for i := range found {
		have[found[i].Ref] = true
	}
	for i := range mine {
		a := &mine[i]
		if have[a.Ref] || compareRefs(a.Ref, floor) < 0 || q.After != (model.MessageRef{}) && compareRefs(a.Ref, q.After) <= 0 {
			continue
		}
		m, err := r.Message(ctx, a.Ref)
		if err != nil {
			return nil, next, err
		}
		if q.Matches(m) {
			found = append(found, Summarise(m))
		}
	}
	found = slices.DeleteFunc(found, func(s Summary) bool { return compareRefs(s.Ref, floor) < 0 })
	slices.SortFunc(found, func(a, b Summary) int { return compareRefs(b.Ref, a.Ref) })
	next = floor
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].Ref
	}
	return found, next, r.relabel(ctx, found)
}

// relabel gives summaries the patients known now.
func (r *AmendedReader) relabel(ctx context.Context, found []Summary) error {
	refs := make([]model.MessageRef, len(found))
	for i := range found {
		refs[i] = found[i].Ref
	}
	truths, err := r.truths(ctx, refs)
	if err != nil {
		return err
	}
	for i := range found {
		a := truths[found[i].Ref]
		if a == nil {
			continue
		}
		found[i].Patient, found[i].PatientName = idOf(a), ""
		if p := a.Patient; p != nil {
			found[i].PatientName = p.Family
			if len(p.Given) > 0 {
				found[i].PatientName += ", " + p.Given[0]
			}
		}
	}
	return nil
}

// Sightings tells when each device was last heard, and with whom.
func (r *AmendedReader) Sightings(ctx context.Context) ([]Sighting, error) {
	list, err := r.Reader.Sightings(ctx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		versions, err := r.amendments.Amended(ctx, list[i].Ref)
		if err != nil {
			return nil, err
		}
		if len(versions) > 0 {
			list[i].Patient = idOf(&versions[0])
		}
	}
	return list, nil
}

// Alerts gives alerts, the latest news first.
func (r *AmendedReader) Alerts(ctx context.Context, q AlertQuery) ([]AlertState, error) {
	list, err := r.Reader.Alerts(ctx, q)
	if err != nil {
		return nil, err
	}
	if q.Patient != "" {
		origins, err := r.origins(ctx, q.Patient, q.Device)
		if err != nil {
			return nil, err
		}
		for _, o := range origins {
			other := q
			other.Subject = o
			more, err := r.Reader.Alerts(ctx, other)
			if err != nil {
				return nil, err
			}
			list = append(list, slices.DeleteFunc(more, func(s AlertState) bool { return s.Patient != o.Patient })...)
		}
	}
	refs := make([]model.MessageRef, len(list))
	for i := range list {
		refs[i] = list[i].Ref
	}
	truths, err := r.truths(ctx, refs)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if a := truths[list[i].Ref]; a != nil {
			list[i].Patient = idOf(a)
		}
	}
	list = slices.DeleteFunc(list, func(s AlertState) bool { return q.Patient != "" && s.Patient != q.Patient })
	slices.SortStableFunc(list, func(a, b AlertState) int { return b.Arrived.Compare(a.Arrived) })
	return list[:min(len(list), q.Most())], nil
}

// origins gives under whom else the record has what is a patient's now.
func (r *AmendedReader) origins(ctx context.Context, patient model.PatientID, device model.DeviceID) ([]Subject, error) {
	list, err := r.amendments.AmendedTo(ctx, patient, model.MessageRef{}, mostAmended)
	if err != nil {
		return nil, err
	}
	return originsOf(list, device), nil
}

func originsOf(list []model.Amended, device model.DeviceID) []Subject {
	var out []Subject
	for i := range list {
		s := Subject{Patient: list[i].First, Device: list[i].Device}
		if (device == "" || s.Device == device) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
