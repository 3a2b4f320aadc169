package service

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow"
	"thalamus/internal/model"
	"thalamus/internal/profile"
	"thalamus/internal/register"
)

// ProfileRow is one device profile.
type ProfileRow struct {
	Name     string        `json:"name"`
	Version  int           `json:"version"`
	Title    string        `json:"title"`
	Codec    string        `json:"codec"`
	Labels   int           `json:"labels"`
	Hardware string        `json:"hardware"` // when and where it was tried on a device
	Own      bool          `json:"own"`      // brought in force here; else it came with the program
	Since    time.Time     `json:"since,omitzero"`
	By       model.ActorID `json:"by,omitempty"`
}

// ProfilePage is one profile with its text and versions.
type ProfilePage struct {
	ProfileRow
	Files    map[string]string `json:"files,omitempty"`
	Evidence []profile.Source  `json:"evidence"`
	Quirks   []profile.Quirk   `json:"quirks,omitempty"`
	Versions []ProfileRow      `json:"versions"` // newest first
}

// PutProfile brings a profile in force.
type PutProfile struct {
	Files  map[string]string `json:"files" doc:"profile.yaml and the table it names, by file name"`
	Reason string            `json:"reason" doc:"why, for the audit"`
}

// RollbackProfile brings an earlier version in force again.
type RollbackProfile struct {
	ID      string `json:"id" arg:"id" doc:"name of the profile: acme/vm200"`
	Version int    `json:"version,omitempty" doc:"version to go back to; the one before unless told"`
	Reason  string `json:"reason" doc:"why, for the audit"`
}

// TryProfile reads stored entries with a profile without bringing it in force.
type TryProfile struct {
	Files   map[string]string `json:"files" doc:"profile.yaml and the table it names, by file name"`
	Channel model.ChannelID   `json:"channel,omitempty" doc:"only entries of this channel"`
	From    model.Seq         `json:"from,omitempty" doc:"first entry to read; the last 10,000 unless told"`
	Limit   int               `json:"limit,omitempty" doc:"read so many entries, 10,000 unless told, at most 100,000"`
}

// Trial is what a profile would change. It holds no values of patients: codes,
// units and places in messages only.
type Trial struct {
	Profile  string           `json:"profile"`
	Entries  int              `json:"entries"`  // read
	Messages int              `json:"messages"` // that the profile would read
	Changed  int              `json:"changed"`  // messages that would say something else
	Kinds    []TrialKind      `json:"kinds"`    // what would change, the most frequent first
	First    model.MessageRef `json:"first,omitzero"`
}

// TrialKind is one kind of change.
type TrialKind struct {
	Before string           `json:"before,omitempty"`
	After  string           `json:"after,omitempty"`
	Count  int              `json:"count"`
	Ref    model.MessageRef `json:"ref"` // an example
}

func profileOps() []Op {
	return []Op{
		define(Reads, "profile.list", "List the device profiles in force: those of the program and those of this house.", "", listProfiles),
		define(Reads, "profile.get", "Show one device profile with its evidence and versions.", "mindray/vs8", getProfile),
		define(Acts, "profile.put", "Bring a device profile in force; messages that come from now on are read with it.", "", putProfile),
		define(Acts, "profile.rollback", "Bring an earlier version of a profile in force again.", "acme/vm200 --version 2 --reason 'labels of the new table are wrong'", rollbackProfile),
		define(Acts, "profile.remove", "Take a profile of this house out of force; one of the program by that name counts again.", "acme/vm200 --reason 'devices were sold'", func(ctx context.Context, c *call, r Remove) (None, error) {
			if strings.TrimSpace(r.Reason) == "" {
				return None{}, noReason()
			}
			if err := c.bringInForce(ctx); err != nil {
				return None{}, err
			}
			return None{}, register.Profiles().Remove(ctx, c.tx, string(profileID(r.ID)), expected(r.Version), c.mark())
		}),
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

func row(f profile.InForce) ProfileRow {
	p := f.Profile
	return ProfileRow{Name: p.Name, Version: p.Version, Title: p.Title, Codec: p.Codec, Labels: len(p.Labels()), Hardware: p.Hardware, Since: f.Since, Own: !f.Since.IsZero()}
}

func listProfiles(_ context.Context, c *call, _ None) ([]ProfileRow, error) {
	set := c.s.Profiles()
	rows := []ProfileRow{}
	for _, name := range set.Names() {
		versions := set.Versions(name)
		rows = append(rows, row(versions[len(versions)-1]))
	}
	return rows, nil
}

func getProfile(ctx context.Context, c *call, r ID) (ProfilePage, error) {
	var page ProfilePage
	versions := c.s.Profiles().Versions(r.ID)
	if len(versions) == 0 {
		return page, fault.New(fault.Absent, "service.no-profile", "there is no such profile; list them to see their names")
	}
	for _, v := range slices.Backward(versions) {
		page.Versions = append(page.Versions, row(v))
	}
	p := versions[len(versions)-1].Profile
	page.ProfileRow, page.Evidence, page.Quirks = page.Versions[0], p.Evidence, p.Quirks
	stored, err := register.Profiles().Get(ctx, c.s.Store, string(profileID(r.ID)))
	switch {
	case err == nil:
		page.Files, page.By = stored.Value.Files, stored.By
	case fault.KindOf(err) != fault.Absent:
		return page, err
	}
	return page, nil
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
	if err := c.bringInForce(ctx); err != nil {
		return ProfileRow{}, err
	}
	v, err := register.Profiles().Put(ctx, c.tx, stored, register.AnyVersion, c.mark())
	return row(profile.InForce{Profile: p, Since: v.At}), err
}

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
		return row(profile.InForce{Profile: p, Since: now.At}), err
	}
	return ProfileRow{}, fault.New(fault.Absent, "service.no-profile", "there is no such earlier version of the profile in this house; `profile get` lists its versions").At("version")
}

