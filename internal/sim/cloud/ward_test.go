package cloud

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
	"thalamus/internal/drivers/pull"
	"thalamus/internal/flow/decode"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
	"thalamus/internal/profile"
	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
	"thalamus/profiles"
)

// channel asks a server, and reads what it takes as a server does.
type channel struct {
	codec  string
	intake *drivertest.Intake
	notes  *drivertest.Notes
	codecs []codec.Codec
	stop   func()
}

// settings of a channel that asks a server of a form.
func settings(w *Ward) (codec string, out map[string]any) {
	out = map[string]any{"url": w.URL(), "every": "100ms"}
	switch w.Form {
	case JSON:
		out["cursor"] = map[string]any{"parameter": "after", "from": "json", "name": "meta.next"}
	case Lines:
		out["each"] = "line"
		out["cursor"] = map[string]any{"parameter": "after", "from": "header", "name": "X-Next-Cursor"}
	default:
		out["accept"] = "application/fhir+json"
		out["cursor"] = map[string]any{"parameter": "_lastUpdated", "from": "time", "prefix": "ge"}
		return "fhir", out
	}
	return "json", out
}

func ask(t *testing.T, w *Ward, more map[string]any) *channel {
	t.Helper()
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
	c := &channel{intake: &drivertest.Intake{}, notes: &drivertest.Notes{}, codecs: append(builtin.Codecs(), decode.Documents(set)...)}
	name, says := settings(w)
	for k, v := range more {
		says[k] = v
	}
	c.codec = name
	d, err := pull.New(model.Channel{ID: "cloud", Codec: name, Settings: says})
	if err != nil {
		t.Fatal(err)
	}
	memory := t.TempDir()
	host := driver.Host{Intake: c.intake, Log: slog.New(slog.DiscardHandler), Note: c.notes.Note, Folder: func(model.ChannelID) (string, error) { return memory, nil }}
	if err := d.Start(t.Context(), host); err != nil {
		t.Fatal(err)
	}
	c.stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
		defer cancel()
		d.Stop(ctx)
	}
	t.Cleanup(c.stop)
	return c
}

// text is all that was taken.
func (c *channel) text() string {
	var all strings.Builder
	for _, f := range c.intake.Taken() {
		all.Write(f.Bytes)
	}
	return all.String()
}

// read gives all messages that were taken, as they are normalised.
func (c *channel) read() (out []model.Message) {
	for _, f := range c.intake.Taken() {
		for _, one := range c.codecs {
			if one.Name() != c.codec {
				continue
			}
			f.Arrived = time.Now()
			for _, m := range one.Decode(model.Entry{Seq: 1, Frame: f}, codec.Context{}) {
				normalise.Normalise(&m, normalise.Context{Channel: time.Local})
				out = append(out, m)
			}
		}
	}
	return out
}

// runs lets a ward measure until it was told that enough was acknowledged, while
// with asks; it gives what was acknowledged.
func runs(t *testing.T, w *Ward, enough int, with func() *channel) (*channel, []string) {
	t.Helper()
	var marks []string
	told := make(chan string, 1<<16)
	w.Acknowledged = func(mark string) { told <- mark }
	if err := w.Open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx, 20*time.Second) }()
	c := with()
	drivertest.Until(t, "enough is acknowledged", func() bool { return w.Told().Acknowledged >= enough })
	cancel()
	<-done
	for close(told); ; {
		mark, more := <-told
		if !more {
			return c, marks
		}
		marks = append(marks, mark)
	}
}

// R3, R58: what simulated servers answer is taken once and understood, in every
// form, over TLS and with a token; what counts as acknowledged was taken.
func TestUnderstood(t *testing.T) {
	for _, form := range Forms() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			w := &Ward{Listen: "127.0.0.1:0", Form: form, Beds: 2, Every: 20 * time.Millisecond, Page: 5, Token: "s3cret", TLS: filepath.Join(folder, "ca.pem")}
			secret := filepath.Join(folder, "token")
			if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			c, marks := runs(t, w, 60, func() *channel { return ask(t, w, map[string]any{"ca": w.TLS, "token": secret}) })
			if told := w.Told(); told.Acknowledged != told.Sent || told.Failure != nil || len(marks) != told.Sent {
				t.Errorf("%+v, %d marks", told, len(marks))
			}
			text, devices := c.text(), map[string]bool{}
			for _, mark := range marks {
				if mark == "" || !strings.Contains(text, mark) {
					t.Errorf("%q was acknowledged and not taken", mark)
				}
				if n := strings.Count(text, mark); form != FHIR && n != 1 {
					t.Errorf("%s was taken %d times", mark, n)
				}
			}
			for _, m := range c.read() {
				for _, i := range m.Issues {
					t.Errorf("%s %s %s", i.Code, i.Field, i.Text)
				}
				if m.Patient == nil || !strings.HasPrefix(m.Patient.Identifiers[0].Value, "CLOUD4000") {
					t.Errorf("patient %+v in %+v", m.Patient, m)
				}
				for _, d := range m.Devices {
					devices[d.Serial] = true
				}
			}
			if want := map[string]int{FHIR: 6}[form]; len(devices) != max(want, 2) {
				t.Errorf("devices %v", devices)
			}
			for _, code := range c.notes.Codes() {
				if code != "pull.unreachable" { // the server is gone by now
					t.Errorf("note %s", code)
				}
			}
		})
	}
}

