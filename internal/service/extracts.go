package service

import (
	"context"
	"os"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/extract"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// ExtractAsk says what to write as files (R22).
type ExtractAsk struct {
	Form     extract.Form      `json:"form" arg:"form" doc:"parquet, fhir (bulk NDJSON, R4) or csv"`
	From     time.Time         `json:"from,omitzero" doc:"arrived at or after, e.g. 2026-11-01; from the beginning unless told"`
	Until    time.Time         `json:"until,omitzero" doc:"arrived before; until now unless told"`
	Places   []string          `json:"places,omitempty" doc:"wards, rooms or beds: ICU, ICU^2, ICU^2^23"`
	Devices  []model.DeviceID  `json:"devices,omitempty" doc:"device ids"`
	Patients []model.PatientID `json:"patients,omitempty" doc:"patient ids"`
	Channels []model.ChannelID `json:"channels,omitempty" doc:"channel ids"`
	Codes    []string          `json:"codes,omitempty" doc:"RefIDs, MDC numbers or LOINC"`
	Tables   []extract.Table   `json:"tables,omitempty" doc:"observations, waveforms, alerts, messages, issues; all unless told"`
	Reason   string            `json:"reason" doc:"why, for the audit; needed"`
}

// ExtractRow is an extract in a list.
type ExtractRow struct {
	ID     string        `json:"id"`
	Form   extract.Form  `json:"form"`
	State  extract.State `json:"state"`
	Done   float64       `json:"done"` // from 0 to 1
	Rows   int64         `json:"rows"`
	Bytes  int64         `json:"bytes"`
	From   time.Time     `json:"from"`
	Until  time.Time     `json:"until"`
	Began  time.Time     `json:"began"`
	By     model.ActorID `json:"by"`
	Reason string        `json:"reason"`
}

// ExtractAct is an act on one extract.
type ExtractAct struct {
	ID     string `json:"id" arg:"id" doc:"id of the extract"`
	Reason string `json:"reason" doc:"why, for the audit; needed"`
}

// ExtractFile names a file of an extract.
type ExtractFile struct {
	ID   string `json:"id" arg:"id" doc:"id of the extract"`
	File string `json:"file" arg:"file" doc:"name of the file, as extract get lists it"`
}

func extractOps() []Op {
	return []Op{
		define(Works, "extract.begin", "Begin to write a part of the record as files, in the background.", "parquet --from 2026-11-01 --until 2026-12-01 --places ICU --reason 'study 12, approved by the board'", beginExtract),
		define(Reads, "extract.list", "List extracts, the latest first.", "", listExtracts),
		define(Reads, "extract.get", "Show how far an extract is, and its finished files.", "ex-20261121-143000-0a1b2c3d4e5f", func(_ context.Context, c *call, r ID) (extract.Standing, error) { return c.s.Extracts.Get(r.ID) }),
		ofPatients(define(Reads, "extract.fetch", "Describe a finished file of an extract; its bytes are at /api/v1/extract/file.", "ex-20261121-143000-0a1b2c3d4e5f observations/day=2026-11-21/part-0001.parquet", fetchExtract)),
		define(Works, "extract.stop", "Stop an extract that is being written; what is done of it stays.", "ex-20261121-143000-0a1b2c3d4e5f --reason 'the disk is needed'", func(_ context.Context, c *call, r ExtractAct) (extract.Standing, error) {
			if err := needReason(r.Reason); err != nil {
				return extract.Standing{}, err
			}
			return c.s.Extracts.Stop(r.ID)
		}),
		define(Works, "extract.resume", "Let an extract that was cut, stopped or failed go on where it was.", "ex-20261121-143000-0a1b2c3d4e5f --reason 'there is room again'", resumeExtract),
		define(Works, "extract.remove", "Remove an extract and its files from the server.", "ex-20261121-143000-0a1b2c3d4e5f --reason 'handed over'", func(_ context.Context, c *call, r ExtractAct) (None, error) {
			if err := needReason(r.Reason); err != nil {
				return None{}, err
			}
			return None{}, c.s.Extracts.Remove(r.ID)
		}),
	}
}

func beginExtract(ctx context.Context, c *call, r ExtractAsk) (extract.Standing, error) {
	c.reason = r.Reason
	if err := needReason(r.Reason); err != nil {
		return extract.Standing{}, err
	}
	ask := extract.Ask{Form: r.Form, From: r.From, Until: r.Until, Places: r.Places, Devices: r.Devices, Channels: r.Channels, Codes: r.Codes, Tables: r.Tables}
	for _, p := range r.Patients {
		same, err := c.s.Patients.Same(ctx, p)
		if err != nil {
			return extract.Standing{}, err
		}
		ask.Patients = append(ask.Patients, same...)
	}
	later := *c // this call is recorded while the extract goes on
	ready := make(chan struct{})
	watch, ended := later.watchExtract(ctx, ready)
	st, err := c.s.Extracts.Begin(ctx, ask, c.actor.ID, r.Reason, watch, ended)
	if err == nil {
		c.object = "extract " + st.ID
		later.object = c.object
	}
	close(ready)
	return st, err
}

func resumeExtract(ctx context.Context, c *call, r ExtractAct) (extract.Standing, error) {
	if err := needReason(r.Reason); err != nil {
		return extract.Standing{}, err
	}
	later := *c
	ready := make(chan struct{})
	close(ready)
	watch, ended := later.watchExtract(ctx, ready)
	return c.s.Extracts.GoOn(r.ID, watch, ended)
}

// watchExtract notes in the audit whose values an extract holds, before
// anybody can have them, and how it ended. It waits for the call to have its
// object.
func (c *call) watchExtract(ctx context.Context, ready <-chan struct{}) (extract.Watch, func(error)) {
	ctx = context.WithoutCancel(ctx)
	told := time.Now()
	tell := func() { c.s.events.publish(Event{Kind: "changed", Name: c.op.Name, Object: c.object}) }
	return extract.Watch{
			Seen: func(patients []model.PatientID) error {
				<-ready
				c.seen = patients
				defer func() { c.seen = nil }()
				return c.log(ctx, nil)
			},
			Progress: func(time.Time, int64, int64) {
				if time.Since(told) > time.Second {
					told = time.Now()
					<-ready
					tell()
				}
			},
		}, func(err error) {
			<-ready
			if failed := c.log(ctx, err); failed != nil {
				c.s.Log.Error("audit record not written", "action", c.op.Name, "error", failed)
			}
			if err != nil && fault.KindOf(err) != fault.Transient {
				c.s.Log.Error("extract", "object", c.object, "fault", fault.CodeOf(err), "error", err)
			}
			tell()
		}
}

// GoOn lets the extracts and the jobs that the end of the server before cut go on.
func (s *Service) GoOn(ctx context.Context) error {
	for _, st := range s.Extracts.Unfinished() {
		d := s.As(access.Itself(), Origin{Remote: "local"})
		if err := d.Call(ctx, "extract.resume", ExtractAct{ID: st.ID, Reason: "the server was started again"}, nil); err != nil {
			return err
		}
	}
	return s.goOnJobs(ctx)
}

func listExtracts(_ context.Context, c *call, _ None) ([]ExtractRow, error) {
	var rows []ExtractRow
	for _, st := range c.s.Extracts.List() {
		rows = append(rows, ExtractRow{
			ID: st.ID, Form: st.Ask.Form, State: st.State, Done: st.Done, Rows: st.Rows, Bytes: st.Bytes, From: st.Ask.From, Until: st.Ask.Until,
			Began: st.Began, By: st.By, Reason: st.Reason,
		})
	}
	return rows, nil
}

func fetchExtract(_ context.Context, c *call, r ExtractFile) (extract.File, error) {
	c.object = "extract " + r.ID + " " + r.File
	f, file, err := c.s.Extracts.File(r.ID, r.File)
	if err != nil {
		return extract.File{}, err
	}
	return file, f.Close()
}

// OpenExtract opens a finished file of an extract for reading; the look is
// audited as extract.fetch.
func (d *Door) OpenExtract(ctx context.Context, id, name string) (*os.File, extract.File, error) {
	if err := d.Call(ctx, "extract.fetch", ExtractFile{ID: id, File: name}, nil); err != nil {
		return nil, extract.File{}, err
	}
	return d.s.Extracts.File(id, name)
}
