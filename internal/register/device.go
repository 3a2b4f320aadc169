package register

import (
	"context"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register/acceptance"
	"thalamus/internal/register/care"
	"thalamus/internal/register/fact"
	"thalamus/internal/register/state"
)

// Device is one physical unit as the register knows it.
type Device struct {
	ID       model.DeviceID `json:"id"`
	Version  int64          `json:"version"` // of Asserted and what is decided, for If-Match
	Observed Observed       `json:"observed"`
	Asserted Asserted       `json:"asserted,omitzero"`
	Adoption *Adoption      `json:"adoption,omitempty"` // nil: nobody has adopted it
	Merged   *Merge         `json:"merged,omitempty"`   // it is another name of that device
	Block    *Block         `json:"block,omitempty"`    // nothing of it leaves; also one that has ended, until somebody decided about what it set aside
	Seen     Sighting       `json:"seen,omitzero"`
	Keys     []string       `json:"keys,omitempty"` // identity keys that name this unit, strongest first
}

// Adopted says whether somebody took the device into use.
func (d Device) Adopted() bool { return d.Adoption != nil }

// Observed is what messages said of a unit; the latest of each.
type Observed struct {
	Identifiers  []model.Identifier `json:"identifiers,omitempty"`
	Manufacturer string             `json:"manufacturer,omitempty"`
	Model        string             `json:"model,omitempty"`
	Serial       string             `json:"serial,omitempty"`
	UDI          string             `json:"udi,omitempty"`
	Release      string             `json:"release,omitempty"` // software version
	Hardware     string             `json:"hardware,omitempty"`
	Kind         model.Code         `json:"kind,omitzero"`
	Place        model.Place        `json:"place,omitzero"`
	Channel      model.ChannelID    `json:"channel,omitempty"` // where it was first heard
	FirstSeen    time.Time          `json:"firstSeen,omitzero"`
	Reading      Reading            `json:"reading,omitzero"`
	// Turns are the last changes of its software version (release) and of the
	// place it tells (place), by arrival.
	Turns map[string]state.Turn `json:"turns,omitempty"`
}

// Asserted is what people said of a unit.
type Asserted struct {
	Name  string      `json:"name,omitempty"`
	Place model.Place `json:"place,omitzero"` // where it stands; used when its messages do not say
	Note  string      `json:"note,omitempty"`
	Zone  string      `json:"zone,omitempty"`  // IANA zone of its times that name none
	Clock string      `json:"clock,omitempty"` // what is done about its clock: offset, none
}

// Adoption is the decision to take a device into use.
type Adoption struct {
	By model.ActorID `json:"by"`
	At time.Time     `json:"at"`
}

// Sighting is when and how often a unit was heard.
type Sighting struct {
	LastSeen     time.Time       `json:"lastSeen,omitzero"` // arrival of its latest message
	Channel      model.ChannelID `json:"channel,omitempty"`
	Peer         string          `json:"peer,omitempty"`
	Seq          model.Seq       `json:"seq,omitempty"` // latest entry counted
	Part         int             `json:"part,omitempty"`
	Messages     uint64          `json:"messages"`
	Observations uint64          `json:"observations"`
	Alerts       uint64          `json:"alerts"`
	Issues       uint64          `json:"issues"`
	Read         uint64          `json:"read,omitempty"` // messages read with the profile of Observed.Reading, any version of it
	// Contact is how the link to it is; nil: no link told. It is replaced and
	// never changed, and no change of it is a fact of its history.
	Contact *model.Contact `json:"contact,omitempty"`
	// Battery is what it told of its battery last; nil: nothing. It is replaced and
	// never changed, and no fact of its history: it changes all day.
	Battery *Battery `json:"battery,omitempty"`
}

// Battery is what a device tells of its battery.
type Battery struct {
	Level string    `json:"level"` // as told: "80 %", "low"
	At    time.Time `json:"at"`    // arrival of the message that told it
}

// Change is one observed or asserted change of a fact about a unit.
type Change struct {
	Device model.DeviceID `json:"device"`
	At     time.Time      `json:"at"`
	Fact   string         `json:"fact"` // release hardware place model manufacturer serial identifiers adoption merged alias blocked name note zone clock profile range
	Was    string         `json:"was,omitempty"`
	Now    string         `json:"now,omitempty"`
	By     model.ActorID  `json:"by,omitempty"`     // empty: observed
	Change string         `json:"change,omitempty"` // id of the operation, which undoes it
}

