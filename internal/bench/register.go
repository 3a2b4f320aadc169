package bench

import (
	"context"
	"io/fs"
	"path/filepath"
	"time"

	"thalamus/internal/fault"
	regs "thalamus/internal/register"
	"thalamus/internal/register/roster"
	"thalamus/internal/service"
	"thalamus/internal/sim"
)

// What the register is asked to hold to (issue 4): a first page of a list, and
// the import of a whole house.
const (
	pageBelow   = 50.0 // ms
	importBelow = 60.0 // s, for 100,000 devices; less for fewer
)

// registered fills a register the way a house does, and asks it as the console
// does. The devices are imported, as a workbook, taken back and as CSV; then
// they all speak over the way, and what the network saw is imported.
func registered(ctx context.Context, o Options, r *Report) error {
	h := &house{devices: o.Devices, terms: sim.NewTerms()}
	s, err := ready(ctx, o, h.config(func(i int) string { return regs.ModelID(h.maker(i), h.model(i)) }))
	if err != nil {
		return err
	}
	defer s.Kill()
	g := &registering{o: o, r: r, s: s, h: h}
	for _, step := range []func(context.Context) error{g.imports, g.hear, g.flows, g.restart, g.ask, g.edits, g.settle} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.Stop()
	return r.compare(o, *r.stretch("heard"), o.Connections)
}

// registering is the measurement under way.
type registering struct {
	o Options
	r *Report
	s *Server
	h *house
}

// add notes a part and what it took.
func (g *registering) add(w watch, name, of string, count int64, took time.Duration) {
	g.r.Stretches = append(g.r.Stretches, w.stretch(name, of, count, took, 0))
}

// imports imports the house twice and takes it back once.
func (g *registering) imports(ctx context.Context) error {
	book, err := g.h.workbook()
	if err != nil {
		return err
	}
	table, err := g.h.table()
	if err != nil {
		return err
	}
	if _, _, err := g.imported(ctx, "models", "models.csv", roster.Models, g.h.models(), houseModels); err != nil {
		return err
	}
	job, took, err := g.imported(ctx, "imported .xlsx", "house.xlsx", roster.Devices, book, g.h.devices)
	if err != nil {
		return err
	}
	goal := importBelow * float64(g.h.devices) / usualDevices
	g.r.below("devices imported, .xlsx", took.Seconds(), goal, "s")
	if err := g.undone(ctx, "import taken back", job, "removed"); err != nil {
		return err
	}
	if _, took, err = g.imported(ctx, "imported CSV", "house.csv", roster.Devices, table, g.h.devices); err != nil {
		return err
	}
	g.r.below("devices imported, CSV", took.Seconds(), goal, "s")
	g.r.score = -took.Seconds()
	return nil
}

// imported checks a table, begins its import and waits for its end.
func (g *registering) imported(ctx context.Context, name, file string, what roster.What, body []byte, rows int) (regs.Job, time.Duration, error) {
	var check service.ImportCheck
	w, began := watching(g.s), time.Now()
	if err := g.s.Client.Call(ctx, "device.import", service.ImportAsk{Name: file, Content: body, What: what, Adopt: true}, &check); err != nil {
		return regs.Job{}, 0, err
	}
	checked := time.Since(began)
	err := g.s.Client.Call(ctx, "device.import", service.ImportAsk{Job: check.Job.ID, What: what, Adopt: true, Begin: true, Digest: check.Digest, Reason: "measurement"}, &check)
	if err != nil {
		return regs.Job{}, 0, err
	}
	j, err := g.ended(ctx, name, check.Job.ID)
	if err != nil {
		return j, 0, err
	}
	if j.Counts["new"]+j.Counts["changed"] != rows {
		g.r.problem("%s: of %d rows became %v", name, rows, j.Counts)
	}
	took := time.Since(began)
	if what == roster.Devices {
		g.r.Stretches = append(g.r.Stretches, Stretch{Name: name + ", checked", Of: "rows", Count: int64(rows), Seconds: checked.Seconds(), PerSecond: float64(rows) / checked.Seconds()})
		g.add(w, name, "devices", int64(rows), took)
	}
	return j, took, nil
}

// undone takes a job back.
func (g *registering) undone(ctx context.Context, name string, of regs.Job, outcome string) error {
	var j regs.Job
	w, began := watching(g.s), time.Now()
	if err := g.s.Client.Call(ctx, "job.undo", service.JobAct{ID: of.ID, Reason: "measurement"}, &j); err != nil {
		return err
	}
	j, err := g.ended(ctx, name, j.ID)
	if err != nil {
		return err
	}
	if j.Counts[outcome] != of.Done {
		g.r.problem("%s: of %d rows became %v", name, of.Done, j.Counts)
	}
	g.add(w, name, "rows", int64(j.Done), time.Since(began))
	return nil
}

