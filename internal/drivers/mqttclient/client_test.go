package mqttclient

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/drivers/mqtt"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/peertest"
)

// client starts a subscription at a broker.
func client(t *testing.T, address string, more map[string]any) (*Driver, *drivertest.Intake, *drivertest.Notes) {
	t.Helper()
	settings := map[string]any{"address": address, "topics": []any{"ward/+/vitals"}, "qos": 2, "tls": map[string]any{"enabled": false}}
	for k, v := range more {
		settings[k] = v
	}
	d, err := New(model.Channel{ID: "outside", Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	in, notes := &drivertest.Intake{}, &drivertest.Notes{}
	if err := d.Start(t.Context(), driver.Host{Intake: in, Log: slog.New(slog.DiscardHandler), Note: notes.Note}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, d) })
	return d, in, notes
}

func stop(t *testing.T, d driver.Driver) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
	defer cancel()
	if err := d.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// R23: what comes from our own broker as an outside one is taken once, in both
// versions; while intake is full nothing is acknowledged, and it comes again.
func TestFromBroker(t *testing.T) {
	for _, version := range []string{"3.1.1", "5"} {
		b, err := mqtt.New(model.Channel{ID: "b", Settings: map[string]any{"listen": "127.0.0.1:0", "tls": map[string]any{"enabled": false}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Start(t.Context(), driver.Host{Intake: &drivertest.Intake{}, Log: slog.New(slog.DiscardHandler)}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stop(t, b) })
		d, in, notes := client(t, b.Addr().String(), map[string]any{"version": version})
		in.Fail(drivertest.Full)
		drivertest.Until(t, "it is connected", func() bool { return d.Status().State == "connected" && b.Status().Peers == 1 })
		pub := publisher(t, b.Addr().String())
		for n := range 3 {
			pub("ward/7/vitals", fmt.Sprintf(`{"n":%d}`, n))
		}
		drivertest.Until(t, "the break is reported", func() bool { return slices.Contains(notes.Codes(), "mqttclient.lost") })
		in.Fail(nil)
		drivertest.Until(t, "all were taken", func() bool { n, _ := in.Count(); return n >= 3 })
		if f := in.Taken(); len(f) != 3 || f[0].Topic != "ward/7/vitals" || !strings.Contains(f[0].Properties, "mqtt.qos: 2\n") {
			t.Errorf("version %s: %d frames, %+v", version, len(f), f)
		}
		stop(t, d)
	}
}

// publisher publishes with mosquitto_pub, QoS 2.
func publisher(t *testing.T, address string) func(topic, payload string) {
	t.Helper()
	program, err := exec.LookPath("mosquitto_pub")
	if err != nil {
		peertest.Missing(t, "mosquitto_pub (Debian package mosquitto-clients)")
	}
	host, port, _ := net.SplitHostPort(address)
	return func(topic, payload string) {
		if out, err := exec.CommandContext(t.Context(), program, "-h", host, "-p", port, "-q", "2", "-t", topic, "-m", payload).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
}

// TestMosquittoBroker: Debian's mosquitto with TLS as the outside broker; it
// is ended and comes back.
func TestMosquittoBroker(t *testing.T) {
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		peertest.Missing(t, "mosquitto (Debian package mosquitto)")
	}
	k := peertest.MakeKeys(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	folder := t.TempDir()
	text := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\ncafile %s\ncertfile %s\nkeyfile %s\n", port, k.CA, k.Cert, k.Key)
	if os.Getuid() == 0 {
		text += "user root\n"
	}
	config := filepath.Join(folder, "m.conf")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	begin := func() func() {
		cmd := exec.Command(program, "-c", config)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return func() { cmd.Process.Kill(); cmd.Wait() }
	}
	end := begin()
	defer func() { end() }()
	d, in, _ := client(t, net.JoinHostPort("localhost", port), map[string]any{"tls": map[string]any{"ca": k.CA}})
	connected := func() bool { return d.Status().State == "connected" }
	send := func(payload string) bool {
		out, err := exec.CommandContext(t.Context(), "mosquitto_pub", "-h", "localhost", "-p", port, "--cafile", k.CA, "-q", "1", "-t", "ward/7/vitals", "-m", payload).CombinedOutput()
		if err != nil {
			t.Logf("%v %s", err, out)
		}
		return err == nil
	}
	has := func(text string) func() bool {
		return func() bool { send(text); return in.Has([]byte(text)) }
	}
	drivertest.Until(t, "it is connected", connected)
	drivertest.Until(t, "a message came", has("one"))
	end()
	drivertest.Until(t, "the end is seen", func() bool { return !connected() })
	end = begin()
	drivertest.Until(t, "it is connected again", connected)
	drivertest.Until(t, "a message came again", has("two"))
}

func TestSettings(t *testing.T) {
	for place, settings := range map[string]map[string]any{
		"address": {"topics": []any{"a"}}, "topics": {"address": "h:1", "topics": []any{"a/#/b"}}, "qos": {"address": "h:1", "topics": []any{"a"}, "qos": 3},
		"user": {"address": "h:1", "topics": []any{"a"}, "password": "x"},
	} {
		if _, err := New(model.Channel{ID: "x", Settings: settings}); fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), place) {
			t.Errorf("%s: %v", place, err)
		}
	}
}

// A broker without TLS, and one that does not let us in, are told apart from one
// that is away: each says what to do.
func TestTellsWhyItIsNotConnected(t *testing.T) {
	for code, settings := range map[string]map[string]any{
		"mqttclient.tls":    {"tls": map[string]any{"enabled": true}},
		"mqttclient.denied": {"user": "nobody", "password": "wrong"},
	} {
		b, err := mqtt.New(model.Channel{ID: "b", Settings: map[string]any{"listen": "127.0.0.1:0", "tls": map[string]any{"enabled": false}}})
		if err != nil {
			t.Fatal(err)
		}
		host := driver.Host{Intake: &drivertest.Intake{}, Log: slog.New(slog.DiscardHandler)}
		host.Admit = func(context.Context, model.ChannelID, driver.Credentials) (driver.Admission, error) {
			return driver.Admission{}, fault.New(fault.Denied, "register.not-admitted", "not known")
		}
		if err := b.Start(t.Context(), host); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stop(t, b) })
		d, _, notes := client(t, b.Addr().String(), settings)
		drivertest.Until(t, code+" is told", func() bool { return slices.Contains(notes.Codes(), code) && d.Status().Code == code })
	}
}
