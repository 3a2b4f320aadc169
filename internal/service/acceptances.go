package service

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/acceptance"
	"thalamus/internal/register/fact"
)

// AcceptanceAsk says which acceptances to list.
type AcceptanceAsk struct {
	Text   string           `json:"text,omitempty" arg:"text" doc:"part of what is accepted: a maker, model, version, serial number"`
	State  acceptance.State `json:"state,omitempty" doc:"open, answered, signed, accepted, expired, reopened or rejected"`
	Device model.DeviceID   `json:"device,omitempty" doc:"the one that counts for this device"`
}

// AcceptanceRow is an acceptance as lists show it.
type AcceptanceRow struct {
	ID         string                     `json:"id"`
	Subject    fact.Subject               `json:"subject"`
	Title      string                     `json:"title"`
	State      acceptance.State           `json:"state"`
	Since      time.Time                  `json:"since,omitzero"`
	Ends       time.Time                  `json:"ends,omitzero"` // as things are
	Questions  int                        `json:"questions"`
	Unanswered int                        `json:"unanswered"`
	Objections int                        `json:"objections"` // answers that are not the wanted ones
	Conditions int                        `json:"conditions"` // not met yet
	Signed     []acceptance.Role          `json:"signed"`
	Missing    []acceptance.Role          `json:"missing"` // must sign yet
	Why        []acceptance.Contradiction `json:"why,omitempty"`
	Version    int64                      `json:"version"`
}

// AcceptancePage is one acceptance whole.
type AcceptancePage struct {
	AcceptanceRow
	Acceptance acceptance.Acceptance `json:"acceptance"`
	Open       []string              `json:"open"`     // questions without an answer
	Against    []string              `json:"against"`  // channels it speaks on without encryption, although that is answered
	Observed   acceptance.Seen       `json:"observed"` // of its devices, now
	Devices    int                   `json:"devices"`  // that it concerns; 1000 stands for more
	Waiting    int                   `json:"waiting"`  // deliveries that wait for them to be accepted
	EndsWith   int                   `json:"endsWith"` // the condition that ends it, 0: its own day
	MaySign    []acceptance.Role     `json:"maySign"`  // whoever asks, now
	Steps      []acceptance.Step     `json:"steps"`    // newest first
}

// AcceptanceBegin begins an acceptance.
type AcceptanceBegin struct {
	Subject  fact.Subject `json:"subject" arg:"subject" doc:"what is to be accepted: model/mdl-ab12, release/rel-ab12, device/dev-ab12"`
	Template string       `json:"template,omitempty" doc:"id of the template of questions; standard unless told"`
	Reason   string       `json:"reason,omitempty" doc:"why, for the audit"`
}

// AcceptanceAct is an act on one acceptance.
type AcceptanceAct struct {
	ID      string `json:"id" arg:"id" doc:"id of the acceptance, acc-…"`
	Version int64  `json:"version,omitempty" doc:"refuse when another version is in force"`
	Reason  string `json:"reason,omitempty" doc:"why, for the audit"`
}

// AcceptanceAnswer answers one question.
type AcceptanceAnswer struct {
	AcceptanceAct
	Question string           `json:"question" arg:"question" doc:"id of the question: patches, encryption, ports"`
	Value    acceptance.Value `json:"value" arg:"value" doc:"yes, no, partly or n/a"`
	Text     string           `json:"text,omitempty" doc:"in words; needed where the answer is not the one that is wanted"`
	Document string           `json:"document,omitempty" doc:"evidence: number and page of a document"`
	Test     string           `json:"test,omitempty" doc:"evidence: what was tried, and what came of it"`
	Link     string           `json:"link,omitempty" doc:"evidence: address where it stands"`
}

// AcceptanceSign signs in the name of a role.
type AcceptanceSign struct {
	AcceptanceAct
	Role acceptance.Role `json:"role" arg:"role" doc:"biomed, it, security, privacy or clinical"`
	Note string          `json:"note,omitempty" doc:"a note beside the signature"`
}

