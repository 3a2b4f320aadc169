package mqtt

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/model"
)

// rig is a broker that can be ended in every way and started again.
type rig struct {
	t      *testing.T
	folder string
	intake *drivertest.Intake
	notes  *drivertest.Notes
	admit  func(context.Context, model.ChannelID, driver.Credentials) (driver.Admission, error)
	more   map[string]any
	recent []model.Entry
	d      *Driver

	refused atomic.Int32 // what never came to intake

	mu       sync.Mutex
	contacts []model.ContactTold
}

func (r *rig) contact(c model.ContactTold) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.contacts = append(r.contacts, c)
}

// toldOf gives what was told of a client: "made", or how it ended.
func (r *rig) toldOf(client string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, c := range r.contacts {
		switch {
		case c.Client != client:
		case c.Made:
			out = append(out, "made")
		default:
			one := string(c.How)
			if c.Code != 0 {
				one += fmt.Sprintf(" %#x", c.Code)
			}
			out = append(out, strings.TrimSpace(one+" "+c.Topic))
		}
	}
	return strings.Join(out, ", ")
}

func newRig(t *testing.T, more map[string]any) *rig {
	r := &rig{t: t, folder: t.TempDir(), intake: &drivertest.Intake{}, notes: &drivertest.Notes{}, more: more}
	t.Cleanup(func() {
		if r.d != nil {
			r.stop()
		}
	})
	return r
}

func (r *rig) start() *rig {
	r.t.Helper()
	settings := map[string]any{"listen": "127.0.0.1:0", "tls": map[string]any{"enabled": false}}
	for k, v := range r.more {
		settings[k] = v
	}
	d, err := New(model.Channel{ID: "iot", Settings: settings})
	if err != nil {
		r.t.Fatal(err)
	}
	host := driver.Host{
		Intake: r.intake, Log: slog.New(slog.DiscardHandler), Note: r.notes.Note, Admit: r.admit, Contact: r.contact,
		Refused: func(model.ChannelID) { r.refused.Add(1) },
		Folder:  func(model.ChannelID) (string, error) { return r.folder, nil },
		Recent: func(_ model.ChannelID, each func(model.Entry)) {
			for _, e := range r.recent {
				each(e)
			}
		},
	}
	if err := d.Start(r.t.Context(), host); err != nil {
		r.t.Fatal(err)
	}
	r.d = d
	return r
}

func (r *rig) stop() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
	defer cancel()
	if err := r.d.Stop(ctx); err != nil {
		r.t.Error(err)
	}
	r.d = nil
}

// cutPower goes on with what was on the disk at this moment.
func (r *rig) cutPower() {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.folder, logName))
	if err != nil {
		r.t.Fatal(err)
	}
	r.stop()
	r.folder = r.t.TempDir()
	if err := os.WriteFile(filepath.Join(r.folder, logName), text, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// peer is a client that says and expects packets.
type peer struct {
	t *testing.T
	net.Conn
	r       *bufio.Reader
	version byte
}

func (r *rig) dial(version byte) *peer {
	r.t.Helper()
	c, err := net.DialTimeout("tcp", r.d.Addr().String(), drivertest.Patience)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(drivertest.Patience))
	return &peer{r.t, c, bufio.NewReader(c), version}
}

func (p *peer) say(q mqttwire.Packet) {
	p.t.Helper()
	if _, err := p.Write(mqttwire.Append(nil, p.version, &q)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) hear(kind byte) mqttwire.Packet {
	p.t.Helper()
	q, err := readPacket(p.r, p.version)
	if err != nil || q.Type != kind {
		p.t.Fatalf("packet %+v, %v; want type %d", q, err, kind)
	}
	return q
}

// silent says that nothing is to come for a moment.
func (p *peer) silent() {
	p.t.Helper()
	p.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if b, err := p.r.Peek(1); err == nil {
		q, _ := readPacket(p.r, p.version)
		p.t.Fatalf("unexpected packet %x %+v", b, q)
	}
	p.SetDeadline(time.Now().Add(drivertest.Patience))
}

// gone waits until the server has ended the connection.
func (p *peer) gone() {
	p.t.Helper()
	for {
		if _, err := readPacket(p.r, p.version); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				p.t.Fatal("the connection was not ended")
			}
			return
		}
	}
}

// enter connects with a session that is kept unless clean.
func (r *rig) enter(version byte, id string, clean bool, more ...func(*mqttwire.Packet)) (*peer, mqttwire.Packet) {
	r.t.Helper()
	p := r.dial(version)
	q := mqttwire.Packet{Type: mqttwire.CONNECT, Connect: &mqttwire.Connect{Version: version, Clean: clean, ClientID: id, KeepAlive: 60}}
	if version == mqttwire.V5 && !clean {
		q.Props = (&mqttwire.Properties{SessionExpiry: 3600}).Set(mqttwire.PropSessionExpiry)
	}
	for _, f := range more {
		f(&q)
	}
	p.say(q)
	return p, p.hear(mqttwire.CONNACK)
}

func (p *peer) subscribe(filter string, qos byte) {
	p.t.Helper()
	p.say(mqttwire.Packet{Type: mqttwire.SUBSCRIBE, ID: 9, Filters: []mqttwire.Filter{{Text: filter, QoS: qos}}})
	if q := p.hear(mqttwire.SUBACK); q.Codes[0] != qos {
		p.t.Fatalf("%x", q.Codes)
	}
}

func publish(topic, payload string, qos byte, id uint16) mqttwire.Packet {
	return mqttwire.Packet{Type: mqttwire.PUBLISH, Topic: topic, Payload: []byte(payload), QoS: qos, ID: id}
}
