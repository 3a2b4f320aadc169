// Package fhir delivers messages to a FHIR R4 server as transaction bundles
// (package codec/fhir) over plain net/http. Sending the same parcel again
// creates nothing twice, because every entry is conditional; a replay updates
// what the first delivery created. R4, R25.
package fhir

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	codec "thalamus/internal/codec/fhir"
	"thalamus/internal/conf"
	"thalamus/internal/destination"
	"thalamus/internal/model"
)

// Kind is the FHIR destination in the list of what is in the binary.
func Kind() destination.Kind {
	return destination.Kind{
		Name:        "fhir",
		Doc:         "FHIR R4 server: transaction bundles with Patient, Device, DeviceMetric, Observation, Encounter and Provenance, nothing created twice",
		Settings:    &Settings{},
		MaxBatch:    20,
		Concurrency: 4,
		New:         New,
	}
}

// server is a configured FHIR server.
type server struct {
	s       Settings
	base    string
	auth    string
	version string // of the program
	client  *http.Client
	log     *slog.Logger
	known   gate
	able    capability
	devices devices
}

// New checks the settings and makes the destination. It dials nothing.
func New(d model.Destination, host destination.Host) (destination.Destination, error) {
	v := &server{log: host.Log, version: host.Version}
	if err := conf.Decode(d.Settings, &v.s); err != nil {
		return nil, err
	}
	tlsConfig, err := v.s.tlsConfig(host.Roots)
	if err != nil {
		return nil, err
	}
	if v.log == nil {
		v.log = slog.New(slog.DiscardHandler)
	}
	v.base = strings.TrimRight(v.s.BaseURL, "/")
	switch v.s.Auth {
	case "bearer":
		v.auth = "Bearer " + v.s.Token
	case "basic":
		v.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(v.s.User+":"+v.s.Password))
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	v.client = &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dialer.DialContext,
			TLSClientConfig:       tlsConfig,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: v.s.Timeout,
			ForceAttemptHTTP2:     true,
			MaxIdleConns:          128,
			MaxIdleConnsPerHost:   128, // one for each call at once, kept between them
			IdleConnTimeout:       90 * time.Second,
			WriteBufferSize:       64 << 10,
			ReadBufferSize:        16 << 10,
		},
		// A redirected POST loses its body or its secrets: base_url must be right.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	v.known.limit, v.devices.limit = 200_000, 100_000
	return v, nil
}

// Reach implements destination.Reacher.
func (v *server) Reach() destination.Reach {
	u, err := url.Parse(v.base)
	if err != nil {
		return destination.Reach{}
	}
	return destination.ReachOf(u)
}

// Close ends idle connections.
func (v *server) Close() error {
	v.client.CloseIdleConnections()
	return nil
}

// Deliver sends the parcels as few transactions, oldest first.
func (v *server) Deliver(ctx context.Context, parcels []destination.Parcel) (destination.Receipt, error) {
	form, err := v.able.check(ctx, v)
	if err != nil {
		return destination.Receipt{}, err
	}
	var t totals
	for len(parcels) > 0 {
		n := 1 // parcels of one kind: first deliveries, or replays
		for n < len(parcels) && (parcels[n].Replay > 0) == (parcels[0].Replay > 0) {
			n++
		}
		if err := v.deliver(ctx, parcels[:n], form, &t); err != nil {
			return destination.Receipt{}, err
		}
		parcels = parcels[n:]
	}
	return destination.Receipt{Text: t.String()}, nil
}

func (v *server) deliver(ctx context.Context, parcels []destination.Parcel, form codec.ProvenanceForm, t *totals) error {
	messages := make([]*model.Message, len(parcels))
	attempt := 0
	for i, p := range parcels {
		messages[i] = p.Message.Restated()
		attempt = max(attempt, p.Attempt)
	}
	options := codec.Options{
		Systems: v.s.Systems, Replace: parcels[0].Replay > 0, KeepPatients: v.s.KeepPatients,
		Provenance: form, MaxEntries: v.s.MaxEntries,
		GatewayID: v.s.GatewayID, GatewayVersion: v.version, GatewayClock: gatewayClock(v.s.GatewayClock),
	}
	bundles := codec.Transactions(messages, options)
	if options.Unclaimed = v.tell(ctx, bundles, t); options.Unclaimed != nil {
		bundles = codec.Transactions(messages, options)
	}
	for i := range bundles {
		if err := v.send(ctx, &bundles[i], call{messages, attempt}, t); err != nil {
			return err
		}
	}
	return nil
}

// send posts one transaction. Transactions that bring the same shared
// resource for the first time wait for each other.
func (v *server) send(ctx context.Context, b *codec.Transaction, c call, t *totals) error {
	turn, err := v.known.enter(ctx, b.Shared)
	if err != nil {
		return c.interrupted(err)
	}
	answer, err := v.post(ctx, b, c)
	if err == nil {
		err = c.count(b, answer, t)
	}
	if err == nil {
		v.devices.made(b, answer)
	}
	turn.leave(err == nil)
	if err == nil {
		t.transactions++
	}
	return err
}

// totals of one Deliver, for its receipt.
type totals struct {
	transactions, created, unchanged, updated int
	kept                                      int // Devices that the server did not let be updated
}

func (t totals) String() string {
	if t.transactions == 0 {
		return "nothing to send: no FHIR resource for this message"
	}
	s := fmt.Sprintf("200 OK, %d created, %d unchanged", t.created, t.unchanged)
	if t.updated > 0 {
		s += fmt.Sprintf(", %d updated", t.updated)
	}
	if t.kept > 0 {
		s += fmt.Sprintf(", %d Device not brought up to date", t.kept)
	}
	return s
}