// AcceptanceDemand makes a condition.
type AcceptanceDemand struct {
	AcceptanceAct
	Role acceptance.Role `json:"role" arg:"role" doc:"in whose name: biomed, it, security, privacy or clinical"`
	Text string          `json:"text" arg:"text" doc:"what must be done"`
	By   time.Time       `json:"by" doc:"the day by which it must be done, e.g. 2027-01-31"`
}

// AcceptanceMeet says how a condition was met.
type AcceptanceMeet struct {
	AcceptanceAct
	Condition int `json:"condition" arg:"condition" doc:"number of the condition"`
}

func acceptanceOps() []Op {
	return []Op{
		define(Reads, "acceptance.list", "List what was accepted for use, or is to be, and how far it is.", "--state reopened", listAcceptances),
		define(Reads, "acceptance.get", "Show one acceptance: questions, answers, evidence, conditions, signatures, what is observed against it.", "acc-ab12", getAcceptance),
		define(Acts, "acceptance.begin", "Begin the acceptance of a model, a release or one device; again, after it was rejected.", "model/mdl-ab12 --reason 'bought for the ICU'", beginAcceptance),
		define(Acts, "acceptance.answer", "Answer a question, with evidence. Who signed before has to sign again.", "acc-ab12 encryption yes --document 'Security guide 3.1, page 12'", answerAcceptance),
		define(Acts, "acceptance.import", "Import what the maker says: the worksheet of MDS2 2019, as XLSX or CSV.", "acc-ab12 --name MDS2.xlsx --file MDS2.xlsx", importAcceptance),
		define(Acts, "acceptance.demand", "Make a condition that must be met by a day; not met by then, the acceptance ends.", "acc-ab12 it 'Move it to the segment of monitors' --by 2027-01-31", demandAcceptance),
		define(Acts, "acceptance.meet", "Say how a condition was met.", "acc-ab12 1 --reason 'ticket 4711, VLAN 120'", meetAcceptance),
		define(Acts, "acceptance.sign", "Sign in the name of a role that your account carries; each role is another person.", "acc-ab12 it", signAcceptance),
		define(Acts, "acceptance.reject", "Reject it: on channels that ask for acceptance its messages wait.", "acc-ab12 --reason 'no updates since 2019'", rejectAcceptance),
		define(Acts, "acceptance.reopen", "Reopen what was accepted: every role signs again.", "acc-ab12 --reason 'moved to another network'", reopenAcceptance),
	}
}

func (s *Service) acceptanceRow(a *acceptance.Acceptance, now time.Time) AcceptanceRow {
	row := AcceptanceRow{
		ID: a.ID, Subject: fact.Subject(a.Subject), Title: a.Title, State: a.State(now), Since: a.Since(now), Questions: len(a.Template.Questions),
		Unanswered: len(a.Unanswered()), Objections: len(a.Objections()), Version: a.Version,
	}
	if row.State == acceptance.Accepted || row.State == acceptance.Expired {
		row.Ends, _ = a.Ends()
	}
	for _, c := range a.Conditions {
		if c.Met == nil {
			row.Conditions++
		}
	}
	for _, r := range a.Template.Roles {
		if slices.ContainsFunc(a.Signatures, func(have acceptance.Signature) bool { return have.Role == r }) {
			row.Signed = append(row.Signed, r)
		} else {
			row.Missing = append(row.Missing, r)
		}
	}
	if a.Reopening != nil {
		row.Why = a.Reopening.Why
	}
	return row
}

func listAcceptances(_ context.Context, c *call, r AcceptanceAsk) ([]AcceptanceRow, error) {
	if r.State != "" && !slices.Contains(acceptance.States(), r.State) {
		return nil, fault.New(fault.Invalid, "service.argument", "there is no state %q; expected one of %v", clip(string(r.State), 40), acceptance.States()).At("state")
	}
	now, out := c.s.now(), []AcceptanceRow{}
	all := c.s.Register.Acceptances()
	if r.Device != "" {
		all = nil
		if a, ok := c.s.Register.AcceptanceFor(r.Device); ok {
			all = append(all, a)
		}
	}
	for i := range all {
		row := c.s.acceptanceRow(&all[i], now)
		if (r.State == "" || row.State == r.State) && strings.Contains(strings.ToLower(row.Title+" "+string(row.Subject)), strings.ToLower(strings.TrimSpace(r.Text))) {
			out = append(out, row)
		}
	}
	return out, nil
}

