// Package rest takes what devices and gateways send over HTTP: single
// documents and batches by POST, large batches uploaded in parts, streams over
// WebSocket (R3). A 202 is answered when intake has made everything it speaks
// of durable and not before (R23); a request that comes again with its
// idempotency key gets the same answer and has no second effect (R18), over
// restarts too.
//
//	POST   /ingest/{channel}                   a document or a batch
//	GET    /ingest/{channel}/{receipt}         how far it has come
//	POST   /ingest/{channel}, Upload-Complete  begins an upload in parts
//	PATCH, HEAD, DELETE /ingest/{channel}/{upload}
//	GET    /ingest/{channel}, Upgrade          a WebSocket
//
// In the channel's folder lie keys.log, the idempotency keys and the last
// acknowledged message of each stream, and uploads/, the parts of batches that
// are not journaled yet. The journal is the truth for both: each entry carries
// its key among its properties.
package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Kind describes this driver.
func Kind() driver.Kind {
	return driver.Kind{
		Name:     "rest",
		Doc:      "Takes JSON, NDJSON, CSV, FHIR and HL7 v2 over HTTPS and WebSocket, in single documents and batches.",
		Codecs:   []string{"json", "csv", "fhir", "hl7v2", "openmhealth"},
		Settings: &Settings{},
		New:      func(ch model.Channel) (driver.Driver, error) { return New(ch) },
	}
}

// Driver is one channel.
type Driver struct {
	channel  model.ChannelID
	codec    string
	settings Settings

	host    driver.Host
	notes   driver.Notes
	keys    *keys
	uploads *uploads
	limits  *limits
	met     met
	budget  atomic.Int64 // bytes that bodies may still take

	listener net.Listener
	server   *http.Server
	ctx      context.Context // of offers; ends when Stop's patience does
	cancel   context.CancelFunc
	serving  sync.WaitGroup // requests of a mounted driver, sockets, the listener
	entering sync.Mutex     // between the last request and Stop
	stopping bool
	ending   chan struct{} // closed when Stop begins

	requests, taken, refused atomic.Uint64
	sockets                  atomic.Int64
	open                     open
}

var (
	_ driver.Mounted   = (*Driver)(nil)
	_ driver.Reporter  = (*Driver)(nil)
	_ driver.Connected = (*Driver)(nil)
	_ driver.Encrypter = (*Driver)(nil)
)

// bodies is how many bytes the bodies of all requests may take together.
const bodies = 128 << 20

// New checks the channel's settings.
func New(ch model.Channel) (*Driver, error) {
	d := &Driver{channel: ch.ID, codec: ch.Codec, ending: make(chan struct{})}
	if d.codec == "" {
		d.codec = "json"
	}
	if err := conf.Decode(ch.Settings, &d.settings); err != nil {
		return nil, err
	}
	d.budget.Store(bodies)
	d.limits = newLimits(d.settings.Requests, d.settings.Bytes)
	return d, nil
}

// Start reads what was taken before and, where the channel has a port of its
// own, binds it.
func (d *Driver) Start(ctx context.Context, host driver.Host) error {
	d.host = host
	d.notes.Begin(host, d.channel)
	folder := ""
	if host.Folder != nil {
		var err error
		if folder, err = host.Folder(d.channel); err != nil {
			return err
		}
	}
	var secure *tls.Config
	if d.settings.TLS.Enabled {
		var err error
		if secure, err = d.settings.TLS.Config(host.Certificate); err != nil {
			return err
		}
	}
	if d.settings.Listen != "" {
		l, err := (&net.ListenConfig{KeepAlive: 30 * time.Second}).Listen(ctx, "tcp", d.settings.Listen)
		if err != nil {
			return fault.Wrap(err, fault.Conflict, "rest.listen", "cannot listen on %s; choose a port nobody uses, or stop the program that has it", d.settings.Listen).At("listen")
		}
		d.listener = l
	}
	var err error
	if d.keys, err = openKeys(folder, d.settings.Remember, d.settings.RememberFor, host.Head); err == nil {
		d.uploads, err = openUploads(d, folder)
	}
	if err != nil {
		if d.listener != nil {
			d.listener.Close()
		}
		return err
	}
	if host.Since != nil {
		host.Since(d.channel, d.keys.safe, d.remember)
	}
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.serving.Add(1)
	go d.keep()
	d.uploads.goOn()
	if d.listener != nil {
		d.serve(secure)
	}
	return nil
}

