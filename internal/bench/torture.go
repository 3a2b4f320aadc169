package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/journal"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/sim"
	"thalamus/internal/sim/fhirserver"
)

// Torture says how the server is tormented.
type Torture struct {
	Kills    int
	Senders  int           // monitors that send without pause
	Between  time.Duration // mean time between kills
	Folder   string        // empty: a temporary one
	Binary   string        // empty: the program running
	Seed     uint64
	Progress func(kills int)
}

// Tortured is what came out of it. Lost or duplicated anything is a failure.
type Tortured struct {
	Kills           int       `json:"kills"`
	Seconds         float64   `json:"seconds"`
	Sent            int       `json:"sent"`
	Acknowledged    int       `json:"acknowledged"`
	Resent          int       `json:"resent"`
	JournalEntries  uint64    `json:"journalEntries"`
	JournalGood     bool      `json:"journalGood"`
	NotInJournal    int       `json:"notInJournal"`    // acknowledged, and not in the journal
	NotRecorded     int       `json:"notRecorded"`     // acknowledged, and not in the record
	RecordedTwice   int       `json:"recordedTwice"`   // in effect: not known as a duplicate
	KnownDuplicates int       `json:"knownDuplicates"` // sent again by the devices, recorded as such
	HL7             sim.Tally `json:"hl7"`             // the HL7 v2 destination's own count
	FHIR            sim.Tally `json:"fhir"`            // the FHIR destination's own count
	DeadLetters     int64     `json:"deadLetters"`
	AuditGood       bool      `json:"auditGood"`
	LongestRestart  float64   `json:"longestRestartSeconds"`
	OK              bool      `json:"ok"`
}

const tortureConfig = `channels:
  - {id: in, driver: mllp, codec: hl7v2, settings: {listen: "MLLP"}}
destinations:
  - {id: his, kind: hl7v2, settings: {address: "HIS", timeout: 5s}}
  - {id: ehr, kind: fhir, settings: {base_url: "EHR", timeout: 5s}}
routes:
  - {id: everything, destinations: [his, ehr]}
`

// Run torments a server: load from simulated devices, receivers that lose
// answers, kill -9 at random moments, start again. At the end everything that
// was acknowledged must be in the journal, in the record once, and at each
// destination once in effect and in order.
func (t Torture) Run(ctx context.Context) (Tortured, error) {
	folder := t.Folder
	if folder == "" {
		var err error
		if folder, err = os.MkdirTemp("", "thalamus-torture-"); err != nil {
			return Tortured{}, fault.Wrap(err, fault.Broken, "bench.folder", "cannot make a temporary folder")
		}
		defer os.RemoveAll(folder)
	}
	began := time.Now()
	his, err := sim.Listen("127.0.0.1:0", nil)
	if err != nil {
		return Tortured{}, fault.Wrap(err, fault.Conflict, "app.listen", "no free port on this machine")
	}
	defer his.Close()
	ehr, err := fhirserver.Listen(fhirserver.Options{MaxResources: 2_000_000})
	if err != nil {
		return Tortured{}, fault.Wrap(err, fault.Conflict, "app.listen", "no free port on this machine")
	}
	defer ehr.Close()
	his.LoseAnswers.Store(97)
	ehr.LoseAnswers.Store(89)
	server, err := NewServer(folder, t.Binary)
	if err != nil {
		return Tortured{}, err
	}
	defer server.Kill()
	if _, err := server.Start(ctx); err != nil {
		return Tortured{}, err
	}
	if err := server.Apply(ctx, strings.NewReplacer("HIS", his.Address(), "EHR", ehr.URL()).Replace(tortureConfig)); err != nil {
		return Tortured{}, err
	}
	load := t.load(ctx, server.MLLP)
	out := Tortured{}
	rng := rand.New(rand.NewPCG(t.Seed, 1))
	for out.Kills < t.Kills {
		pause := time.Duration((0.2 + 1.6*rng.Float64()) * float64(t.Between))
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-time.After(pause):
		}
		server.Kill()
		out.Kills++
		took, err := server.Start(ctx)
		if err != nil {
			return out, err
		}
		out.LongestRestart = max(out.LongestRestart, took.Seconds())
		if t.Progress != nil {
			t.Progress(out.Kills)
		}
	}
	load.stop()
	out.Sent, out.Acknowledged, out.Resent = load.ledger.Counts()
	if err := drained(ctx, server); err != nil {
		return out, err
	}
	out.HL7, out.FHIR = his.Tally(load.ledger), ehr.Tally(load.ledger)
	if err := out.record(ctx, server, load.ledger); err != nil {
		return out, err
	}
	var audit service.AuditVerified
	if err := server.Client.Call(ctx, "audit.verify", nil, &audit); err != nil {
		return out, err
	}
	out.AuditGood = audit.Good
	server.Stop()
	if err := out.journal(ctx, server.Folder, load.ledger); err != nil {
		return out, err
	}
	out.Seconds = time.Since(began).Seconds()
	out.OK = out.JournalGood && out.AuditGood && out.NotInJournal+out.NotRecorded+out.RecordedTwice == 0 && out.DeadLetters == 0 &&
		out.HL7.Lost+out.HL7.Duplicated+out.HL7.Disordered == 0 && out.FHIR.Lost+out.FHIR.Duplicated == 0 && out.Acknowledged > 0
	return out, nil
}

