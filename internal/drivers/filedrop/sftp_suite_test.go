package filedrop

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/model"
)

// bad is an SFTP server that does what none should. It serves the folders of
// this machine to anybody.
type bad struct {
	net.Listener
	config *ssh.ServerConfig
	key    string

	mu    sync.Mutex
	conns map[net.Conn]bool
	hung  chan struct{} // not nil: answers wait for it
	asked atomic.Bool   // since then something was
	cut   atomic.Int64  // bytes of answers until the connection is cut; 0: never
	crowd atomic.Bool   // folders have no end
	noise atomic.Bool   // it speaks no SSH
}

func newBad(t *testing.T) *bad {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	s := &bad{config: &ssh.ServerConfig{NoClientAuth: true}, key: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))), conns: map[net.Conn]bool{}}
	s.config.PasswordCallback = func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, nil }
	s.config.AddHostKey(signer)
	if s.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := s.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[c] = true
			s.mu.Unlock()
			go s.serve(&torn{c, s})
		}
	}()
	t.Cleanup(func() { s.Close(); s.drop() })
	return s
}

// drop ends all connections.
func (s *bad) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
	clear(s.conns)
}

func (s *bad) hang() (asked func() bool, release func()) {
	s.asked.Store(false)
	gate := make(chan struct{})
	s.mu.Lock()
	s.hung = gate
	s.mu.Unlock()
	return s.asked.Load, func() {
		s.mu.Lock()
		s.hung = nil
		s.mu.Unlock()
		close(gate)
	}
}

// torn is a connection of the server.
type torn struct {
	net.Conn
	s *bad
}

func (c *torn) Write(b []byte) (int, error) {
	c.s.mu.Lock()
	gate := c.s.hung
	c.s.mu.Unlock()
	if gate != nil {
		c.s.asked.Store(true)
		<-gate
	}
	if left := c.s.cut.Load(); left > 0 && c.s.cut.Add(-int64(len(b))) <= 0 {
		c.s.cut.Store(left) // the next connection fares as this one
		n, _ := c.Conn.Write(b[:min(len(b), int(left))])
		c.Close()
		return n, io.ErrClosedPipe
	}
	return c.Conn.Write(b)
}

func (s *bad) serve(c *torn) {
	defer c.Close()
	if s.noise.Load() {
		c.Conn.Write([]byte(strings.Repeat("HTTP/1.1 400 Bad Request\r\n\r\n", 1000)))
		return
	}
	_, channels, requests, err := ssh.NewServerConn(c, s.config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for one := range channels {
		ch, asks, err := one.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range asks {
				r.Reply(r.Type == "subsystem", nil)
			}
		}()
		go func() {
			defer ch.Close()
			if s.crowd.Load() {
				endless(ch)
				return
			}
			if served, err := sftp.NewServer(ch); err == nil {
				served.Serve()
			}
		}()
	}
}

// endless answers as SFTP version 3 does, with folders that have no end
// (draft-ietf-secsh-filexfer-02 §6.7, 7).
func endless(ch io.ReadWriter) {
	answer := func(b ...byte) {
		ch.Write(append([]byte{0, byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}, b...))
	}
	var head [5]byte
	for {
		if _, err := io.ReadFull(ch, head[:]); err != nil {
			return
		}
		body := make([]byte, int(head[2])<<8|int(head[3])-1)
		if _, err := io.ReadFull(ch, body); err != nil {
			return
		}
		if head[4] == 1 { // INIT
			answer(2, 0, 0, 0, 3)
			continue
		}
		id := body[:4]
		switch head[4] {
		case 11: // OPENDIR: a handle
			answer(append(append([]byte{102}, id...), 0, 0, 0, 1, 'h')...)
		case 12: // READDIR: a thousand names, again and again
			b := append(append([]byte{104}, id...), 0, 0, 3, 0xE8)
			for i := range 1000 {
				name := fmt.Sprintf("x%0200d.csv", i)
				b = append(append(b, 0, 0, 0, byte(len(name))), name...)
				b = append(append(b, 0, 0, 0, byte(len(name))), name...)
				b = append(b, 0, 0, 0, 0)
			}
			answer(b...)
		case 17, 7: // STAT, LSTAT: a folder
			answer(append(append([]byte{105}, id...), 0, 0, 0, 4, 0, 0, 0x41, 0xED)...)
		default:
			answer(append(append([]byte{101}, id...), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)...)
		}
	}
}

// TestConformanceSFTP holds the driver against a server that is cut off, hangs,
// and says what none should.
func TestConformanceSFTP(t *testing.T) {
	t.Parallel()
	kind := Kind()
	kind.New = func(ch model.Channel) (driver.Driver, error) {
		d, err := New(ch)
		if err == nil {
			d.Pauses.Longest = time.Second
			d.place.(*remote).patience = 2 * time.Second
		}
		return d, err
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	drivertest.RunLooker(t, drivertest.Looker{Kind: kind, Open: func(t *testing.T) *drivertest.Place {
		s := newBad(t)
		p := &drop{t: t, in: filepath.Join(t.TempDir(), "in"), complete: renamed}
		p.do(os.Mkdir(p.in, 0o700))
		place := p.place()
		place.Settings["sftp"] = map[string]any{"address": s.Addr().String(), "user": "x", "password": secret, "host_key": s.key}
		place.Away = func() (back func()) {
			s.noise.Store(true)
			s.drop()
			return func() { s.noise.Store(false) }
		}
		place.Hang = s.hang
		wrong := func(name string, set func(yes bool)) drivertest.Hostile {
			return drivertest.Hostile{Name: name, Says: []string{"filedrop.unreachable"}, Do: func() (mend func()) {
				set(true)
				s.drop()
				return func() { set(false); s.drop() }
			}}
		}
		place.Hostile = append(place.Hostile, wrong("a folder without end", s.crowd.Store))
		for _, n := range []int64{20, 1000, 2500, 4000} {
			place.Hostile = append(place.Hostile, wrong(fmt.Sprintf("cut off after %d bytes", n), func(yes bool) {
				s.cut.Store(0)
				if yes {
					s.cut.Store(n)
				}
			}))
		}
		return place
	}})
}
