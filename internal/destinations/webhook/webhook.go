// Package webhook posts messages as NDJSON to an HTTP address, signed after
// the Standard Webhooks convention (https://www.standardwebhooks.com): the
// headers webhook-id, webhook-timestamp and webhook-signature, the signature
// being "v1," and the base64 of HMAC-SHA256 over id.timestamp.body (R25, R55).
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/conf"
	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Settings of a webhook.
type Settings struct {
	URL     string        `yaml:"url" doc:"address to post to; https, or http on this machine"`
	Secret  string        `yaml:"secret" secret:"true" doc:"whsec_ and base64 of 24 to 64 bytes; the receiver checks the signature with it"`
	Timeout time.Duration `yaml:"timeout" default:"30s" doc:"for one request"`
	TLS     TLS           `yaml:"tls"`
}

// TLS settings of the connection.
type TLS struct {
	Roots       string `yaml:"roots" doc:"PEM file with the authorities to believe; empty: the system's and the program's own"`
	Certificate string `yaml:"certificate" doc:"PEM file with our certificate chain, for receivers that ask for one"`
	Key         string `yaml:"key" doc:"PEM file with its private key"`
	MinVersion  string `yaml:"min_version" default:"1.3" doc:"1.3, or 1.2 for receivers that know no better"`
}

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return invalid("url", "expected an address such as https://example.org/thalamus")
	case u.User != nil:
		return invalid("url", "no password belongs into the address; the signature shows who we are")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return invalid("url", "http is for this machine alone; use https, as patients' data would travel unencrypted")
	case s.Timeout <= 0:
		return invalid("timeout", "expected more than 0, such as 30s")
	case s.TLS.MinVersion != "1.2" && s.TLS.MinVersion != "1.3":
		return invalid("tls.min_version", "expected 1.3 or 1.2")
	case (s.TLS.Certificate == "") != (s.TLS.Key == ""):
		return invalid("tls.key", "certificate and key are given together or not at all")
	}
	if _, err := s.key(); err != nil {
		return invalid("secret", "expected whsec_ and the base64 of 24 to 64 random bytes")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

var errSecret = errors.New("not a secret")

func (s *Settings) key() ([]byte, error) {
	text, ok := strings.CutPrefix(s.Secret, "whsec_")
	if !ok {
		return nil, errSecret
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errSecret
	}
	return key, nil
}

func invalid(place, text string) error {
	return fault.New(fault.Invalid, "webhook.setting", "%s", text).At(place)
}

// Kind describes this destination.
func Kind() destination.Kind {
	return destination.Kind{
		Name:        "webhook",
		Doc:         "Posts messages as signed NDJSON to an HTTP address.",
		Settings:    &Settings{},
		MaxBatch:    50,
		Concurrency: 4,
		New: func(d model.Destination, host destination.Host) (destination.Destination, error) {
			return New(d, host)
		},
	}
}

// Destination is one address.
type Destination struct {
	url    string
	reach  destination.Reach
	host   string // for errors: the address may hold a token in its path
	key    []byte
	client *http.Client
	now    func() time.Time
}

// New checks the settings and reads the certificates.
func New(d model.Destination, host destination.Host) (*Destination, error) {
	var s Settings
	if err := conf.Decode(d.Settings, &s); err != nil {
		return nil, err
	}
	secure, err := s.TLS.config(host.Roots)
	if err != nil {
		return nil, err
	}
	key, err := s.key()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	return &Destination{
		url: s.URL, reach: destination.ReachOf(u), host: u.Host, key: key, now: time.Now,
		client: &http.Client{
			Timeout: s.Timeout,
			Transport: &http.Transport{
				TLSClientConfig: secure, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second,
				DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
				TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10,
			},
			// A redirect would send patients' data where nobody configured.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func (s *TLS) config(own *x509.CertPool) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: own}
	if s.MinVersion == "1.2" {
		c.MinVersion = tls.VersionTLS12
	}
	if s.Roots != "" {
		pem, err := os.ReadFile(s.Roots)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "webhook.certificate", "cannot read the authorities").At("tls.roots")
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "webhook.certificate", "the file holds no PEM certificate").At("tls.roots")
		}
	}
	if s.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(s.Certificate, s.Key)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "webhook.certificate", "cannot read certificate and key; both must be PEM files that this user may read and belong together").At("tls.certificate")
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// Close ends idle connections.
func (d *Destination) Close() error {
	d.client.CloseIdleConnections()
	return nil
}

// Reach implements destination.Reacher.
func (d *Destination) Reach() destination.Reach { return d.reach }

