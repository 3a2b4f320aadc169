package files

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/builtin"
	"thalamus/internal/codec"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/drivers/filedrop"
	"thalamus/internal/flow/decode"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
	"thalamus/internal/profile"
	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
	"thalamus/profiles"
)

// house watches a folder and reads what it takes, as a server does.
type house struct {
	folder string
	intake *drivertest.Intake
	notes  *drivertest.Notes
	codecs []codec.Codec
}

func newHouse(t *testing.T) *house {
	h := &house{folder: t.TempDir(), intake: &drivertest.Intake{}, notes: &drivertest.Notes{}}
	all, err := profiles.All()
	if err != nil {
		t.Fatal(err)
	}
	var force []profile.InForce
	for _, p := range all {
		force = append(force, profile.InForce{Profile: p})
	}
	set, err := profile.NewSet(force)
	if err != nil {
		t.Fatal(err)
	}
	h.codecs = append(builtin.Codecs(), decode.Documents(set)...)
	d, err := filedrop.New(model.Channel{ID: "in", Settings: map[string]any{"folder": h.folder, "complete": "renamed", "every": "100ms", "name": "{patient}_{serial}_{any}"}})
	if err != nil {
		t.Fatal(err)
	}
	memory := t.TempDir()
	host := driver.Host{Intake: h.intake, Log: slog.New(slog.DiscardHandler), Note: h.notes.Note, Folder: func(model.ChannelID) (string, error) { return memory, nil }}
	if err := d.Start(t.Context(), host); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
		defer cancel()
		d.Stop(ctx)
	})
	return h
}

// read gives all messages that were taken, as they are normalised.
func (h *house) read() (out []model.Message) {
	for _, f := range h.intake.Taken() {
		for _, c := range h.codecs {
			if c.Name() != f.Codec {
				continue
			}
			f.Arrived = time.Now()
			for _, m := range c.Decode(model.Entry{Seq: 1, Frame: f}, codec.Context{}) {
				normalise.Normalise(&m, normalise.Context{Channel: time.Local})
				out = append(out, m)
			}
		}
	}
	return out
}

// R10, R58: what simulated devices file is taken, and understood; what
// reports call what they hold is for a person to map.
func TestUnderstood(t *testing.T) {
	h := newHouse(t)
	w := Ward{Folder: h.folder, Name: "SIM", Beds: 2, Every: time.Minute}
	if err := w.Open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		drivertest.Until(t, "all are taken", func() bool { c := w.Told(); return c.Acknowledged == 10 })
	}()
	w.Run(ctx, drivertest.Patience)
	if c := w.Told(); c != (sim.Told{Sent: 10, Acknowledged: 10}) {
		t.Errorf("%+v", c)
	}
	told := map[string]int{}
	for _, m := range h.read() {
		for _, i := range m.Issues {
			if i.Code == "normalise.code-by-label" && slices.Contains([]string{"edf", "wfdb"}, m.Codec) {
				continue // recordings have no codes
			}
			t.Errorf("%s: %s %s %s", m.Codec, i.Code, i.Field, i.Text)
		}
		if m.Patient == nil || !strings.HasPrefix(m.Patient.Identifiers[0].Value, "SIM4000") {
			t.Errorf("%s: patient %+v", m.Codec, m.Patient)
		}
		for _, o := range m.Observations {
			told[m.Codec+" "+o.Code.RefID]++
		}
		for _, c := range m.Waveforms {
			told[m.Codec+" "+c.Code.RefID] += len(c.Samples)
		}
	}
	want := map[string]int{"hl7v2 MDC_ECG_HEART_RATE": 6, "csv MDC_PULS_OXIM_SAT_O2": 2, "edf MDC_ECG_ELEC_POTL_II": 2 * seconds * ecgRate, "wfdb MDC_ECG_ELEC_POTL_II": 2 * seconds * ecgRate, "pdf ": 2}
	for what, n := range want {
		if told[what] != n {
			t.Errorf("%s: %d, want %d; told was %v", what, told[what], n, told)
		}
	}
}

// R58: what goes wrong is seen as itself, and nothing that was meant is lost.
func TestFaultsAreSeen(t *testing.T) {
	kind, _ := faults.KindOf("file")
	want := map[string]string{
		faults.HalfFrame: "hl7v2.batch-open", faults.Duplicate: "filedrop.again", faults.SlowDrip: "", faults.Garbage: "filedrop.refused", faults.Oversized: "filedrop.refused", faults.Flood: "",
		faults.Truncated: "hl7v2.batch-open", faults.ClockJump: "time", faults.WrongUnit: "normalise.unit-contradicts", faults.NewLabel: "normalise.unknown-code",
		faults.WrongPatient: "patient", faults.OutOfRange: "normalise.implausible", faults.NaN: "decode.text-for-nothing", faults.NoNumber: "normalise.invalid-marker",
	}
	for _, name := range kind.All() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			device := Batch
			if slices.Contains([]string{faults.WrongUnit, faults.NewLabel, faults.NoNumber}, name) {
				device = Spot
			}
			w := Ward{Folder: h.folder, Name: "SIM", Beds: 1, Devices: []string{device}, Every: 10 * time.Millisecond, Faults: faults.Set{name}}
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				defer cancel()
				drivertest.Until(t, "enough is taken", func() bool { c := w.Told(); return c.Acknowledged > 5 })
			}()
			w.Run(ctx, drivertest.Patience)
			if c := w.Told(); c.Acknowledged != c.Sent || c.Refused > 0 {
				t.Errorf("%+v", c)
			}
			seen := map[string]bool{"": true}
			for _, code := range h.notes.Codes() {
				seen[code] = true
			}
			for _, m := range h.read() {
				for _, i := range m.Issues {
					seen[i.Code] = true
				}
				seen["patient"] = seen["patient"] || m.Patient != nil && strings.HasPrefix(m.Patient.Identifiers[0].Value, "WRONG-")
				seen["time"] = seen["time"] || m.DeviceTime.UTC.Before(time.Now().Add(-20*time.Hour))
			}
			if code, listed := want[name]; !listed || !seen[code] {
				t.Errorf("want %q, seen %v", code, seen)
			}
		})
	}
}

// A file that is refused, and one that nobody takes, are said.
func TestRefused(t *testing.T) {
	h := newHouse(t)
	w := Ward{Folder: h.folder}
	if err := w.put("nobody.hl7", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := w.gone(t.Context(), "nobody.hl7", 1); err != errRefused {
		t.Error(err)
	}
	w.Folder = t.TempDir()
	os.WriteFile(filepath.Join(w.Folder, "x.csv"), nil, 0o600)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := w.gone(ctx, "x.csv", 0); err != errWaits {
		t.Error(err)
	}
	if err := (&Ward{Folder: w.Folder, Devices: []string{"fax"}}).Open(); err == nil {
		t.Error("an unknown device was taken")
	}
}
