package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"

	"github.com/coder/websocket"

	"thalamus/internal/driver"
)

// serveSockets answers MQTT over WebSocket (MQTT 5 §6): path /mqtt, sub-protocol
// "mqtt".
func (d *Driver) serveSockets() {
	l := d.sockets
	if d.tls != nil {
		c := d.tls.Clone()
		c.NextProtos = []string{"http/1.1"}
		l = tls.NewListener(l, c)
	}
	d.web = &http.Server{
		Handler: http.HandlerFunc(d.socket), ReadHeaderTimeout: d.settings.StallTimeout, MaxHeaderBytes: 16 << 10, IdleTimeout: d.settings.StallTimeout,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, socketKey{}, c) },
	}
	d.guests.Go(func() {
		if err := d.web.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			d.notes.Add("", "mqtt.accept", "WebSocket connections are accepted no more: "+err.Error(), "Disable the channel and enable it again.")
		}
	})
}

type socketKey struct{}

func (d *Driver) socket(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/mqtt" || d.guests.Stopping() {
		http.NotFound(w, r)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"mqtt"}, InsecureSkipVerify: true}) // no cookie is looked at: any origin may try its credential
	if err != nil {
		d.notes.Add(r.RemoteAddr, "mqtt.no-connect", "a WebSocket connection could not be agreed", "Have the client ask for the sub-protocol mqtt.")
		return
	}
	if !slices.Contains([]string{"mqtt"}, ws.Subprotocol()) { // MQTT 5 §6.0
		ws.Close(websocket.StatusProtocolError, "the sub-protocol is mqtt")
		return
	}
	under, _ := r.Context().Value(socketKey{}).(net.Conn)
	link := websocket.NetConn(d.ctx, ws, websocket.MessageBinary)
	ws.SetReadLimit(int64(d.settings.MaxPacket) + driver.PoolBuffer)
	nc := &socketConn{Conn: link, under: under}
	c := &conn{d: d, net: nc, link: link, peer: nc.RemoteAddr().String()}
	if r.TLS != nil {
		c.secured = true
		if len(r.TLS.PeerCertificates) > 0 {
			c.cert = r.TLS.PeerCertificates[0]
		}
	}
	if !d.guests.ServeHere(c, c.serve) {
		d.turnAway(c)
	}
}

// socketConn has the addresses and the end of the connection below.
type socketConn struct {
	net.Conn
	under net.Conn
}

func (s *socketConn) RemoteAddr() net.Addr { return s.under.RemoteAddr() }
func (s *socketConn) LocalAddr() net.Addr  { return s.under.LocalAddr() }
func (s *socketConn) Close() error         { return s.under.Close() }
