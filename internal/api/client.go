package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// Client calls the operations of a running Thalamus over HTTP. It implements
// service.Caller.
type Client struct {
	base  string
	place string // in errors
	token string
	http  *http.Client
}

// NewClient calls the server at base ("https://thalamus:8443") with an API
// token. authority names a PEM file of the authority to trust beside the
// system's; empty for none.
func NewClient(base, token, authority string) (*Client, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if authority != "" {
		pem, err := os.ReadFile(authority)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "api.authority", "cannot read the authority's certificate").At(authority)
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "api.authority", "the file holds no PEM certificate").At(authority)
		}
	}
	return &Client{base: strings.TrimRight(base, "/"), place: base, token: token, http: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}, MaxIdleConnsPerHost: 4,
	}}}, nil
}

// NewLocal calls the server over the socket in its data folder; the operating
// system says who we are.
func NewLocal(socket string) *Client {
	return &Client{base: "http://local", place: socket, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", socket)
		},
	}}}
}

// Call implements service.Caller.
func (c *Client) Call(ctx context.Context, name string, request, response any) error {
	answer, err := c.ask(ctx, name, request)
	if err != nil {
		return err
	}
	defer answer.Close()
	if response == nil {
		return nil
	}
	if err := json.NewDecoder(answer).Decode(response); err != nil {
		return fault.Wrap(err, fault.Broken, "api.answer", "the server's answer cannot be read")
	}
	return nil
}

// Copy calls an operation and copies its answer, JSON, unread.
func (c *Client) Copy(ctx context.Context, name string, request any, to io.Writer) (int64, error) {
	answer, err := c.ask(ctx, name, request)
	if err != nil {
		return 0, err
	}
	defer answer.Close()
	n, err := io.Copy(to, answer)
	if err != nil {
		return n, c.unreachable(err)
	}
	return n, nil
}

// ask calls an operation and gives the body of its answer.
func (c *Client) ask(ctx context.Context, name string, request any) (io.ReadCloser, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "api.body", "the request cannot be written as JSON")
	}
	if request == nil {
		body = []byte("{}")
	}
	noun, verb, _ := strings.Cut(name, ".")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/api/v1/"+noun+"/"+verb, bytes.NewReader(body))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "api.address", "not the address of a server").At(c.place)
	}
	r.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if answer.StatusCode != http.StatusOK {
		defer answer.Body.Close()
		return nil, problemFault(answer)
	}
	if to := service.ChangeWanted(ctx); to != nil {
		*to = answer.Header.Get(changeHeader)
	}
	return answer.Body, nil
}

// Events streams changes until ctx ends; each line is one event's JSON.
func (c *Client) Events(ctx context.Context, each func(line []byte)) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/api/v1/events", nil)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "api.address", "not the address of a server").At(c.place)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return c.unreachable(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return problemFault(answer)
	}
	return eachEvent(answer.Body, each)
}

func (c *Client) unreachable(err error) error {
	if uncertain, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fault.Wrap(uncertain.Err, fault.Denied, "api.certificate", "the server's certificate is not trusted here").At(c.place)
	}
	if reason, ok := errors.AsType[*url.Error](err); ok {
		err = reason.Err // the rest of it only repeats the address
	}
	return fault.Wrap(err, fault.Transient, "api.unreachable", "no Thalamus answers").At(c.place)
}

func problemFault(answer *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	var p Problem
	if json.Unmarshal(text, &p) != nil || p.Code == "" {
		return fault.New(fault.Broken, "api.answer", "the server answered %s, which is not Thalamus", answer.Status)
	}
	return fault.New(kindOf(answer.StatusCode), p.Code, "%s", p.Detail).At(p.Place)
}
