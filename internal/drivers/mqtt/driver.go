// Package mqtt is an MQTT broker for devices (R1, R10): MQTT 3.1.1 and 5 over
// TLS and WebSocket. What a device publishes goes to intake, and PUBACK or
// PUBREC is sent when it is durable and not before (R23); it also goes to
// whoever subscribed. A message of QoS 2 becomes one entry however often its
// PUBLISH is repeated, also across a restart.
//
// One goroutine serves one connection: it reads, hands every message in its
// buffer to intake in one offer, and answers in order in one write; messages
// of many connections share a sync of the journal. Sessions, subscriptions,
// messages owed, retained messages and wills lie in a log of their own
// (stateLog) in the channel's folder. A connection at rest costs one goroutine
// and a small buffer.
package mqtt

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/codec/sparkplug"
	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/model"
)

// Kind describes this driver.
func Kind() driver.Kind {
	return driver.Kind{
		Name:     "mqtt",
		Doc:      "An MQTT 3.1.1 and 5 broker that devices publish to, over TLS or WebSocket.",
		Codecs:   []string{"json", sparkplug.Name, "csv", "hl7v2", "fhir"},
		Settings: &Settings{},
		New:      func(ch model.Channel) (driver.Driver, error) { return New(ch) },
	}
}

// Driver is one broker.
type Driver struct {
	channel  model.ChannelID
	codec    string
	settings Settings

	host     driver.Host
	notes    driver.Notes
	listener net.Listener
	sockets  net.Listener // WebSocket, nil: none
	web      *http.Server
	tls      *tls.Config
	ctx      context.Context // of offers; ends when Stop's patience does
	cancel   context.CancelFunc
	end      chan struct{} // closed when Stop begins
	guests   driver.Guests[*conn]
	budget   driver.Budget // bytes that large packets may still take

	frames, refused, lost atomic.Uint64

	mu       sync.Mutex
	log      *stateLog // nil: nothing outlives the process
	sessions map[string]*session
	tree     tree
	retained map[string]*message
	born     sparkplug.Births
	asked    map[string]time.Time // nodes asked for a rebirth, and when
	state    string               // topic on which we say that we are there; empty: none
	made     uint64               // client ids
}

var (
	_ driver.Listener  = (*Driver)(nil)
	_ driver.Reporter  = (*Driver)(nil)
	_ driver.Connected = (*Driver)(nil)
	_ driver.Encrypter = (*Driver)(nil)
)

// largePackets is how many bytes all connections together may hold of packets
// that are longer than a small buffer.
const largePackets = 256 << 20

// New checks the channel's settings.
func New(ch model.Channel) (*Driver, error) {
	d := &Driver{channel: ch.ID, codec: ch.Codec, sessions: map[string]*session{}, retained: map[string]*message{}, asked: map[string]time.Time{}, end: make(chan struct{})}
	if d.codec == "" {
		d.codec = "json"
	}
	if err := conf.Decode(ch.Settings, &d.settings); err != nil {
		return nil, err
	}
	if d.settings.SparkplugHost != "" {
		d.state = sparkplug.StateTopic(d.settings.SparkplugHost)
	}
	d.budget.Set(largePackets)
	return d, nil
}

// Start reads what is kept of sessions and binds the ports.
func (d *Driver) Start(ctx context.Context, host driver.Host) (err error) {
	d.host = host
	d.notes.Begin(host, d.channel)
	if d.settings.TLS.Enabled {
		if d.tls, err = d.settings.TLS.config(host.Certificate); err != nil {
			return err
		}
	}
	if err := d.remember(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			d.log.close()
			d.log = nil
		}
	}()
	if d.listener, err = driver.Listen(ctx, d.settings.Listen, "mqtt.listen", "listen"); err != nil {
		return err
	}
	if d.settings.WebSocket != "" {
		if d.sockets, err = driver.Listen(ctx, d.settings.WebSocket, "mqtt.listen", "websocket"); err != nil {
			d.listener.Close()
			d.listener = nil
			return err
		}
	}
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if !d.settings.TLS.Enabled {
		d.notes.Add("", "mqtt.plain", "this channel does not encrypt: what devices send, and their passwords, can be read on the way", "Set tls.enabled to true, or keep its devices in a segment of their own.")
	} else if d.tls.MinVersion < tls.VersionTLS13 {
		d.notes.Add("", "mqtt.tls-old", "this channel accepts TLS 1.2", "Keep its devices in a segment of their own and set min_version to 1.3 when they can.")
	}
	d.announce(time.Now())
	d.guests.Most = d.settings.MaxConnections
	d.guests.Go(func() { driver.Accept(d.listener, d.unaccepted, d.begin) })
	if d.sockets != nil {
		d.serveSockets()
	}
	d.guests.Go(d.tidy)
	return nil
}

