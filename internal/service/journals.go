package service

import (
	"context"
	"fmt"
	"time"

	"thalamus/internal/audit"
	"thalamus/internal/fault"
	"thalamus/internal/flow/journal"
	"thalamus/internal/model"
)

// JournalVerified is the outcome of a verification.
type JournalVerified struct {
	journal.Report
	Bad      []JournalDamage `json:"bad"`
	Good     bool            `json:"good"`
	HeadHash string          `json:"headHash"`
}

// JournalDamage is a place of the journal that is not as it was written.
type JournalDamage struct {
	First   model.Seq         `json:"first"` // the entries concerned
	Last    model.Seq         `json:"last"`
	Segment journal.SegmentID `json:"segment"`
	Offset  int64             `json:"offset"` // byte in the segment's file
	Length  int64             `json:"length"`
	Code    string            `json:"code"`
	Text    string            `json:"text"`
}

// Verified tells a verification's outcome.
func Verified(r journal.Report) JournalVerified {
	out := JournalVerified{Report: r, Bad: []JournalDamage{}, Good: r.OK(), HeadHash: hexOf(r.HeadHash[:])}
	for _, d := range r.Bad {
		out.Bad = append(out.Bad, JournalDamage{d.First, d.Last, d.Segment, d.Offset, d.Length, d.Fault.Code, d.Fault.Text})
	}
	return out
}

// SegmentAct is an act on one segment of the journal.
type SegmentAct struct {
	Segment journal.SegmentID `json:"segment" arg:"segment" doc:"number of the segment"`
	Reason  string            `json:"reason" doc:"why, for the audit; needed"`
}

// EntryAct is an act on one entry.
type EntryAct struct {
	Seq    model.Seq `json:"seq" arg:"seq" doc:"number of the entry"`
	Reason string    `json:"reason" doc:"why, for the audit; needed"`
}

func needReason(reason string) error {
	if reason == "" {
		return fault.New(fault.Invalid, "service.no-reason", "say why; it is kept in the audit").At("reason")
	}
	return nil
}

func journalOps() []Op {
	return []Op{
		define(Reads, "journal.stat", "Show how the journal stands.", "", func(_ context.Context, c *call, _ None) (journal.Stat, error) { return c.s.Journal.Stat() }),
		define(Works, "journal.verify", "Read the whole journal and check every record and the chain.", "", verifyJournal),
		define(Reads, "hold.list", "List the journal's segments and which are held.", "", func(_ context.Context, c *call, _ None) ([]journal.Segment, error) { return c.s.Journal.Segments() }),
		define(Works, "hold.set", "Keep a segment from retention and redaction.", "3 --reason 'incident 2026-17'", func(_ context.Context, c *call, r SegmentAct) (None, error) {
			c.object, c.reason = fmt.Sprintf("segment %d", r.Segment), r.Reason
			if err := needReason(r.Reason); err != nil {
				return None{}, err
			}
			return None{}, c.s.Journal.Hold(r.Segment, r.Reason)
		}),
		define(Works, "hold.release", "Let retention have a held segment again.", "3 --reason 'incident closed'", func(_ context.Context, c *call, r SegmentAct) (None, error) {
			c.object, c.reason = fmt.Sprintf("segment %d", r.Segment), r.Reason
			if err := needReason(r.Reason); err != nil {
				return None{}, err
			}
			return None{}, c.s.Journal.Release(r.Segment, r.Reason)
		}),
		define(Works, "entry.redact", "Remove an entry's payload from the journal for good; its place and hash stay, and what was recorded and delivered stays too.", "4711 --reason 'request 12 of the data subject'", func(_ context.Context, c *call, r EntryAct) (None, error) {
			c.object, c.reason = fmt.Sprintf("entry %d", r.Seq), r.Reason
			if err := needReason(r.Reason); err != nil {
				return None{}, err
			}
			return None{}, c.s.Journal.Redact(r.Seq, r.Reason)
		}),
	}
}

func verifyJournal(ctx context.Context, c *call, _ None) (JournalVerified, error) {
	report, err := c.s.Journal.Verify(ctx, nil)
	return Verified(report), err
}

// AuditAsk says which audit records to list.
type AuditAsk struct {
	Actor   model.ActorID   `json:"actor,omitempty" doc:"actor id"`
	Action  string          `json:"action,omitempty" arg:"action" doc:"operation, or a noun and a dot: device."`
	Patient model.PatientID `json:"patient,omitempty" doc:"whose data was looked at or changed"`
	Outcome audit.Outcome   `json:"outcome,omitempty" doc:"done, denied, failed or begun"`
	Object  string          `json:"object,omitempty" doc:"what was acted on, e.g. channel icu"`
	From    time.Time       `json:"from,omitzero" doc:"at or after, e.g. -24h"`
	Until   time.Time       `json:"until,omitzero" doc:"before"`
	Change  string          `json:"change,omitempty" doc:"one operation's id"`
	After   uint64          `json:"after,omitempty" doc:"the next page: what the page before gave"`
	Limit   int             `json:"limit,omitempty" doc:"rows of a page, 100 unless told"`
}

func auditOps() []Op {
	return []Op{
		define(Reads, "audit.list", "List who did and saw what, newest first.", "--action device.", listAudit),
		define(Works, "audit.verify", "Check that no audit record was altered, removed or reordered.", "", verifyAudit),
	}
}

func listAudit(ctx context.Context, c *call, r AuditAsk) (List[audit.Record], error) {
	q := audit.Query{Actor: r.Actor, Action: r.Action, Outcome: r.Outcome, Object: r.Object, From: r.From, Until: r.Until, Change: r.Change, Before: r.After, Limit: r.Limit}
	if r.Patient != "" {
		same, err := c.s.Patients.Same(ctx, r.Patient)
		if err != nil {
			return List[audit.Record]{}, err
		}
		q.Patient = same
	}
	if q.Limit <= 0 {
		q.Limit = 100
	}
	rows, err := c.s.Store.AuditSearch(ctx, q)
	list := List[audit.Record]{Rows: rows}
	if len(rows) == q.Limit {
		list.Next = fmt.Sprint(rows[len(rows)-1].Seq)
	}
	return list, err
}

// AuditVerified is the outcome of a verification of the audit.
type AuditVerified struct {
	audit.Report
	Good bool `json:"good"`
}

func verifyAudit(ctx context.Context, c *call, _ None) (AuditVerified, error) {
	report, err := audit.Verify(ctx, c.s.Store, nil, nil)
	return AuditVerified{report, report.Sound()}, err
}
