package register

import (
	"context"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// Merge is the decision that a stranger is a known device (R11, R30): it got
// another serial text, another HL7 application, another MAC, or speaks over a
// second path. Its keys stay its own and lead to the known device, so that
// nothing has to be moved back when the decision is undone (decision 210).
type Merge struct {
	Into   model.DeviceID `json:"into"`
	By     model.ActorID  `json:"by"`
	At     time.Time      `json:"at"`
	Reason string         `json:"reason,omitempty"`
}

// MergeAsk is what somebody decides of a stranger.
type MergeAsk struct {
	ID, Into model.DeviceID
	Expect   int64 // version of the stranger, or AnyVersion
	Reason   string
	Force    bool // although both seem to be machines of their own
}

// Merge makes a stranger another name of a known device, in the caller's
// transaction, and gives the known device. Errors: fault.Conflict where one of
// both cannot be part of it, code register.merge and what is said there.
func (r *Register) Merge(ctx context.Context, tx Tx, ask MergeAsk, mark Mark) (Device, error) {
	if ask.ID == ask.Into {
		return Device{}, fault.New(fault.Invalid, "register.merge", "a device cannot be merged into itself; name the known device that it is").At("into")
	}
	s, err := tx.Device(ctx, ask.ID)
	if err != nil {
		return Device{}, err
	}
	if ask.Expect != AnyVersion && ask.Expect != s.Version {
		return Device{}, deviceVersionFault(s.ID, s.Version, ask.Expect)
	}
	k, err := tx.Device(ctx, ask.Into)
	if err != nil {
		return Device{}, err
	}
	if err := mergeable(&s); err != nil {
		return Device{}, err
	}
	said, err := tx.Facts(ctx, fact.Of(fact.OfDevice, string(k.ID)), Believed)
	if err != nil {
		return Device{}, err
	}
	if err := mergeTarget(&k, said, mark.At); err != nil {
		return Device{}, err
	}
	if why := r.contradiction(s.ID, k.ID); why != "" && !ask.Force {
		return Device{}, fault.New(fault.Conflict, "register.merge-contradicts",
			"%s and %s spoke at the same time and tell different %s: they seem to be two machines; look at both, and if they are one, merge with force and say why", clip(string(s.ID)), clip(string(k.ID)), why).At("into")
	}
	was := r.Names(k.ID)[1:]
	now := slices.Sorted(slices.Values(append(slices.Clone(was), s.ID)))
	s.Merged = &Merge{Into: k.ID, By: mark.By, At: mark.At, Reason: ask.Reason}
	if _, err := r.keep(ctx, tx, s, []Change{{Device: s.ID, At: mark.At, Fact: "merged", Now: string(k.ID), By: mark.By, Change: mark.Change}}); err != nil {
		return Device{}, err
	}
	return r.keep(ctx, tx, k, []Change{{Device: k.ID, At: mark.At, Fact: "alias", Was: joined(was), Now: joined(now), By: mark.By, Change: mark.Change}})
}

// Separate undoes a merge: what comes from now on under the keys of the
// stranger is the stranger's again. What was recorded stays where it was
// recorded.
func (r *Register) Separate(ctx context.Context, tx Tx, id model.DeviceID, expect int64, mark Mark) (Device, error) {
	s, err := tx.Device(ctx, id)
	if err != nil {
		return Device{}, err
	}
	if expect != AnyVersion && expect != s.Version {
		return Device{}, deviceVersionFault(id, s.Version, expect)
	}
	if s.Merged == nil {
		return Device{}, fault.New(fault.Conflict, "register.merge", "%s is merged into no device; there is nothing to separate", clip(string(id)))
	}
	into := s.Merged.Into
	s.Merged = nil
	s, err = r.keep(ctx, tx, s, []Change{{Device: id, At: mark.At, Fact: "merged", Was: string(into), By: mark.By, Change: mark.Change}})
	if err != nil {
		return s, err
	}
	k, err := tx.Device(ctx, into)
	if err != nil {
		return s, err
	}
	was := r.Names(into)[1:]
	now := slices.DeleteFunc(slices.Clone(was), func(one model.DeviceID) bool { return one == id })
	_, err = r.keep(ctx, tx, k, []Change{{Device: into, At: mark.At, Fact: "alias", Was: joined(was), Now: joined(now), By: mark.By, Change: mark.Change}})
	return s, err
}

// mergeable says why a device cannot become a name of another.
func mergeable(s *Device) error {
	switch {
	case s.Merged != nil:
		return fault.New(fault.Conflict, "register.merge", "%s is merged into %s already; separate it first", clip(string(s.ID)), clip(string(s.Merged.Into)))
	case s.Adopted():
		return fault.New(fault.Conflict, "register.merge", "%s is adopted as a device of its own; release it first, then merge it", clip(string(s.ID)))
	case s.Block != nil:
		return fault.New(fault.Conflict, "register.merge", "%s was blocked; unblock it and decide about what was set aside first", clip(string(s.ID)))
	case len(s.Keys) > 0 && strings.HasPrefix(s.Keys[0], "overflow|"):
		return fault.New(fault.Conflict, "register.merge", "%s stands for many senders that nobody could count; it is no single device", clip(string(s.ID)))
	}
	return nil
}

// onlyName refuses acts on what is but another name of a device.
func onlyName(d *Device) error {
	if d.Merged == nil {
		return nil
	}
	return fault.New(fault.Conflict, "register.merged", "%s is another name of %s, into which it was merged; do it to that one, or separate them first", clip(string(d.ID)), clip(string(d.Merged.Into)))
}

// mergeTarget says why nothing can become a name of a device.
func mergeTarget(k *Device, said []fact.Fact, now time.Time) error {
	switch {
	case k.Merged != nil:
		return fault.New(fault.Conflict, "register.merge", "%s is itself a name of %s; merge into that one", clip(string(k.ID)), clip(string(k.Merged.Into))).At("into")
	case !k.Adopted():
		return fault.New(fault.Conflict, "register.merge", "nobody has adopted %s; adopt it first, then merge into it", clip(string(k.ID))).At("into")
	case k.Block.InForce(now):
		return fault.New(fault.Conflict, "register.merge", "%s is blocked; unblock it first, or what the other sends stops as well", clip(string(k.ID))).At("into")
	}
	for i := range said {
		f := &said[i]
		if f.Name == "life" && f.Truth != fact.Observed && f.TrueAt(now) && (f.Value == "retired" || f.Value == "disposed") {
			return fault.New(fault.Conflict, "register.merge", "%s is %s; a device that is gone cannot speak: set its stage of life right, or adopt the other as a new device", clip(string(k.ID)), f.Value).At("into")
		}
	}
	return nil
}

// contradiction names what shows that two devices are two machines: both were
// heard in one span of time, and each tells another number of a kind that one
// machine has one of. Empty where nothing does.
func (r *Register) contradiction(stranger, known model.DeviceID) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, k := r.units[stranger], r.units[known]
	if s == nil || k == nil || s.dev.Seen.Messages == 0 || k.dev.Seen.LastSeen.Before(s.dev.Observed.FirstSeen) || s.dev.Seen.LastSeen.Before(k.dev.Observed.FirstSeen) {
		return ""
	}
	for _, one := range [...]struct{ prefix, words string }{{"eui64|", "EUI-64"}, {"udi|", "UDI serial numbers"}, {"serial|", "serial numbers"}} {
		a, b := numbersOfKeys(s.dev.Keys, one.prefix), numbersOfKeys(k.dev.Keys, one.prefix)
		if len(a) > 0 && len(b) > 0 && !slices.ContainsFunc(a, func(n string) bool { return slices.Contains(b, n) }) {
			return one.words
		}
	}
	return ""
}

