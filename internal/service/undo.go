package service

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"thalamus/internal/audit"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
)

// ChangeUndo names a change that is to be taken back.
type ChangeUndo struct {
	Change string `json:"change" arg:"change" doc:"id of the change, from a history, the audit, or the answer of what made it"`
	Reason string `json:"reason,omitempty" doc:"why, for the audit; needed for the change of a job, a block or an order"`
}

// ChangeUndone tells what was taken back.
type ChangeUndone struct {
	Change string   `json:"change"`          // undoes this in its turn
	Back   []string `json:"back"`            // what is as before: channel icu, device dev-abc
	Job    string   `json:"job,omitempty"`   // takes it back in the background
	Stays  []string `json:"stays,omitempty"` // what the change did besides, which stays
}

// undoChange takes one change back whatever it changed, in one transaction: all
// of it, or nothing (R56, decision 270). What somebody did since to the same is
// never run over.
func undoChange(ctx context.Context, c *call, r ChangeUndo) (ChangeUndone, error) {
	c.object, c.reason = "change "+clip(r.Change, 60), r.Reason
	if r.Change == "" {
		return ChangeUndone{}, fault.New(fault.Invalid, "register.no-change", "say which change; the history of a thing names them").At("change")
	}
	out := ChangeUndone{Change: c.change}
	j, err := c.s.Store.JobOfChange(ctx, r.Change)
	if err == nil {
		out.Job, err = c.undoOfJob(ctx, j, r.Reason)
		return out, err
	} else if fault.KindOf(err) != fault.Absent {
		return out, err
	}
	acts, err := c.s.Store.AuditSearch(ctx, audit.Query{Change: r.Change, Outcome: audit.Done})
	if err != nil {
		return out, err
	}
	if len(acts) == 0 {
		return out, fault.New(fault.Absent, "register.no-change", "nothing was changed by %q; the history of a thing names its changes", clip(r.Change, 60)).At("change")
	}
	u := undoing{call: c, of: r.Change, act: acts[0], reason: cmp.Or(r.Reason, "taken back")}
	if advice, ok := notUndone[u.act.Action]; ok || c.s.ops[u.act.Action].Mode != Acts {
		return out, fault.New(fault.Invalid, "service.not-undone", "%s (%s, %s) is not taken back like this: %s", u.act.Action, u.act.Object, whoWhen(u.act), cmp.Or(advice, "it changed nothing that is kept here")).At("change")
	}
	for _, part := range []func(context.Context) error{u.governed, u.facts, u.cared} {
		if err := part(ctx); err != nil {
			return out, err
		}
	}
	if len(u.back) == 0 {
		return out, fault.New(fault.Conflict, "service.undo-newer", "nothing is left of %s (%s): it was so before, or what it said has ended", u.act.Action, whoWhen(u.act)).At("change")
	}
	slices.Sort(u.back)
	out.Back, out.Stays = slices.Compact(u.back), u.stays
	c.reason = r.Reason
	if c.object = "change " + r.Change; len(out.Back) == 1 {
		c.object = out.Back[0] // its history tells it
	}
	return out, nil
}

// notUndone says of what is not taken back by its change what to do in its
// place. Every act that is neither here nor taken back fails a test.
var notUndone = map[string]string{
	"acceptance.answer":  "answer the question again with acceptance.answer",
	"acceptance.begin":   "reject it with acceptance.reject",
	"acceptance.demand":  "meet the condition with acceptance.meet",
	"acceptance.import":  "answer the questions again with acceptance.answer",
	"acceptance.meet":    "demand it again with acceptance.demand",
	"acceptance.reject":  "begin another with acceptance.begin",
	"acceptance.reopen":  "it is signed again with acceptance.sign",
	"acceptance.sign":    "a signature stays; open the acceptance again with acceptance.reopen",
	"association.attach": "say whose the values are with association.attach",
	"association.end":    "connect the patient again with association.start, from the time on that is right",
	"association.start":  "end the connection with association.end, at its beginning where it never was so",
	"credential.create":  "revoke it with credential.revoke",
	"credential.revoke":  "what is revoked stays so; make another with credential.create",
	"credential.rotate":  "make another with credential.rotate",
	"device.separate":    "merge them again with device.merge, which looks at what speaks against it",
	"device.unblock":     "block the device again with device.block, which looks at who depends on it",
	"token.create":       "revoke it with token.revoke",
	"token.revoke":       "what is revoked stays so; make another with token.create",
	"user.add":           "remove the account with user.remove",
	"user.change":        "change it again with user.change",
	"user.link":          "the link ends by itself; a password set with user.password ends it at once",
	"user.password":      "set another with user.password",
	"user.remove":        "make the account again with user.add",
	"view.columns":       "choose the columns again with view.columns",
	"view.remove":        "keep the view again with view.save",
	"view.save":          "forget the view with view.remove",
	"deadletter.discard": "send it again with entry.replay",
	"entry.redact":       "the bytes are gone for good",
	"entry.replay":       "what was delivered is at its destination",
	"extract.begin":      "remove the files with extract.remove",
	"flow.import":        "what was seen stays seen",
	"hold.release":       "set the hold again with hold.set",
	"hold.set":           "release it with hold.release",
	"job.cancel":         "let the job go on with job.resume",
	"job.resume":         "stop the job with job.cancel",
	"pairing.accept":     "refuse the device with pairing.refuse",
	"pairing.refuse":     "take the device in with pairing.accept",
	"quarantine.reject":  "send the messages again with entry.replay",
}