func getAcceptance(ctx context.Context, c *call, r ID) (AcceptancePage, error) {
	a, err := c.s.Store.Acceptance(ctx, r.ID)
	if err != nil {
		return AcceptancePage{}, err
	}
	now := c.s.now()
	p := AcceptancePage{AcceptanceRow: c.s.acceptanceRow(&a, now), Acceptance: a, Open: a.Unanswered()}
	devices := c.s.Register.Under(p.Subject, 1000)
	p.Devices = len(devices)
	if p.Observed, err = c.s.observed(ctx, devices); err != nil {
		return p, err
	}
	p.Against = a.Against(p.Observed)
	_, p.EndsWith = a.Ends()
	who := c.signer()
	for _, role := range a.Template.Roles {
		if open := p.State != acceptance.Accepted && p.State != acceptance.Rejected && p.Unanswered == 0; open && a.MaySign(role, who) == nil {
			p.MaySign = append(p.MaySign, role)
		}
	}
	waiting, err := c.s.Deliveries.Quarantined(ctx)
	if err != nil {
		return p, err
	}
	concerned := map[model.DeviceID]bool{}
	for i := range devices {
		concerned[devices[i].ID] = true
	}
	for _, q := range waiting {
		if q.For == "acceptance" && slices.ContainsFunc(q.Devices, func(id model.DeviceID) bool { return concerned[id] }) {
			p.Waiting += q.Deliveries
		}
	}
	p.Steps, err = c.s.Store.AcceptanceSteps(ctx, a.ID, 200)
	return p, err
}

// observed is what devices are seen to do.
func (s *Service) observed(ctx context.Context, devices []register.Device) (seen acceptance.Seen, err error) {
	network, err := s.network(ctx)
	for i := range devices {
		seen.Add(s.observation(&devices[i], network[devices[i].ID]))
	}
	return seen, err
}

func (s *Service) observation(d *register.Device, on *onNetwork) acceptance.Observation {
	channel := cmp.Or(d.Seen.Channel, d.Observed.Channel)
	o := acceptance.Observation{Device: d.ID, Release: d.Observed.Release, Link: acceptance.Link{Channel: channel, Plain: channel != "" && s.Plain(channel)}}
	if on != nil {
		o.Ports, o.Plain = on.ports, on.plain
	}
	return o
}

// signer is who calls, as somebody who signs.
func (c *call) signer() acceptance.Signer {
	return acceptance.Signer{
		ID: string(c.actor.ID), Name: c.actor.Name, Roles: c.actor.Roles,
		Person: c.actor.Kind == access.User || c.actor.Kind == access.Local, Any: c.actor.Kind == access.Local,
	}
}

func (c *call) accepter() acceptance.Mark {
	return acceptance.Mark{By: string(c.actor.ID), Name: c.actor.Name, At: c.s.now()}
}

func beginAcceptance(ctx context.Context, c *call, r AcceptanceBegin) (AcceptanceRow, error) {
	c.object, c.reason = string(r.Subject.Layer())+" "+r.Subject.ID(), r.Reason
	title, err := c.s.Register.Title(r.Subject)
	if err != nil {
		return AcceptanceRow{}, under(err, "", "")
	}
	t, err := register.TemplateOf(ctx, c.tx, r.Template)
	if err != nil {
		return AcceptanceRow{}, err
	}
	a, began := acceptance.Begin(register.AcceptanceID(r.Subject), string(r.Subject), title, t, c.accepter())
	have, err := c.tx.Acceptance(ctx, a.ID)
	switch {
	case err == nil && have.Rejection == nil:
		return AcceptanceRow{}, fault.New(fault.Conflict, "acceptance.begun", "the acceptance of %s was begun already, %s; go on there", title, a.ID)
	case err != nil && fault.KindOf(err) != fault.Absent:
		return AcceptanceRow{}, err
	}
	a, err = c.s.Register.PutAcceptance(ctx, c.tx, a, have.Version, began)
	return c.s.acceptanceRow(&a, c.s.now()), err
}

