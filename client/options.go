package client

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Options of a client. URL and Folder must be given.
type Options struct {
	URL    string // of the channel: https://host:port/ingest/CHANNEL
	Folder string // where messages wait; made when it is not there

	Name, Secret string // of the device credential; empty: none is shown

	// TLS of the connection; nil: the system's authorities are believed. A
	// client certificate is given here.
	TLS *tls.Config
	// Pins are "sha256/" and the base64 of the SHA-256 of a public key
	// (SubjectPublicKeyInfo), one of which the server's chain must hold. Without
	// RootCAs in TLS a pin alone is enough: that suits a server whose authority
	// nobody else knows.
	Pins []string

	// Dial makes the connection, below TLS, such as through a tunnel of the
	// gateway's; nil: a plain one to the address.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	MaxBytes     int64         // most bytes that wait on the disk; 0: 1 GiB
	SegmentBytes int64         // of one file; 0: 8 MiB
	BatchRows    int           // most messages in a request; 0: 500
	BatchBytes   int           // most bytes in a request, before compression; 0: 1 MiB
	Linger       time.Duration // how long a message waits for others; 0: 50 ms
	Timeout      time.Duration // of a request; 0: 60 s
	MinBackoff   time.Duration // after the first failure; 0: 1 s
	MaxBackoff   time.Duration // 0: 5 min
	Plain        bool          // do not compress

	Refused func(Refusal) // told of each message refused for good; may be nil, must not block
	Log     *slog.Logger  // nil: says nothing. Never holds a message's content.

	transport http.RoundTripper // of tests
}

// Refusal is a message that the server will never take.
type Refusal struct {
	Seq     uint64  `json:"seq"`
	Status  int     `json:"status"` // HTTP, 202 where one row of a batch was refused
	Code    string  `json:"code"`   // the server's, as its fault list has it
	Place   string  `json:"place,omitempty"`
	Detail  string  `json:"detail"`
	Message Message `json:"message"`
}

var errOptions = errors.New("client")

func (o *Options) fill() error {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || !strings.Contains(u.Path, "/ingest/") {
		return fmt.Errorf("%w: URL: expected https://host:port/ingest/CHANNEL", errOptions)
	}
	if o.Folder == "" {
		return fmt.Errorf("%w: Folder: say where messages wait", errOptions)
	}
	for _, p := range o.Pins {
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p, "sha256/"))
		if err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("%w: Pins: expected sha256/ and the base64 of a SHA-256", errOptions)
		}
	}
	def := func(p *time.Duration, d time.Duration) {
		if *p <= 0 {
			*p = d
		}
	}
	def(&o.Linger, 50*time.Millisecond)
	def(&o.Timeout, time.Minute)
	def(&o.MinBackoff, time.Second)
	def(&o.MaxBackoff, 5*time.Minute)
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 30
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = 8 << 20
	}
	if o.BatchRows <= 0 {
		o.BatchRows = 500
	}
	if o.BatchBytes <= 0 {
		o.BatchBytes = 1 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// http makes the HTTP client.
func (o *Options) http() *http.Client {
	if o.transport != nil {
		return &http.Client{Transport: o.transport, Timeout: o.Timeout}
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLS != nil {
		t.TLSClientConfig = o.TLS.Clone()
	}
	if o.Dial != nil {
		t.DialContext, t.Proxy = o.Dial, nil
	}
	if len(o.Pins) > 0 {
		c := t.TLSClientConfig
		if c.RootCAs == nil {
			c.InsecureSkipVerify = true // the pin says more than any authority
		}
		next := c.VerifyConnection
		c.VerifyConnection = func(s tls.ConnectionState) error {
			if !pinned(s, o.Pins) {
				return errors.New("the server shows none of the pinned keys")
			}
			if next != nil {
				return next(s)
			}
			return nil
		}
	}
	// A redirect is not followed: content and secret stay with the host meant.
	return &http.Client{Transport: t, Timeout: o.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// pinned says whether the server's own key is pinned, or that of an authority
// which signed it.
func pinned(s tls.ConnectionState, pins []string) bool {
	for i, c := range s.PeerCertificates {
		sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
		pin := base64.StdEncoding.EncodeToString(sum[:])
		if slices.ContainsFunc(pins, func(p string) bool { return strings.TrimPrefix(p, "sha256/") == pin }) {
			return true
		}
		// Who sends a chain may put any certificate behind its own: it counts
		// only when it signed the one before.
		if i+1 < len(s.PeerCertificates) && c.CheckSignatureFrom(s.PeerCertificates[i+1]) != nil {
			return false
		}
	}
	return false
}