// R58: what goes wrong is seen as itself, and nothing that was acknowledged is lost.
func TestFaultsAreSeen(t *testing.T) {
	kind, _ := faults.KindOf("pull")
	want := map[string]string{
		faults.Swapped: "", faults.Duplicate: "", faults.Flood: "",
		faults.ClockJump: "time", faults.WrongUnit: "normalise.unit-contradicts", faults.NewLabel: "normalise.unknown-code", faults.Firmware: "release 2.0",
		faults.WrongPatient: "patient", faults.OutOfRange: "normalise.implausible", faults.NaN: "nan",
	}
	for _, form := range Forms() {
		for _, name := range kind.All() {
			if slices.Contains(ofAnswers, name) {
				continue
			}
			t.Run(form+"/"+name, func(t *testing.T) {
				t.Parallel()
				w := &Ward{Listen: "127.0.0.1:0", Form: form, Beds: 1, Every: 50 * time.Millisecond, Page: 5, Faults: faults.Set{name}}
				c, marks := runs(t, w, 12, func() *channel { return ask(t, w, nil) })
				if told := w.Told(); told.Acknowledged != told.Sent {
					t.Errorf("%+v", told)
				}
				text, seen := c.text(), map[string]bool{"": true}
				for _, mark := range marks {
					if !strings.Contains(text, mark) {
						t.Errorf("%q was acknowledged and not taken", mark)
					}
				}
				for _, code := range c.notes.Codes() {
					seen[code] = true
				}
				for _, m := range c.read() {
					for _, i := range m.Issues {
						seen[i.Code] = true
						seen["nan"] = seen["nan"] || slices.Contains([]string{"decode.not-a-number", "decode.text-for-nothing"}, i.Code)
					}
					for _, d := range m.Devices {
						seen["release "+d.Release] = true
					}
					for _, o := range m.Observations {
						seen["nan"] = seen["nan"] || o.Absent != ""
						seen["time"] = seen["time"] || o.DeviceTime.UTC.Before(time.Now().Add(-20*time.Hour))
					}
					seen["patient"] = seen["patient"] || m.Patient != nil && strings.HasPrefix(m.Patient.Identifiers[0].Value, "WRONG-")
				}
				if code, listed := want[name]; !listed || !seen[code] {
					t.Errorf("want %q, seen %v", code, seen)
				}
			})
		}
	}
}

// R23, R58: whatever happens to answers, one fault after another, is told, and
// nothing that was acknowledged is lost.
func TestFaultsOfAnswers(t *testing.T) {
	for _, form := range Forms() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			w := &Ward{Listen: "127.0.0.1:0", Form: form, Beds: 2, Every: 50 * time.Millisecond, Page: 5, Faults: ofAnswers}
			c, marks := runs(t, w, 0, func() *channel {
				c := ask(t, w, nil)
				drivertest.Until(t, "each is told", func() bool {
					return !slices.ContainsFunc([]string{"pull.unreachable", "pull.unsound", "pull.oversize", "pull.busy", "pull.status"}, func(code string) bool { return !slices.Contains(c.notes.Codes(), code) })
				})
				return c
			})
			if told := w.Told(); told.Acknowledged != told.Sent {
				t.Errorf("%+v", told)
			}
			text := c.text()
			for _, mark := range marks {
				if !strings.Contains(text, mark) {
					t.Errorf("%q was acknowledged and not taken", mark)
				}
			}
		})
	}
}

// What nobody asks for is not acknowledged, nor what is asked for by somebody who
// does not move on.
func TestNobodyMovesOn(t *testing.T) {
	w := &Ward{Listen: "127.0.0.1:0", Beds: 1, Every: time.Hour}
	if err := w.Open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx, 300*time.Millisecond) }()
	c := ask(t, w, map[string]any{"cursor": map[string]any{}})
	drivertest.Until(t, "it asks", func() bool { return len(c.intake.Taken()) > 0 })
	cancel()
	<-done
	if told := w.Told(); told.Sent != 3 || told.Acknowledged != 0 || told.Failure == nil || told.Resent == 0 {
		t.Errorf("%+v", told)
	}
	for _, wrong := range []*Ward{{Listen: "127.0.0.1:0", Form: "fax", Every: 1}, {Listen: "127.0.0.1:0"}, {Listen: "127.0.0.1:0", Every: 1, Page: -1}, {Listen: "nowhere", Every: 1}} {
		if wrong.Open() == nil {
			t.Errorf("%+v", wrong)
		}
	}
	_ = sim.Senders(w)
}