// ended waits for the end of a job. A standstill of a minute is an error.
func (g *registering) ended(ctx context.Context, name, id string) (j regs.Job, err error) {
	moved, done := time.Now(), -1
	for {
		if err = g.s.Client.Call(ctx, "job.get", service.ID{ID: id}, &j); err != nil {
			return j, err
		}
		switch {
		case j.State == regs.JobDone:
			return j, nil
		case j.State.Ended():
			return j, fault.New(fault.Broken, "bench.record", "%s: the job ended as %s: %s", name, j.State, j.Failed)
		case j.Done != done:
			moved, done = time.Now(), j.Done
		case time.Since(moved) > time.Minute:
			return j, fault.New(fault.Broken, "bench.standstill", "for a minute nothing moved while waiting until %s", name)
		}
		g.o.Progress(name, float64(j.Done), float64(max(j.Total, 1)))
		select {
		case <-ctx.Done():
			return j, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// houseAhead is how many messages of a gateway are written before their answers
// are read, and houseBehind how many the record may be behind: they are large.
const (
	houseAhead  = 8
	houseBehind = 2000
)

// hear lets all devices speak over the whole way.
func (g *registering) hear(ctx context.Context) error {
	f, messages, sightings, observations := g.h.fleet(g.s.MLLP, g.o.Connections, g.o.Sightings)
	g.r.Connections, g.r.MessageBytes, g.r.Observations = len(f.senders), f.bytes, f.observed
	hold, stop := g.s.brake(ctx, houseBehind, func(v *service.Overview) int64 { return int64(v.Journal - v.Recorded) })
	w, began := watching(g.s), time.Now()
	total := float64(messages)
	sent, err := f.send(ctx, pacing{count: messages, ahead: houseAhead, hold: hold, report: func(n int64) { g.o.Progress("heard", float64(n), total) }})
	stop()
	if err == nil {
		err = g.s.recorded(ctx)
	}
	if err != nil {
		return err
	}
	took := time.Since(began)
	g.add(w, "heard", "messages", sent.acknowledged, took)
	g.add(w, "sightings in them", "devices", sightings, took)
	g.r.Counts["sightings"] = sightings
	return g.r.counted(ctx, g.s, sent.acknowledged, observations)
}

// connectionsOf is how many different connections the network saw.
func (g *registering) connectionsOf() int { return min(50_000, 2*g.h.devices) }

// flows imports what the network saw.
func (g *registering) flows(ctx context.Context) error {
	var seen service.FlowImported
	w, began, n := watching(g.s), time.Now(), g.connectionsOf()
	err := g.s.Client.Call(ctx, "flow.import", service.FlowImport{Kind: "zeek", File: g.h.connections(n), Keep: true, Reason: "measurement"}, &seen)
	if err != nil {
		return err
	}
	if seen.Flows != n {
		g.r.problem("%d connections were imported of %d", seen.Flows, n)
	}
	g.add(w, "connections imported", "connections", int64(n), time.Since(began))
	return nil
}

// restart starts the server anew: its register is read from the disk.
func (g *registering) restart(ctx context.Context) error {
	g.s.Stop()
	took, err := g.s.Start(ctx)
	if err != nil {
		return err
	}
	w, began := watching(g.s), time.Now()
	var first service.List[service.DeviceRow]
	if err := g.s.Client.Call(ctx, "device.list", service.DeviceAsk{}, &first); err != nil {
		return err
	}
	g.add(w, "first page at once after the start", "calls", 1, time.Since(began))
	rest(ctx, g.s)
	u := usageOf(g.s.Pid())
	g.r.Stretches = append(g.r.Stretches, Stretch{Name: "started with all", Of: "starts", Count: 1, Seconds: took.Seconds(), PerSecond: 1 / took.Seconds(), CPUMs: ms(u.cpu), ResidentMB: float64(u.resident) / (1 << 20)})
	return nil
}

// edits says something of all devices at once, and takes it back.
func (g *registering) edits(ctx context.Context) error {
	ask := service.EditAsk{Set: []string{"owner=All of us"}, Reason: "measurement"}
	var check service.EditCheck
	w, began := watching(g.s), time.Now()
	if err := g.s.Client.Call(ctx, "device.edit", ask, &check); err != nil {
		return err
	}
	ask.Begin, ask.Digest = true, check.Digest
	if err := g.s.Client.Call(ctx, "device.edit", ask, &check); err != nil {
		return err
	}
	j, err := g.ended(ctx, "edited all", check.Job.ID)
	if err != nil {
		return err
	}
	if j.Counts["changed"] != g.h.devices {
		g.r.problem("of %d devices %v were edited", g.h.devices, j.Counts)
	}
	g.add(w, "edited all", "devices", int64(j.Done), time.Since(began))
	return g.undone(ctx, "edit taken back", j, "undone")
}

// settle notes what all of it takes on the disk, and that the sums agree.
func (g *registering) settle(ctx context.Context) error {
	var all service.Overview
	if err := g.s.Client.Call(ctx, "overview.get", nil, &all); err != nil {
		return err
	}
	g.r.Counts["devices"], g.r.Counts["devicesImported"] = int64(all.Devices), int64(g.h.devices)
	g.r.agree("devices", "devicesImported")
	sizes := map[string]int64{}
	err := filepath.WalkDir(g.s.Folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // a file that goes at this moment has no size
		}
		if at, err := d.Info(); err == nil {
			switch kind, _ := filepath.Rel(g.s.Folder, path); {
			case filepath.Dir(kind) == "journal":
				sizes["diskJournalBytes"] += at.Size()
			case len(kind) > 8 && kind[:8] == "register":
				sizes["diskRegisterBytes"] += at.Size()
			default:
				sizes["diskOtherBytes"] += at.Size()
			}
		}
		return nil
	})
	for name, n := range sizes {
		g.r.Counts[name] = n
	}
	return err
}