// work does something to an acceptance: what it gives is stored as its next
// version, what waited for it is looked at again, and the answer is its row.
func (c *call) work(ctx context.Context, r AcceptanceAct, do func(a *acceptance.Acceptance) ([]acceptance.Step, error)) (AcceptanceRow, error) {
	c.object, c.reason = "acceptance "+r.ID, r.Reason
	a, err := c.tx.Acceptance(ctx, r.ID)
	if err != nil {
		return AcceptanceRow{}, err
	}
	steps, err := do(&a)
	if err != nil {
		return AcceptanceRow{}, err
	}
	if a, err = c.s.Register.PutAcceptance(ctx, c.tx, a, expected(r.Version), steps...); err != nil {
		return AcceptanceRow{}, err
	}
	c.after(func(context.Context) error {
		c.s.Deliveries.Adopted()
		return nil
	})
	return c.s.acceptanceRow(&a, c.s.now()), nil
}

func one(step acceptance.Step, err error) ([]acceptance.Step, error) {
	return []acceptance.Step{step}, err
}

func answerAcceptance(ctx context.Context, c *call, r AcceptanceAnswer) (AcceptanceRow, error) {
	answer := acceptance.Answer{Question: r.Question, Value: r.Value, Text: r.Text, Mark: c.accepter()}
	for kind, text := range map[string]string{"document": r.Document, "test": r.Test, "link": r.Link} {
		if text = strings.TrimSpace(text); text != "" {
			answer.Evidence = append(answer.Evidence, acceptance.Evidence{Kind: kind, Ref: text})
		}
	}
	slices.SortFunc(answer.Evidence, func(a, b acceptance.Evidence) int { return cmp.Compare(a.Kind, b.Kind) })
	return c.work(ctx, r.AcceptanceAct, func(a *acceptance.Acceptance) ([]acceptance.Step, error) { return one(a.Answer(answer)) })
}

func demandAcceptance(ctx context.Context, c *call, r AcceptanceDemand) (AcceptanceRow, error) {
	return c.work(ctx, r.AcceptanceAct, func(a *acceptance.Acceptance) ([]acceptance.Step, error) {
		return one(a.Demand(r.Role, c.signer(), r.Text, r.By.UTC(), c.s.now()))
	})
}

func meetAcceptance(ctx context.Context, c *call, r AcceptanceMeet) (AcceptanceRow, error) {
	return c.work(ctx, r.AcceptanceAct, func(a *acceptance.Acceptance) ([]acceptance.Step, error) {
		return one(a.Meet(r.Condition, r.Reason, c.accepter()))
	})
}

func signAcceptance(ctx context.Context, c *call, r AcceptanceSign) (AcceptanceRow, error) {
	return c.work(ctx, r.AcceptanceAct, func(a *acceptance.Acceptance) ([]acceptance.Step, error) {
		seen, err := c.s.observed(ctx, c.s.Register.Under(fact.Subject(a.Subject), 1000))
		if err != nil {
			return nil, err
		}
		return a.Sign(r.Role, c.signer(), r.Note, seen, c.s.now())
	})
}

func rejectAcceptance(ctx context.Context, c *call, r AcceptanceAct) (AcceptanceRow, error) {
	return c.work(ctx, r, func(a *acceptance.Acceptance) ([]acceptance.Step, error) {
		return one(a.Reject(c.signer(), r.Reason, c.s.now()))
	})
}

func reopenAcceptance(ctx context.Context, c *call, r AcceptanceAct) (AcceptanceRow, error) {
	if err := needReason(r.Reason); err != nil {
		return AcceptanceRow{}, err
	}
	return c.work(ctx, r, func(a *acceptance.Acceptance) ([]acceptance.Step, error) {
		return one(a.Reopen([]acceptance.Contradiction{{Kind: acceptance.Said, Now: clip(r.Reason, 1000)}}, c.accepter()))
	})
}

// Types that callers of the acceptance's operations need.
type (
	Acceptance       = acceptance.Acceptance
	AcceptanceState  = acceptance.State
	AcceptanceRole   = acceptance.Role
	AcceptanceValue  = acceptance.Value
	AcceptanceReason = acceptance.Contradiction
	Template         = acceptance.Template
	Question         = acceptance.Question
	Evidence         = acceptance.Evidence
)
