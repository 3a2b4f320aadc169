package record

import (
	"context"
	"iter"
	"time"

	"thalamus/internal/alert"
	"thalamus/internal/clock"
	"thalamus/internal/model"
)

// Batch is what one transaction adds to the record.
type Batch struct {
	// Cursor is the last journal entry that is wholly in the record once the
	// batch is. It never goes back.
	Cursor model.Seq
	// Messages in order of their Ref, all later than what the record holds.
	// The store keeps references to them: nobody may change them afterwards.
	Messages []*model.Message
	// Prints holds the identity of each message; nil, or as long as Messages.
	Prints []Print
}

// Store keeps the record. Its methods are called by one goroutine.
type Store interface {
	// Cursor is the last journal entry that is wholly in the record.
	Cursor() model.Seq
	// Seen gives for each print the first message committed with it, the zero
	// MessageRef where there is none.
	Seen(ctx context.Context, prints []Print) ([]model.MessageRef, error)
	// Commit makes a batch part of the record, wholly or not at all. A
	// fault.Transient (disk full, disk error) may be tried again with the same
	// batch; a fault.Conflict says that the batch is not the next one.
	Commit(ctx context.Context, b Batch) error
}

// Reader reads the record. Its methods may be called by many goroutines; all
// see what has been committed before the call. What they return is shared and
// must not be changed.
type Reader interface {
	// Head is the last message in the record; the zero ref when it is empty.
	Head() model.MessageRef
	// Wait returns as soon as Head is later than after, or ctx ends.
	Wait(ctx context.Context, after model.MessageRef) error
	// Owed gives up to limit messages later than after which are owed to dest
	// (Routed holds a Decision for it that is Owed), oldest first. The
	// work of one call is bounded: upTo is the last message looked at, and the
	// next call goes on after it; upTo == after means there is nothing yet.
	Owed(ctx context.Context, dest model.DestinationID, after model.MessageRef, limit int) (msgs []*model.Message, upTo model.MessageRef, err error)
	// Message gives one message; fault.Absent when the record has none such.
	Message(ctx context.Context, ref model.MessageRef) (*model.Message, error)
	// Search finds messages, newest first. next is where the following page
	// begins (Query.Before), zero when there is nothing more. The work of one
	// call is bounded, so a page may hold fewer than Limit and still have a
	// next one.
	Search(ctx context.Context, q Query) (found []Summary, next model.MessageRef, err error)
	// Refs gives the messages that match, oldest first, for replay.
	Refs(ctx context.Context, q Span) iter.Seq2[model.MessageRef, error]
	// Repeats gives the first 100 messages that say again, wholly or in part,
	// what a message said, oldest first (R18).
	Repeats(ctx context.Context, ref model.MessageRef) ([]model.MessageRef, error)
	// Scan gives the messages that match, oldest first, duplicates among them,
	// in bounded memory; Limit aside. A message is valid until the next one is
	// given, and so are its lists; its texts stay.
	Scan(ctx context.Context, q Query) iter.Seq2[*model.Message, error]
	// Latest gives the last value of every code of a subject, sorted by
	// patient, device and code; of all subjects when s is zero. What has brought
	// nothing today and yesterday may be missing.
	Latest(ctx context.Context, s Subject) ([]LatestValue, error)
	// Trend gives the numbers of a code over time, one Trend per device, patient
	// and unit that has any.
	Trend(ctx context.Context, q TrendQuery) ([]Trend, error)
	NumbersReader
	// Waveform gives the runs of samples of a code, or of all where none is
	// given, that touch the time span, oldest first; at most Limit, else
	// MostRuns, of each series, the earliest.
	Waveform(ctx context.Context, q TrendQuery) ([]Samples, error)
	// Alerts gives alerts, the latest news first by arrival.
	Alerts(ctx context.Context, q AlertQuery) ([]AlertState, error)
	// Issues gives what could not be understood, grouped by code and channel,
	// the most recent first.
	Issues(ctx context.Context, q IssueQuery) ([]IssueGroup, error)
	// Counts gives what each channel brought since the record began.
	Counts() map[model.ChannelID]Count
	// Sightings tells when each device was last heard, the latest first.
	Sightings(ctx context.Context) ([]Sighting, error)
}