// remember reads the log, and from the journal what may have been received
// after its last record.
func (d *Driver) remember() (err error) {
	if d.host.Folder == nil {
		return nil
	}
	folder, err := d.host.Folder(d.channel)
	if err != nil {
		return err
	}
	d.log, err = openLog(folder, d.apply, func(err error) {
		d.notes.Add("", "mqtt.state", "sessions cannot be written: "+err.Error(), "Check the disk; until then nothing that changes them is acknowledged.")
	})
	if err != nil {
		return err
	}
	d.log.snapshot = d.snapshot
	go d.log.run()
	now := time.Now()
	for _, s := range d.sessions {
		if s.ends.IsZero() {
			s.ends = now.Add(s.expiry)
		}
		if s.will != nil { // MQTT 5 §3.1.2.5: published after a restart, unless the client is back by then
			s.willAt = now.Add(max(s.will.delay, returnTime))
		}
	}
	if d.host.Recent != nil {
		d.host.Recent(d.channel, d.recall)
	}
	return nil
}

// returnTime is how long clients with a will have to come back after a
// restart.
const returnTime = 60 * time.Second

// recall holds the packet identifier of a message of QoS 2 that is in the
// journal and of which the log does not know yet: its sender may repeat it,
// because PUBREC was lost with the process.
func (d *Driver) recall(e model.Entry) {
	said := said(e.Properties)
	id, err := strconv.ParseUint(said["mqtt.packet"], 10, 16)
	s := d.sessions[said["mqtt.client"]]
	if said["mqtt.qos"] != "2" || err != nil || s == nil || !s.keep {
		return
	}
	if e.Seq > s.seq {
		s.hold(uint16(id), digestOf(e.Topic, e.Bytes))
	}
}

// said takes a frame's properties apart.
func said(properties string) map[string]string {
	out := map[string]string{}
	for line := range strings.SplitSeq(properties, "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			out[name] = value
		}
	}
	return out
}

// Addr is the address bound.
func (d *Driver) Addr() net.Addr { return d.listener.Addr() }

// SocketAddr is the address bound for WebSocket, nil when there is none.
func (d *Driver) SocketAddr() net.Addr {
	if d.sockets == nil {
		return nil
	}
	return d.sockets.Addr()
}

// Connections lists the connections there are now.
func (d *Driver) Connections() []driver.Connection { return d.guests.Connections() }

// Status says how the link is.
func (d *Driver) Status() driver.Status {
	d.mu.Lock()
	kept := len(d.sessions)
	d.mu.Unlock()
	s := driver.Status{State: "listening", Peers: d.guests.Len()}
	if d.guests.Stopping() || d.listener == nil {
		s.State = "stopped"
	}
	s.Counts = model.Counts{{Of: "messages received", N: d.frames.Load()}, {Of: "refused", N: d.refused.Load()}, {Of: "devices lost", N: d.lost.Load()}, {Of: "sessions", N: uint64(kept)}}
	return s
}

// Encrypted implements driver.Encrypter.
func (d *Driver) Encrypted() bool { return d.settings.TLS.Enabled }

// Stop closes the ports, lets every connection answer what it has received
// whole, and waits until all are closed. When ctx ends first they are cut.
func (d *Driver) Stop(ctx context.Context) error {
	if d.listener == nil || d.guests.Stopping() {
		return nil
	}
	close(d.end)
	d.listener.Close()
	if d.sockets != nil {
		d.sockets.Close()
	}
	d.guests.Stop(ctx, d.cancel)
	if d.web != nil {
		d.web.Close()
	}
	d.log.close()
	return nil
}

func (d *Driver) unaccepted(err error) {
	d.notes.Add("", "mqtt.accept", "a connection could not be accepted: "+err.Error(), "Raise the limit of open files.")
}

// begin serves a connection in a goroutine of its own.
func (d *Driver) begin(nc net.Conn) {
	c := &conn{d: d, net: nc, link: nc, peer: nc.RemoteAddr().String()}
	if !d.guests.Serve(c, c.serve) {
		d.turnAway(c)
	}
}

// turnAway closes a connection that is one too many.
func (d *Driver) turnAway(c *conn) {
	d.notes.Add(c.peer, "mqtt.too-many", fmt.Sprintf("connection refused: %d are open", d.settings.MaxConnections), "Raise max_connections, or find the device that opens connections without closing them.")
	c.net.Close()
}

// tidy ends sessions whose time is over and sends wills that are due.
func (d *Driver) tidy() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-d.end:
			return
		case now := <-tick.C:
			for _, s := range d.due(now) {
				d.sendWill(s)
			}
		}
	}
}

// due ends sessions whose time is over and gives those whose will is due.
func (d *Driver) due(now time.Time) (wills []*session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.sessions {
		if s.conn != nil {
			continue
		}
		over := !s.ends.IsZero() && !now.Before(s.ends)
		switch {
		case s.will != nil && !s.willAt.IsZero() && (!now.Before(s.willAt) || over && s.keep):
			wills = append(wills, s) // MQTT 5 §3.1.3.2.2: when the session ends, at the latest
		case over && s.will == nil:
			d.log.add(record(recGone, s.id))
			d.forget(s)
		}
	}
	for topic, m := range d.retained {
		if !m.expires.IsZero() && now.After(m.expires) {
			delete(d.retained, topic)
			gone := message{packet: m.packet}
			gone.packet.Payload = nil
			d.log.add(gone.retained())
		}
	}
	return wills
}

// forget takes a session out of everything. The lock is held.
func (d *Driver) forget(s *session) {
	for _, u := range s.subs {
		d.tree.remove(s, u)
	}
	if d.sessions[s.id] == s {
		delete(d.sessions, s.id)
	}
}
