// Package journal keeps every frame exactly as it came, numbered, with where
// it came from, when and under which identity (R23, R28). A frame counts when
// Append returned without an error: then it is on the disk and stays there
// through kill, power cut and full disk.
//
// On disk a journal is a folder of segments, files that are only ever appended
// to, and a small log of what people did to it (holds, redactions, drops). The
// bytes are described in docs/journal-format.md. Entries form a SHA-256 chain,
// so what was altered is found; each record has a CRC32C, so what the disk
// spoiled is found when it is read and never skipped in silence.
//
// Journal is the contract, Log the implementation; package journaltest is the
// suite that every implementation passes.
package journal

import (
	"context"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Journal is what intake writes to and the flow reads from. All methods may be
// called at once from any goroutine.
type Journal interface {
	// Append makes the frames durable as consecutive entries, all or none, and
	// returns the number of the first. Appends that wait together share one
	// write and one sync. The frames' bytes are not kept after it returned.
	//
	// Faults: Transient journal.full (no room; works again when there is),
	// journal.sync (the disk refused a write or a sync), journal.closed;
	// Invalid journal.empty, journal.oversize. A ctx that ends gives Transient
	// journal.waiting: the outcome is not known then, the frames may be kept.
	Append(ctx context.Context, frames []model.Frame) (first model.Seq, err error)

	// Read gives one durable entry. Faults: Absent journal.absent (not
	// written yet), journal.dropped (retention took it); a *Damage for what
	// the disk spoiled.
	Read(seq model.Seq) (model.Entry, error)

	// Reader reads durable entries in order, starting with from (0 and 1 both
	// mean the very first).
	Reader(from model.Seq) Reader

	// Wait returns nil as soon as there is a durable entry after the given
	// one, else when ctx ends (its error) or the journal closes (Transient
	// journal.closed).
	Wait(ctx context.Context, after model.Seq) error

	Head() model.Seq // the last durable entry, 0 when there never was one
	Tail() model.Seq // the first entry still kept; Head()+1 when there is none

	Stat() (Stat, error)

	// Verify reads everything that is kept and checks every CRC and the whole
	// chain. It reports each bad place and goes on; the error is only for what
	// stopped it. progress, when not nil, is called now and then.
	Verify(ctx context.Context, progress func(Progress)) (Report, error)

	// Redact removes an entry's payload for good; its number, origin, time and
	// hash stay, so that the chain still verifies. Redacting twice is no error.
	// Faults: those of Read; Conflict journal.held.
	Redact(seq model.Seq, reason string) error

	// Segments lists the segments, oldest first.
	Segments() ([]Segment, error)
	// Hold keeps a segment from being dropped or redacted until Release.
	Hold(segment SegmentID, reason string) error
	Release(segment SegmentID, reason string) error
	// Drop removes the segments whose entries are all before the given one,
	// except those held and the one being written.
	Drop(before model.Seq, reason string) (Dropped, error)
	// DropOlder removes the segments whose entries all arrived before a time.
	DropOlder(before time.Time, reason string) (Dropped, error)

	// Close makes what was appended readable by the next Open without any
	// search and frees the folder. Appends under way end with journal.closed
	// or with success.
	Close() error
}

// Reader reads entries in order. It is for one goroutine at a time.
type Reader interface {
	// Next gives up to max durable entries (0: as many as make a good batch),
	// none and no error when the reader is at the head (then Wait). The
	// entries of one batch share a buffer that is never written again: they
	// may be kept and used by other goroutines, and keep the batch in memory.
	//
	// A *Damage error tells of entries that cannot be had (spoiled, dropped);
	// the reader stands behind them then, so calling Next again goes on.
	Next(max int) ([]model.Entry, error)
	// Position is the number of the entry that Next gives first.
	Position() model.Seq
	Close() error
}

// SegmentID numbers segments in order of their making, from 1.
type SegmentID uint32

// Segment is one file of the journal.
type Segment struct {
	ID        SegmentID `json:"id"`
	First     model.Seq `json:"first"`
	Last      model.Seq `json:"last"` // First-1 when it has no entry
	Day       string    `json:"day"`  // of arrival, UTC, "2026-11-21"
	Bytes     int64     `json:"bytes"`
	Sealed    bool      `json:"sealed"` // nothing is added to it any more
	Encrypted bool      `json:"encrypted,omitempty"`
	Destroyed bool      `json:"destroyed,omitempty"` // its key was destroyed
	Held      string    `json:"held,omitempty"`      // why it is held
}

// Stat tells how a journal stands.
type Stat struct {
	Tail      model.Seq `json:"tail"`
	Head      model.Seq `json:"head"`
	Segments  int       `json:"segments"`
	Bytes     int64     `json:"bytes"`     // in segments with entries
	Prepared  int64     `json:"prepared"`  // in segments made ahead
	Free      int64     `json:"free"`      // on the file system
	Floor     int64     `json:"floor"`     // free space below which appends are refused
	Encrypted bool      `json:"encrypted"` // new segments are
	HeadHash  [32]byte  `json:"-"`         // chain value of Head
	Recovery  Recovery  `json:"recovery"`
	Fault     string    `json:"fault,omitempty"` // why appends are refused now

	Appends uint64 `json:"appends"` // entries since Open
	Groups  uint64 `json:"groups"`  // groups written since Open
	Syncs   uint64 `json:"syncs"`   // flushes asked of the disk for them
	Written uint64 `json:"written"` // bytes of those groups
}

// Recovery tells what Open found after a stop that was not clean.
type Recovery struct {
	Unclean  bool      `json:"unclean"`            // the last writer did not close the journal
	Segment  SegmentID `json:"segment,omitempty"`  // where the tail was cut
	CutBytes int64     `json:"cutBytes,omitempty"` // bytes that were not whole records of whole appends, removed
	CutFrom  model.Seq `json:"cutFrom,omitempty"`  // number the first entry that was cut would have had
	Rot      int       `json:"rot,omitempty"`      // bad places in front of the tail: kept, reported when read
}

// Damage tells of entries that cannot be had.
type Damage struct {
	First, Last model.Seq // the entries concerned, both included
	Segment     SegmentID
	Offset      int64 // byte in the segment's file
	Length      int64 // bytes concerned
	Fault       *fault.Fault
}

func (d *Damage) Error() string { return d.Fault.Error() }
func (d *Damage) Unwrap() error { return d.Fault }

// Progress of a verification.
type Progress struct {
	Segments, SegmentsDone int
	Bytes, BytesDone       int64
	Entries                uint64
}

// Report of a verification.
type Report struct {
	First    model.Seq `json:"first"`
	Last     model.Seq `json:"last"`
	Entries  uint64    `json:"entries"` // good ones, redacted included
	Redacted uint64    `json:"redacted"`
	Bytes    int64     `json:"bytes"`
	HeadHash [32]byte  `json:"-"`
	Bad      []*Damage `json:"bad"`
	BadMore  int       `json:"badMore,omitempty"` // bad places beyond the first 1,000
	Gaps     []Gap     `json:"gaps,omitempty"`    // spans that were dropped
}

// OK says that nothing bad was found.
func (r Report) OK() bool { return len(r.Bad) == 0 }

// Gap is a span of entries that retention removed.
type Gap struct {
	First model.Seq `json:"first"`
	Last  model.Seq `json:"last"`
}

// Dropped tells what Drop removed.
type Dropped struct {
	Segments int       `json:"segments"`
	Entries  uint64    `json:"entries"`
	Bytes    int64     `json:"bytes"`
	Held     int       `json:"held"` // segments that were kept because they are held
	Tail     model.Seq `json:"tail"`
}
