package service

import (
	"context"
	"fmt"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
)

// FactSay is something that a person or another system says of a thing in the
// register, or decides about it.
type FactSay struct {
	Subject    fact.Subject `json:"subject" arg:"subject" doc:"what it is about: device/dev-ab12, model/mdl-ab12, release/rel-ab12"`
	Name       string       `json:"name" arg:"name" doc:"which fact, as fact.kinds lists them: owner, support-until"`
	Value      string       `json:"value,omitempty" arg:"value" doc:"what is so; left out: what was said is taken back"`
	From       time.Time    `json:"from,omitzero" doc:"true since; now when left out"`
	Until      time.Time    `json:"until,omitzero" doc:"true until; for a decision the end of the exception"`
	Source     string       `json:"source,omitempty" doc:"where it is known from"`
	Confidence int          `json:"confidence,omitempty" doc:"percent, 100 when left out"`
	Version    int64        `json:"version,omitempty" doc:"refuse when another version is in force, as fact.list gives it; 1: nobody said anything of it so far"`
	Reason     string       `json:"reason,omitempty" doc:"why, for the audit"`
}

// FactSaid tells what came of it.
type FactSaid struct {
	Changed bool   `json:"changed"`          // false: it was believed already
	Change  string `json:"change,omitempty"` // undoes it, given to change.undo
}

// FactAsk asks what is believed of a thing.
type FactAsk struct {
	Subject fact.Subject `json:"subject" arg:"subject" doc:"what it is about: device/dev-ab12, model/mdl-ab12, release/rel-ab12"`
	At      time.Time    `json:"at,omitzero" doc:"what was true then; now when left out"`
	Known   time.Time    `json:"known,omitzero" doc:"as it was believed then; now when left out"`
}

// FactHistoryAsk asks for everything that was ever believed of a thing.
type FactHistoryAsk struct {
	Subject fact.Subject `json:"subject" arg:"subject" doc:"what it is about: device/dev-ab12, model/mdl-ab12, release/rel-ab12"`
	Name    string       `json:"name,omitempty" arg:"name" doc:"only this fact"`
	Limit   int          `json:"limit,omitempty" doc:"rows, 200 unless told"`
}

// FactKindAsk asks which facts there are.
type FactKindAsk struct {
	Layer fact.Layer `json:"layer,omitempty" arg:"layer" doc:"only those of a device, model, release or service"`
}

func factOps() []Op {
	return []Op{
		define(Reads, "fact.kinds", "List the facts that can be said of devices, models, releases and services.", "device", listFactKinds),
		define(Reads, "fact.list", "Show what counts of a thing: observed, said or decided, what speaks against it, also as of another day.", "device/dev-abc --known 2026-05-03T12:00:00Z", listFacts),
		define(Reads, "fact.history", "List everything that was ever believed of a thing, newest first.", "device/dev-abc owner", factHistory),
		define(Acts, "fact.set", "Say something of a device, model or release, from a day or until one; without a value, take it back.", "device/dev-abc owner 'Intensive care' --reason 'moved with the ward'", believer(fact.Asserted)),
		define(Acts, "fact.decide", "Decide something of a device, model or release: an approved value, or an exception until a day. It counts before what is observed.", "device/dev-abc release 2.0 --until 2027-01-01T00:00:00Z --reason 'update is tested first'", believer(fact.Decided)),
	}
}

func listFactKinds(_ context.Context, _ *call, r FactKindAsk) ([]fact.Kind, error) {
	list := fact.Kinds(r.Layer)
	if len(list) == 0 {
		return nil, fault.New(fault.Invalid, "service.argument", "there is no layer %q; expected device, model, release or service", clip(string(r.Layer), 40)).At("layer")
	}
	return list, nil
}

func listFacts(ctx context.Context, c *call, r FactAsk) ([]fact.Resolved, error) {
	now := c.s.now()
	if r.At.IsZero() {
		r.At = now
	}
	if r.Known.IsZero() {
		r.Known = now
	}
	return c.s.Register.Facts(ctx, r.Subject, r.At, r.Known)
}

func factHistory(ctx context.Context, c *call, r FactHistoryAsk) ([]fact.Fact, error) {
	if r.Limit <= 0 {
		r.Limit = 200
	}
	return c.s.Register.FactHistory(ctx, r.Subject, r.Name, min(r.Limit, 1000))
}

// believer gives the work of saying, or of deciding.
func believer(truth fact.Truth) func(context.Context, *call, FactSay) (FactSaid, error) {
	return func(ctx context.Context, c *call, r FactSay) (FactSaid, error) {
		c.object, c.reason = string(r.Subject.Layer())+" "+r.Subject.ID(), r.Reason
		if err := c.unchanged(ctx, r); err != nil {
			return FactSaid{}, err
		}
		changed, err := c.s.Register.Say(ctx, c.tx, fact.Fact{
			Subject: r.Subject, Name: r.Name, Value: r.Value, Truth: truth,
			From: r.From, Until: r.Until, Source: r.Source, Confidence: r.Confidence,
		}, c.mark())
		if err != nil || !changed {
			c.silent = err == nil
			return FactSaid{}, err
		}
		return FactSaid{Changed: true, Change: c.change}, nil
	}
}

// FactVersion is the version of what was said of a fact, from its whole history.
func FactVersion(history []Fact, name string) int64 {
	n, _ := fact.Version(history, name)
	return n
}

// unchanged refuses what somebody said on another state than stands: who reads
// the refusal learns who changed what when.
func (c *call) unchanged(ctx context.Context, r FactSay) error {
	if r.Version == 0 {
		return nil
	}
	rows, err := c.tx.Facts(ctx, r.Subject, register.Ever)
	if err != nil {
		return err
	}
	have, last := fact.Version(rows, r.Name)
	if have == r.Version {
		return nil
	}
	of := fmt.Sprintf("%s of %s", clip(r.Name, 60), c.object)
	if last == nil {
		return fault.New(fault.Conflict, "register.version", "%s is at version 1, not %d: nobody said anything of it; read it again", of, r.Version).At("version")
	}
	now, change, at, by := fmt.Sprintf("it is %q now", clip(last.Value, 100)), last.Change, last.Believed, last.By
	switch {
	case !last.Retracted.IsZero():
		now, change, at, by = fmt.Sprintf("%q was taken back", clip(last.Value, 100)), last.Undone, last.Retracted, ""
	case !last.TrueAt(c.s.now()):
		now = fmt.Sprintf("%q was taken back", clip(last.Value, 100))
	}
	who, err := c.whoChanged(ctx, change, at, by)
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, "register.version", "%s is at version %d, not %d: %s (%s); read it again", of, have, r.Version, now, who).At("version")
}

// wantedFacts reads name=value.
func wantedFacts(texts []string) (map[string]string, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	wanted := map[string]string{}
	for _, t := range texts {
		name, value, ok := strings.Cut(t, "=")
		if _, known := fact.KindOf(name); !ok || !known {
			return nil, fault.New(fault.Invalid, "service.argument", "%q is no fact and its value; expected as in owner=ICU, with a name that fact.kinds lists", clip(t, 60)).At("facts")
		}
		wanted[name] = value
	}
	return wanted, nil
}