// Deliver posts the parcels in one request.
func (d *Destination) Deliver(ctx context.Context, parcels []destination.Parcel) (destination.Receipt, error) {
	var body []byte
	for _, p := range parcels {
		var err error
		if body, err = p.AppendLine(body); err != nil {
			return destination.Receipt{}, fault.Wrap(err, fault.Invalid, "webhook.encode", "the message cannot be written as JSON")
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(body))
	if err != nil {
		return destination.Receipt{}, fault.New(fault.Invalid, "webhook.setting", "the address cannot be used").At("url")
	}
	id, at := identity(parcels), strconv.FormatInt(d.now().Unix(), 10)
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("User-Agent", "Thalamus")
	req.Header.Set("Idempotency-Key", id) // also lets the transport repeat what a dead connection swallowed
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", at)
	req.Header.Set("Webhook-Signature", Sign(d.key, id, at, body))
	res, err := d.client.Do(req)
	if err != nil {
		return destination.Receipt{}, d.trouble(err)
	}
	defer res.Body.Close()
	io.CopyN(io.Discard, res.Body, 64<<10) // so that the connection can be used again
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return destination.Receipt{Text: fmt.Sprintf("%d %s", res.StatusCode, http.StatusText(res.StatusCode))}, nil
	}
	return destination.Receipt{}, d.refused(res)
}

// identity is the webhook-id: that of the parcel, or of exactly these parcels
// together. A receiver that keeps to webhook-id alone may see a parcel of a
// failed batch again by itself; deliveryId in each line is the same in both.
func identity(parcels []destination.Parcel) string {
	if len(parcels) == 1 {
		return parcels[0].ID()
	}
	h := sha256.New()
	for _, p := range parcels {
		io.WriteString(h, p.ID())
		h.Write([]byte{0})
	}
	return "batch-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// Sign gives the value of webhook-signature.
func Sign(key []byte, id, timestamp string, body []byte) string {
	h := hmac.New(sha256.New, key)
	io.WriteString(h, id+"."+timestamp+".")
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// trouble classifies what kept an answer from coming. Only when no connection
// can be had is the destination down (decision 0016).
func (d *Destination) trouble(err error) error {
	var op *net.OpError
	var unknown *x509.UnknownAuthorityError
	var verify *tls.CertificateVerificationError
	cause := errors.Unwrap(err) // without the address, which may hold a token
	if cause == nil {
		cause = errors.New("no answer")
	}
	if errors.As(err, &op) && (op.Op == "dial" || op.Op == "remote error") || errors.As(err, &unknown) || errors.As(err, &verify) {
		return destination.Down{Err: fault.Wrap(cause, fault.Transient, "webhook.connect", "cannot connect to %s; see that the receiver runs, that the way is open and that its certificate is believed here", d.host)}
	}
	if t, ok := err.(interface{ Timeout() bool }); ok && t.Timeout() {
		return fault.New(fault.Transient, "webhook.timeout", "%s gave no answer in time", d.host)
	}
	return fault.Wrap(cause, fault.Transient, "webhook.lost", "the connection to %s ended before the answer; the same request will be sent again", d.host)
}

// refused classifies an answer that is none of 2xx (decision 0017). The body
// is not shown: it may repeat what we sent.
func (d *Destination) refused(res *http.Response) error {
	said := fmt.Sprintf("%s answered %d %s", d.host, res.StatusCode, http.StatusText(res.StatusCode))
	again := func(code, todo string) error { return fault.New(fault.Transient, code, "%s; %s", said, todo) }
	switch c := res.StatusCode; {
	case c == http.StatusTooManyRequests || c == http.StatusServiceUnavailable:
		err := again("webhook.busy", "it will be sent again")
		if wait := retryAfter(res.Header.Get("Retry-After"), d.now()); wait > 0 {
			err = destination.Later{Err: err, After: wait}
		}
		return destination.Down{Err: err}
	case c == http.StatusUnauthorized || c == http.StatusForbidden || c == http.StatusProxyAuthRequired:
		return destination.Down{Err: again("webhook.denied", "check that both sides have the same secret")}
	case c == http.StatusNotFound || c == http.StatusMethodNotAllowed || c == http.StatusGone || c >= 300 && c < 400:
		return destination.Down{Err: again("webhook.address", "check the url; redirects are not followed")}
	case c == http.StatusBadGateway || c == http.StatusGatewayTimeout:
		return destination.Down{Err: again("webhook.busy", "it will be sent again")}
	case c == http.StatusRequestTimeout || c == http.StatusTooEarly || c == http.StatusLocked || c >= 500:
		return again("webhook.error", "it will be sent again")
	}
	kind := fault.Invalid
	if res.StatusCode == http.StatusConflict {
		kind = fault.Conflict
	}
	return fault.New(kind, "webhook.refused", "%s; see the receiver's log for this webhook-id, correct it and replay", said)
}

// retryAfter reads seconds or an HTTP date, at most a day (RFC 9110 §10.2.3).
func retryAfter(s string, now time.Time) time.Duration {
	var wait time.Duration
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil {
		wait = time.Duration(min(max(n, 0), 86400)) * time.Second
	} else if at, err := http.ParseTime(s); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), 24*time.Hour)
}

var _ destination.Destination = (*Destination)(nil)
