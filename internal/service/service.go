package service

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/audit"
	"thalamus/internal/clock"
	"thalamus/internal/extract"
	"thalamus/internal/fault"
	"thalamus/internal/flow"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/flow/intake"
	"thalamus/internal/flow/journal"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/patients"
	"thalamus/internal/profile"
	"thalamus/internal/register"
	"thalamus/internal/register/acceptance"
	"thalamus/internal/register/care"
	"thalamus/internal/register/flows"
	"thalamus/internal/waveform"
)

// Tx is one transaction over everything that is governed.
type Tx interface {
	register.Tx
	patients.Tx
	access.Tx
	audit.Tx
	flows.Tx
}

// Store is the store of everything that is governed.
type Store interface {
	register.Reader
	register.AcceptanceReader
	care.Reader
	// AcceptanceSteps gives what happened to an acceptance, newest first.
	AcceptanceSteps(ctx context.Context, id string, limit int) ([]acceptance.Step, error)
	audit.Store
	register.JobStore
	flows.Store
	// Choices gives how somebody wants to see the console.
	Choices(ctx context.Context, actor model.ActorID) ([]access.Choice, error)
	// Update does work in one transaction: all of it, or nothing.
	Update(ctx context.Context, work func(tx Tx) error) error
}

// Links are the running drivers.
type Links interface {
	Status() map[model.ChannelID]LinkStatus
	Check(c model.Channel) error
}

// Parts is what a Service works with. Functions may be nil where it says so.
type Parts struct {
	Version string
	Started time.Time
	Log     *slog.Logger

	Store      Store
	Record     record.Reader
	Cursor     func() model.Seq
	Journal    journal.Journal
	Intake     *intake.Intake
	Deliveries *deliver.Deliver
	Extracts   *extract.Shelf
	Links      Links
	Register   *register.Register
	Gatekeeper *register.Gatekeeper // which devices may come in
	Patients   *patients.Patients
	Access     *access.Gate
	Clock      func(model.DeviceID) (clock.Estimate, bool) // what is known of a device's clock

	// Channel gives a channel in force; Plain says that its link is known not to
	// be encrypted.
	Channel func(model.ChannelID) (model.Channel, bool)
	Plain   func(model.ChannelID) bool

	// Now is the clock by which silence and ages are judged; nil: time.Now.
	Now func() time.Time

	// Profiles gives the device profiles in force; Reader reads entries as the
	// way does, with other profiles.
	Profiles func() *profile.Set
	Reader   func(*profile.Set) func(model.Entry) []model.Message
	// Cases reads cases with a profile.
	Cases func(*profile.Profile, []profile.Case) []flow.CaseResult

	// CheckRoute and CheckDestination say whether a thing could be put in
	// force, without doing so.
	CheckRoute       func(model.Route) error
	CheckDestination func(model.Destination) error
	// Drivers and Kinds say which drivers and kinds of destinations there are.
	Drivers, Kinds []Kind
	// Waveforms are the forms in which waveforms are written.
	Waveforms []waveform.Format
	// Redact leaves the secrets out of settings: kind is "driver" or
	// "destination".
	Redact func(kind, name string, settings map[string]any) map[string]any
	// Apply brings what is governed in force: channels, routes, destinations.
	Apply func(ctx context.Context) error
	// Explain names the segments and fields of a received message; may be nil.
	Explain func(codec string, raw []byte) []Segment
	// FHIR gives numbers over time as a Bundle of Observations (R4).
	FHIR func(ctx context.Context, a SeriesAnswer) ([]byte, error)
	// Flows gives who connected to our channels and what our destinations
	// reached and is not stored yet; Reaches the destinations that connect to
	// another machine.
	Flows   func(ctx context.Context) ([]model.Flow, error)
	Reaches func() map[model.DestinationID]bool
	// IssueCertificate makes a client certificate of the program's authority and
	// its key, both PEM, and gives the certificate's DER.
	IssueCertificate func(name string, life time.Duration) (cert, key, der []byte, err error)
	// Health lists what is wrong with the program itself, in plain words.
	Health func() []string
}

// Service calls operations.
type Service struct {
	Parts
	ops      map[string]Op
	events   *events
	checks   checks
	jobs     *jobs
	watch    *watch
	kept     *keptFlows
	tallying tallying
	forces   sync.Mutex // held by a call that forces, until its change is in force
}

// New makes a service.
func New(p Parts) *Service {
	s := &Service{Parts: p, ops: map[string]Op{}, events: newEvents(), jobs: newJobs(), watch: newWatch(), kept: newKeptFlows()}
	for _, o := range Ops() {
		s.ops[o.Name] = o
	}
	return s
}

