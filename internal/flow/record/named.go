package record

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"thalamus/internal/model"
)

// The record keeps the id of the device that a message was of when it came.
// Where that device turned out to be another one that was known already, both
// ids stand for one machine from then on: a reader of the named record sees all
// of it under the known device, and the record itself stays as it was written
// (decision 210). While nothing is merged every call goes straight through.

// Names knows which ids stand for one device.
type Names interface {
	// Merging says whether any device was merged into another.
	Merging() bool
	// Head gives the id of the device that an id stands for.
	Head(id model.DeviceID) model.DeviceID
	// Names gives all ids that stand for a device, its own first.
	Names(id model.DeviceID) []model.DeviceID
	// PlaceOf is where people said a device stands.
	PlaceOf(id model.DeviceID) model.Place
}

// NamedReader reads the record with devices as they are known now.
type NamedReader struct {
	Reader
	names Names
}

// Name makes a reader of the record by the names of devices.
func Name(r Reader, n Names) *NamedReader { return &NamedReader{r, n} }

var _ Reader = (*NamedReader)(nil)

// Renamed gives a message the devices as they are known now; itself where
// nothing differs.
func Renamed(m *model.Message, n Names) *model.Message {
	if m == nil || !n.Merging() {
		return m
	}
	out := m
	for i := range m.Devices {
		id := m.Devices[i].ID
		if id == "" {
			continue
		}
		head := n.Head(id)
		if head == id {
			continue
		}
		if out == m {
			one := *m
			one.Devices = slices.Clone(m.Devices)
			out = &one
		}
		out.Devices[i].ID = head
		if out.Devices[i].Place == (model.Place{}) {
			out.Devices[i].Place = n.PlaceOf(head)
		}
	}
	return out
}

// ids gives the ids to ask for to find all of a device; one empty id for none.
func (r *NamedReader) ids(device model.DeviceID) []model.DeviceID { return namesOf(r.names, device) }

// namesOf gives all ids that stand for a device, its own first; names may be nil.
func namesOf(names Names, device model.DeviceID) []model.DeviceID {
	if names == nil || device == "" || !names.Merging() {
		return []model.DeviceID{device}
	}
	return names.Names(names.Head(device))
}

// Owed gives the messages owed to a destination.
func (r *NamedReader) Owed(ctx context.Context, dest model.DestinationID, after model.MessageRef, limit int) ([]*model.Message, model.MessageRef, error) {
	list, upTo, err := r.Reader.Owed(ctx, dest, after, limit)
	for i := range list {
		list[i] = Renamed(list[i], r.names)
	}
	return list, upTo, err
}

// Message gives one message.
func (r *NamedReader) Message(ctx context.Context, ref model.MessageRef) (*model.Message, error) {
	m, err := r.Reader.Message(ctx, ref)
	return Renamed(m, r.names), err
}

// Search finds messages, newest first.
func (r *NamedReader) Search(ctx context.Context, q Query) ([]Summary, model.MessageRef, error) {
	var all []Summary
	var floor model.MessageRef // how far down every list is complete
	ids := r.ids(q.Device)
	for _, id := range ids {
		q.Device = id
		found, next, err := r.Reader.Search(ctx, q)
		if err != nil {
			return nil, next, err
		}
		all = append(all, found...)
		if compareRefs(next, floor) > 0 {
			floor = next
		}
	}
	if r.names.Merging() {
		for i := range all {
			if all[i].Device != "" {
				all[i].Device = r.names.Head(all[i].Device)
			}
		}
	}
	if len(ids) == 1 {
		return all, floor, nil
	}
	all = slices.DeleteFunc(all, func(s Summary) bool { return compareRefs(s.Ref, floor) < 0 })
	slices.SortFunc(all, func(a, b Summary) int { return compareRefs(b.Ref, a.Ref) })
	all = slices.CompactFunc(all, func(a, b Summary) bool { return a.Ref == b.Ref }) // it names both
	if limit := q.Most(); len(all) > limit {
		all = all[:limit]
		floor = all[limit-1].Ref
	}
	return all, floor, nil
}

// Refs gives the messages that match, oldest first.
func (r *NamedReader) Refs(ctx context.Context, q Span) iter.Seq2[model.MessageRef, error] {
	var lists []iter.Seq2[model.MessageRef, error]
	for _, id := range r.ids(q.Device) {
		q.Device = id
		lists = append(lists, r.Reader.Refs(ctx, q))
	}
	return inOrder(lists, func(ref model.MessageRef) model.MessageRef { return ref })
}

