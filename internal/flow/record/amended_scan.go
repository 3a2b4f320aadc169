package record

import (
	"context"
	"iter"
	"slices"

	"thalamus/internal/model"
)

// amendedAhead is over how many journal entries Scan asks for amendments at
// once.
const amendedAhead = 4096

// Scan gives the messages that match by what is known now, oldest first.
func (r *AmendedReader) Scan(ctx context.Context, q Query) iter.Seq2[*model.Message, error] {
	return func(yield func(*model.Message, error) bool) {
		asked, err := r.asRecorded(ctx, q)
		if err != nil {
			yield(nil, err)
			return
		}
		var truths map[model.MessageRef]*model.Amended
		upTo := model.Seq(0) // truths holds what is known of entries up to here
		for m, err := range r.Reader.Scan(ctx, asked) {
			if err == nil && m.Ref.Seq > upTo {
				upTo = m.Ref.Seq + amendedAhead
				truths, err = r.truths(ctx, []model.MessageRef{m.Ref, {Seq: upTo, Part: 1<<24 - 1}})
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if a := truths[m.Ref]; a != nil {
				was := m.Patient
				if a.Version > 1 {
					versions, err := r.amendments.Amended(ctx, m.Ref)
					if err != nil {
						yield(nil, err)
						return
					}
					m = WithVersions(m, versions)
				} else {
					m = WithVersion(m, a, was)
				}
			}
			if q.Matches(m) && !yield(m, nil) {
				return
			}
		}
	}
}

// asRecorded gives a query that finds, by whom messages were recorded as, all
// that are somebody's by what is known now, and perhaps more.
func (r *AmendedReader) asRecorded(ctx context.Context, q Query) (Query, error) {
	if len(q.Patients) == 0 {
		return q, nil
	}
	q.Patients = slices.Clone(q.Patients)
	for _, p := range slices.Clone(q.Patients) {
		list, err := r.amendments.AmendedTo(ctx, p, model.MessageRef{}, mostAmended)
		if err != nil {
			return q, err
		}
		if len(list) == mostAmended {
			q.Patients = nil // too many to name: look at everybody
			return q, nil
		}
		for _, o := range originsOf(list, "") {
			if o.Patient == "" {
				q.Patients = nil // nobody's when they came: no index finds them
				return q, nil
			}
			if !slices.Contains(q.Patients, o.Patient) {
				q.Patients = append(q.Patients, o.Patient)
			}
		}
	}
	return q, nil
}
