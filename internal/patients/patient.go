package patients

import (
	"context"
	"strings"
	"time"

	"thalamus/internal/model"
)

// Patient is one person as known here.
type Patient struct {
	model.Patient
	Keys       []string          `json:"-"`                    // identity keys, see keysOf
	MergedInto model.PatientID   `json:"mergedInto,omitempty"` // A40: this record goes on there
	Aliases    []model.PatientID `json:"aliases,omitempty"`    // records that were merged into this one
	Updated    time.Time         `json:"updated,omitzero"`     // of the newest ADT event that told name and birth date
	FirstSeen  time.Time         `json:"firstSeen,omitzero"`
	Class      string            `json:"class,omitempty"`    // of the newest visit: I O E …
	Visit      string            `json:"visit,omitempty"`    // number of the newest visit
	VisitTold  time.Time         `json:"visitTold,omitzero"` // when the event of Class and Visit happened
	Place      model.Place       `json:"place,omitzero"`     // the bed now, by ADT; set by Get and Find only
}

// DisplayName is "Family, Given", or the first number where no name is known.
func (p Patient) DisplayName() string {
	name := p.Family
	if len(p.Given) > 0 {
		if name != "" {
			name += ", "
		}
		name += strings.Join(p.Given, " ")
	}
	if name == "" && len(p.Identifiers) > 0 {
		name = p.Identifiers[0].Value
	}
	return name
}

// Movement is what one ADT event did to where a patient is.
type Movement struct {
	Patient model.PatientID `json:"patient"` // as named then, before merges
	Visit   string          `json:"visit,omitempty"`
	What    What            `json:"what"`
	At      time.Time       `json:"at"`   // when it happened, EVN-6 or EVN-2
	Said    time.Time       `json:"said"` // when the sender said so, MSH-7
	Place   model.Place     `json:"place,omitzero"`
}

// What a movement is.
type What string

const (
	Enter       What = "enter" // admitted or registered
	Move        What = "move"  // transferred
	Leave       What = "leave" // discharged
	CancelEnter What = "cancel-enter"
	CancelMove  What = "cancel-move"
	CancelLeave What = "cancel-leave"
)

// Span is an association with the visit it belongs to.
type Span struct {
	model.Association
	Visit string `json:"visit,omitempty"`
	Bed   string `json:"-"` // key of the bed, empty for an association with a device
}

// Stay replaces what is stored of one person's beds.
type Stay struct {
	Group []model.PatientID // the person's records
	Since time.Time         // spans that begin at or after it are replaced
	Spans []Span
}

// Batch is what one transaction stores.
type Batch struct {
	Patients  []Patient
	Movements []Movement
	Stays     []Stay
	Devices   []Span // associations of devices: each ends the device's last one at its From
	Heard     []Heard
	Reviews   []model.Review
}

// Empty says that there is nothing to store.
func (b *Batch) Empty() bool {
	return len(b.Patients)+len(b.Movements)+len(b.Stays)+len(b.Devices)+len(b.Heard)+len(b.Reviews) == 0
}

// Query selects associations; at least one of Patients, Device and Bed. Those
// that overlap From and Until are given, newest first.
type Query struct {
	Patients []model.PatientID
	Device   model.DeviceID
	Bed      string
	From     time.Time
	Until    time.Time
	Limit    int // 0 means 100, at most 1000
}

// Store keeps patients.
type Store interface {
	// Secret gives a random key of this installation by name; when there is
	// none yet, make gives it.
	Secret(ctx context.Context, name string, make func() ([]byte, error)) ([]byte, error)
	// PatientsByKey gives the patients that hold any of the keys, as stored.
	PatientsByKey(ctx context.Context, keys []string) ([]Patient, error)
	// Patient gives a stored patient; ok is false when there is none.
	Patient(ctx context.Context, id model.PatientID) (p Patient, ok bool, err error)
	// Movements gives the last movements of a person's records, by Said,
	// oldest first; more says that there are older ones.
	Movements(ctx context.Context, group []model.PatientID, limit int) (list []Movement, more bool, err error)
	// BedSpans gives the last spans of a bed, by From, oldest first.
	BedSpans(ctx context.Context, bed string, limit int) ([]Span, error)
	// DeviceSpan gives the last association of a device.
	DeviceSpan(ctx context.Context, id model.DeviceID) (s Span, ok bool, err error)
	// DeviceSpans gives the last association of each of some devices that has one.
	DeviceSpans(ctx context.Context, ids []model.DeviceID) ([]Span, error)
	// ConnectedDevices gives the devices of which a connection or association
	// holds at an instant, sorted.
	ConnectedDevices(ctx context.Context, at time.Time) ([]MayConnect, error)
	// EverConnected gives the devices that ever had a connection or an
	// association, each once.
	EverConnected(ctx context.Context) ([]model.DeviceID, error)
	// ConnectionsOf gives the last connections of a device, as made.
	ConnectionsOf(ctx context.Context, device model.DeviceID, limit int) ([]Connection, error)
	// Connections gives connections, the last made first.
	Connections(ctx context.Context, q ConnectionQuery) ([]Connection, error)
	// SavePatients stores a batch durably. Storing one twice changes nothing.
	SavePatients(ctx context.Context, b Batch) error
	// FindPatients gives patients whose name, given name or number begins
	// with text (folded, see Fold); merged ones are left out.
	FindPatients(ctx context.Context, text string, limit int) ([]Patient, error)
	// Associations gives associations as stored; Patients clips those of beds.
	Associations(ctx context.Context, q Query) ([]Span, error)
}

// Fold makes spellings equal for search and comparison: upper case, single
// spaces.
func Fold(s string) string { return strings.Join(strings.Fields(strings.ToUpper(s)), " ") }
