package register

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// Mark says who changed something, when, and in which operation. Change is
// the operation's id: it joins the change to its audit record.
type Mark struct {
	By     model.ActorID `json:"by,omitempty"`
	At     time.Time     `json:"at,omitzero"`
	Change string        `json:"change,omitempty"`
}

// What a caller expects of the stored version before it changes a thing.
// Any other number is the version that must be in force (HTTP If-Match).
const (
	AnyVersion int64 = -1 // whatever there is, or nothing
	NoVersion  int64 = 0  // nothing there yet
)

// Row is one version of one governed thing as stores keep it: the thing
// itself is JSON. Versions count from 1 and are not used twice, not even
// after the thing was removed and made again.
type Row struct {
	Kind    string
	ID      string
	Version int64
	Body    []byte
	Mark
	Removed bool // this version says that the thing was removed
}

// Reader reads governed rows. Both a store and a transaction do.
type Reader interface {
	// Governed gives the version in force, or a fault.Absent.
	Governed(ctx context.Context, kind, id string) (Row, error)
	// GovernedAll gives all things of a kind in force, sorted by id.
	GovernedAll(ctx context.Context, kind string) ([]Row, error)
	// GovernedHistory gives the versions of a thing, newest first.
	GovernedHistory(ctx context.Context, kind, id string, limit int) ([]Row, error)
	// GovernedOfChange gives the versions that a change made, the newest of each
	// thing, by kind and id.
	GovernedOfChange(ctx context.Context, change string) ([]Row, error)
	// Facts gives the facts of a subject, oldest first.
	Facts(ctx context.Context, subject fact.Subject, which Which) ([]fact.Fact, error)
}

// Which facts are meant.
type Which int

const (
	Believed Which = iota // now
	Ever                  // also what is no more believed
)

// GovernedTx writes governed rows.
type GovernedTx interface {
	Reader
	// PutGoverned stores a new version when the expectation holds, else a
	// fault.Conflict, code register.version. A body equal to the one in force
	// makes no new version.
	PutGoverned(ctx context.Context, r Row, expect int64) (Row, error)
	// RemoveGoverned ends a thing; r needs Kind, ID and Mark.
	RemoveGoverned(ctx context.Context, r Row, expect int64) error
}

// Versioned is a governed thing with its version and who made it so.
type Versioned[T any] struct {
	Value   T     `json:"value"`
	Version int64 `json:"version"`
	Mark
	Removed bool `json:"removed,omitempty"`
}

// Set is one kind of governed things.
type Set[T any] struct {
	Kind  string
	id    func(T) string
	check func(T) error
	tidy  func(*T)
}

// ID is the id of a thing.
func (s Set[T]) ID(v T) string { return s.id(v) }

// Channels is the set of channels.
func Channels() Set[model.Channel] {
	return Set[model.Channel]{
		Kind: "channel",
		id:   func(c model.Channel) string { return string(c.ID) },
		check: func(c model.Channel) error {
			if c.Driver == "" {
				return fault.New(fault.Invalid, "register.incomplete", "a channel needs a driver").At(string(c.ID))
			}
			if c.Unknown != "" && c.Unknown != "accept" && c.Unknown != "quarantine" {
				return fault.New(fault.Invalid, "register.incomplete", "unknown is %q; expected accept or quarantine", c.Unknown).At(string(c.ID))
			}
			if c.Accept != "" && c.Accept != model.AcceptRequired && c.Accept != model.AcceptStrict {
				return fault.New(fault.Invalid, "register.incomplete", "accept is %q; expected required, strict or nothing", clip(c.Accept)).At(string(c.ID))
			}
			if _, err := time.LoadLocation(c.Zone); err != nil {
				return fault.New(fault.Invalid, "register.zone", "%q is not a time zone; expected an IANA name such as Europe/Berlin", c.Zone).At(string(c.ID))
			}
			return CheckClock(c.Clock)
		},
		tidy: func(c *model.Channel) { plainMap(c.Settings) },
	}
}

// Routes is the set of routes.
func Routes() Set[model.Route] {
	return Set[model.Route]{
		Kind: "route",
		id:   func(r model.Route) string { return string(r.ID) },
		check: func(r model.Route) error {
			if len(r.Destinations) == 0 {
				return fault.New(fault.Invalid, "register.incomplete", "a route needs at least one destination").At(string(r.ID))
			}
			return nil
		},
	}
}