// undoing is one change on its way back.
type undoing struct {
	*call
	of     string       // the change
	act    audit.Record // that made it
	reason string
	back   []string
	stays  []string
}

func whoWhen(r audit.Record) string {
	return fmt.Sprintf("%s, %s", cmp.Or(r.ActorName, string(r.Actor)), r.At.UTC().Format("2006-01-02 15:04:05Z"))
}

// whoChanged says in words who made a change, when, and by which operation.
func (c *call) whoChanged(ctx context.Context, change string, at time.Time, by model.ActorID) (string, error) {
	acts, err := c.s.Store.AuditSearch(ctx, audit.Query{Change: change, Outcome: audit.Done, Limit: 1})
	if err != nil {
		return "", err
	}
	if change != "" && len(acts) > 0 {
		return whoWhen(acts[0]) + ": " + acts[0].Action, nil
	}
	return fmt.Sprintf("%s, %s", cmp.Or(c.s.called(string(by)), string(by), "the program"), at.UTC().Format("2006-01-02 15:04:05Z")), nil
}

// newer refuses, because another change stands on what is to be taken back: it
// says who changed what when.
func (u *undoing) newer(ctx context.Context, what, change string, at time.Time, by model.ActorID) error {
	who, err := u.whoChanged(ctx, change, at, by)
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, "service.undo-newer", "%s was changed since (%s, change %s); take that back first, or change it to what it should be", what, who, cmp.Or(change, "unknown")).At("change")
}

// may refuses what the actor could not do without the change's id.
func (u *undoing) may(operation string) error {
	if u.s.Access.May(u.actor, operation) {
		return nil
	}
	return fault.New(fault.Denied, "access.denied", "%s may not %s, which taking this back needs; ask an administrator for a role that may", u.actor.Name, operation)
}

// do calls another operation as a part of this one.
func (u *undoing) do(ctx context.Context, operation string, request any) error {
	if err := u.may(operation); err != nil {
		return err
	}
	_, err := u.s.ops[operation].run(ctx, u.call, request)
	return err
}

// governed gives things the versions that they had before the change.
func (u *undoing) governed(ctx context.Context) error {
	rows, err := u.tx.GovernedOfChange(ctx, u.of)
	if err != nil || len(rows) == 0 {
		return err
	}
	kinds := map[string]textKind{}
	for _, k := range textKinds() {
		kinds[k.noun] = k
	}
	var g governed
	force := false
	for _, row := range rows {
		k, ok := kinds[row.Kind]
		if !ok || k.back == nil {
			return fault.New(fault.Invalid, "service.not-undone", "a %s is not taken back like this", row.Kind).At("change")
		}
		if err := u.may(backNeeds(row.Kind)); err != nil {
			return err
		}
		force = force || rules(row.Kind)
	}
	if force {
		if err := u.bringInForce(ctx); err != nil {
			return err
		}
	}
	var checks []func(g governed) error
	for _, row := range rows {
		check, err := kinds[row.Kind].back(ctx, u, row)
		if err != nil {
			return err
		}
		checks = append(checks, check)
		u.back = append(u.back, row.Kind+" "+row.ID)
	}
	for _, k := range []string{"destination", "profile"} { // what others name
		if err := kinds[k].load(ctx, u.s, u.tx, &g); err != nil {
			return err
		}
	}
	for _, check := range checks {
		if err := check(g); err != nil {
			return err
		}
	}
	return nil
}