// Query says which messages to find. Empty fields match everything; all that
// is given must match.
type Query struct {
	Patients    []model.PatientID // any of them
	Device      model.DeviceID
	Channel     model.ChannelID
	Type        string // "ORU", "ORU^R01" or the whole MSH-9
	Code        string // of an observation, waveform or alert: RefID, MDC number or LOINC
	ControlText string // part of the control id
	From, Until time.Time
	WithIssues  bool
	WithAlerts  bool
	Refused     bool             // a destination was refused it
	Before      model.MessageRef // only earlier ones
	After       model.MessageRef // only later ones
	Limit       int              // as Most says
}

// Most is how many messages a query asks for: 50 where it does not say, never
// above 1000.
func (q *Query) Most() int {
	if q.Limit <= 0 {
		return 50
	}
	return min(q.Limit, 1000)
}

// Span says which messages to name, for replay.
type Span struct {
	From, Until time.Time // of arrival; zero: open
	Device      model.DeviceID
	Channel     model.ChannelID
}

// Subject is a patient or a device, or one patient on one device.
type Subject struct {
	Patient model.PatientID `json:"patient,omitempty"`
	Device  model.DeviceID  `json:"device,omitempty"`
}

// Summary is a message in a list.
type Summary struct {
	Ref          model.MessageRef      `json:"ref"`
	Channel      model.ChannelID       `json:"channel"`
	Type         string                `json:"type"`
	Profile      string                `json:"profile,omitempty"`
	ControlID    string                `json:"controlId,omitempty"`
	Sender       model.Party           `json:"sender"`
	Test         bool                  `json:"test,omitempty"`
	Arrived      time.Time             `json:"arrived"`
	Recorded     time.Time             `json:"recorded"`
	Patient      model.PatientID       `json:"patient,omitempty"`
	PatientName  string                `json:"patientName,omitempty"`
	Device       model.DeviceID        `json:"device,omitempty"`
	DeviceModel  string                `json:"deviceModel,omitempty"`
	Place        string                `json:"place,omitempty"`
	Observations int                   `json:"observations"`
	Waveforms    int                   `json:"waveforms"`
	Alerts       int                   `json:"alerts"`
	Issues       int                   `json:"issues"`
	Owed         []model.DestinationID `json:"owed,omitempty"`
	Refused      []model.DestinationID `json:"refused,omitempty"`
	Duplicate    model.MessageRef      `json:"duplicate,omitzero"`
}

// LatestValue is the last value of one code.
type LatestValue struct {
	Subject
	Ref       model.MessageRef `json:"ref"`
	Code      model.Code       `json:"code"`
	Received  model.Coding     `json:"received"`
	Value     model.Value      `json:"value"`
	UnitUCUM  string           `json:"unit,omitempty"`
	Time      time.Time        `json:"time"` // the device's, else of arrival
	Arrived   time.Time        `json:"arrived"`
	Status    model.Status     `json:"status,omitempty"`
	Absent    string           `json:"absent,omitempty"`
	Simulated bool             `json:"simulated,omitempty"`
}

// TrendQuery asks for the numbers of a code, or its waveform.
type TrendQuery struct {
	Subject
	Code        string // RefID, MDC number, LOINC, or the code as sent
	From, Until time.Time
	// Step aligns to a grid of this width counted from the Unix epoch; 0 gives
	// the values as they came.
	Step time.Duration
	// Limit of points; 0 means 100,000. The earliest are given.
	Limit int
}

// Trend is a run of numbers in one unit.
type Trend struct {
	Subject
	Code     model.Code   `json:"code"`
	Received model.Coding `json:"received,omitzero"`
	UnitUCUM string       `json:"unit,omitempty"`
	// Simulated values are never in one Trend with measured ones (R17).
	Simulated bool           `json:"simulated,omitempty"`
	Step      model.Duration `json:"step,omitempty"`
	Points    []Point        `json:"points"`
}

// Point is one value (Count 1), or the values of one step of the grid: Time is
// the step's beginning then.
type Point struct {
	Time  time.Time        `json:"time"`
	Count int              `json:"count"`
	Last  model.Decimal    `json:"last"`
	Min   model.Decimal    `json:"min"`
	Max   model.Decimal    `json:"max"`
	Mean  float64          `json:"mean"`
	Ref   model.MessageRef `json:"ref"` // the message that brought Last
}

