package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

var noon = time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

func mark(at time.Time) Mark { return Mark{By: "user:ann", Name: "Ann", At: at} }

func person(name string, roles ...string) Signer {
	return Signer{ID: "user:" + name, Name: name, Roles: roles, Person: true}
}

// two is a template with two questions and two roles.
func two() Template {
	return Template{ID: "two", Name: "Two", Months: 12, Roles: []Role{Biomed, IT}, Questions: []Question{
		{ID: "encryption", Text: "Encrypted?", Want: "yes", Watch: Encrypted, Lead: "TXCF-2", MDS2: []string{"CONN-7"}},
		{ID: "remote", Text: "Reached from outside?", Lead: "RMOT-1"},
	}}
}

// step is one act on an acceptance, at a day after noon.
type step struct {
	at   int
	do   func(a *Acceptance, now time.Time) error
	code string // expected fault
	want State
}

func answer(question string, v Value, text string) func(a *Acceptance, now time.Time) error {
	return func(a *Acceptance, now time.Time) error {
		_, err := a.Answer(Answer{Question: question, Value: v, Text: text, Mark: mark(now)})
		return err
	}
}

func sign(role Role, s Signer) func(a *Acceptance, now time.Time) error {
	return func(a *Acceptance, now time.Time) error {
		_, err := a.Sign(role, s, "", Seen{Releases: []string{"1.0"}, Links: []Link{{Channel: "icu"}}}, now)
		return err
	}
}

func reopen(why ...Contradiction) func(a *Acceptance, now time.Time) error {
	return func(a *Acceptance, now time.Time) error {
		_, err := a.Reopen(why, mark(now))
		return err
	}
}

func demand(role Role, s Signer, by int) func(a *Acceptance, now time.Time) error {
	return func(a *Acceptance, now time.Time) error {
		_, err := a.Demand(role, s, "another segment", noon.Add(time.Duration(by)*day), now)
		return err
	}
}

func meet(id int, how string) func(a *Acceptance, now time.Time) error {
	return func(a *Acceptance, now time.Time) error {
		_, err := a.Meet(id, how, mark(now))
		return err
	}
}

func reject(s Signer, reason string) func(a *Acceptance, now time.Time) error {
	return func(a *Acceptance, now time.Time) error {
		_, err := a.Reject(s, reason, now)
		return err
	}
}

func wait(*Acceptance, time.Time) error { return nil }

