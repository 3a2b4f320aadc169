package phd

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/phd"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/sim/phdagent"
)

// rig is a manager under test.
type rig struct {
	*Driver
	intake *drivertest.Intake
	notes  *drivertest.Notes
	addr   string
}

func start(t *testing.T, more map[string]any, change func(h *driver.Host)) *rig {
	t.Helper()
	s := settings()
	for k, v := range more {
		s[k] = v
	}
	d, err := New(model.Channel{ID: "home", Zone: "UTC", Settings: s})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Driver: d, intake: &drivertest.Intake{}, notes: &drivertest.Notes{}}
	h := driver.Host{Intake: r.intake, Log: slog.New(slog.DiscardHandler), Note: r.notes.Note}
	if change != nil {
		change(&h)
	}
	if err := d.Start(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	r.addr = d.Addr().String()
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *rig) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
	defer cancel()
	r.Stop(ctx)
}

// messages reads what intake took, as the server would.
func (r *rig) messages() (out []model.Message) {
	for i, f := range r.intake.Taken() {
		out = append(out, phd.New().Decode(model.Entry{Seq: model.Seq(i + 1), Frame: f}, codec.Context{})...)
	}
	return out
}

func (r *rig) noted(t *testing.T, code string) {
	t.Helper()
	drivertest.Until(t, code+" was noted", func() bool { return slices.Contains(r.notes.Codes(), code) })
}

func agent(t *testing.T, kind string, n int) *phdagent.Agent {
	t.Helper()
	d, ok := phdagent.DeviceOf(kind)
	if !ok {
		t.Fatalf("no device %q", kind)
	}
	return &phdagent.Agent{Device: d, System: phdagent.SystemID(kind, n), Serial: "S1"}
}

