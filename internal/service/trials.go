package service

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"thalamus/internal/flow"
	"thalamus/internal/model"
)

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
	Cases    []ProfileCase    `json:"cases"`             // its own, else those that are kept here, read with it
	CasesOf  string           `json:"casesOf,omitempty"` // whose they are: own, house, program; those of the program refuse nothing
}

// TrialKind is one kind of change.
type TrialKind struct {
	Before string           `json:"before,omitempty"`
	After  string           `json:"after,omitempty"`
	Count  int              `json:"count"`
	Ref    model.MessageRef `json:"ref"` // an example
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
	cases, of := c.s.casesFor(p)
	out.Cases, out.CasesOf = c.s.Cases(p, cases), of
	kinds := trialKinds{}
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
			kinds.add(changes, now[0].Ref)
		}
	}
	out.Kinds = kinds.list()
	return out, nil
}

// trialKinds counts changes by what was and what would be.
type trialKinds map[[2]string]*TrialKind

func (k trialKinds) add(changes [][2]string, example model.MessageRef) {
	for _, one := range changes {
		if k[one] == nil {
			if len(k) == mostKinds {
				continue
			}
			k[one] = &TrialKind{Before: one[0], After: one[1], Ref: example}
		}
		k[one].Count++
	}
}

// list gives the kinds, the most frequent first.
func (k trialKinds) list() []TrialKind {
	out := make([]TrialKind, 0, len(k))
	for _, one := range k {
		out = append(out, *one)
	}
	slices.SortFunc(out, func(a, b TrialKind) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Before+"\x00"+a.After, b.Before+"\x00"+b.After)
	})
	return out
}

// readAgain lists what another reading of a recorded message says differently.
// Issues of the record and the register are left out: only the first reading
// has them. times says whether times count: those of the record may be
// corrected.
func readAgain(first, again *model.Message, times bool) [][2]string {
	say := func(m *model.Message) []flow.Said {
		said := slices.DeleteFunc(flow.Say([]model.Message{*m}), func(s flow.Said) bool {
			room, _, _ := strings.Cut(s.Issue, ".")
			return room == "record" || room == "register" || room == "patients"
		})
		for i := range said {
			if !times {
				said[i].Time = ""
			}
		}
		return said
	}
	return compareSaid(say(first), say(again))
}

// compareMeaning lists what two readings of an entry say differently of each
// of its fields, without values: what a change of value is, the code and unit
// say.
func compareMeaning(before, after []model.Message) [][2]string {
	return compareSaid(flow.Say(before), flow.Say(after))
}

func compareSaid(before, after []flow.Said) [][2]string {
	type key struct{ patient, field, issue string }
	keyOf := func(s flow.Said) key { return key{s.Patient, s.Field, s.Issue} }
	was := map[key]flow.Said{}
	for _, s := range before {
		was[keyOf(s)] = s
	}
	var out [][2]string
	for _, s := range after {
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