// Bounds of a trial.
const (
	usualTrial = 10_000
	mostTrial  = 100_000
	mostKinds  = 200
)

func tryProfile(ctx context.Context, c *call, r TryProfile) (Trial, error) {
	p, _, err := parseProfile(r.Files)
	if err != nil {
		return Trial{}, err
	}
	set, err := c.s.Profiles().With(p)
	if err != nil {
		return Trial{}, err
	}
	before, after := c.s.Reader(c.s.Profiles()), c.s.Reader(set)
	limit := min(max(r.Limit, 0), mostTrial)
	if limit == 0 {
		limit = usualTrial
	}
	from := r.From
	if head := c.s.Journal.Head(); from == 0 && head > model.Seq(limit) {
		from = head - model.Seq(limit) + 1
	}
	out := Trial{Profile: p.Ref(), Kinds: []TrialKind{}}
	kinds := map[[2]string]*TrialKind{}
	for seq := max(from, c.s.Journal.Tail(), 1); seq <= c.s.Journal.Head() && out.Entries < limit; seq++ {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		e, err := c.s.Journal.Read(seq)
		if err != nil {
			continue // damaged or redacted: the journal's own issue
		}
		out.Entries++
		if r.Channel != "" && e.Channel != r.Channel {
			continue
		}
		now := after(e)
		if !slices.ContainsFunc(now, func(m model.Message) bool { return m.ReadWith == p.Ref() }) {
			continue
		}
		out.Messages++
		if changes := compareMeaning(before(e), now); len(changes) > 0 {
			if out.Changed++; out.Changed == 1 {
				out.First = now[0].Ref
			}
			for _, k := range changes {
				if kinds[k] == nil {
					if len(kinds) == mostKinds {
						continue
					}
					kinds[k] = &TrialKind{Before: k[0], After: k[1], Ref: now[0].Ref}
				}
				kinds[k].Count++
			}
		}
	}
	for _, k := range kinds {
		out.Kinds = append(out.Kinds, *k)
	}
	slices.SortFunc(out.Kinds, func(a, b TrialKind) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Before+a.After, b.Before+b.After)
	})
	return out, nil
}

// compareMeaning lists what two readings of an entry say differently of each
// of its fields, without values: what a change of value is, the code and unit
// say.
func compareMeaning(before, after []model.Message) [][2]string {
	type key struct{ patient, field, issue string }
	keyOf := func(s flow.Said) key { return key{s.Patient, s.Field, s.Issue} }
	was := map[key]flow.Said{}
	for _, s := range flow.Say(before) {
		was[keyOf(s)] = s
	}
	var out [][2]string
	for _, s := range flow.Say(after) {
		old, known := was[keyOf(s)]
		delete(was, keyOf(s))
		switch {
		case !known:
			out = append(out, [2]string{"", shape(s)})
		case old == s:
		case shape(old) == shape(s):
			out = append(out, [2]string{shape(s), "another value or time of it"})
		default:
			out = append(out, [2]string{shape(old), shape(s)})
		}
	}
	for _, s := range was {
		out = append(out, [2]string{shape(s), ""})
	}
	return out
}

func shape(s flow.Said) string {
	if s.Issue != "" {
		return "issue " + s.Issue
	}
	text := s.Code
	if s.Unit != "" {
		text += " in " + s.Unit
	}
	for _, one := range []struct {
		is   bool
		says string
	}{{s.Absent != "", "absent: " + s.Absent}, {s.Simulated, "simulated"}, {s.Setting, "setting"}, {s.Samples > 0, "waveform"}, {s.Alert != "", "alert " + s.Alert}} {
		if one.is {
			text = fmt.Sprintf("%s, %s", text, one.says)
		}
	}
	return text
}
