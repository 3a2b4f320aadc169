package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
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
	Outcome   Outcome         `json:"outcome"`
	Reason    string          `json:"reason,omitempty"`
	FaultCode string          `json:"faultCode,omitempty"`
	Change    string          `json:"change,omitempty"` // id of the operation; governed versions carry it too
	Remote    string          `json:"remote,omitempty"` // address of the caller
	Hash      Hash            `json:"hash"`             // chain value; set when appended
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
	Action  string // exact, or a noun with a trailing ".": "device."
	Object  string
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
	b := make([]byte, 0, 512)
	b = append(b, "thalamus audit 1"...)
	b = append(b, before[:]...)
	b = binary.BigEndian.AppendUint64(b, r.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(r.At.UnixMicro()))
	for _, s := range []string{
		string(r.Actor), r.ActorName, r.ActorKind, r.Action, r.Object, string(r.Patient),
		string(r.Outcome), r.Reason, r.FaultCode, r.Change, r.Remote,
	} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	r.Hash = sha256.Sum256(b)
	return r
}