// serve lets a device answer the manager until a condition is met.
func serve(t *testing.T, a *phdagent.Agent, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(drivertest.Patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
		if err := a.Serve(50 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

var vitals = phdagent.Vitals{SpO2: 980, Pulse: 720, Sys: 1200, Dia: 800, Mean: 930, Temp: 368, WeightKg: 752, FatPct: 241, GlucoseMgDl: 1100}

// R7: every kind of device is associated with, tells what it is, and its
// measurement is understood from its frame alone.
func TestDevices(t *testing.T) {
	want := map[string]string{
		"oximeter": "150456=98.0 149530=72.0", "pressure": "150021=120.0 150022=80.0 150023=93.0 149546=72.0", "thermometer": "150364=36.8",
		"scale": "188736=75.2", "glucose": "160184=110.0", "composition": "188736=75.2 188748=24.1",
	}
	for _, d := range phdagent.Devices() {
		t.Run(d.Kind, func(t *testing.T) {
			r := start(t, nil, nil)
			a := agent(t, d.Kind, 1)
			if err := a.Connect(t.Context(), r.addr); err != nil {
				t.Fatal(err)
			}
			if err := a.Measure(vitals); err != nil {
				t.Fatal(err)
			}
			if err := a.Release(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range r.messages() {
				for _, i := range m.Issues {
					t.Errorf("%s: %s", m.Type, i.Text)
				}
				for _, o := range m.Observations {
					got = append(got, o.Received.Code+"="+o.Value.Number.String())
				}
				if dev := m.Devices[0]; m.Type == "attributes" && (dev.Model != d.Model || dev.Serial != "S1" || dev.Battery != "87 %" || dev.Identifiers[0].Value != strings.ToUpper(hex.EncodeToString(a.System[:]))) {
					t.Errorf("the device is %+v", dev)
				}
			}
			if s := strings.Join(got, " "); s != want[d.Kind] {
				t.Errorf("measured %q, want %q", s, want[d.Kind])
			}
		})
	}
}

// R7: a configuration that a device sent is remembered over a restart, and
// reports that rest on it are understood all the same.
func TestRemembersConfigurations(t *testing.T) {
	folder := t.TempDir()
	keep := func(h *driver.Host) { h.Folder = func(model.ChannelID) (string, error) { return folder, nil } }
	for _, asked := range []bool{true, false} {
		r := start(t, nil, keep)
		a := agent(t, "composition", 1)
		if err := a.Connect(t.Context(), r.addr); err != nil {
			t.Fatal(err)
		}
		if a.Asked != asked {
			t.Errorf("asked for the configuration: %v, want %v", a.Asked, asked)
		}
		if err := a.Measure(vitals); err != nil {
			t.Fatal(err)
		}
		values := 0
		for _, m := range r.messages() {
			if values += len(m.Observations); len(m.Issues) != 0 {
				t.Errorf("%s: %+v", m.Type, m.Issues)
			}
		}
		if values != 2 {
			t.Errorf("%d values, want 2", values)
		}
		a.Release()
		r.stop()
	}
}

// R7, R23: stored measurements are taken part by part, each confirmed when it
// is durable, and deleted only where the channel says so.
func TestStore(t *testing.T) {
	for _, clear := range []bool{false, true} {
		r := start(t, map[string]any{"clear": clear}, nil)
		a := agent(t, "oximeter", 1)
		for i := range 10 {
			a.Store = append(a.Store, phdagent.Stored{At: time.Date(2026, 11, 20, 8, i, 0, 0, time.UTC), Vitals: phdagent.Vitals{SpO2: 950 + int64(i), Pulse: 700}})
		}
		if err := a.Connect(t.Context(), r.addr); err != nil {
			t.Fatal(err)
		}
		stored := func() (n int) {
			for _, m := range r.messages() {
				n += len(m.Observations)
			}
			return n
		}
		serve(t, a, "all is taken", func() bool { return stored() >= 20 && (!clear || len(a.Cleared) > 0) })
		values, last := 0, model.Observation{}
		for _, m := range r.messages() {
			for _, i := range m.Issues {
				t.Errorf("%s: %s", m.Type, i.Text)
			}
			if values += len(m.Observations); len(m.Observations) > 1 {
				last = m.Observations[len(m.Observations)-2]
			}
		}
		if values != 20 || last.Value.Number.String() != "95.9" || last.DeviceTime.Original != "2026-11-20T08:09:00" {
			t.Errorf("%d values, the last %s at %s", values, last.Value.Number, last.DeviceTime.Original)
		}
		if got := len(a.Cleared) > 0; got != clear {
			t.Errorf("cleared: %v, want %v", got, clear)
		}
		if err := a.Measure(vitals); err != nil {
			t.Errorf("after the transfer: %v", err)
		}
		a.Release()
	}
}

// R23: a segment is not confirmed, and so not deleted, while it is not durable.
func TestStoreIsKeptWhileTheDiskIsFull(t *testing.T) {
	r := start(t, map[string]any{"clear": true}, nil)
	a := agent(t, "oximeter", 1)
	a.Store = []phdagent.Stored{{At: time.Now(), Vitals: vitals}}
	segments := 0
	r.intake.Fail(func(frames []model.Frame) error {
		if m := phd.New().Decode(model.Entry{Frame: frames[0]}, codec.Context{}); m[0].Type == "MDC_NOTI_SEGMENT_DATA" {
			segments++
			return drivertest.Full(frames)
		}
		return nil
	})
	if err := a.Connect(t.Context(), r.addr); err != nil {
		t.Fatal(err)
	}
	if err := a.Serve(drivertest.Patience); err == nil {
		t.Error("the transfer went on")
	}
	r.noted(t, "phd.not-stored")
	if len(a.Cleared) != 0 || len(a.Store) != 1 {
		t.Error("the device lost what nobody has")
	}
}

// R16: the clock of a device that asks for it is set.
func TestSetsTheClock(t *testing.T) {
	r := start(t, nil, nil)
	a := agent(t, "scale", 1)
	a.Clock = -72 * time.Hour
	if err := a.Connect(t.Context(), r.addr); err != nil {
		t.Fatal(err)
	}
	serve(t, a, "its clock is right", func() bool { return a.Clock < time.Minute && a.Clock > -time.Minute })
	a.Release()
}

// say sends raw APDUs and reads one.
type raw struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, r *rig) *raw {
	t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(drivertest.Patience))
	return &raw{t, c, bufio.NewReader(c)}
}

func (c *raw) want(what string, ok func(a *phd.APDU) bool) *phd.APDU {
	c.t.Helper()
	a, _, err := phdagent.Read(c.r)
	if err != nil || !ok(a) {
		c.t.Fatalf("want %s, got %+v, %v", what, a, err)
	}
	return a
}

func proposal(change func(i *phd.Information, a *phd.Association)) []byte {
	a, err := phd.Parse(hello)
	if err != nil {
		return nil
	}
	change(a.Request.Protocols[0].Info, a.Request)
	return a.Bytes()
}

// R7: what cannot be agreed on is rejected with the reason of the standard.
func TestRejects(t *testing.T) {
	denied := fault.New(fault.Denied, "access.denied", "no")
	busy := fault.New(fault.Transient, "access.busy", "later")
	for _, c := range []struct {
		name   string
		admit  error
		change func(i *phd.Information, a *phd.Association)
		want   uint16
	}{
		{"association version", nil, func(_ *phd.Information, a *phd.Association) { a.Version = phd.Version2 }, phd.RejectedVersion},
		{"protocol", nil, func(_ *phd.Information, a *phd.Association) {
			a.Protocols = []phd.Protocol{{ID: phd.ProtocolExternal, Raw: []byte{1, 2}}}
		}, phd.RejectedNoProtocol},
		{"protocol version", nil, func(i *phd.Information, _ *phd.Association) { i.Protocol = 1 }, phd.RejectedNoParameter},
		{"encoding rules", nil, func(i *phd.Information, _ *phd.Association) { i.Rules = 0x4000 }, phd.RejectedNoParameter},
		{"role", nil, func(i *phd.Information, _ *phd.Association) { i.SystemType = phd.SystemManager }, phd.RejectedNoParameter},
		{"credential", denied, func(*phd.Information, *phd.Association) {}, phd.RejectedUnauthorized},
		{"busy", busy, func(*phd.Information, *phd.Association) {}, phd.RejectedTransient},
		{"version 3 alone", nil, func(i *phd.Information, _ *phd.Association) { i.Protocol = phd.Version3 }, phd.Accepted},
		{"a second proposal", nil, func(_ *phd.Information, a *phd.Association) {
			a.Protocols = append([]phd.Protocol{{ID: phd.ProtocolExternal, Raw: []byte{1}}}, a.Protocols...)
		}, phd.Accepted},
		{"unknown standard configuration", nil, func(i *phd.Information, _ *phd.Association) { i.Config = 2000 }, phd.AcceptedUnknownConfig},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, map[string]any{"credentials": true}, func(h *driver.Host) {
				h.Admit = func(_ context.Context, _ model.ChannelID, shown driver.Credentials) (driver.Admission, error) {
					if shown.Client != "0012EE0102030405" {
						t.Errorf("asked for %q", shown.Client)
					}
					return driver.Admission{Identity: "scale"}, c.admit
				}
			})
			p := dial(t, r)
			p.Write(proposal(c.change))
			a := p.want("an answer", func(a *phd.APDU) bool { return a.Answer != nil })
			if a.Answer.Result != c.want {
				t.Errorf("result %d, want %d", a.Answer.Result, c.want)
			}
			if a.Answer.Result == phd.Accepted && (a.Answer.Protocol.Info.SystemType != phd.SystemManager || a.Answer.Protocol.Info.Rules != phd.RulesMDER) {
				t.Errorf("chosen %+v", a.Answer.Protocol.Info)
			}
		})
	}
}

