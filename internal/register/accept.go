package register

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register/acceptance"
	"thalamus/internal/register/fact"
)

// Templates is the set of templates of questions (R32).
func Templates() Set[acceptance.Template] {
	return Set[acceptance.Template]{
		Kind:  "template",
		id:    func(t acceptance.Template) string { return t.ID },
		check: acceptance.Template.Check,
	}
}

// TemplateOf gives a template in force; the standard one is there as long as
// the house has none of that name.
func TemplateOf(ctx context.Context, r Reader, id string) (acceptance.Template, error) {
	v, err := Templates().Get(ctx, r, cmp.Or(id, acceptance.DefaultID))
	if fault.KindOf(err) == fault.Absent && (id == "" || id == acceptance.DefaultID) {
		return acceptance.Standard(), nil
	}
	return v.Value, err
}

// AcceptanceReader reads acceptances. Both a store and a transaction do.
type AcceptanceReader interface {
	// Acceptance gives one, or a fault.Absent, code acceptance.absent.
	Acceptance(ctx context.Context, id string) (acceptance.Acceptance, error)
}

// AcceptanceTx writes acceptances.
type AcceptanceTx interface {
	AcceptanceReader
	// PutAcceptance stores the next version when the expectation holds, else a
	// fault.Conflict, code register.version, with what happened.
	PutAcceptance(ctx context.Context, a acceptance.Acceptance, expect int64, steps []acceptance.Step) (acceptance.Acceptance, error)
}

// AcceptanceID is the id of the acceptance of a subject: there is one.
func AcceptanceID(s fact.Subject) string {
	sum := sha256.Sum256([]byte(s))
	return "acc-" + hex.EncodeToString(sum[:6])
}

// Title is what people call a device, model or release; fault.Absent where
// there is none such.
func (r *Register) Title(s fact.Subject) (string, error) {
	if err := r.exists(s); err != nil {
		return "", err
	}
	switch s.Layer() {
	case fact.OfModel:
		m, _ := r.Model(s.ID())
		return m.Title(), nil
	case fact.OfRelease:
		rel, _ := r.ReleaseOf(s.ID())
		m, _ := r.Model(rel.Model)
		return m.Title() + " " + rel.Version, nil
	case fact.OfDevice:
		d, err := r.Get(model.DeviceID(s.ID()))
		if err != nil {
			return "", err
		}
		name := cmp.Or(d.Asserted.Name, strings.TrimSpace(d.Observed.Manufacturer+" "+d.Observed.Model))
		return strings.TrimSpace(name + " " + cmp.Or(d.Observed.Serial, s.ID())), nil
	}
	return "", fault.New(fault.Invalid, "acceptance.subject", "models, releases and devices are accepted; expected model/mdl-…, release/rel-… or device/dev-…").At("subject")
}

// Title is maker and name.
func (m Model) Title() string { return strings.TrimSpace(m.Manufacturer + " " + m.Name) }

// PutAcceptance stores an acceptance with what happened, and counts it once the
// caller's transaction is through.
func (r *Register) PutAcceptance(ctx context.Context, tx Tx, a acceptance.Acceptance, expect int64, steps ...acceptance.Step) (acceptance.Acceptance, error) {
	a, err := tx.PutAcceptance(ctx, a, expect, steps)
	if err != nil {
		return a, err
	}
	kept := a
	tx.OnCommit(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.accept(&kept)
	})
	return a, nil
}

// accept counts an acceptance. Called with r.mu held or before use.
func (r *Register) accept(a *acceptance.Acceptance) {
	r.accepts[fact.Subject(a.Subject).ID()] = a
	r.unjudgeThing(fact.Subject(a.Subject).ID())
	r.turned.Add(1)
}

// AcceptanceTurn changes whenever an acceptance does; 0: there are none.
func (r *Register) AcceptanceTurn() uint64 { return r.turned.Load() }

// Acceptances gives all acceptances, sorted by what they are of.
func (r *Register) Acceptances() []acceptance.Acceptance {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]acceptance.Acceptance, 0, len(r.accepts))
	for _, a := range r.accepts {
		all = append(all, *a)
	}
	slices.SortFunc(all, func(a, b acceptance.Acceptance) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Title), strings.ToLower(b.Title)), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// AcceptanceFor gives the acceptance that counts for a device: its own, else
// that of its release, else that of its model; one that was never decided only
// where there is no other. A device that nobody adopted has no part in what was
// accepted of its model: any sender can claim to be of it.
func (r *Register) AcceptanceFor(id model.DeviceID) (acceptance.Acceptance, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.acceptanceFor(r.unit(id)); a != nil {
		return *a, true
	}
	return acceptance.Acceptance{}, false
}

// acceptanceFor is called with r.mu held.
func (r *Register) acceptanceFor(u *unit) *acceptance.Acceptance {
	if u == nil || len(r.accepts) == 0 {
		return nil
	}
	is := r.modelOf(u)
	var begun *acceptance.Acceptance
	for _, id := range [...]string{string(u.dev.ID), is.releases, is.models} {
		a := r.accepts[id]
		if a == nil || id == "" {
			continue
		}
		if a.Decided() {
			return a
		}
		if begun == nil {
			begun = a
		}
	}
	return begun
}

// Accepted says whether the messages of a device may go out on a channel that
// wants its devices accepted: somebody adopted it, and what was accepted lets it
// pass. It asks memory only: routing calls it for each message of such a
// channel.
func (r *Register) Accepted(id model.DeviceID, strict bool, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.unit(id)
	if u == nil || u.dev.Adoption == nil {
		return false
	}
	a := r.acceptanceFor(u)
	return a != nil && a.Passes(id, strict, now)
}

// Under gives the devices that a subject stands for, at most limit.
func (r *Register) Under(s fact.Subject, limit int) []Device {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Device
	for _, u := range r.order {
		is := r.modelOf(u)
		if string(u.dev.ID) != s.ID() && is.releases != s.ID() && is.models != s.ID() {
			continue
		}
		if out = append(out, u.dev.copy()); len(out) >= limit {
			break
		}
	}
	return out
}

// Turned gives the acceptance of the release that a device ran before its last
// update, where its own, its new release and its model have none.
func (r *Register) Turned(id model.DeviceID) (before acceptance.Acceptance, was, now string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.unit(id)
	if u == nil {
		return acceptance.Acceptance{}, "", "", false
	}
	turn, is := u.dev.Observed.Turns["release"], r.modelOf(u)
	if turn.Was == "" || is.models == "" || is.version == "" {
		return acceptance.Acceptance{}, "", "", false
	}
	if a := r.acceptanceFor(u); a != nil && a.Decided() {
		return acceptance.Acceptance{}, "", "", false
	}
	a := r.accepts[ReleaseID(is.models, turn.Was)]
	if a == nil || a.Accepted.IsZero() || a.Rejection != nil {
		return acceptance.Acceptance{}, "", "", false
	}
	return *a, turn.Was, is.version, true
}