// serve answers on the channel's own port.
func (d *Driver) serve(secure *tls.Config) {
	u := &unread{tell: d.noRequest}
	d.server = &http.Server{
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { u.request(r); d.answer(w, r) }),
		TLSConfig: secure, ErrorLog: log.New(quiet{d}, "", 0), ConnContext: u.context, ConnState: u.state,
		ReadHeaderTimeout: d.settings.Stall, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	d.serving.Add(1)
	go func() {
		defer d.serving.Done()
		if secure != nil {
			d.server.ServeTLS(d.listener, "", "")
			return
		}
		d.server.Serve(u.listener(d.listener))
	}()
}

// quiet turns what the HTTP server has to say into notes of the channel.
type quiet struct{ d *Driver }

func (q quiet) Write(b []byte) (int, error) {
	q.d.noRequest("")
	return len(b), nil
}

// noRequest notes a connection of which no request came; not when we end it
// because the channel stops.
func (d *Driver) noRequest(peer string) {
	select {
	case <-d.ending:
	default:
		d.notes.Add(peer, "rest.http", "a connection was given up before a request could be read: a TLS handshake that failed, no HTTP, or half a request", "Compare versions and certificates of both sides, and the address the sender uses.")
	}
}

// Handler answers requests that come through the program's own listener; nil
// when the channel has a port of its own.
func (d *Driver) Handler() http.Handler {
	if d.settings.Listen != "" {
		return nil
	}
	return http.HandlerFunc(d.answer)
}

// Addr is the address bound; nil without a port of its own.
func (d *Driver) Addr() net.Addr {
	if d.listener == nil {
		return nil
	}
	return d.listener.Addr()
}

// Encrypted implements driver.Encrypter: the program's listener always is.
func (d *Driver) Encrypted() bool { return d.settings.Listen == "" || d.settings.TLS.Enabled }

// Connections lists who sent in the last minute, or has a WebSocket.
func (d *Driver) Connections() []driver.Connection { return d.met.list(time.Now()) }

// Status says how the link is.
func (d *Driver) Status() driver.Status {
	s := driver.Status{State: "listening", Peers: len(d.met.list(time.Now()))}
	d.entering.Lock()
	if d.stopping || d.keys == nil {
		s.State = "stopped"
	}
	d.entering.Unlock()
	s.Counts = model.Counts{{Of: "requests", N: d.requests.Load()}, {Of: "entries taken", N: d.taken.Load()}, {Of: "requests refused", N: d.refused.Load()}}
	return s
}

// enter counts a request in; false: the channel stops.
func (d *Driver) enter() bool {
	d.entering.Lock()
	defer d.entering.Unlock()
	if d.stopping || d.keys == nil {
		return false
	}
	d.serving.Add(1)
	return true
}

// Stop lets requests under way finish until ctx ends, and closes the port.
func (d *Driver) Stop(ctx context.Context) error {
	if d.ctx == nil {
		return nil
	}
	d.entering.Lock()
	again := d.stopping
	d.stopping = true
	d.entering.Unlock()
	if again {
		return nil
	}
	close(d.ending)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if d.server != nil && d.server.Shutdown(ctx) != nil {
			d.server.Close()
		}
		d.serving.Wait()
	}()
	var late error
	select {
	case <-done:
	case <-ctx.Done():
		d.cancel()
		if d.server != nil {
			d.server.Close()
		}
		<-done
		late = fault.Wrap(ctx.Err(), fault.Transient, "rest.stop", "requests were cut off that did not end in time")
	}
	d.cancel()
	d.uploads.wait()
	return errors.Join(late, d.keys.close())
}

// keep makes the list of keys safe from time to time, and clears away what is
// too old.
func (d *Driver) keep() {
	defer d.serving.Done()
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-d.ending:
			return
		case now := <-tick.C:
			if err := d.keys.settle(now); err != nil {
				d.notes.Add("", "rest.keys", "the list of idempotency keys cannot be written: "+err.Error(), "Look at the disk; after a restart a repeat is recognised from the journal, which takes longer.")
			}
			if n%30 == 0 {
				d.uploads.expire(now)
			}
		}
	}
}
