package rest

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// sender is who a request is from.
type sender struct {
	peer     string // address and port
	identity string // as admitted; empty when nobody is asked
	publish  []string
	ended    <-chan struct{}
}

// who is what limits and receipts go by: the identity, else the host.
func (s *sender) who() string {
	if s.identity != "" {
		return "id " + s.identity
	}
	host, _, err := net.SplitHostPort(s.peer)
	if err != nil {
		host = s.peer
	}
	return "host " + host
}

// admit asks who sends: by a client certificate, a token, or name and password.
func (d *Driver) admit(ctx context.Context, r *http.Request) (*sender, error) {
	s := &sender{peer: r.RemoteAddr}
	var certificate *x509.Certificate
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		certificate = r.TLS.PeerCertificates[0]
	}
	if d.host.Admit == nil {
		if certificate != nil {
			s.identity = certificate.Subject.String()
		}
		return s, nil
	}
	shown := driver.Credentials{Peer: r.RemoteAddr, Certificate: certificate}
	if user, secret, ok := r.BasicAuth(); ok {
		shown.User, shown.Secret = user, []byte(secret)
	} else if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		token = strings.TrimSpace(token)
		// A token may carry the name of its credential before a colon.
		if name, secret, two := strings.Cut(token, ":"); two {
			shown.User, token = name, secret
		}
		shown.Secret = []byte(token)
	}
	a, err := d.host.Admit(ctx, d.channel, shown)
	if err != nil {
		if fault.KindOf(err) == fault.Denied {
			d.notes.Refused(r.RemoteAddr, "rest.denied", "a sender was refused: it does not show a credential of this channel", "Give the device a credential, or correct the one it uses.")
			return nil, fault.Wrap(err, fault.Denied, "rest.denied", "this channel does not know who sends; show a device credential: Authorization: Bearer NAME:SECRET, Basic, or a client certificate")
		}
		return nil, err
	}
	s.identity, s.publish, s.ended = a.Identity, a.Publish, a.Ended
	return s, nil
}

// topic checks where a sender wants to file what it sends.
func (s *sender) topic(topic string) (string, error) {
	if topic != "" && (!model.TopicName(topic, false) || len(topic) > 1024 || strings.ContainsAny(topic, "\r\n")) {
		return "", fault.New(fault.Invalid, "rest.topic", "a topic is a text of at most 1024 bytes with levels between slashes, without + and #").At("topic")
	}
	if s.publish == nil || topic == "" { // what is filed nowhere needs no permission of a place
		return topic, nil
	}
	for _, filter := range s.publish {
		if model.TopicMatches(filter, topic) {
			return topic, nil
		}
	}
	return "", fault.New(fault.Denied, "rest.topic-denied", "this credential may not send to this topic; its permission must name it").At("topic")
}

// met remembers who was here lately, for the map of connections.
type met struct {
	mu   sync.Mutex
	last map[string]*contact
}

type contact struct {
	c      driver.Connection
	at     time.Time
	socket int // WebSockets open now
}

const (
	contactFor = time.Minute
	mostMet    = 8192
)

// see notes a request, or the begin (+1) and end (-1) of a WebSocket; it says
// whether the peer is new.
func (m *met) see(c driver.Connection, now time.Time, socket int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.last[c.Peer]
	if k == nil {
		if len(m.last) >= mostMet {
			m.forget(now)
		}
		if m.last == nil || len(m.last) >= mostMet {
			m.last = map[string]*contact{}
		}
		k = &contact{c: c}
		m.last[c.Peer] = k
		k.at, k.socket = now, max(0, socket)
		return true
	}
	k.at, k.socket = now, max(0, k.socket+socket)
	return false
}

func (m *met) forget(now time.Time) {
	for peer, k := range m.last {
		if k.socket == 0 && now.Sub(k.at) > contactFor {
			delete(m.last, peer)
		}
	}
}

func (m *met) list(now time.Time) []driver.Connection {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(now)
	out := make([]driver.Connection, 0, len(m.last))
	for _, k := range m.last {
		out = append(out, k.c)
	}
	return out
}

// local is the address of ours that a request came to.
func local(r *http.Request) string {
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return a.String()
	}
	return ""
}
