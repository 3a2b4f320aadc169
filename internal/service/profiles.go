package service

import (
	"context"
	"maps"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/profile"
	"thalamus/internal/register"
)

// PutProfile brings a profile in force.
type PutProfile struct {
	Files  map[string]string `json:"files" doc:"profile.yaml and the tables it names, by file name, and its cases: cases/first/input.hl7, with .base64 where it is no plain text; without cases those it has here are kept"`
	Reason string            `json:"reason" doc:"why, for the audit"`
	// DespiteCases brings it in force although its cases say something else.
	DespiteCases bool `json:"despiteCases,omitempty" doc:"although its cases differ"`
}

// RollbackProfile brings an earlier version in force again.
type RollbackProfile struct {
	ID      string `json:"id" arg:"id" doc:"name of the profile: acme/vm200"`
	Version int    `json:"version,omitempty" doc:"version to go back to; the one before unless told"`
	Reason  string `json:"reason" doc:"why, for the audit"`
}

func profileOps() []Op {
	return []Op{
		define(Reads, "profile.list", "List the device profiles in force: those of the program and those of this house.", "", listProfiles),
		define(Reads, "profile.get", "Show one device profile with its evidence and versions.", "mindray/vs8", getProfile),
		forcing(define(Acts, "profile.put", "Bring a device profile in force; messages that come from now on are read with it.", "", putProfile)),
		forcing(define(Acts, "profile.rollback", "Bring an earlier version of a profile in force again, of this house or the program's.", "acme/vm200 --version 2 --reason 'labels of the new table are wrong'", rollbackProfile)),
		forcing(define(Acts, "profile.remove", "Take a profile of this house out of force; one of the program by that name counts again.", "acme/vm200 --reason 'devices were sold'", func(ctx context.Context, c *call, r Remove) (None, error) {
			if strings.TrimSpace(r.Reason) == "" {
				return None{}, noReason()
			}
			if err := c.bringInForce(ctx); err != nil {
				return None{}, err
			}
			return None{}, register.Profiles().Remove(ctx, c.tx, string(profileID(r.ID)), expected(r.Version), c.mark())
		})),
		define(Reads, "profile.test", "Read the cases that the server keeps with its profiles, and say which come out otherwise than expected.", "acme/vm200", testProfiles),
		ofPatients(define(Works, "profile.try", "Read stored entries with a profile and say what it would change, without bringing it in force.", "", tryProfile)),
	}
}

func noReason() error {
	return fault.New(fault.Invalid, "service.no-reason", "say why, for the audit").At("reason")
}

func profileID(name string) model.ProfileID {
	return model.ProfileID(strings.ReplaceAll(name, "/", "-"))
}

// parseProfile checks the files of a profile.
func parseProfile(files map[string]string) (*profile.Profile, model.DeviceProfile, error) {
	p, err := profile.Parse(profile.Files(files), ".")
	if err != nil {
		return nil, model.DeviceProfile{}, err
	}
	stored := model.DeviceProfile{ID: profileID(p.Name), Files: files}
	return p, stored, register.Profiles().Check(stored)
}

func putProfile(ctx context.Context, c *call, r PutProfile) (ProfileRow, error) {
	if strings.TrimSpace(r.Reason) == "" {
		return ProfileRow{}, noReason()
	}
	p, stored, err := parseProfile(r.Files)
	if err != nil {
		return ProfileRow{}, err
	}
	c.object = "profile " + p.Ref()
	if versions := c.s.Profiles().Versions(p.Name); len(versions) > 0 {
		newest := 0
		for _, v := range versions {
			newest = max(newest, v.Profile.Version)
		}
		if p.Version <= newest {
			return ProfileRow{}, fault.New(fault.Conflict, "service.profile-version", "version %d of %s was in force already; count version up", newest, p.Name).At("version")
		}
	}
	if p, stored, err = c.s.withCases(p, stored); err != nil {
		return ProfileRow{}, err
	}
	if err := c.s.holdsCases(p); err != nil {
		if !r.DespiteCases {
			return ProfileRow{}, err
		}
		c.object += despiteCases
	}
	if err := c.bringInForce(ctx); err != nil {
		return ProfileRow{}, err
	}
	v, err := register.Profiles().Put(ctx, c.tx, stored, register.AnyVersion, c.mark())
	return c.s.used(profile.InForce{Profile: p, Since: v.At}), err
}

// withCases keeps the cases that a profile of this house has, where a new
// version of it comes without any.
func (s *Service) withCases(p *profile.Profile, stored model.DeviceProfile) (*profile.Profile, model.DeviceProfile, error) {
	is := s.ofHouse(p.Name)
	if len(p.Cases()) > 0 || is == nil || len(is.Cases()) == 0 {
		return p, stored, nil
	}
	files := maps.Clone(stored.Files)
	maps.Copy(files, is.CaseFiles())
	return parseProfile(files)
}

// holdsCases refuses a profile whose own cases say something else.
func (s *Service) holdsCases(p *profile.Profile) error {
	for _, one := range s.Cases(p, p.Cases()) {
		if !one.OK {
			return fault.New(fault.Conflict, "service.profile-cases", "%d lines of the case %s are not as expected, so the profile was not brought in force", len(one.Problems), one.Case).At("cases/" + one.Case)
		}
	}
	return nil
}

// ofHouse is the version of this house that is in force, nil for none.
func (s *Service) ofHouse(name string) *profile.Profile {
	versions := s.Profiles().Versions(name)
	if n := len(versions); n > 0 && !versions[n-1].Since.IsZero() {
		return versions[n-1].Profile
	}
	return nil
}

// despiteCases says in the audit that a profile came in force although its
// cases differ.
const despiteCases = ", although its cases differ"

func rollbackProfile(ctx context.Context, c *call, r RollbackProfile) (ProfileRow, error) {
	if strings.TrimSpace(r.Reason) == "" {
		return ProfileRow{}, noReason()
	}
	history, err := register.Profiles().History(ctx, c.tx, string(profileID(r.ID)), 100)
	if err != nil {
		return ProfileRow{}, err
	}
	current := 0
	for _, v := range history {
		if v.Removed {
			continue
		}
		p, stored, err := parseProfile(v.Value.Files)
		if err != nil {
			continue // a code it names is no longer in our table
		}
		if current == 0 {
			current = p.Version
		}
		if p.Version == current && r.Version == 0 || r.Version != 0 && p.Version != r.Version {
			continue
		}
		c.object = "profile " + p.Ref()
		if err := c.bringInForce(ctx); err != nil {
			return ProfileRow{}, err
		}
		now, err := register.Profiles().Put(ctx, c.tx, stored, register.AnyVersion, c.mark())
		return c.s.used(profile.InForce{Profile: p, Since: now.At}), err
	}
	if p := c.s.ofProgram(r.ID); current != 0 && p != nil && (r.Version == 0 || r.Version == p.Version) {
		c.object = "profile " + p.Ref()
		if err := c.bringInForce(ctx); err != nil {
			return ProfileRow{}, err
		}
		return c.s.used(profile.InForce{Profile: p}), register.Profiles().Remove(ctx, c.tx, string(profileID(r.ID)), register.AnyVersion, c.mark())
	}
	return ProfileRow{}, fault.New(fault.Absent, "service.no-profile", "there is no such earlier version of the profile; `profile get` lists its versions").At("version")
}
