package pull

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// client makes what asks: TLS 1.2 at least, for others' servers, redirects only
// within the host, no cookies.
func (d *Driver) client() (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.settings.CA != "" {
		pem, err := os.ReadFile(d.settings.CA)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "driver.secret", "cannot read the authorities").At("ca")
		}
		if config.RootCAs, err = x509.SystemCertPool(); err != nil {
			config.RootCAs = x509.NewCertPool()
		}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "driver.secret", "the file holds no PEM certificate").At("ca")
		}
	}
	transport := &http.Transport{TLSClientConfig: config, TLSHandshakeTimeout: 15 * time.Second, ResponseHeaderTimeout: d.settings.Timeout,
		MaxIdleConnsPerHost: 1, IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true}
	return &http.Client{Transport: transport, Timeout: d.settings.Timeout, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme || len(via) > 5 {
			return errors.New("it redirects to another host, or over and over")
		}
		return nil
	}}, nil
}

// answer is what came of asking.
type answer struct {
	body  []byte
	head  http.Header
	until time.Duration // how long the server asks us to wait; 0: not at all
	at    time.Time     // when it came, by our clock
	// bundle is what it says of itself where it is a FHIR Bundle, else nil.
	bundle *struct {
		ResourceType string
		Link         []struct{ Relation, URL string }
		Entry        []json.RawMessage
	}
}

// page says whether the answer is one for people: no data that a codec of ours
// reads begins like that.
func (a *answer) page() bool {
	return bytes.HasPrefix(bytes.TrimLeft(a.body, "\ufeff \t\r\n"), []byte("<"))
}

// cut says whether JSON ends in the middle: what follows was lost on the way. Of
// lines the last is looked at.
func (a *answer) cut(lines bool, codec string) bool {
	if codec != "json" && codec != "fhir" && codec != "openmhealth" {
		return false
	}
	b := bytes.TrimSpace(a.body)
	if lines {
		b = b[bytes.LastIndexByte(b, '\n')+1:]
	}
	decoder := json.NewDecoder(bytes.NewReader(b))
	for {
		var one json.RawMessage
		if err := decoder.Decode(&one); err != nil {
			return errors.Is(err, io.ErrUnexpectedEOF)
		}
	}
}

// readBundle reads what a Bundle says of itself.
func (a *answer) readBundle() {
	if !bytes.Contains(a.body[:min(len(a.body), 4096)], []byte(`"Bundle"`)) {
		return
	}
	if json.Unmarshal(a.body, &a.bundle) != nil || a.bundle.ResourceType != "Bundle" {
		a.bundle = nil
	}
}

// before gives when a round began, by the server's clock where that is behind ours
// (RFC 9110 §6.6.1): by that it says when what it has was filed.
func (a *answer) before(began time.Time) time.Time {
	says, err := http.ParseTime(a.head.Get("Date"))
	if err != nil {
		return began
	}
	return began.Add(min(0, says.Sub(a.at)))
}

// ask asks for a page. A nil body says that there is nothing new.
func (d *Driver) ask(ctx context.Context, address string, first bool) (answer, error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: d.met})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return answer{}, fault.New(fault.Invalid, "pull.page", "the server names a next page whose address cannot be read")
	}
	if d.settings.Accept != "" {
		req.Header.Set("Accept", d.settings.Accept)
	}
	if err := d.sign(req); err != nil {
		return answer{}, err
	}
	if first && d.memory.ETag != "" {
		req.Header.Set("If-None-Match", d.memory.ETag)
	}
	if first && d.memory.Modified != "" {
		req.Header.Set("If-Modified-Since", d.memory.Modified)
	}
	resp, err := d.http.Do(req)
	if err != nil {
		return answer{}, unreachable(err)
	}
	defer resp.Body.Close()
	a := answer{head: resp.Header, at: time.Now()}
	a.until = retryAfter(resp.Header.Get("Retry-After"), a.at)
	switch {
	case resp.StatusCode == http.StatusNotModified, resp.StatusCode == http.StatusNoContent:
		return a, nil
	case resp.StatusCode == http.StatusOK:
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return a, fault.New(fault.Denied, "pull.denied", "the server answers %d: it does not let us in; see token, or user and password", resp.StatusCode)
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode >= 500:
		return a, fault.New(fault.Transient, "pull.busy", "the server answers %d", resp.StatusCode)
	default:
		return a, fault.New(fault.Invalid, "pull.status", "the server answers %d; see url and cursor", resp.StatusCode)
	}
	if a.body, err = io.ReadAll(io.LimitReader(resp.Body, d.settings.MaxBody+1)); err != nil {
		return a, unreachable(err)
	}
	if int64(len(a.body)) > d.settings.MaxBody {
		return a, fault.New(fault.Invalid, "pull.oversize", "an answer is longer than max_body (%d bytes) and was not taken; raise it, or have the server send smaller pages", d.settings.MaxBody)
	}
	if a.page() {
		return a, fault.New(fault.Transient, "pull.unsound", "the server answers with a page (HTML or XML) in place of data, which was not taken; something between may ask who we are")
	}
	a.readBundle()
	return a, nil
}

