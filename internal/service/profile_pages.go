package service

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow"
	"thalamus/internal/model"
	"thalamus/internal/profile"
	"thalamus/internal/register"
)

// ProfileAsk names a profile, and a version of it.
type ProfileAsk struct {
	ID      string `json:"id" arg:"id" doc:"name of the profile: mindray/vs8, or its id: mindray-vs8"`
	Version int    `json:"version,omitempty" doc:"the text of this version; that in force unless told"`
}

// ProfileRow is one device profile.
type ProfileRow struct {
	ID       model.ProfileID `json:"id"` // as addresses have it: acme-vm200
	Name     string          `json:"name"`
	Version  int             `json:"version"`
	Title    string          `json:"title"`
	Codec    string          `json:"codec"`
	For      []string        `json:"for"`                // whose messages are meant: "sender VC150"
	Software string          `json:"software,omitempty"` // range of software it was made for
	Labels   int             `json:"labels"`
	Sources  int             `json:"sources"`  // documents of its evidence
	Hardware string          `json:"hardware"` // when and where it was tried on a device
	Own      bool            `json:"own"`      // brought in force here; else it came with the program
	Since    time.Time       `json:"since,omitzero"`
	By       model.ActorID   `json:"by,omitempty"`
	ProfileUse
}

// ProfileUse is who is read with a profile, whatever its version.
type ProfileUse struct {
	Devices  int    `json:"devices"`  // whose last message was read with it
	Messages uint64 `json:"messages"` // of these devices that it read
	Outside  int    `json:"outside"`  // of the devices, whose software is outside its range
}

// ProfilePage is one profile with its text and versions.
type ProfilePage struct {
	ProfileRow
	Files map[string]string `json:"files"` // of the version asked for
	// CaseFiles are the files of its cases, as profile.put takes them.
	CaseFiles map[string]string `json:"caseFiles,omitempty"`
	Evidence  []profile.Source  `json:"evidence"`
	Quirks    []profile.Quirk   `json:"quirks,omitempty"`
	Cases     []ProfileCase     `json:"cases"`    // its own, else those of the program's version, read with this one
	Versions  []ProfileRow      `json:"versions"` // newest first
}

// ProfileCase is how a case of a profile came out. Cases are made by hand or
// from captures without patients.
type ProfileCase = flow.CaseResult

func row(f profile.InForce) ProfileRow {
	p := f.Profile
	r := ProfileRow{ID: profileID(p.Name), Name: p.Name, Version: p.Version, Title: p.Title, Codec: p.Codec, Software: p.AppliesTo.Software, Labels: len(p.Labels()),
		Sources: len(p.Evidence), Hardware: p.Hardware, Since: f.Since, Own: !f.Since.IsZero(), For: []string{}}
	a := &p.AppliesTo
	for _, one := range [...]struct {
		what string
		is   profile.Texts
	}{{"maker", a.Manufacturer}, {"model", a.Model}, {"sender", a.Sender}, {"type", a.Type}, {"channel", a.Channel}} {
		if len(one.is) > 0 {
			r.For = append(r.For, one.what+" "+strings.Join(one.is, ", "))
		}
	}
	if a.When != "" {
		r.For = append(r.For, "when "+a.When)
	}
	return r
}

// used is the row of a profile with who is read with it.
func (s *Service) used(f profile.InForce) ProfileRow {
	r := row(f)
	r.ProfileUse = s.uses()[r.Name]
	return r
}

// uses counts by profile who is read with it.
func (s *Service) uses() map[string]ProfileUse {
	out := map[string]ProfileUse{}
	q := register.Query{Read: true, Limit: 1000}
	for {
		page, _ := s.Register.List(q)
		for i := range page {
			d := &page[i]
			u := out[d.Observed.Reading.Name()]
			u.Devices++
			u.Messages += d.Seen.Read
			if !d.Observed.Reading.Outside.IsZero() {
				u.Outside++
			}
			out[d.Observed.Reading.Name()] = u
		}
		if len(page) < q.Limit {
			return out
		}
		q.After = page[len(page)-1].ID
	}
}