// numbersOfKeys gives the numbers that keys of a kind name a machine by,
// without leading zeros; a serial number without its maker proves nothing.
func numbersOfKeys(keys []string, prefix string) (out []string) {
	for _, k := range keys {
		if rest, ok := strings.CutPrefix(k, prefix); ok && !strings.HasPrefix(rest, "@") {
			out = append(out, strings.TrimLeft(rest[strings.LastIndexByte(rest, '|')+1:], "0"))
		}
	}
	return out
}

func joined(ids []model.DeviceID) string {
	text := make([]string, len(ids))
	for i := range ids {
		text[i] = string(ids[i])
	}
	return strings.Join(text, " ")
}

// unit gives the unit that an id stands for, also where it is another name of
// it; nil for none. Called with r.mu held.
func (r *Register) unit(id model.DeviceID) *unit {
	for range len(r.aliases) + 1 {
		if u := r.units[id]; u != nil {
			return u
		}
		alias := r.aliases[id]
		if alias == nil {
			return nil
		}
		id = alias.dev.Merged.Into
	}
	return nil
}

// own gives the unit with an id, a device or another name of one. Called with
// r.mu held.
func (r *Register) own(id model.DeviceID) *unit {
	if u := r.units[id]; u != nil {
		return u
	}
	return r.aliases[id]
}