// TestLives: what may happen to an acceptance, in order, and what may not (R32).
func TestLives(t *testing.T) {
	bo, ida, all := person("bo", "biomed"), person("ida", "it"), person("max", "biomed", "it", "administrator")
	answered := []step{{0, answer("encryption", Yes, ""), "", Open}, {0, answer("remote", Yes, ""), "", Answered}}
	accepted := append(slices.Clone(answered), step{1, sign(Biomed, bo), "", Signed}, step{1, sign(IT, ida), "", Accepted})
	for name, c := range map[string]struct {
		before []step
		steps  []step
	}{
		"answers": {nil, []step{
			{0, answer("colour", Yes, ""), "acceptance.question", Open},
			{0, answer("remote", "perhaps", ""), "acceptance.answer", Open},
			{0, answer("encryption", No, " "), "acceptance.answer", Open},
			{0, answer("encryption", No, "in a segment of its own"), "", Open},
			{0, answer("remote", NotThis, ""), "", Answered},
			{0, answer("remote", Partly, ""), "acceptance.answer", Answered},
		}},
		"who may sign": {answered, []step{
			{1, sign(Privacy, person("pia", "privacy")), "acceptance.role", Answered},
			{1, sign(IT, bo), "acceptance.role", Answered},
			{1, sign(IT, Signer{ID: "token:1", Roles: []string{"it"}}), "acceptance.person", Answered},
			{1, sign(Biomed, all), "", Signed},
			{1, sign(IT, all), "acceptance.same-person", Signed},
			{1, sign(Biomed, bo), "acceptance.signed", Signed},
			{1, sign(IT, ida), "", Accepted},
			{1, sign(IT, ida), "acceptance.settled", Accepted},
		}},
		"on the machine itself any role, once": {answered, []step{
			{1, sign(IT, Signer{ID: "local:root", Person: true, Any: true}), "", Signed},
			{1, sign(Biomed, Signer{ID: "local:root", Person: true, Any: true}), "acceptance.same-person", Signed},
		}},
		"nobody signs what is open":       {nil, []step{{1, sign(Biomed, bo), "acceptance.unanswered", Open}}},
		"another answer ends signatures":  {append(slices.Clone(answered), step{1, sign(Biomed, bo), "", Signed}), []step{{2, answer("remote", No, ""), "", Answered}}},
		"an accepted one is not answered": {accepted, []step{{2, answer("remote", No, ""), "acceptance.settled", Accepted}}},
		"it runs out":                     {accepted, []step{{365, wait, "", Accepted}, {366, wait, "", Expired}, {366, sign(Biomed, bo), "", Expired}, {366, sign(IT, ida), "", Accepted}, {366 + 366, wait, "", Expired}}},
		"a condition": {answered, []step{
			{1, demand(Privacy, person("pia", "privacy"), 30), "acceptance.role", Answered},
			{1, demand(IT, bo, 30), "acceptance.role", Answered},
			{1, demand(IT, ida, 1), "acceptance.condition", Answered},
			{1, demand(IT, ida, 30), "", Answered},
			{1, sign(Biomed, bo), "", Signed}, {1, sign(IT, ida), "", Accepted},
			{29, wait, "", Accepted}, {30, wait, "", Expired},
			{31, sign(IT, ida), "acceptance.condition-late", Expired},
			{31, meet(2, "done"), "acceptance.condition", Expired},
			{31, meet(1, ""), "acceptance.condition", Expired},
			{31, meet(1, "VLAN 120"), "", Accepted},
			{31, meet(1, "again"), "acceptance.condition", Accepted},
		}},
		"reopened": {accepted, []step{
			{2, reopen(Contradiction{Kind: NewRelease, Was: "1.0", Now: "2.0", Device: "dev-1"}), "", Reopened},
			{2, sign(Biomed, bo), "", Reopened},
			{2, answer("remote", No, ""), "", Reopened},
			{3, sign(Biomed, bo), "", Reopened}, {3, sign(IT, ida), "", Accepted},
		}},
		"what is open is not reopened": {answered, []step{{1, reopen(Contradiction{Kind: Said, Now: "x"}), "acceptance.not-accepted", Answered}}},
		"rejected": {accepted, []step{
			{2, reject(person("eve"), "no"), "acceptance.role", Accepted},
			{2, reject(ida, " "), "acceptance.reason", Accepted},
			{2, reject(ida, "no updates"), "", Rejected},
			{2, reject(ida, "no updates"), "acceptance.settled", Rejected},
			{2, sign(IT, ida), "acceptance.settled", Rejected},
			{2, reopen(Contradiction{Kind: Said, Now: "x"}), "acceptance.not-accepted", Rejected},
		}},
	} {
		a, _ := Begin("acc-1", "model/mdl-1", "Acme VM-200", two(), mark(noon))
		for i, s := range append(slices.Clone(c.before), c.steps...) {
			now := noon.Add(time.Duration(s.at) * day)
			if s.at > 300 {
				now = noon.AddDate(1, 0, s.at-365)
			}
			if err := s.do(&a, now); (err != nil || s.code != "") && fault.CodeOf(err) != s.code {
				t.Errorf("%s, step %d: %v, expected %q", name, i, err, s.code)
			}
			if got := a.State(now); got != s.want {
				t.Errorf("%s, step %d: %s, expected %s", name, i, got, s.want)
			}
		}
	}
}