func listProfiles(_ context.Context, c *call, _ None) ([]ProfileRow, error) {
	set, uses := c.s.Profiles(), c.s.uses()
	rows := []ProfileRow{}
	for _, name := range set.Names() {
		versions := set.Versions(name)
		r := row(versions[len(versions)-1])
		r.ProfileUse = uses[name]
		rows = append(rows, r)
	}
	return rows, nil
}

// profileNamed finds the versions of a profile by its name or id.
func (s *Service) profileNamed(id string) (string, []profile.InForce) {
	set := s.Profiles()
	for _, name := range set.Names() {
		if name == id || string(profileID(name)) == id {
			return name, set.Versions(name)
		}
	}
	return id, nil
}

// ofProgram is the version that came with the program, nil for none.
func (s *Service) ofProgram(id string) *profile.Profile {
	_, versions := s.profileNamed(id)
	for _, v := range versions {
		if v.Since.IsZero() {
			return v.Profile
		}
	}
	return nil
}

// casesFor gives p's own cases, else those that this house has for it, else
// those of the program's profile of that name, and whose they are.
func (s *Service) casesFor(p *profile.Profile) ([]profile.Case, string) {
	if len(p.Cases()) > 0 {
		return p.Cases(), CasesOwn
	}
	if is := s.ofHouse(p.Name); is != nil && len(is.Cases()) > 0 {
		return is.Cases(), CasesOfHouse
	}
	if shipped := s.ofProgram(p.Name); shipped != nil && len(shipped.Cases()) > 0 {
		return shipped.Cases(), CasesOfProgram
	}
	return nil, ""
}

// casesOf reads those with p.
func (s *Service) casesOf(p *profile.Profile) []ProfileCase {
	cases, _ := s.casesFor(p)
	return s.Cases(p, cases)
}

func getProfile(ctx context.Context, c *call, r ProfileAsk) (ProfilePage, error) {
	var page ProfilePage
	name, versions := c.s.profileNamed(r.ID)
	if len(versions) == 0 {
		return page, fault.New(fault.Absent, "service.no-profile", "there is no such profile; list them to see their names")
	}
	shown := versions[len(versions)-1]
	for _, v := range slices.Backward(versions) {
		page.Versions = append(page.Versions, row(v))
		if v.Profile.Version == r.Version && shown.Profile.Version != r.Version {
			shown = v
		}
	}
	if r.Version != 0 && shown.Profile.Version != r.Version {
		return page, fault.New(fault.Absent, "service.no-profile", "version %d of the profile is not known; it has: %s", r.Version, known(page.Versions)).At("version")
	}
	page.ProfileRow = row(shown)
	page.ProfileUse = c.s.uses()[name]
	page.Evidence, page.Quirks, page.Files, page.Cases = shown.Profile.Evidence, shown.Profile.Quirks, shown.Profile.Files(), c.s.casesOf(shown.Profile)
	page.CaseFiles = shown.Profile.CaseFiles()
	history, err := register.Profiles().History(ctx, c.s.Store, string(profileID(name)), 100)
	if err != nil && fault.KindOf(err) != fault.Absent {
		return page, err
	}
	for _, v := range history {
		for i := range page.Versions {
			if page.Versions[i].Since.Equal(v.At) {
				page.Versions[i].By = v.By
			}
		}
		if page.Since.Equal(v.At) {
			page.By = v.By
		}
	}
	return page, nil
}

func known(rows []ProfileRow) string {
	var out []string
	for _, r := range slices.SortedFunc(slices.Values(rows), func(a, b ProfileRow) int { return cmp.Compare(a.Version, b.Version) }) {
		if text := strconv.Itoa(r.Version); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return strings.Join(out, ", ")
}

// BeginProfile gives the files of a new profile, with an example of each part.
func BeginProfile(name, codec string) (map[string]string, error) {
	begun, err := profile.Begin(name, codec)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, f := range begun {
		if f.Name == profile.FileName || strings.HasSuffix(f.Name, ".csv") && !strings.Contains(f.Name, "/") {
			files[f.Name] = string(f.Text)
		}
	}
	return files, nil
}
