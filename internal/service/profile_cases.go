package service

import (
	"context"
	"slices"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/profile"
)

// ProfileTest names what is to be tested.
type ProfileTest struct {
	ID      string `json:"id,omitempty" arg:"id" doc:"name of the profile: mindray/vs8, or its id: mindray-vs8; all in force unless told"`
	Version int    `json:"version,omitempty" doc:"this version of it; that in force unless told"`
	// Files are the texts of one that is not in force, as profile.put takes them.
	Files map[string]string `json:"files,omitempty" doc:"in place of the name: the texts of a profile that is not in force, profile.yaml and its tables by file name; without cases those that the server keeps are read"`
}

// ProfilesTested is how the cases of profiles came out.
type ProfilesTested struct {
	Good     bool            `json:"good"` // no case says something else
	Profiles []ProfileTested `json:"profiles"`
}

// Where the cases lie that a profile was read with.
const (
	CasesOwn       = "own"     // kept with this version
	CasesOfHouse   = "house"   // kept with the version of this house that is in force
	CasesOfProgram = "program" // those of the program's profile of that name
)

// ProfileTested is one profile with what its cases say.
type ProfileTested struct {
	Profile string        `json:"profile"`        // acme/vm200@3
	Of      string        `json:"of,omitempty"`   // whose cases: own, house, program; empty: there are none
	Cases   []ProfileCase `json:"cases"`          // read just now
	Since   time.Time     `json:"since,omitzero"` // in force here; absent: it came with the program
}

// testProfiles reads cases: examples without patients, as profile.get shows
// them.
func testProfiles(ctx context.Context, c *call, r ProfileTest) (ProfilesTested, error) {
	out := ProfilesTested{Good: true, Profiles: []ProfileTested{}}
	if len(r.Files) > 0 {
		p, _, err := parseProfile(r.Files)
		if err == nil {
			out.add(c.s, profile.InForce{Profile: p})
		}
		return out, err
	}
	names := c.s.Profiles().Names()
	if r.ID != "" {
		names = []string{r.ID}
	} else if r.Version != 0 {
		return out, fault.New(fault.Invalid, "service.argument", "say of which profile this is a version").At("version")
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		_, versions := c.s.profileNamed(name)
		tested, err := versionOf(versions, r.Version)
		if err != nil {
			return out, err
		}
		out.add(c.s, tested)
		if r.ID != "" && len(out.Profiles[0].Cases) == 0 {
			return out, fault.New(fault.Absent, "profile.no-cases", "the server keeps no cases of this profile, so nothing shows that it is right; send them with it: `thalamus profile put`").At(tested.Profile.Ref())
		}
	}
	return out, nil
}

// add reads the cases of one profile.
func (t *ProfilesTested) add(s *Service, f profile.InForce) {
	cases, of := s.casesFor(f.Profile)
	one := ProfileTested{Profile: f.Profile.Ref(), Since: f.Since, Of: of, Cases: s.Cases(f.Profile, cases)}
	for _, is := range one.Cases {
		t.Good = t.Good && is.OK
	}
	t.Profiles = append(t.Profiles, one)
}

// versionOf chooses a version, the one in force for 0.
func versionOf(versions []profile.InForce, version int) (profile.InForce, error) {
	if len(versions) == 0 {
		return profile.InForce{}, fault.New(fault.Absent, "service.no-profile", "there is no such profile; list them to see their names")
	}
	if version == 0 {
		return versions[len(versions)-1], nil
	}
	for _, v := range slices.Backward(versions) {
		if v.Profile.Version == version {
			return v, nil
		}
	}
	return profile.InForce{}, fault.New(fault.Absent, "service.no-profile", "version %d of the profile is not known; `profile get` lists its versions", version).At("version")
}
