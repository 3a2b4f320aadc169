package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"

	"thalamus/internal/model"
)

// Outcome of an act.
type Outcome string

const (
	Begun  Outcome = "begun"  // long work began; another record of the same Change says how it ended
	Done   Outcome = "done"   // the work was done
	Denied Outcome = "denied" // the actor may not
	Failed Outcome = "failed" // the work failed; FaultCode says why
)

// Hash is a SHA-256 value; its text is hexadecimal.
type Hash [sha256.Size]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes the hexadecimal form.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads the hexadecimal form.
func (h *Hash) UnmarshalText(b []byte) error {
	n, err := hex.Decode(h[:], b[:min(len(b), 2*len(h))])
	if err == nil && (n != len(h) || len(b) != 2*len(h)) {
		return hex.ErrLength
	}
	return err
}

// Record is one act. It names a patient by id only.
type Record struct {
	Seq       uint64          `json:"seq"` // from 1, without a gap; set when appended
	At        time.Time       `json:"at"`  // to the microsecond
	Actor     model.ActorID   `json:"actor"`
	ActorName string          `json:"actorName,omitempty"` // as it was then
	ActorKind string          `json:"actorKind,omitempty"` // user token local system
	Action    string          `json:"action"`              // the operation: noun.verb
	Object    string          `json:"object,omitempty"`    // what was acted on
	Patient   model.PatientID `json:"patient,omitempty"`   // whose data was looked at or changed
	// Patients are whose data it was in place of Patient, where there are
	// several: sorted, each once, at most MostPatients.
	Patients  []model.PatientID `json:"patients,omitempty"`
	Outcome   Outcome           `json:"outcome"`
	Reason    string            `json:"reason,omitempty"`
	FaultCode string            `json:"faultCode,omitempty"`
	Change    string            `json:"change,omitempty"` // id of the operation; governed versions carry it too
	Remote    string            `json:"remote,omitempty"` // address of the caller
	Hash      Hash              `json:"hash"`             // chain value; set when appended
}

// MostPatients is how many patients one record names; a look at more is
// several records.
const MostPatients = 1000

// All gives whose data was looked at or changed.
func (r *Record) All() []model.PatientID {
	if r.Patient != "" {
		return []model.PatientID{r.Patient}
	}
	return r.Patients
}

// Of gives the records of one act on the data of patients: one that names
// them all, or as many as needed. patients is put in order.
func (r Record) Of(patients []model.PatientID) []Record {
	slices.Sort(patients)
	patients = slices.Compact(patients)
	r.Patient, r.Patients = "", nil
	switch len(patients) {
	case 0:
		return []Record{r}
	case 1:
		r.Patient = patients[0]
		return []Record{r}
	}
	var all []Record
	for part := range slices.Chunk(patients, MostPatients) {
		if r.Patients = part; len(part) == 1 {
			r.Patient, r.Patients = part[0], nil
		}
		all = append(all, r)
	}
	return all
}

// Head is the end of a chain. A zero Head is of an empty one.
type Head struct {
	Seq  uint64 `json:"seq"`
	Hash Hash   `json:"hash"`
}

// Tx appends within a transaction.
type Tx interface {
	// AppendAudit gives the record its Seq and Hash and stores it.
	AppendAudit(ctx context.Context, r Record) (Record, error)
}

// Store reads the chain.
type Store interface {
	// AuditAfter gives records in order, those after seq.
	AuditAfter(ctx context.Context, seq uint64, limit int) ([]Record, error)
	// AuditSearch gives records that match, newest first.
	AuditSearch(ctx context.Context, q Query) ([]Record, error)
	// AuditHead gives the last record's Seq and Hash as stored.
	AuditHead(ctx context.Context) (Head, error)
	// AuditAnchor gives the head that is kept beside the database; ok is
	// false when there is none that can be read.
	AuditAnchor() (h Head, ok bool, err error)
}

// Query selects records. Empty fields match all.
type Query struct {
	Actor   model.ActorID
	Action  string   // exact, or a noun with a trailing ".": "device."
	Actions []string // any of these
	Object  string
	Objects []string          // any of these
	Patient []model.PatientID // any of these
	Outcome Outcome
	Change  string
	From    time.Time // at or after
	Until   time.Time // before
	Before  uint64    // page on: only records with a smaller Seq
	Limit   int       // 0 means 100, at most 1000
}

// Seal gives r, whose Seq is set, its chain value: SHA-256 over the value of
// the record before it and the canonical form of r. The canonical form is
// "thalamus audit 1", Seq and microseconds since 1970 as 8 bytes big endian,
// then each text in the order of the struct with its length as 4 bytes big
// endian before it.
func Seal(before Hash, r Record) Record {
	r.At = r.At.UTC().Truncate(time.Microsecond)
	b := make([]byte, 0, 512+32*len(r.Patients))
	form := "thalamus audit 1"
	if len(r.Patients) > 0 {
		form = "thalamus audit 2"
	}
	b = append(b, form...)
	b = append(b, before[:]...)
	b = binary.BigEndian.AppendUint64(b, r.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(r.At.UnixMicro()))
	text := func(s string) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	for _, s := range []string{
		string(r.Actor), r.ActorName, r.ActorKind, r.Action, r.Object, string(r.Patient),
		string(r.Outcome), r.Reason, r.FaultCode, r.Change, r.Remote,
	} {
		text(s)
	}
	for _, p := range r.Patients {
		text(string(p))
	}
	r.Hash = sha256.Sum256(b)
	return r
}