// Facts says how a change is believed, given what is believed of its device.
// What it replaces and nobody wrote down yet was true before.
func (c Change) Facts(believed []fact.Fact) (fact.Edit, error) {
	f := fact.Fact{
		Subject: fact.Of(fact.OfDevice, string(c.Device)), Name: c.Fact, Truth: fact.Asserted, Value: c.Now,
		From: c.At, Believed: c.At, By: c.By, Change: c.Change,
	}
	if kind, _ := fact.KindOf(c.Fact); kind.First == fact.Decided {
		f.Truth = fact.Decided
	}
	if c.By == "" {
		f.Truth = fact.Observed
	}
	e, err := fact.Put(believed, f)
	if err == nil && len(e.Retract) == 0 && c.Was != "" && !e.Empty() {
		was := f
		was.Value, was.From, was.Until = c.Was, time.Time{}, c.At
		e.Add = append([]fact.Fact{was}, e.Add...)
	}
	return e, err
}

// DeviceText is an adopted device as export writes it and apply reads it. Its
// keys let another installation know the unit before it hears it.
type DeviceText struct {
	ID           model.DeviceID `json:"id" yaml:"id"`
	Name         string         `json:"name,omitempty" yaml:"name,omitempty"`
	Note         string         `json:"note,omitempty" yaml:"note,omitempty"`
	Place        string         `json:"place,omitempty" yaml:"place,omitempty"` // "ICU^2^23"
	Zone         string         `json:"zone,omitempty" yaml:"zone,omitempty"`
	Clock        string         `json:"clock,omitempty" yaml:"clock,omitempty"`
	Manufacturer string         `json:"manufacturer,omitempty" yaml:"manufacturer,omitempty"`
	Model        string         `json:"model,omitempty" yaml:"model,omitempty"`
	Serial       string         `json:"serial,omitempty" yaml:"serial,omitempty"`
	Keys         []string       `json:"keys,omitempty" yaml:"keys,omitempty"`
}

// Store keeps the devices.
type Store interface {
	Reader
	// Devices gives all devices with their sightings.
	Devices(ctx context.Context) ([]Device, error)
	// SaveDevices stores what was observed of devices, and changes, durably in
	// one transaction. What people asserted and decided stays as stored; a
	// device not there yet is stored whole.
	SaveDevices(ctx context.Context, devices []Device, changes []Change) error
	// SaveSightings stores when devices were last seen.
	SaveSightings(ctx context.Context, devices []Device) error
	// Beliefs goes through all facts once, in the order they were made. said is
	// shown everything that people and other systems said and that is believed
	// now, of all subjects; the fact it is shown is another one afterwards.
	// changed is told when something of a subject was believed or taken back,
	// for all else, and of models for all.
	Beliefs(ctx context.Context, said func(f *fact.Fact), changed func(s fact.Subject, at time.Time)) error
	// DeviceChanges gives the history of a device, newest first.
	DeviceChanges(ctx context.Context, id model.DeviceID, limit int) ([]Change, error)
	care.Reader
	AcceptanceReader
	// Acceptances gives all of them.
	Acceptances(ctx context.Context) ([]acceptance.Acceptance, error)
	// AcceptanceSteps gives what happened to an acceptance, newest first.
	AcceptanceSteps(ctx context.Context, id string, limit int) ([]acceptance.Step, error)
}

// Tx is what changes of devices and governed things need of a transaction.
type Tx interface {
	GovernedTx
	care.Tx
	AcceptanceTx
	// Device gives the stored device without its sighting, or a fault.Absent.
	Device(ctx context.Context, id model.DeviceID) (Device, error)
	// SaveDevice stores what was asserted and decided about a device, its
	// version, and changes. What was observed stays as stored; a device not
	// there yet is stored whole.
	SaveDevice(ctx context.Context, d Device, changes []Change) error
	// FactsOfChange gives every fact of the subjects that a change touched.
	FactsOfChange(ctx context.Context, change string) ([]fact.Fact, error)
	// SaveFacts stores an edit.
	SaveFacts(ctx context.Context, e fact.Edit, mark Mark) error
	BulkTx
	JobTx
	// OnCommit runs work after the commit, before any later transaction.
	OnCommit(work func())
}
