package patients

import (
	"context"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Get gives the person that an id names, after merges, with the bed now; or a
// fault.Absent.
func (p *Patients) Get(ctx context.Context, id model.PatientID) (Patient, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one, err := p.root(ctx, id)
	if err != nil {
		return Patient{}, err
	}
	if one == nil {
		return Patient{}, fault.New(fault.Absent, "patients.absent", "there is no patient %q; search by name or number to find the id", string(id[:min(len(id), 40)]))
	}
	return p.placed(ctx, *one)
}

// placed fills Place.
func (p *Patients) placed(ctx context.Context, one Patient) (Patient, error) {
	s, err := p.stayOf(ctx, &one)
	if err != nil {
		return one, err
	}
	spans := spansOf(s.moves, one.ID)
	if len(spans) == 0 {
		return one, nil
	}
	last := spans[len(spans)-1]
	if !last.Until.IsZero() {
		return one, nil
	}
	bed, err := p.bed(ctx, last.Bed)
	if err != nil {
		return one, err
	}
	if len(bed) > 0 {
		// Whoever came last is there, whatever the time: no clock is asked.
		if who, _ := occupant(bed, last.Place, bed[len(bed)-1].From); who != nil && who.Patient == one.ID {
			one.Place = last.Place
		}
	}
	return one, nil
}

// Same gives all ids of the person that an id names: what is stored under an
// id that was merged later is still theirs. The person's own comes first.
func (p *Patients) Same(ctx context.Context, id model.PatientID) ([]model.PatientID, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one, err := p.root(ctx, id)
	if err != nil {
		return nil, err
	}
	if one == nil {
		return []model.PatientID{id}, nil
	}
	return append([]model.PatientID{one.ID}, one.Aliases...), nil
}

// Find gives persons whose name, given name or number begins with text,
// whatever the case, at most limit (0 means 50, at most 1000). A text without
// letters or digits finds nobody.
func (p *Patients) Find(ctx context.Context, text string, limit int) ([]Patient, error) {
	text = Fold(text)
	if text == "" {
		return nil, nil
	}
	if limit <= 0 {
		limit = 50
	}
	list, err := p.store.FindPatients(ctx, text, min(limit, 1000))
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range list {
		if list[i], err = p.placed(ctx, list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// At gives who lay in a bed at a time; empty for nobody, or where it cannot
// be told.
func (p *Patients) At(ctx context.Context, place model.Place, t time.Time) (model.PatientID, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	spans, err := p.bedAt(ctx, place)
	if err != nil {
		return "", err
	}
	found, unsure := occupant(spans, place, t)
	if found == nil || unsure {
		return "", nil
	}
	one, err := p.root(ctx, found.Patient)
	if one == nil || err != nil {
		return "", err
	}
	return one.ID, nil
}

// Associations gives who had which bed or device when, newest first. The stay
// of a patient who was never discharged ends where the next one in the bed
// begins.
func (p *Patients) Associations(ctx context.Context, q Query) ([]model.Association, error) {
	list, err := p.store.Associations(ctx, q)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]model.Association, 0, len(list))
	for _, s := range list {
		if s.Bed != "" {
			bed, err := p.bed(ctx, s.Bed)
			if err != nil {
				return nil, err
			}
			for _, next := range bed {
				if next.From.After(s.From) && sameFacility(next.Place, s.Place) {
					if s.Until.IsZero() || next.From.Before(s.Until) {
						s.Until = next.From
					}
					break
				}
			}
		}
		out = append(out, s.Association)
	}
	return out, nil
}