// Scan gives the messages that match, oldest first.
func (r *NamedReader) Scan(ctx context.Context, q Query) iter.Seq2[*model.Message, error] {
	var lists []iter.Seq2[*model.Message, error]
	for _, id := range r.ids(q.Device) {
		q.Device = id
		lists = append(lists, r.Reader.Scan(ctx, q))
	}
	all := inOrder(lists, func(m *model.Message) model.MessageRef { return m.Ref })
	return func(yield func(*model.Message, error) bool) {
		for m, err := range all {
			if !yield(Renamed(m, r.names), err) {
				return
			}
		}
	}
}

// inOrder makes one list of several that are in order, each message once. It
// ends with the first error.
func inOrder[T any](lists []iter.Seq2[T, error], refOf func(T) model.MessageRef) iter.Seq2[T, error] {
	if len(lists) == 1 {
		return lists[0]
	}
	type head struct {
		one  T
		err  error
		ok   bool
		next func() (T, error, bool)
	}
	return func(yield func(T, error) bool) {
		heads := make([]head, len(lists))
		for i := range lists {
			next, stop := iter.Pull2(lists[i])
			defer stop()
			heads[i].next = next
			heads[i].one, heads[i].err, heads[i].ok = next()
		}
		var last model.MessageRef
		for {
			var first *head
			for i := range heads {
				h := &heads[i]
				switch {
				case !h.ok:
				case h.err != nil:
					yield(h.one, h.err)
					return
				case first == nil || compareRefs(refOf(h.one), refOf(first.one)) < 0:
					first = h
				}
			}
			if first == nil {
				return
			}
			if ref := refOf(first.one); ref != last || ref == (model.MessageRef{}) {
				last = ref
				if !yield(first.one, nil) {
					return
				}
			}
			first.one, first.err, first.ok = first.next()
		}
	}
}

// Latest gives the last value of every code of a subject.
func (r *NamedReader) Latest(ctx context.Context, s Subject) ([]LatestValue, error) {
	var all []LatestValue
	for _, id := range r.ids(s.Device) {
		s.Device = id
		list, err := r.Reader.Latest(ctx, s)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return r.lastOf(all), nil
}

// LastValues gives the last value of every code asked for.
func (r *NamedReader) LastValues(ctx context.Context, q LastQuery) ([]LatestValue, error) {
	q.Subjects, _ = r.widen(q.Subjects)
	all, err := r.Reader.LastValues(ctx, q)
	if err != nil {
		return nil, err
	}
	return r.lastOf(all), nil
}

// lastOf leaves of the last values of devices with several names the last.
func (r *NamedReader) lastOf(all []LatestValue) []LatestValue {
	if !r.names.Merging() {
		return all
	}
	type key struct {
		Subject
		code model.Code
		sent string
		unit string
		simu bool
	}
	at, out, merged := map[key]int{}, all[:0:0], false
	for _, v := range all {
		if head := r.names.Head(v.Device); v.Device != "" && head != v.Device {
			v.Device, merged = head, true
		}
		k := key{Subject: v.Subject, code: v.Code, simu: v.Simulated}
		if v.Code == (model.Code{}) {
			k.sent, k.unit = v.Received.Code+"\x00"+v.Received.Text, v.UnitUCUM
		}
		n, ok := at[k]
		switch {
		case !ok:
			at[k] = len(out)
			out = append(out, v)
		case v.Time.After(out[n].Time):
			out[n] = v
		}
	}
	if !merged {
		return all
	}
	slices.SortStableFunc(out, func(a, b LatestValue) int {
		return cmp.Or(strings.Compare(string(a.Patient), string(b.Patient)), strings.Compare(string(a.Device), string(b.Device)))
	})
	return out
}

// widen gives subjects under all names of their devices; more says that there
// may be several names of one.
func (r *NamedReader) widen(subjects []Subject) (out []Subject, more bool) {
	if !r.names.Merging() {
		return subjects, false
	}
	if len(subjects) == 0 {
		return subjects, true
	}
	for _, s := range subjects {
		ids := r.ids(s.Device)
		more = more || s.Device == "" || len(ids) > 1
		for _, id := range ids {
			s.Device = id
			out = append(out, s)
		}
	}
	return out, more
}
