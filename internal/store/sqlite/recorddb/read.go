package recorddb

import (
	"context"
	"slices"
	"sort"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/store/sqlite/recorddb/pack"
)

// owedWork bounds the messages one call of Owed looks at.
const owedWork = 4096

// Owed gives messages owed to dest, oldest first.
func (d *DB) Owed(ctx context.Context, dest model.DestinationID, after model.MessageRef, limit int) ([]*model.Message, model.MessageRef, error) {
	k := keyOf(after)
	var owed []*model.Message
	take := func(m *model.Message) (more bool) {
		k = keyOf(m.Ref)
		if owes(m, dest) {
			owed = append(owed, m)
		}
		return len(owed) < limit
	}
	d.mu.RLock()
	if msgs, held := d.recent.after(k); held {
		for _, m := range msgs[:min(len(msgs), owedWork)] {
			if !take(m) {
				break
			}
		}
		d.mu.RUnlock()
		return owed, k.ref(), nil
	}
	files := d.filesAfter(k)
	d.mu.RUnlock()
	work, more := owedWork, true
	for _, f := range files {
		err := d.read(ctx, f.f, func(r *reading) error {
			from := ordinal(1)
			if p, ok, err := r.blockOf(k); err != nil {
				return err
			} else if ok {
				from = p.id
			}
			return r.blocks(from, func(_ ordinal, b *pack.Block) (bool, error) {
				for i := range b.Len() {
					if keyOf(b.Ref(i)) <= k {
						continue
					}
					m, err := b.Message(i)
					if err != nil {
						return false, err
					}
					work--
					if more = take(m) && work > 0; !more {
						return false, nil
					}
				}
				return true, nil
			})
		})
		if err != nil {
			return nil, after, err
		}
		if !more {
			break
		}
	}
	return owed, k.ref(), nil
}

func owes(m *model.Message, dest model.DestinationID) bool {
	for i := range m.Routed {
		if m.Routed[i].Destination == dest && m.Routed[i].Owed() {
			return true
		}
	}
	return false
}

// part is a file as it was at one moment.
type part struct {
	f *file
	extent
}

// filesAfter gives the files that hold messages later than k. DB.mu is held.
func (d *DB) filesAfter(k key) []part {
	var parts []part
	for _, f := range d.files[sort.Search(len(d.files), func(i int) bool { return d.files[i].last > k }):] {
		if f.messages > 0 {
			parts = append(parts, part{f, f.extent})
		}
	}
	return parts
}

// Message gives one message.
func (d *DB) Message(ctx context.Context, ref model.MessageRef) (*model.Message, error) {
	k := keyOf(ref)
	d.mu.RLock()
	m := d.recent.find(k)
	files := d.filesAfter(k - 1)
	d.mu.RUnlock()
	if m != nil {
		return m, nil
	}
	if len(files) > 0 {
		err := d.read(ctx, files[0].f, func(r *reading) error {
			p, ok, err := r.blockOf(k)
			if err != nil || !ok {
				return err
			}
			b, err := r.body(p.id)
			if err != nil {
				return err
			}
			for i := range b.Len() {
				if b.Ref(i) == ref {
					m, err = b.Message(i)
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if m == nil {
		return nil, fault.New(fault.Absent, "record.absent", "the record has no message %d.%d", ref.Seq, ref.Part)
	}
	return m, nil
}

// Counts gives what each channel brought since the record began.
func (d *DB) Counts() map[model.ChannelID]record.Count {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := make(map[model.ChannelID]record.Count, len(d.fresh.tally.counts))
	for id, c := range d.fresh.tally.counts {
		all[id] = *c
	}
	return all
}

// Sightings tells when each device was last heard, the latest first.
func (d *DB) Sightings(ctx context.Context) ([]record.Sighting, error) {
	d.mu.RLock()
	list := make([]record.Sighting, 0, len(d.fresh.tally.sightings))
	for _, s := range d.fresh.tally.sightings {
		list = append(list, *s)
	}
	d.mu.RUnlock()
	slices.SortFunc(list, func(a, b record.Sighting) int { return b.Last.Compare(a.Last) })
	return list, nil
}

// Verify reads everything there is and gives the first damage it finds, or nil.
// It takes as long as the disk needs.
func (d *DB) Verify(ctx context.Context) error {
	d.mu.RLock()
	files := slices.Clone(d.files)
	d.mu.RUnlock()
	for _, f := range files {
		err := d.read(ctx, f, func(r *reading) error {
			if err := r.check("PRAGMA integrity_check(1)", f.path); err != nil {
				return err
			}
			m := new(model.Message)
			next := ordinal(1)
			return r.blocks(1, func(id ordinal, b *pack.Block) (bool, error) {
				if id != next {
					return false, fault.New(fault.Broken, "record.damaged", "messages %d to %d of the file are missing; set the file aside and read the journal again", next, id-1).At(f.path)
				}
				next += ordinal(b.Len())
				for i := range b.Len() {
					if err := b.Read(i, m); err != nil {
						return false, err
					}
				}
				return true, nil
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
