// Package mqttclient takes messages from an MQTT broker that is there already
// (R1): it subscribes with a session that the broker keeps, and acknowledges a
// message when intake has made it durable and not before (R23). When the
// connection breaks, or intake cannot take messages, it comes again after a
// while and the broker sends what was not acknowledged. It speaks MQTT 5 and
// 3.1.1 with the codec of the own broker (codec/mqttwire).
package mqttclient

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/codec/sparkplug"
	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Kind describes this driver.
func Kind() driver.Kind {
	return driver.Kind{
		Name:     "mqtt-client",
		Doc:      "Subscribes at an outside MQTT broker, and acknowledges what is durable here.",
		Codecs:   []string{"json", sparkplug.Name, "csv", "hl7v2", "fhir"},
		Settings: &Settings{},
		New:      func(ch model.Channel) (driver.Driver, error) { return New(ch) },
	}
}

// Driver is one subscription.
type Driver struct {
	channel  model.ChannelID
	codec    string
	settings Settings
	version  byte

	host   driver.Host
	notes  driver.Notes
	tls    *tls.Config
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}

	frames atomic.Uint64
	mu     sync.Mutex
	conn   net.Conn // nil: not connected
	ready  bool     // and subscribed
	why    error    // what ended the last connection

	// Of the goroutine that runs.
	held map[uint16][16]byte // QoS 2 received and not released: sum of topic and payload
	born sparkplug.Births
}

var (
	_ driver.Reporter  = (*Driver)(nil)
	_ driver.Encrypter = (*Driver)(nil)
)

// New checks the channel's settings.
func New(ch model.Channel) (*Driver, error) {
	d := &Driver{channel: ch.ID, codec: ch.Codec, version: mqttwire.V5, held: map[uint16][16]byte{}, done: make(chan struct{})}
	if d.codec == "" {
		d.codec = "json"
	}
	if err := conf.Decode(ch.Settings, &d.settings); err != nil {
		return nil, err
	}
	if d.settings.Version == "3.1.1" {
		d.version = mqttwire.V311
	}
	if d.settings.ClientID == "" {
		d.settings.ClientID = "thalamus-" + string(ch.ID)
	}
	return d, nil
}

// Start begins to connect.
func (d *Driver) Start(ctx context.Context, host driver.Host) (err error) {
	d.host = host
	d.notes.Begin(host, d.channel)
	if d.tls, err = d.settings.config(); err != nil {
		return err
	}
	if d.tls == nil {
		d.notes.Add("", "mqttclient.plain", "this channel does not encrypt: what it takes, and its password, can be read on the way", "Set tls.enabled to true, or keep the broker in a segment of its own.")
	}
	if host.Recent != nil {
		host.Recent(d.channel, d.recall)
	}
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go d.run()
	return nil
}

// recall holds the packet identifiers of the last messages of QoS 2: PUBREC
// may have been lost with the process.
func (d *Driver) recall(e model.Entry) {
	qos, id := "", ""
	for line := range strings.SplitSeq(e.Properties, "\n") {
		if v, ok := strings.CutPrefix(line, "mqtt.qos: "); ok {
			qos = v
		} else if v, ok := strings.CutPrefix(line, "mqtt.packet: "); ok {
			id = v
		}
	}
	if n, err := strconv.ParseUint(id, 10, 16); qos == "2" && err == nil {
		d.held[uint16(n)] = sum(e.Topic, e.Bytes)
	}
}

// Stop ends the connection; what is offered is still acknowledged until ctx
// ends.
func (d *Driver) Stop(ctx context.Context) error {
	if d.cancel == nil {
		return nil
	}
	d.cancel()
	d.mu.Lock()
	if d.conn != nil {
		d.conn.SetReadDeadline(time.Unix(1, 0))
	}
	d.mu.Unlock()
	select {
	case <-d.done:
	case <-ctx.Done():
		d.mu.Lock()
		if d.conn != nil {
			d.conn.Close()
		}
		d.mu.Unlock()
		<-d.done
	}
	return nil
}

// Status says how the link is.
func (d *Driver) Status() driver.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := driver.Status{State: "trying"}
	if d.why != nil {
		s.Text, s.Code = d.why.Error(), fault.CodeOf(d.why)
	}
	if d.ready {
		s.State, s.Peers, s.Text, s.Code = "connected", 1, "", ""
		s.Counts = model.Counts{{Of: "messages received", N: d.frames.Load()}}
	}
	if d.ctx == nil || d.ctx.Err() != nil {
		s.State = "stopped"
	}
	return s
}

// Encrypted implements driver.Encrypter.
func (d *Driver) Encrypted() bool { return d.settings.TLS.Enabled }

// Times between tries.
const (
	mostPause = time.Minute
	dialFor   = 20 * time.Second
)

func (d *Driver) run() {
	defer close(d.done)
	pauses := driver.Pauses{Longest: mostPause}
	for d.ctx.Err() == nil {
		began := time.Now()
		err := d.session()
		if d.ctx.Err() != nil {
			return
		}
		d.mu.Lock()
		d.why = err
		d.mu.Unlock()
		switch code := fault.CodeOf(err); code {
		case "mqttclient.tls", "mqttclient.denied":
			d.notes.Add(d.settings.Address, code, err.Error(), fault.ToDo(code))
		default:
			d.notes.Add(d.settings.Address, "mqttclient.lost", "the broker cannot be reached, or ended the connection: "+err.Error(), fault.ToDo("mqttclient.lost"))
		}
		if time.Since(began) > mostPause {
			pauses.Reset()
		}
		wait := time.NewTimer(pauses.Next())
		select {
		case <-d.ctx.Done():
			wait.Stop()
		case <-wait.C:
		}
	}
}

// session is one connection, from dialling to its end.
func (d *Driver) session() error {
	ctx, cancel := context.WithTimeout(d.ctx, dialFor)
	defer cancel()
	nc, err := (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext(ctx, "tcp", d.settings.Address)
	if err != nil {
		return err
	}
	link := nc
	if d.tls != nil {
		t := tls.Client(nc, d.tls)
		if err := t.HandshakeContext(ctx); err != nil {
			nc.Close()
			return fault.Wrap(err, fault.Transient, "mqttclient.tls", "TLS could not be agreed")
		}
		link = t
	}
	c := &conn{d: d, link: link, peer: nc.RemoteAddr().String(), aliases: map[uint16]string{}, gone: make(chan struct{})}
	d.mu.Lock()
	d.conn = link
	d.mu.Unlock()
	defer func() {
		link.Close()
		close(c.gone)
		d.mu.Lock()
		d.conn, d.ready = nil, false
		d.mu.Unlock()
	}()
	if d.host.Met != nil {
		d.host.Met(d.channel, driver.Connection{Peer: c.peer, Local: nc.LocalAddr().String(), Encrypted: d.tls != nil})
	}
	err = c.serve()
	if errors.Is(err, errStopped) {
		c.takeLeave()
		_ = c.write(mqttwire.Append(nil, d.version, &mqttwire.Packet{Type: mqttwire.DISCONNECT}))
	}
	return err
}
