package service

import (
	"context"

	"thalamus/internal/fault"
	"thalamus/internal/register"
)

// Restore brings an earlier version of a governed thing back (R56): it is what
// undoes a put, a remove, and itself.
type Restore struct {
	ID      string `json:"id" arg:"id" doc:"its id"`
	Of      int64  `json:"of,omitempty" arg:"of" doc:"the version that is brought back; left out: the one before the newest"`
	Version int64  `json:"version,omitempty" doc:"refuse when another version is the newest"`
	Reason  string `json:"reason,omitempty" doc:"why, for the audit"`
}

// versionsKept bounds how far back a version is looked for.
const versionsKept = 10_000

// restoreVersion makes a thing what it was in one of its versions: the next
// version says the same. Where that version says that it was removed, it is
// removed. Its secrets are those of then.
func restoreVersion[T any](ctx context.Context, c *call, set register.Set[T], check func(s *Service, v T) error, r Restore) (register.Versioned[T], error) {
	var none register.Versioned[T]
	versions, err := set.History(ctx, c.tx, r.ID, versionsKept)
	switch {
	case err != nil:
		return none, err
	case len(versions) == 0:
		return none, register.VersionFault(set.Kind, r.ID, register.NoVersion, register.AnyVersion)
	case r.Version != 0 && r.Version != versions[0].Version:
		return none, register.VersionFault(set.Kind, r.ID, versions[0].Version, r.Version)
	}
	newest := versions[0]
	if r.Of == 0 {
		r.Of = newest.Version - 1
	}
	i := int(newest.Version - r.Of)
	if r.Of < 1 && newest.Version == 1 {
		return none, fault.New(fault.Absent, "service.no-version", "nothing stood before version 1 of %s %q; remove it if it should not be", set.Kind, clip(r.ID, 60)).At("of")
	}
	if i < 0 || i >= len(versions) || versions[i].Version != r.Of {
		return none, fault.New(fault.Absent, "service.no-version", "%s %q has no version %d; its history lists %d to %d", set.Kind, clip(r.ID, 60), r.Of, versions[len(versions)-1].Version, newest.Version).At("of")
	}
	was := versions[i]
	if was.Removed && newest.Removed {
		return none, fault.New(fault.Conflict, "service.no-version", "%s %q is removed already, as it was in version %d; name a version that held something", set.Kind, clip(r.ID, 60), r.Of).At("of")
	}
	if was.Removed {
		if err := c.free(ctx, set.Kind, r.ID); err != nil {
			return none, err
		}
	} else if err := first(set.Check(was.Value), check(c.s, was.Value)); err != nil {
		return none, under(err, "value", r.ID)
	}
	if rules(set.Kind) {
		if err := c.bringInForce(ctx); err != nil {
			return none, err
		}
	}
	if was.Removed {
		err := set.Remove(ctx, c.tx, r.ID, register.AnyVersion, c.mark())
		return register.Versioned[T]{Version: newest.Version + 1, Mark: c.mark(), Removed: true}, err
	}
	v, err := set.Put(ctx, c.tx, was.Value, register.AnyVersion, c.mark())
	v.Value = redacted(c.s, v.Value)
	return v, err
}