// accepted gives an acceptance that two people signed, with what was seen.
func accepted(t *testing.T, seen Seen) Acceptance {
	t.Helper()
	a, _ := Begin("acc-1", "model/mdl-1", "Acme VM-200", two(), mark(noon))
	for _, do := range []func(*Acceptance, time.Time) error{answer("encryption", Yes, ""), answer("remote", No, "")} {
		if err := do(&a, noon); err != nil {
			t.Fatal(err)
		}
	}
	for role, s := range map[Role]Signer{Biomed: person("bo", "biomed"), IT: person("ida", "it")} {
		if _, err := a.Sign(role, s, "", seen, noon); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// TestContradictions: what devices do against what was accepted (R32).
func TestContradictions(t *testing.T) {
	known := Seen{Releases: []string{"1.0", "1.1"}, Links: []Link{{Channel: "icu"}, {Channel: "or"}}}
	plain := Seen{Releases: []string{"1.0"}, Links: []Link{{Channel: "icu", Plain: true}}}
	for name, c := range map[string]struct {
		seen  Seen
		o     Observation
		want  string
		learn bool
	}{
		"as accepted":               {known, Observation{Release: "1.1", Link: Link{Channel: "or"}}, "", false},
		"no version told":           {known, Observation{Link: Link{Channel: "or"}}, "", false},
		"another release":           {known, Observation{Release: "2.0", Link: Link{Channel: "or"}}, "release", false},
		"another port":              {known, Observation{Release: "1.1", Link: Link{Channel: "lab"}}, "port", false},
		"unencrypted":               {known, Observation{Release: "1.1", Link: Link{Channel: "or", Plain: true}}, "unencrypted", false},
		"all at once":               {known, Observation{Release: "2.0", Link: Link{Channel: "lab", Plain: true}}, "release port unencrypted", false},
		"unencrypted, as accepted":  {plain, Observation{Release: "1.0", Link: Link{Channel: "icu", Plain: true}}, "", false},
		"encrypted now":             {plain, Observation{Release: "1.0", Link: Link{Channel: "icu"}}, "", false},
		"accepted before it spoke":  {Seen{}, Observation{Release: "1.0", Link: Link{Channel: "icu"}}, "", true},
		"and speaks in plain words": {Seen{}, Observation{Release: "1.0", Link: Link{Channel: "icu", Plain: true}}, "unencrypted", false},
		"and was never heard":       {Seen{}, Observation{}, "", false},
	} {
		a := accepted(t, c.seen)
		why, learn := a.Contradictions(c.o)
		var kinds []string
		for _, w := range why {
			kinds = append(kinds, w.Kind)
		}
		if got := strings.Join(kinds, " "); got != c.want || learn != c.learn {
			t.Errorf("%s: %q (learn %v), expected %q (%v)", name, got, learn, c.want, c.learn)
		}
	}
	honest := accepted(t, Seen{})
	honest.Answers[0].Value = No
	if why, learn := honest.Contradictions(Observation{Link: Link{Channel: "icu", Plain: true}}); len(why) > 0 || !learn {
		t.Error("nobody promised encryption:", why)
	}
	if got := honest.Against(plain); got != nil {
		t.Error(got)
	}
	promising := accepted(t, Seen{})
	if got := promising.Against(plain); len(got) != 1 || got[0] != "icu" {
		t.Error(got)
	}
}

// TestPasses: whose messages go out when (R32, decision 111).
func TestPasses(t *testing.T) {
	one := Contradiction{Kind: NewRelease, Was: "1.0", Now: "2.0", Device: "dev-1"}
	said := Contradiction{Kind: Said, Now: "moved"}
	for name, c := range map[string]struct {
		change           func(a *Acceptance)
		at               time.Time
		required, strict string // devices of dev-1, dev-2 that pass
	}{
		"begun":                  {func(a *Acceptance) { a.Accepted = time.Time{} }, noon, "", ""},
		"accepted":               {func(a *Acceptance) {}, noon, "dev-1 dev-2", "dev-1 dev-2"},
		"run out":                {func(a *Acceptance) {}, noon.AddDate(2, 0, 0), "dev-1 dev-2", ""},
		"one device contradicts": {func(a *Acceptance) { a.Reopen([]Contradiction{one}, mark(noon)) }, noon, "dev-1 dev-2", "dev-2"},
		"somebody reopened it":   {func(a *Acceptance) { a.Reopen([]Contradiction{said}, mark(noon)) }, noon, "dev-1 dev-2", ""},
		"both, in either order": {func(a *Acceptance) {
			a.Reopen([]Contradiction{said}, mark(noon))
			a.Reopen([]Contradiction{one}, mark(noon))
		}, noon, "dev-1 dev-2", ""},
		"both, in another order": {func(a *Acceptance) {
			a.Reopen([]Contradiction{one}, mark(noon))
			a.Reopen([]Contradiction{said}, mark(noon))
		}, noon, "dev-1 dev-2", ""},
		"rejected": {func(a *Acceptance) { a.Reject(person("ida", "it"), "no", noon) }, noon, "", ""},
		"rejected while reopened": {func(a *Acceptance) {
			a.Reopen([]Contradiction{one}, mark(noon))
			a.Reject(person("ida", "it"), "no", noon)
		}, noon, "", ""},
	} {
		a := accepted(t, Seen{Releases: []string{"1.0"}})
		c.change(&a)
		for strict, want := range map[bool]string{false: c.required, true: c.strict} {
			var got []string
			for _, id := range []model.DeviceID{"dev-1", "dev-2"} {
				if a.Passes(id, strict, c.at) {
					got = append(got, string(id))
				}
			}
			if g := strings.Join(got, " "); g != want {
				t.Errorf("%s, strict %v: %q passes, expected %q", name, strict, g, want)
			}
		}
	}
}

func TestSucceed(t *testing.T) {
	a := accepted(t, Seen{Releases: []string{"1.0"}, Links: []Link{{Channel: "icu"}}})
	next, step := a.Succeed("acc-2", "release/rel-2", "Acme VM-200 2.0", Contradiction{Kind: NewRelease, Was: "1.0", Now: "2.0", Device: "dev-1"}, mark(noon.Add(day)))
	if next.State(noon.Add(day)) != Reopened || len(next.Unanswered()) > 0 || len(next.Signatures) > 0 || next.Version != 0 || step.What != "reopened" {
		t.Errorf("%+v %+v", next, step)
	}
	if a.State(noon) != Accepted || len(a.Signatures) != 2 {
		t.Errorf("the old one changed: %+v", a)
	}
	if why, _ := next.Contradictions(Observation{Device: "dev-1", Release: "2.0", Link: Link{Channel: "icu"}}); len(why) > 0 {
		t.Error(why)
	}
}

// TestImport: what a maker says becomes evidence, and an answer where no person
// gave one.
func TestImport(t *testing.T) {
	a, _ := Begin("acc-1", "model/mdl-1", "Acme VM-200", two(), mark(noon))
	all := []Statement{
		{ID: "TXCF-2", Text: "Encrypted?", Answer: "Yes", Value: Yes, Note: "TLS 1.3"}, {ID: "CONN-7", Text: "TLS?", Answer: "See Notes"},
		{ID: "RMOT-1", Text: "Remote?", Answer: "No", Value: No}, {ID: "ALOF-1", Text: "Logoff?", Answer: "Yes", Value: Yes},
	}
	if err := answer("remote", Yes, "by the support of the maker")(&a, noon); err != nil {
		t.Fatal(err)
	}
	for range 2 { // once more gives the same
		_, evidence, answers, err := a.Import(all, "MDS2.xlsx", mark(noon.Add(time.Hour)))
		if err != nil || evidence != 2 || answers != 1 {
			t.Fatal(evidence, answers, err)
		}
		encryption, _ := a.Of("encryption")
		remote, _ := a.Of("remote")
		if encryption.Value != Yes || encryption.Text != "TLS 1.3" || encryption.Source != "mds2" || len(encryption.Evidence) != 2 || encryption.Evidence[1].Text != "TLS? See Notes" {
			t.Errorf("%+v", encryption)
		}
		if remote.Value != Yes || remote.Source != "" || len(remote.Evidence) != 1 || remote.Evidence[0].From != "MDS2.xlsx" {
			t.Errorf("%+v", remote)
		}
	}
	b := accepted(t, Seen{})
	if _, _, _, err := b.Import(all, "MDS2.xlsx", mark(noon)); fault.CodeOf(err) != "acceptance.settled" {
		t.Error(err)
	}
}

// TestStandard: the standard template is right, asks what R32 lists, and names
// only questions that the form of 2019 has.
func TestStandard(t *testing.T) {
	s := Standard()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	form, err := os.ReadFile(filepath.Join("..", "..", "imports", "mds2", "testdata", "whole", "form.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range s.Questions {
		for _, id := range append(q.MDS2, q.Lead) {
			if id != "" && !strings.Contains(string(form), "\n"+id+",") {
				t.Errorf("%s: MDS2 2019 has no question %s", q.ID, id)
			}
		}
	}
	// R32: patch policy, disclosure, OS support, encryption, authentication,
	// roles, logs, ports, remote support, backup, export, end of life
	want := "patches disclosure system encryption authentication roles logs ports remote backup export end"
	if got := strings.Join(s.ids(), " "); got != want {
		t.Errorf("asks %s, expected %s", got, want)
	}
}

func TestTemplates(t *testing.T) {
	for place, change := range map[string]func(t *Template){
		"name":               func(t *Template) { t.Name = " " },
		"questions":          func(t *Template) { t.Questions = nil },
		"roles":              func(t *Template) { t.Roles = nil },
		"roles[1]":           func(t *Template) { t.Roles[1] = t.Roles[0] },
		"roles[0]":           func(t *Template) { t.Roles[0] = "boss" },
		"months":             func(t *Template) { t.Months = -1 },
		"questions[1].id":    func(t *Template) { t.Questions[1].ID = t.Questions[0].ID },
		"questions[0].id":    func(t *Template) { t.Questions[0].ID = "A b" },
		"questions[0].text":  func(t *Template) { t.Questions[0].Text = "" },
		"questions[0].want":  func(t *Template) { t.Questions[0].Want = "maybe" },
		"questions[0].watch": func(t *Template) { t.Questions[0].Watch = "colour" },
	} {
		one := two()
		change(&one)
		err := one.Check()
		if fault.CodeOf(err) != "acceptance.template" || !strings.Contains(fmt.Sprint(err), place) {
			t.Errorf("%s: %v", place, err)
		}
	}
}