// Destinations is the set of destinations.
func Destinations() Set[model.Destination] {
	return Set[model.Destination]{
		Kind: "destination",
		id:   func(d model.Destination) string { return string(d.ID) },
		check: func(d model.Destination) error {
			if d.Kind == "" {
				return fault.New(fault.Invalid, "register.incomplete", "a destination needs a kind").At(string(d.ID))
			}
			return nil
		},
		tidy: func(d *model.Destination) { plainMap(d.Settings) },
	}
}

// Check says what is wrong with a thing before anything is changed: its id
// and what its kind demands. Whether names it refers to exist is not asked.
func (s Set[T]) Check(v T) error {
	if err := CheckID(s.Kind, s.id(v)); err != nil {
		return err
	}
	if s.check == nil {
		return nil
	}
	return s.check(v)
}

// CheckID refuses ids that would not be safe and readable in a URL path.
func CheckID(kind, id string) error {
	ok := id != "" && len(id) <= 64 && strings.Trim(id, "-._") == id
	for _, c := range []byte(id) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.')
	}
	if !ok {
		return fault.New(fault.Invalid, "register.id", "%q cannot be the id of a %s; use up to 64 letters, digits, - _ and .", clip(id), kind)
	}
	return nil
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// Put stores v when the expectation holds and gives what is in force then.
func (s Set[T]) Put(ctx context.Context, tx GovernedTx, v T, expect int64, mark Mark) (Versioned[T], error) {
	if err := s.Check(v); err != nil {
		return Versioned[T]{}, err
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return Versioned[T]{}, fault.Wrap(err, fault.Invalid, "register.body", "the %s cannot be written as JSON", s.Kind).At(s.id(v))
	}
	row, err := tx.PutGoverned(ctx, Row{Kind: s.Kind, ID: s.id(v), Body: bytes.TrimSpace(body.Bytes()), Mark: mark}, expect)
	if err != nil {
		return Versioned[T]{}, err
	}
	return s.read(row)
}

// Remove ends the thing when the expectation holds.
func (s Set[T]) Remove(ctx context.Context, tx GovernedTx, id string, expect int64, mark Mark) error {
	return tx.RemoveGoverned(ctx, Row{Kind: s.Kind, ID: id, Mark: mark}, expect)
}

// Get gives the version in force, or a fault.Absent.
func (s Set[T]) Get(ctx context.Context, r Reader, id string) (Versioned[T], error) {
	row, err := r.Governed(ctx, s.Kind, id)
	if err != nil {
		return Versioned[T]{}, err
	}
	return s.read(row)
}

// List gives all in force, sorted by id.
func (s Set[T]) List(ctx context.Context, r Reader) ([]Versioned[T], error) {
	rows, err := r.GovernedAll(ctx, s.Kind)
	if err != nil {
		return nil, err
	}
	return s.readAll(rows)
}

// History gives earlier versions too, newest first: what undo needs.
func (s Set[T]) History(ctx context.Context, r Reader, id string, limit int) ([]Versioned[T], error) {
	rows, err := r.GovernedHistory(ctx, s.Kind, id, limit)
	if err != nil {
		return nil, err
	}
	return s.readAll(rows)
}

func (s Set[T]) readAll(rows []Row) ([]Versioned[T], error) {
	all := make([]Versioned[T], 0, len(rows))
	for _, row := range rows {
		v, err := s.read(row)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func (s Set[T]) read(row Row) (Versioned[T], error) {
	v := Versioned[T]{Version: row.Version, Mark: row.Mark, Removed: row.Removed}
	if row.Removed {
		return v, nil
	}
	dec := json.NewDecoder(bytes.NewReader(row.Body))
	dec.UseNumber()
	if err := dec.Decode(&v.Value); err != nil {
		return v, fault.Wrap(err, fault.Broken, "register.body", "the stored %s cannot be read", s.Kind).At(row.ID)
	}
	if s.tidy != nil {
		s.tidy(&v.Value)
	}
	return v, nil
}

// plainMap turns JSON's numbers into int64 and float64, as YAML gives them, so
// that settings read the same from both.
func plainMap(m map[string]any) {
	for k, v := range m {
		m[k] = plain(v)
	}
}

func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64() // it was read as a JSON number
		return f
	case map[string]any:
		plainMap(v)
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}