// R7: a channel can be for some devices only; without that and without
// credentials nobody is asked who it is.
func TestWhoMayCome(t *testing.T) {
	deny := func(h *driver.Host) {
		h.Admit = func(context.Context, model.ChannelID, driver.Credentials) (driver.Admission, error) {
			return driver.Admission{}, fault.New(fault.Denied, "access.denied", "no")
		}
	}
	for _, c := range []struct {
		settings map[string]any
		want     uint16
	}{
		{nil, phd.Accepted},
		{map[string]any{"devices": []any{"00-12-EE-01-02-03-04-05"}}, phd.Accepted},
		{map[string]any{"devices": []any{"0012EE0102030406"}}, phd.RejectedUnauthorized},
		{map[string]any{"credentials": true}, phd.RejectedUnauthorized},
	} {
		p := dial(t, start(t, c.settings, deny))
		p.Write(hello)
		if a := p.want("an answer", func(a *phd.APDU) bool { return a.Answer != nil }); a.Answer.Result != c.want {
			t.Errorf("%v: result %d, want %d", c.settings, a.Answer.Result, c.want)
		}
	}
	if _, err := New(model.Channel{ID: "x", Settings: map[string]any{"devices": []any{"scale"}}}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%v", err)
	}
}

// R7: timeouts of the standard, each with its abort.
func TestTimeouts(t *testing.T) {
	r := start(t, map[string]any{"association_timeout": "300ms", "config_timeout": "300ms", "response_timeout": "300ms"}, nil)
	silent := dial(t, r)
	if _, _, err := phdagent.Read(silent.r); err == nil {
		t.Error("a silent peer was answered")
	}
	r.noted(t, "phd.silent")
	slow := dial(t, r)
	slow.Write(proposal(func(i *phd.Information, _ *phd.Association) { i.Config = 0x4000 }))
	slow.want("unknown configuration", func(a *phd.APDU) bool { return a.Answer != nil })
	slow.want("an abort", func(a *phd.APDU) bool { return a.Choice == phd.ChoiceABRT && a.Reason == phd.AbortConfiguration })
	deaf := dial(t, r)
	deaf.Write(hello)
	deaf.want("acceptance", func(a *phd.APDU) bool { return a.Answer != nil })
	deaf.want("a request", func(a *phd.APDU) bool { return a.Call != nil })
	deaf.want("an abort", func(a *phd.APDU) bool { return a.Choice == phd.ChoiceABRT && a.Reason == phd.AbortResponse })
}