func (d *Driver) met(c httptrace.GotConnInfo) {
	if d.host.Met != nil && !c.Reused {
		_, encrypted := c.Conn.(*tls.Conn)
		d.host.Met(d.channel, driver.Connection{Peer: c.Conn.RemoteAddr().String(), Local: c.Conn.LocalAddr().String(), Encrypted: encrypted})
	}
}

// sign adds what lets us in.
func (d *Driver) sign(req *http.Request) error {
	if d.settings.Token != "" {
		token, err := driver.Secret(d.settings.Token, "token")
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if d.settings.Password != "" {
		password, err := driver.Secret(d.settings.Password, "password")
		if err != nil {
			return err
		}
		req.SetBasicAuth(d.settings.User, password)
	}
	return nil
}

func retryAfter(text string, now time.Time) time.Duration {
	const most = time.Hour
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, most)
	}
	if t, err := http.ParseTime(text); err == nil {
		return min(max(t.Sub(now), 0), most)
	}
	return 0
}

// frames are what an answer holds.
func (d *Driver) frames(a answer, address string) []model.Frame {
	said := ""
	if kind, _, err := mime.ParseMediaType(a.head.Get("Content-Type")); err == nil {
		said = "content-type: " + kind + "\n"
	}
	topic := d.base.Path
	if u, err := url.Parse(address); err == nil {
		topic = u.Path // its query may hold what is not for everybody's eyes
	}
	make := func(b []byte) model.Frame {
		return model.Frame{Channel: d.channel, Codec: d.codec, Peer: d.base.Host, Topic: topic, Properties: said, Bytes: b}
	}
	if d.settings.Each == "answer" {
		if len(bytes.TrimSpace(a.body)) == 0 || a.bundle != nil && len(a.bundle.Entry) == 0 {
			return nil // a search that found nothing has another id each time
		}
		return []model.Frame{make(a.body)}
	}
	var out []model.Frame
	for line := range bytes.Lines(a.body) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			out = append(out, make(line))
		}
	}
	return out
}

// next is the address of the page that follows: of a Link header (RFC 8288), or
// of a FHIR Bundle (FHIR R4 §3.1.1.4.1). One of another host is not followed.
func (d *Driver) next(a answer, address string) (string, error) {
	target := linkOf(a.head.Values("Link"))
	if target == "" && a.bundle != nil {
		for _, l := range a.bundle.Link {
			if l.Relation == "next" {
				target = l.URL
			}
		}
	}
	if target == "" {
		return "", nil
	}
	from, err := url.Parse(address)
	if err != nil {
		return "", nil
	}
	to, err := from.Parse(target)
	if err != nil || to.Host != d.base.Host || to.Scheme != d.base.Scheme {
		return "", fault.New(fault.Invalid, "pull.page", "the server names a next page at another host, which is not asked: what lets us in is not for others")
	}
	return to.String(), nil
}

func linkOf(headers []string) string {
	for _, h := range headers {
		for part := range strings.SplitSeq(h, ",") {
			target, params, _ := strings.Cut(strings.TrimSpace(part), ";")
			if strings.HasPrefix(target, "<") && strings.HasSuffix(target, ">") {
				for p := range strings.SplitSeq(params, ";") {
					if p = strings.ToLower(strings.TrimSpace(p)); p == `rel="next"` || p == "rel=next" {
						return target[1 : len(target)-1]
					}
				}
			}
		}
	}
	return ""
}

// cursorOf is the value that an answer gives; empty when it gives none.
func (d *Driver) cursorOf(a answer) string {
	switch d.settings.Cursor.From {
	case "header":
		return a.head.Get(d.settings.Cursor.Name)
	case "json":
		decoder := json.NewDecoder(bytes.NewReader(a.body))
		decoder.UseNumber()
		var at any
		if decoder.Decode(&at) != nil {
			return ""
		}
		for name := range strings.SplitSeq(d.settings.Cursor.Name, ".") {
			object, _ := at.(map[string]any)
			at = object[name]
		}
		switch v := at.(type) {
		case string:
			return v
		case json.Number:
			return v.String()
		}
	}
	return ""
}

func unreachable(err error) error {
	var deep *url.Error
	if errors.As(err, &deep) {
		err = deep.Err // its text would hold the address with its query
	}
	var named net.Error
	if errors.As(err, &named) && named.Timeout() {
		return fault.New(fault.Transient, "pull.unreachable", "the server did not answer in time")
	}
	return fault.Wrap(err, fault.Transient, "pull.unreachable", "the server cannot be reached")
}