// Ops lists every operation, sorted by name.
func Ops() []Op {
	ops := slices.Concat(overviewOps(), graphOps(), oversightOps(), kindOps(), checkOps(), messageOps(), waveformOps(), alertOps(), seriesOps(), liveOps(), relayOps(), deliveryOps(), quarantineOps(), associationOps(), deviceOps(), suggestOps(), mergeOps(), blockOps(), factOps(), modelOps(), scanOps(), serviceOps(), acceptanceOps(), templateOps(), stateOps(), taskOps(), careOps(), planOps(), orderOps(), accessoryOps(), loanOps(), flowOps(), segmentOps(), clockOps(), accountOps(), journalOps(), configOps(), labelOps(), profileOps(), extractOps(), importOps(), editOps(), exportOps(), jobOps(), credentialOps(), pairingOps(), calledOps(), deviceSearchOps(), locationOps(), metricOps(), bearerOps(), viewOps(), auditOps(), changeOps())
	slices.SortFunc(ops, func(a, b Op) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return ops
}

func (s *Service) now() time.Time {
	if s.Now != nil {
		return s.Now().UTC()
	}
	return time.Now().UTC()
}

// Origin is where a call comes from.
type Origin struct {
	Remote string // address of the caller
}

// As gives the door for one actor.
func (s *Service) As(actor access.Actor, from Origin) *Door {
	return &Door{s: s, actor: actor, from: from}
}

// OnThisMachine gives the door of somebody who can read the data folder.
func (s *Service) OnThisMachine(name string) *Door {
	return s.As(access.OnThisMachine(name), Origin{Remote: "local"})
}

// Door calls operations for one actor. It implements Caller.
type Door struct {
	s      *Service
	actor  access.Actor
	from   Origin
	secret string // of the session or token that opened it; empty: neither
}

// Still says whether what opened the door still does: a stream ends with its
// session or token.
func (d *Door) Still() error {
	if d.secret == "" {
		return nil
	}
	return d.s.Access.Still(d.secret)
}

type changeWanted struct{}

// WantChange gives a context in which a call that acts leaves the id of its
// change at to, whatever it answers: the audit has it, and change.undo takes it.
func WantChange(ctx context.Context, to *string) context.Context {
	return context.WithValue(ctx, changeWanted{}, to)
}

// ChangeWanted gives where a caller wants the id of the change; nil for nowhere.
func ChangeWanted(ctx context.Context) *string {
	to, _ := ctx.Value(changeWanted{}).(*string)
	return to
}

// Actor is who calls.
func (d *Door) Actor() access.Actor { return d.actor }

// May says whether the actor may call an operation.
func (d *Door) May(name string) bool { return d.s.Access.May(d.actor, name) }

// Call implements Caller: permission, work, audit record.
func (d *Door) Call(ctx context.Context, name string, request, response any) error {
	op, ok := d.s.ops[name]
	if !ok {
		return fault.New(fault.Absent, "service.no-operation", "there is no operation %q", name)
	}
	c := &call{s: d.s, actor: d.actor, from: d.from, op: op, change: newChange()}
	req, err := requestOf(op, request)
	if err != nil {
		return err
	}
	c.object, c.reason = subject(op, req)
	if !d.May(name) {
		err := fault.New(fault.Denied, "access.denied", "%s may not %s; ask an administrator for a role that may", d.actor.Name, name)
		return c.denied(ctx, err)
	}
	var into reflect.Value
	if response != nil {
		into = reflect.ValueOf(response).Elem()
		if into.Type() != op.Response {
			return fault.New(fault.Broken, "service.type", "%s answers with %s, not %s", name, op.Response, into.Type())
		}
	}
	answer, err := c.run(ctx, req)
	if err != nil {
		return err
	}
	if to := ChangeWanted(ctx); to != nil && op.Mode == Acts {
		*to = c.change
	}
	if response == nil {
		return nil
	}
	into.Set(reflect.ValueOf(answer))
	return nil
}

// subject gives what the audit says of a call before it is looked at: what it
// is about, as far as the request names it, and the reason given. What people
// look for patients by is left out: it may be a name.
func subject(op Op, request any) (object, reason string) {
	v := reflect.ValueOf(request).Elem()
	if v.Kind() != reflect.Struct {
		return "", ""
	}
	field := func(v reflect.Value, name string) string {
		f := v.FieldByName(name)
		if !f.IsValid() || f.IsZero() {
			return ""
		}
		return fmt.Sprint(f)
	}
	reason = field(v, "Reason")
	id := ""
	for _, name := range []string{"ID", "Seq", "Segment", "Name", "Device"} {
		if id == "" && op.Noun() != "patient" {
			id = field(v, name)
		}
	}
	if value := v.FieldByName("Value"); id == "" && value.IsValid() && value.Kind() == reflect.Struct {
		id = field(value, "ID")
	}
	if id == "" {
		return "", reason
	}
	return op.Noun() + " " + id, reason
}

// longestReason bounds the reason kept in the audit, in bytes.
const longestReason = 2000

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// requestOf gives a pointer to the operation's request type.
func requestOf(op Op, request any) (any, error) {
	if request == nil {
		return reflect.New(op.Request).Interface(), nil
	}
	v := reflect.ValueOf(request)
	switch {
	case v.Type() == reflect.PointerTo(op.Request):
		return request, nil
	case v.Type() == op.Request:
		p := reflect.New(op.Request)
		p.Elem().Set(v)
		return p.Interface(), nil
	}
	return nil, fault.New(fault.Broken, "service.type", "%s takes %s, not %s", op.Name, op.Request, v.Type())
}

func newChange() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// call is one operation under way.
type call struct {
	s      *Service
	actor  access.Actor
	from   Origin
	op     Op
	change string
	tx     Tx // in operations that act

	object  string
	reason  string
	seen    []model.PatientID
	met     map[model.PatientID]bool // those seen, where they are many
	pending []func(ctx context.Context) error
	silent  bool // nothing was changed: neither audit nor event
}

// look notes that a patient's data is in the answer.
func (c *call) look(p model.PatientID) {
	const few = 16
	switch {
	case p == "" || len(c.seen) > 0 && c.seen[len(c.seen)-1] == p:
		return
	case len(c.seen) < few:
		if slices.Contains(c.seen, p) {
			return
		}
	default:
		if c.met == nil {
			c.met = make(map[model.PatientID]bool, 8*few)
			for _, one := range c.seen {
				c.met[one] = true
			}
		}
		if c.met[p] {
			return
		}
		c.met[p] = true
	}
	c.seen = append(c.seen, p)
}

// after does something once the transaction is through.
func (c *call) after(f func(ctx context.Context) error) { c.pending = append(c.pending, f) }

func (c *call) mark() register.Mark {
	return register.Mark{By: c.actor.ID, At: c.s.now(), Change: c.change}
}

func (c *call) record(err error) audit.Record {
	r := audit.Record{
		At: c.s.now(), Actor: c.actor.ID, ActorName: c.actor.Name, ActorKind: string(c.actor.Kind), Action: c.op.Name,
		Object: clip(c.object, 200), Outcome: audit.Done, Reason: clip(c.reason, longestReason), Change: c.change, Remote: c.from.Remote,
	}
	if err != nil {
		r.Outcome, r.FaultCode = audit.Failed, fault.CodeOf(err)
		if fault.KindOf(err) == fault.Denied {
			r.Outcome = audit.Denied
		}
	}
	return r
}

// write appends the record of the call, which names every patient whose data
// the answer holds.
func (c *call) write(ctx context.Context, tx Tx, err error) error {
	for _, r := range c.record(err).Of(c.seen) {
		if _, err := tx.AppendAudit(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// log appends the call's record in a transaction of its own.
func (c *call) log(ctx context.Context, err error) error {
	return c.s.Store.Update(context.WithoutCancel(ctx), func(tx Tx) error { return c.write(ctx, tx, err) })
}

func (c *call) denied(ctx context.Context, err error) error {
	if failed := c.log(ctx, err); failed != nil {
		c.s.Log.Error("audit record not written", "action", c.op.Name, "error", failed)
	}
	return err
}

func (c *call) run(ctx context.Context, request any) (any, error) {
	switch c.op.Mode {
	case Acts:
		return c.act(ctx, request)
	case Works:
		if err := c.begin(ctx); err != nil {
			return nil, err
		}
		answer, err := c.op.run(ctx, c, request)
		if failed := c.log(ctx, err); failed != nil && err == nil {
			err = failed
		}
		return answer, err
	}
	answer, err := c.op.run(ctx, c, request)
	if !c.op.Patients {
		return answer, err
	}
	// A look at a patient's data that cannot be recorded does not happen.
	if failed := c.log(ctx, err); failed != nil && err == nil {
		return nil, failed
	}
	return answer, err
}

// begin records that long work begins: what cannot be recorded is not done.
func (c *call) begin(ctx context.Context) error {
	return c.s.Store.Update(ctx, func(tx Tx) error {
		r := c.record(nil)
		r.Outcome = audit.Begun
		_, err := tx.AppendAudit(ctx, r)
		return err
	})
}

// act does work and audit record in one transaction; what fails is recorded
// in another, because its transaction is undone.
func (c *call) act(ctx context.Context, request any) (any, error) {
	if c.op.Forces {
		c.s.forces.Lock()
		defer c.s.forces.Unlock()
	}
	var answer any
	err := c.s.Store.Update(ctx, func(tx Tx) error {
		c.tx = tx
		var err error
		if answer, err = c.op.run(ctx, c, request); err != nil {
			return err
		}
		if c.silent {
			return nil
		}
		return c.write(ctx, tx, nil)
	})
	c.tx = nil
	if err != nil {
		if failed := c.log(ctx, err); failed != nil {
			c.s.Log.Error("audit record not written", "action", c.op.Name, "error", failed)
		}
		return nil, err
	}
	for _, f := range c.pending {
		if err := f(context.WithoutCancel(ctx)); err != nil {
			return nil, err
		}
	}
	if !c.silent {
		c.s.events.publish(Event{Kind: "changed", Name: c.op.Name, Object: c.object})
	}
	return answer, nil
}