// load is devices that send without pause.
type load struct {
	ledger *sim.Ledger
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// breath keeps the load at what two destinations can follow.
const breath = 10 * time.Millisecond

func (t Torture) load(ctx context.Context, address string) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{ledger: sim.NewLedger(), cancel: cancel}
	terms := sim.NewTerms()
	for i, bed := range sim.Beds("TOR", t.Senders) {
		l.work.Go(func() {
			monitor := sim.NewMonitor(bed, terms, "k", t.Seed+uint64(i))
			monitor.Waveforms = false
			link := &sim.Link{Address: address, Ledger: l.ledger, Patience: 5 * time.Second}
			defer link.Close()
			for ctx.Err() == nil {
				if link.Send(ctx, monitor.Message(time.Now())) != nil {
					return
				}
				time.Sleep(breath)
			}
		})
	}
	return l
}

func (l *load) stop() {
	l.cancel()
	l.work.Wait()
}

// drained waits until nothing is owed any more.
func drained(ctx context.Context, s *Server) error {
	deadline := time.Now().Add(3 * time.Minute)
	for {
		var o service.Overview
		if err := s.Client.Call(ctx, "overview.get", nil, &o); err != nil {
			return err
		}
		var owed int64
		for _, d := range o.Destinations {
			owed += d.Queued
		}
		if owed == 0 && o.Recorded == o.Journal {
			return nil
		}
		if time.Now().After(deadline) {
			return fault.New(fault.Broken, "bench.drain", "after three minutes %d deliveries are still owed and %d entries not recorded", owed, o.Journal-o.Recorded)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// record counts how often each acknowledged message is in the record.
func (out *Tortured) record(ctx context.Context, s *Server, l *sim.Ledger) error {
	recorded := map[string]int{}
	var ask service.MessageSearch
	ask.Limit = 1000
	for {
		var page service.List[record.Summary]
		if err := s.Client.Call(ctx, "message.search", ask, &page); err != nil {
			return err
		}
		for _, m := range page.Rows {
			if m.Duplicate != (model.MessageRef{}) {
				out.KnownDuplicates++
				continue
			}
			recorded[m.ControlID]++
		}
		if page.Next == "" {
			break
		}
		if err := ask.After.UnmarshalText([]byte(page.Next)); err != nil {
			return err
		}
	}
	for _, controls := range l.Order() {
		for _, c := range controls {
			if recorded[c] == 0 {
				out.NotRecorded++
			}
		}
	}
	for _, n := range recorded {
		if n > 1 {
			out.RecordedTwice += n - 1
		}
	}
	var o service.Overview
	if err := s.Client.Call(ctx, "overview.get", nil, &o); err != nil {
		return err
	}
	for _, d := range o.Destinations {
		out.DeadLetters += d.Dead
	}
	return nil
}

// journal reads the folder of the stopped server.
func (out *Tortured) journal(ctx context.Context, folder string, l *sim.Ledger) error {
	view, err := journal.OpenReadOnly(filepath.Join(folder, "journal"), journal.Options{})
	if err != nil {
		return err
	}
	defer view.Close()
	report, err := view.Verify(ctx, nil)
	if err != nil {
		return err
	}
	out.JournalGood, out.JournalEntries = report.OK(), report.Entries
	have := map[string]bool{}
	reader := view.Reader(1)
	defer reader.Close()
	for {
		entries, err := reader.Next(0)
		if err != nil {
			return fmt.Errorf("read the journal: %w", err)
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			if f := strings.SplitN(string(e.Bytes), "|", 11); len(f) == 11 {
				have[f[9]] = true
			}
		}
	}
	for _, controls := range l.Order() {
		for _, c := range controls {
			if !have[c] {
				out.NotInJournal++
			}
		}
	}
	return nil
}
