package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"thalamus/internal/extract"
	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// extracted writes a whole ward over days as files (R22), in each form twice:
// once left alone, and once killed with SIGKILL again and again and gone on
// with. Both must be the same, byte for byte.
func extracted(ctx context.Context, o Options, r *Report) error {
	s, err := NewServer(o.Folder, o.Binary)
	if err != nil {
		return err
	}
	s.Profile = o.Profile
	w := newWard(o)
	made, err := w.record(ctx, s.Folder, o.Progress)
	if err != nil {
		return err
	}
	r.Stretches = append(r.Stretches, made)
	r.MessageBytes, r.Observations = w.bytes, w.observed
	r.Counts["days"], r.Counts["messages"], r.Counts["observations"] = int64(o.Days), w.messages, w.messages*int64(w.observed)
	if _, err := s.Start(ctx); err != nil {
		return err
	}
	defer s.Kill()
	most := 0.0
	for _, form := range []extract.Form{extract.Parquet, extract.CSV, extract.FHIR} {
		e := extraction{s: s, o: o, ask: service.ExtractAsk{Form: form, From: w.begins, Until: w.ends, Places: []string{w.name}, Reason: "measurement"}}
		alone, err := e.whole(ctx, string(form))
		if err != nil {
			return err
		}
		plain, err := e.files(ctx)
		if err != nil {
			return err
		}
		killed, err := e.killed(ctx, string(form)+", killed and gone on with")
		if err != nil {
			return err
		}
		again, err := e.files(ctx)
		if err != nil {
			return err
		}
		r.Stretches = append(r.Stretches, alone, killed)
		r.Counts[string(form)+"Files"], r.Counts[string(form)+"Kills"] = int64(len(plain)), int64(e.kills)
		r.same(string(form), plain, again)
		if form != extract.FHIR { // its Observations are fewer: those of one report are components
			r.Counts[string(form)+"Observations"] = e.observations
			r.agree("observations", string(form)+"Observations")
		}
		most = max(most, alone.PeakMB, killed.PeakMB)
		if form == extract.Parquet {
			r.score = alone.PerSecond
		}
	}
	r.below("most memory while a ward is extracted", most, 256, "MiB")
	return nil
}

// same notes where the files of two extracts differ.
func (r *Report) same(form string, a, b map[string]string) {
	if len(a) == 0 || len(a) != len(b) {
		r.problem("%s: %d files, and %d after kills", form, len(a), len(b))
	}
	for name, digest := range a {
		if b[name] != digest {
			r.problem("%s: %s is not the same after kills", form, name)
		}
	}
}

// filesOf gives the SHA-256 of every file below a folder, but for the two that
// name the extract and when it began.
func filesOf(folder string) (map[string]string, error) {
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == extract.ManifestName || d.Name() == "manifest.json" {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, f); err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		all[name] = hex.EncodeToString(h.Sum(nil))
		return err
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Broken, "bench.folder", "cannot read what was extracted").At(folder)
	}
	return all, nil
}

// extraction is one extract after the other of the same ask.
type extraction struct {
	s            *Server
	o            Options
	ask          service.ExtractAsk
	id           string
	kills        int
	observations int64
	peak         int64
}

func (e *extraction) begin(ctx context.Context) error {
	var st service.Extract
	err := e.s.Client.Call(ctx, "extract.begin", e.ask, &st)
	e.id, e.kills, e.peak = st.ID, 0, 0
	return err
}

// files gives the files of the extract that is whole, and removes it.
func (e *extraction) files(ctx context.Context) (map[string]string, error) {
	all, err := filesOf(filepath.Join(e.s.Folder, "extracts", e.id))
	if err != nil {
		return nil, err
	}
	return all, e.s.Client.Call(ctx, "extract.remove", service.ExtractAct{ID: e.id, Reason: "measured"}, nil)
}

// whole makes an extract and leaves it alone.
func (e *extraction) whole(ctx context.Context, name string) (Stretch, error) {
	w := watching(e.s)
	began := time.Now()
	if err := e.begin(ctx); err != nil {
		return Stretch{}, err
	}
	st, err := e.end(ctx, name)
	if err != nil {
		return Stretch{}, err
	}
	one := w.stretch(name, "rows", st.Rows, time.Since(began), 0)
	one.MBPerSec, one.PeakMB = float64(st.Bytes)/1e6/one.Seconds, float64(e.peak)/(1<<20)
	return one, nil
}

// tries is how often an extract is begun that was whole before it could be
// killed: which takes a machine that holds this process up and no other.
const tries = 10

// killed makes an extract and kills the server after a quarter, the half and
// three quarters of the days; each time it goes on by itself.
func (e *extraction) killed(ctx context.Context, name string) (Stretch, error) {
	for range tries {
		began := time.Now()
		if err := e.begin(ctx); err != nil {
			return Stretch{}, err
		}
		for quarter := 1; quarter < 4; quarter++ {
			if err := e.kill(ctx, max(1, e.o.Days*quarter/4)); err != nil {
				return Stretch{}, err
			}
		}
		st, err := e.end(ctx, name)
		if err != nil {
			return Stretch{}, err
		}
		if e.kills == 0 {
			continue
		}
		took := time.Since(began)
		return Stretch{
			Name: name, Of: "rows", Count: st.Rows, Seconds: took.Seconds(), PerSecond: float64(st.Rows) / took.Seconds(),
			PeakMB: float64(e.peak) / (1 << 20),
		}, nil
	}
	return Stretch{}, fault.New(fault.Broken, "bench.extract", "%d times the extract was whole before the server could be killed; extract more with --messages", tries)
}

// kill ends the server the hard way once so many days are done, and starts it
// again. It does nothing where the extract is whole by then.
func (e *extraction) kill(ctx context.Context, days int) error {
	folder := filepath.Join(e.s.Folder, "extracts", e.id)
	for {
		m, err := extract.ReadManifest(folder)
		if err != nil || m.Whole {
			return err
		}
		if len(m.Parts) >= days {
			break
		}
		if err := wait(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	e.look()
	e.s.Kill()
	m, err := extract.ReadManifest(folder)
	if err != nil {
		return err
	}
	if !m.Whole {
		e.kills++
	}
	_, err = e.s.Start(ctx)
	return err
}

// look notes the most memory the server had.
func (e *extraction) look() { e.peak = max(e.peak, usageOf(e.s.Pid()).peak) }

// end waits until the extract is whole.
func (e *extraction) end(ctx context.Context, name string) (st service.Extract, err error) {
	for {
		st = service.Extract{}
		if err := e.s.Client.Call(ctx, "extract.get", service.ID{ID: e.id}, &st); err != nil {
			return st, err
		}
		e.o.Progress(name, st.Done, 1)
		switch st.State {
		case extract.Whole:
			e.look()
			e.observations = 0
			for _, f := range st.All() {
				if f.Table == "observations" {
					e.observations += f.Rows
				}
			}
			return st, nil
		case extract.Waiting, extract.Running:
		default:
			return st, fault.New(fault.Broken, "bench.extract", "the extract is %s: %s", st.State, st.Failed)
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return st, err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("waiting: %w", ctx.Err())
	case <-time.After(d):
		return nil
	}
}
