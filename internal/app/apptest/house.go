// Package apptest starts the whole program in a folder of its own, with
// sockets on free ports and a ward's first messages, for the tests of the
// doors (service, API, console).
package apptest

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"thalamus/internal/api"
	"thalamus/internal/app"
	"thalamus/internal/conf"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/sim"
)

// Names and numbers of the patients that the first messages tell of; none of
// them may be seen in a log, an error, a metric or a URL.
var Private = []string{"Quillfeather", "Zyxanda", "Vrombaut", "Ottokar", "MRN-774411", "MRN-885522", "19470603"}

// House is a running program.
type House struct {
	App    *app.App
	Folder string
	Log    *Log
	Out    string // folder of the file destination
	t      testing.TB
	link   *sim.Link
	sent   int
	Header string    // MSH-7 of what is sent; the time in UTC where empty
	Sender string    // MSH-3 of what is sent; MON where empty
	Site   conf.Site // of the boot file, from the next start on
}

// Log collects what the program logs.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is everything logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Start starts the program with nothing governed.
func Start(t testing.TB) *House {
	t.Helper()
	folder, err := os.MkdirTemp("", "tha") // short: a socket's path is at most about 100 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	h := &House{Folder: filepath.Join(folder, "d"), Out: filepath.Join(folder, "out"), Log: &Log{}, t: t, Site: conf.Default().Site}
	h.Site.Name = "Test house"
	if err := os.Mkdir(h.Out, 0o700); err != nil {
		t.Fatal(err)
	}
	h.open()
	t.Cleanup(h.Stop)
	return h
}