// R7: what does not belong where it comes is refused, and what contradicts
// itself is kept.
func TestOrder(t *testing.T) {
	r := start(t, nil, nil)
	p := dial(t, r)
	p.Write(report(1))
	p.want("an abort", func(a *phd.APDU) bool { return a.Choice == phd.ChoiceABRT })
	p.Write(hello)
	p.want("acceptance", func(a *phd.APDU) bool { return a.Answer != nil && a.Answer.Result == phd.Accepted })
	p.want("a request", func(a *phd.APDU) bool { return a.Call != nil && a.Call.Op == phd.OpGet })
	if n, _ := r.intake.Count(); n != 0 {
		t.Errorf("%d frames of a device that was not associated", n)
	}
	p.Write([]byte{0xE7, 0, 0, 6, 0, 4, 0, 9, 1, 1})
	p.want("a rejection", func(a *phd.APDU) bool {
		return a.Call != nil && a.Call.Op == phd.OpReject && a.Call.Invoke == 9 && a.Call.Code == phd.ProblemBadStructure
	})
	if m := r.messages(); len(m) != 1 || len(m[0].Issues) == 0 {
		t.Errorf("what contradicts itself was not kept: %+v", m)
	}
	p.Write((&phd.APDU{Choice: phd.ChoicePRST, Call: &phd.Call{Invoke: 5, Op: phd.OpGet}}).Bytes())
	p.want("an error", func(a *phd.APDU) bool { return a.Call != nil && a.Call.Op == phd.OpError && a.Call.Invoke == 5 })
	p.Write((&phd.APDU{Choice: phd.ChoiceRLRQ}).Bytes())
	p.want("a release", func(a *phd.APDU) bool { return a.Choice == phd.ChoiceRLRE })
	p.Write(hello)
	p.want("acceptance again", func(a *phd.APDU) bool { return a.Answer != nil && a.Answer.Result == phd.Accepted })
}

// R23: a report that can never be accepted is refused for good, and the
// association goes on.
func TestRefusesForGood(t *testing.T) {
	r := start(t, nil, nil)
	a := agent(t, "scale", 1)
	if err := a.Connect(t.Context(), r.addr); err != nil {
		t.Fatal(err)
	}
	r.intake.Fail(func([]model.Frame) error { return fault.New(fault.Invalid, "intake.refused", "never") })
	if err := a.Measure(vitals); err == nil {
		t.Error("it was confirmed")
	}
	r.intake.Fail(nil)
	if err := a.Measure(vitals); err != nil {
		t.Errorf("after it: %v", err)
	}
	a.Release()
}

// R7: a device whose credential is revoked is cut off, also when it is silent.
func TestRevoked(t *testing.T) {
	ended := make(chan struct{})
	r := start(t, map[string]any{"credentials": true}, func(h *driver.Host) {
		h.Admit = func(context.Context, model.ChannelID, driver.Credentials) (driver.Admission, error) {
			return driver.Admission{Identity: "scale-7", Ended: ended}, nil
		}
	})
	a := agent(t, "scale", 1)
	if err := a.Connect(t.Context(), r.addr); err != nil {
		t.Fatal(err)
	}
	if err := a.Measure(vitals); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.intake.Taken() {
		if f.Identity != "scale-7" {
			t.Errorf("a frame of %q", f.Identity)
		}
	}
	close(ended)
	if err := a.Serve(drivertest.Patience); err == nil {
		t.Error("it is still associated")
	}
	r.noted(t, "phd.revoked")
}

// R23: stopping releases associations.
func TestStopReleases(t *testing.T) {
	r := start(t, map[string]any{"release_timeout": "5s"}, nil)
	p := dial(t, r)
	p.Write(hello)
	p.want("acceptance", func(a *phd.APDU) bool { return a.Answer != nil })
	p.want("a request", func(a *phd.APDU) bool { return a.Call != nil })
	var stopped sync.WaitGroup
	stopped.Go(r.stop)
	p.want("a release request", func(a *phd.APDU) bool { return a.Choice == phd.ChoiceRLRQ })
	p.Write((&phd.APDU{Choice: phd.ChoiceRLRE}).Bytes())
	stopped.Wait()
	if _, _, err := phdagent.Read(p.r); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the connection is open: %v", err)
	}
}