// Samples is a run of samples with the message that brought it.
type Samples struct {
	Subject
	Ref   model.MessageRef `json:"ref"`
	Start time.Time        `json:"start"`
	// Simulated is what the samples or the whole message are (R17).
	Simulated bool            `json:"simulated,omitempty"`
	Waveform  *model.Waveform `json:"waveform"`
}

// MostRuns is how many runs of one series Waveform gives unless told.
const MostRuns = 10_000

// AlertQuery says which alerts to give.
type AlertQuery struct {
	Subject
	Active      bool      // only those without an end
	From, Until time.Time // told of since From, begun before Until, by arrival
	ID          string    // the source's name for it
	Heartbeats  bool      // also what is no alert: that sources are there
	Limit       int       // as Most says
}

// Most is how many alerts a query asks for: 200 where it does not say.
func (q *AlertQuery) Most() int {
	if q.Limit <= 0 {
		return 200
	}
	return q.Limit
}

// AlertState is one alert's life so far.
type AlertState = alert.Life

// IssueQuery says which issues to give.
type IssueQuery struct {
	From, Until time.Time // of arrival, whole hours
	Channel     model.ChannelID
	Code        string
}

// IssueGroup is what happened how often.
type IssueGroup struct {
	Code     string           `json:"code"`
	Channel  model.ChannelID  `json:"channel"`
	Severity model.Severity   `json:"severity"`
	Count    uint64           `json:"count"`
	First    time.Time        `json:"first"`
	Last     time.Time        `json:"last"`
	Ref      model.MessageRef `json:"ref"`     // the last message that had it
	Example  model.Issue      `json:"example"` // as in that message
}

// Count is what a channel brought.
type Count struct {
	Recorded     uint64    `json:"recorded"` // messages, duplicates among them
	Observations uint64    `json:"observations"`
	Waveforms    uint64    `json:"waveforms"`
	Alerts       uint64    `json:"alerts"`
	Issues       uint64    `json:"issues"`
	Duplicates   uint64    `json:"duplicates"`
	Repeated     uint64    `json:"repeated,omitempty"` // observations, runs of samples and alert events that came before over another path; not among those above
	Refused      uint64    `json:"refused"`            // messages refused to at least one destination
	Last         time.Time `json:"last,omitzero"`
}

// Sighting tells when a device was heard.
type Sighting struct {
	Device   model.DeviceID   `json:"device"`
	Channel  model.ChannelID  `json:"channel"`
	Peer     string           `json:"peer,omitempty"`
	Patient  model.PatientID  `json:"patient,omitempty"`
	First    time.Time        `json:"first"`
	Last     time.Time        `json:"last"`
	Messages uint64           `json:"messages"`
	Ref      model.MessageRef `json:"ref"`
	// Clock is what is known of the device's clock, fed with every message of
	// the record in order (HearClocks).
	Clock clock.State `json:"clock,omitzero"`
}

// Summarise makes the line of a list out of a message.
func Summarise(m *model.Message) Summary {
	s := Summary{
		Ref: m.Ref, Channel: m.Channel, Type: m.Type, Profile: m.Profile, ControlID: m.ControlID,
		Sender: m.Sender, Test: m.Test, Arrived: m.Arrived, Recorded: m.Recorded,
		Observations: len(m.Observations), Waveforms: len(m.Waveforms), Alerts: len(m.Alerts), Issues: len(m.Issues),
		Duplicate: m.Duplicate,
	}
	if p := m.Patient; p != nil {
		s.Patient, s.PatientName = p.ID, p.Family
		if len(p.Given) > 0 {
			s.PatientName += ", " + p.Given[0]
		}
	}
	for i := range m.Devices {
		if d := &m.Devices[i]; d.ID != "" {
			s.Device, s.DeviceModel, s.Place = d.ID, d.Model, d.Place.String()
			break
		}
	}
	if m.Visit != nil && s.Place == "" {
		s.Place = m.Visit.Place.String()
	}
	for _, r := range m.Routed {
		if r.Refused == "" {
			s.Owed = append(s.Owed, r.Destination)
		} else {
			s.Refused = append(s.Refused, r.Destination)
		}
	}
	return s
}