func (h *House) open() {
	h.t.Helper()
	boot := conf.Default()
	boot.Data, boot.Site = h.Folder, h.Site
	boot.Journal.Floor, boot.Journal.Segment = 1, 1<<20
	console, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(h.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if h.App, err = app.Start(context.Background(), boot, app.Options{Version: "test", Log: log, Console: console}); err != nil {
		h.t.Fatal(err)
	}
}

// Stop stops the program; more than once is no harm.
func (h *House) Stop() {
	if h.App == nil {
		return
	}
	if h.link != nil {
		h.link.Close()
		h.link = nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := h.App.Stop(ctx); err != nil {
		h.t.Error(err)
	}
	h.App = nil
}

// Again stops the program and starts it in the same folder.
func (h *House) Again() {
	h.t.Helper()
	h.Stop()
	h.open()
}

// Door of somebody on this machine, who may do everything.
func (h *House) Door() *service.Door { return h.App.Service().OnThisMachine("root") }

// Call calls as somebody on this machine and expects it to succeed.
func (h *House) Call(name string, request, response any) {
	h.t.Helper()
	if err := h.Door().Call(context.Background(), name, request, response); err != nil {
		h.t.Fatalf("%s: %v", name, err)
	}
}

// Ward is the text of a small ward: a channel on a free port, a file
// destination and the route between them.
func (h *House) Ward() string {
	return fmt.Sprintf(`channels:
  - id: ward
    name: Bedside devices
    driver: mllp
    codec: hl7v2
    settings: {listen: "127.0.0.1:0"}
destinations:
  - id: archive
    kind: file
    settings: {folder: %q}
routes:
  - id: all
    destinations: [archive]
`, h.Out)
}

// Furnish brings the ward in force and sends it its first messages: an
// admission, numerics of two patients and a message nobody can read wholly.
func (h *House) Furnish() {
	h.t.Helper()
	h.Call("config.apply", service.ConfigText{Name: "ward.yaml", Text: h.Ward(), Reason: "test"}, nil)
	h.Send(
		"ADT^A01^ADT_A01", "PID|1||MRN-774411^^^HOSP^MR||Quillfeather^Zyxanda||19470603|F\rPV1|1|I|ICU^2^23",
	)
	h.Send("ORU^R01^ORU_R01", "PID|1||MRN-774411^^^HOSP^MR||Quillfeather^Zyxanda||19470603|F\rPV1|1|I|ICU^2^23\r"+vitals("72", "MON-1"))
	h.Send("ORU^R01^ORU_R01", "PID|1||MRN-885522^^^HOSP^MR||Vrombaut^Ottokar||19610412|M\rPV1|1|I|ICU^3^31\r"+vitals("88", "MON-2"))
	h.Send("ORU^R01^ORU_R01", "PID|1||MRN-885522^^^HOSP^MR||Vrombaut^Ottokar||19610412|M\r"+vitals("not a number", "MON-2"))
}

// Measure has a device send a heart rate that names no patient.
func (h *House) Measure(serial, rate string) model.Seq {
	h.t.Helper()
	return h.Send("ORU^R01^ORU_R01", vitals(rate, serial))
}

// Stranger has a device that was never heard send a heart rate that names no
// patient, and gives its id.
func (h *House) Stranger(serial, rate string) model.DeviceID {
	h.t.Helper()
	h.Measure(serial, rate)
	var list service.List[service.DeviceRow]
	h.Call("device.list", service.DeviceAsk{Text: serial}, &list)
	if len(list.Rows) != 1 {
		h.t.Fatalf("%d devices are called %s", len(list.Rows), serial)
	}
	return list.Rows[0].ID
}

func vitals(rate, serial string) string {
	now := time.Now().UTC().Format("20060102150405") + "+0000"
	return "OBR|1|||182777000^monitoring of patient^SCT|||" + now + "\r" +
		"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||" + serial + "^^" + serial + "^EUI-64\r" +
		"OBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|" + rate + "|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||" + now + "|||||" + serial + "^^" + serial + "^EUI-64\r"
}

// Send sends one message to the ward and returns when it is recorded.
func (h *House) Send(kind, segments string) model.Seq {
	h.t.Helper()
	// A channel on port 0 has another port after it was opened again.
	if address := h.App.ChannelAddress("ward"); h.link == nil || address != "" && h.link.Address != address {
		if h.link != nil {
			h.link.Close()
		}
		h.link = &sim.Link{Address: address, Ledger: sim.NewLedger()}
	}
	h.sent++
	id := fmt.Sprintf("T%04d", h.sent)
	now := h.Header
	if now == "" {
		now = time.Now().UTC().Format("20060102150405") + "+0000"
	}
	sender := h.Sender
	if sender == "" {
		sender = "MON"
	}
	text := "MSH|^~\\&|" + sender + "|WARD|||" + now + "||" + kind + "|" + id + "|P|2.6|||NE|AL||UNICODE UTF-8\r" + segments + "\r"
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := h.link.Send(ctx, sim.Message{ControlID: id, Stream: "ward", Bytes: []byte(text)}); err != nil {
		h.t.Fatal(err)
	}
	return h.Recorded()
}

// Recorded waits until everything received is recorded, and gives the last
// entry.
func (h *House) Recorded() model.Seq {
	h.t.Helper()
	var o service.Overview
	h.Until("everything received is recorded", func() bool {
		h.Call("overview.get", nil, &o)
		return o.Recorded == o.Journal
	})
	return o.Journal
}

// Until waits for a condition, generously.
func (h *House) Until(what string, done func() bool) {
	h.t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatal("waited in vain until", what)
		}
	}
}

// Token makes an API token with roles and gives its secret and id.
func (h *House) Token(roles ...string) (secret, id string) {
	h.t.Helper()
	var made service.TokenMade
	h.Call("token.create", service.TokenCreate{Name: "test " + strings.Join(roles, " "), Roles: roles}, &made)
	return made.Secret, made.Token.ID
}

// Authority is the file of the authority that vouches for the server.
func (h *House) Authority() string { return filepath.Join(h.Folder, "tls", "authority.pem") }

// Client calls over HTTPS with a token.
func (h *House) Client(token string) *api.Client {
	h.t.Helper()
	c, err := api.NewClient(h.App.ConsoleURL(), token, h.Authority())
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// HTTP is a plain HTTPS client that trusts the server.
func (h *House) HTTP() *http.Client {
	c := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: h.App.Authority().Pool(), MinVersion: tls.VersionTLS13}}}
	h.t.Cleanup(c.CloseIdleConnections)
	return c
}
