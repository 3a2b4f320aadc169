package app

import (
	"context"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/profile"
	"thalamus/internal/register"
	"thalamus/profiles"
)

// mostVersions bounds the versions of one profile that are kept in force for
// what arrived under them.
const mostVersions = 100

// profilesInForce gives the profiles of the program and those of this house
// with all their versions (R12). A version that can no longer be read, because
// the program's tables changed, is reported and left out: it must not keep the
// program from starting.
func (a *App) profilesInForce(ctx context.Context) (*profile.Set, error) {
	shipped, err := profiles.All()
	if err != nil {
		return nil, err
	}
	var all []profile.InForce
	for _, p := range shipped {
		all = append(all, profile.InForce{Profile: p})
	}
	own, err := register.Profiles().List(ctx, a.governed)
	if err != nil {
		return nil, err
	}
	for _, v := range own {
		history, err := register.Profiles().History(ctx, a.governed, string(v.Value.ID), mostVersions)
		if err != nil {
			return nil, err
		}
		for _, old := range history {
			if old.Removed {
				continue
			}
			p, err := profile.Parse(profile.Files(old.Value.Files), ".")
			if err != nil {
				a.report("profile")(fault.Wrap(err, fault.Invalid, "app.profile", "a stored profile can no longer be read; its devices are read without it until it is corrected").At(string(v.Value.ID)))
				continue
			}
			all = append(all, profile.InForce{Profile: p, Since: old.At})
		}
	}
	return profile.NewSet(all)
}

// lineOf gives how the version of a profile that is in force says that a serial
// line is set.
func (a *App) lineOf(name string) (model.Line, error) {
	p := a.routing.reader.Load().profiles.Now(name, time.Now())
	if p == nil {
		return model.Line{}, fault.New(fault.Invalid, "app.no-profile", "there is no profile %q in force; `thalamus profile list` lists those there are", name).At("link.profile")
	}
	if p.Line == (model.Line{}) {
		return model.Line{}, fault.New(fault.Invalid, "app.no-line", "the profile %s says nothing of a serial line; set it here", p.Ref()).At("link.profile")
	}
	return p.Line, nil
}