// head gives the device that a unit stands for. Called with r.mu held.
func (r *Register) head(u *unit) *unit {
	if u == nil || u.dev.Merged == nil {
		return u
	}
	if h := r.unit(u.dev.Merged.Into); h != nil {
		return h
	}
	return u
}

// Head gives the id of the device that an id stands for: its own, but for one
// that was merged.
func (r *Register) Head(id model.DeviceID) model.DeviceID {
	if r.merges.Load() == 0 {
		return id
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.unit(id); u != nil {
		return u.dev.ID
	}
	return id
}

// Names gives the ids under which a device was recorded: its own first, then
// those that were merged into it, sorted.
func (r *Register) Names(id model.DeviceID) []model.DeviceID {
	names := []model.DeviceID{id}
	if r.merges.Load() == 0 {
		return names
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, alias := range r.aliases {
		if h := r.head(alias); h.dev.ID == id && alias.dev.ID != id {
			names = append(names, alias.dev.ID)
		}
	}
	slices.Sort(names[1:])
	return names
}

// Merging says whether any device was merged.
func (r *Register) Merging() bool { return r.merges.Load() > 0 }

// Aliases gives what was merged into a device, sorted by id.
func (r *Register) Aliases(id model.DeviceID) []Device {
	out := []Device{}
	for _, name := range r.Names(id)[1:] {
		r.mu.Lock()
		if u := r.aliases[name]; u != nil {
			out = append(out, u.dev.copy())
		}
		r.mu.Unlock()
	}
	return out
}

// Merged gives what was merged into each device, sorted by id; empty where
// nothing was.
func (r *Register) Merged() map[model.DeviceID][]Device {
	out := map[model.DeviceID][]Device{}
	if r.merges.Load() == 0 {
		return out
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, alias := range r.aliases {
		head := r.head(alias).dev.ID
		out[head] = append(out[head], alias.dev.copy())
	}
	for _, list := range out {
		slices.SortFunc(list, func(a, b Device) int { return strings.Compare(string(a.ID), string(b.ID)) })
	}
	return out
}

// putAside takes a unit that was merged out of the devices. Called with r.mu
// held or before use.
func (r *Register) putAside(u *unit, at time.Time) {
	r.touch(u, at)
	if rows := r.told(u); len(rows) > 0 {
		r.beliefs[fact.Of(fact.OfDevice, string(u.dev.ID))] = rows
		u.say(nil)
	}
	delete(r.units, u.dev.ID)
	if i := slices.Index(r.order, u); i >= 0 {
		r.order = slices.Delete(r.order, i, i+1)
	}
	if u.dev.Adoption == nil {
		r.unknown[u.dev.Observed.Channel]--
	}
	r.aliases[u.dev.ID] = u
	r.merges.Add(1)
	clear(r.fast)
}

// putBackAgain makes a unit whose merge was undone a device again. Called with
// r.mu held.
func (r *Register) putBackAgain(u *unit, at time.Time) {
	delete(r.aliases, u.dev.ID)
	r.merges.Add(-1)
	r.units[u.dev.ID] = u
	subject := fact.Of(fact.OfDevice, string(u.dev.ID))
	if rows := r.beliefs[subject]; rows != nil {
		u.say(r.holdAll(rows))
		delete(r.beliefs, subject)
	}
	if u.dev.Adoption == nil {
		r.unknown[u.dev.Observed.Channel]++
	}
	r.place(u)
	u.noted()
	r.touch(u, at)
	clear(r.fast)
}

// heardAs keeps when a device was heard under another name of it, and what it
// told of itself there. Called with r.mu held.
func (r *Register) heardAs(alias *unit, m *model.Message) {
	s := &alias.dev.Seen
	s.Seq, s.Part = m.Ref.Seq, m.Ref.Part
	s.Messages++
	if !m.Arrived.Before(s.LastSeen) {
		s.LastSeen, s.Channel, s.Peer = m.Arrived, m.Channel, m.Peer
	}
	r.hear(alias)
}

// PlaceOf is where people said a device stands.
func (r *Register) PlaceOf(id model.DeviceID) model.Place {
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.unit(id); u != nil {
		return u.dev.Asserted.Place
	}
	return model.Place{}
}