// backNeeds is the operation that would bring a version of a kind back.
func backNeeds(kind string) string {
	switch kind {
	case "approval":
		return "flow.approve"
	case "label":
		return "label.map"
	case "profile":
		return "profile.put"
	}
	return kind + ".restore"
}

// backAll makes a thing what it was before the version of a change, which must
// be its newest. What the whole of it must hold is checked by what it gives.
func backAll[T any](ctx context.Context, u *undoing, set register.Set[T], check func(s *Service, v T, g governed) error, row register.Row) (func(g governed) error, error) {
	versions, err := set.History(ctx, u.tx, row.ID, int(versionsKept))
	if err != nil {
		return nil, err
	}
	if newest := versions[0]; newest.Change != u.of {
		return nil, u.newer(ctx, set.Kind+" "+row.ID, newest.Change, newest.At, newest.By)
	}
	i := slices.IndexFunc(versions, func(v register.Versioned[T]) bool { return v.Change != u.of })
	if i < 0 || versions[i].Removed {
		if !versions[0].Removed {
			err = set.Remove(ctx, u.tx, row.ID, register.AnyVersion, u.mark())
		}
		return func(governed) error { return u.free(ctx, set.Kind, row.ID) }, err
	}
	was := versions[i].Value
	if _, err := set.Put(ctx, u.tx, was, register.AnyVersion, u.mark()); err != nil {
		return nil, err
	}
	return func(g governed) error {
		if check == nil {
			return nil
		}
		return under(check(u.s, was, g), set.Kind, row.ID)
	}, nil
}

// facts takes back what the change said of devices, models and releases. What
// messages wait for goes the way of its own operation.
func (u *undoing) facts(ctx context.Context) error {
	rows, err := u.tx.FactsOfChange(ctx, u.of)
	if err != nil {
		return err
	}
	var plain []fact.Fact
	for i := range rows {
		f := &rows[i]
		if !slices.Contains([]string{"adoption", "merged", "alias", "blocked"}, f.Name) {
			plain = append(plain, *f)
			continue
		}
		if f.Change != u.of || f.Name == "alias" || !f.Until.IsZero() {
			continue
		}
		if err := u.decision(ctx, f); err != nil {
			return err
		}
	}
	if newer := fact.Newer(plain, u.of); newer != nil {
		what := strings.Replace(string(newer.Subject), "/", " ", 1) + ": " + newer.Name
		if newer.Undone != "" {
			return u.newer(ctx, what, newer.Undone, newer.Retracted, "")
		}
		return u.newer(ctx, what, newer.Change, newer.Believed, newer.By)
	}
	needs := ""
	for i := range plain {
		f := &plain[i]
		if f.Change != u.of && f.Undone != u.of {
			continue
		}
		if needs = cmp.Or(needs, "fact.set"); f.Truth == fact.Decided {
			needs = "fact.decide"
		}
		u.back = append(u.back, strings.Replace(string(f.Subject), "/", " ", 1))
	}
	if needs == "" {
		return nil
	}
	if err := u.may(needs); err != nil {
		return err
	}
	if u.act.Action == "device.dispose" {
		u.stays = append(u.stays, "the order with the proof of wiping")
	}
	return u.s.Register.Undo(ctx, u.tx, plain, u.of, u.mark())
}

// decision takes back an adoption, a merge or a block that the change decided.
func (u *undoing) decision(ctx context.Context, f *fact.Fact) error {
	act := DeviceAct{ID: model.DeviceID(f.Subject.ID()), Reason: u.reason}
	if f.Undone != "" {
		return u.newer(ctx, "device "+string(act.ID)+": "+f.Name, f.Undone, f.Retracted, "")
	}
	u.back = append(u.back, "device "+string(act.ID))
	switch {
	case f.Name == "merged":
		return u.do(ctx, "device.separate", &act)
	case f.Name == "blocked":
		return u.do(ctx, "device.unblock", &DeviceUnblock{DeviceAct: act})
	case f.Value == "adopted":
		return u.do(ctx, "device.release", &act)
	}
	return u.do(ctx, "device.adopt", &act)
}

// Undoable says whether the change of an act can be taken back by its id, where
// nothing newer stands on it.
func Undoable(op Op) bool {
	_, no := notUndone[op.Name]
	return !no && op.Mode == Acts || op.Name == "device.import" || op.Name == "device.edit"
}
