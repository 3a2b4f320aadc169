// Package hl7v2 hands messages to an HL7 v2 receiver over MLLP, plain or with
// TLS, as they were received or rebuilt (R1, R25). A message counts as
// delivered when the receiver's acknowledgement for exactly its control id
// says so.
package hl7v2

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net"

	syntax "thalamus/internal/codec/hl7v2"
	"thalamus/internal/codec/hl7v2/encode"
	"thalamus/internal/codec/mllpframe"
	"thalamus/internal/conf"
	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Kind describes this destination.
func Kind() destination.Kind {
	return destination.Kind{
		Name:     "hl7v2",
		Doc:      "Sends HL7 v2 messages over MLLP, plain or with TLS, as received or rebuilt.",
		Settings: &Settings{},
		WantsRaw: true,
		// Most receivers take one message at a time.
		MaxBatch:    1,
		Concurrency: 4,
		New: func(d model.Destination, host destination.Host) (destination.Destination, error) {
			return New(d, host)
		},
	}
}

// Destination is one receiver with its connections.
type Destination struct {
	settings Settings
	free     chan *Client
	all      []*Client
}

// New checks the settings and reads the certificates.
func New(d model.Destination, host destination.Host) (*Destination, error) {
	dest := &Destination{}
	if err := conf.Decode(d.Settings, &dest.settings); err != nil {
		return nil, err
	}
	s := &dest.settings
	secure, err := s.config(host.Roots)
	if err != nil {
		return nil, err
	}
	dest.free = make(chan *Client, s.Connections)
	for range s.Connections {
		c := &Client{Address: s.Address, TLS: secure, Connect: s.ConnectTimeout, Timeout: s.Timeout}
		dest.all = append(dest.all, c)
		dest.free <- c
	}
	return dest, nil
}

// Reach implements destination.Reacher.
func (d *Destination) Reach() destination.Reach {
	r := destination.Reach{App: "hl7v2", Encrypted: d.settings.TLS.Enabled}
	host, port, err := net.SplitHostPort(d.settings.Address)
	if err != nil {
		return r
	}
	n, _ := net.LookupPort("tcp", port) // 0 where the name is not known
	r.Host, r.Port = host, uint16(n)
	return r
}

// Close ends all connections.
func (d *Destination) Close() error {
	for _, c := range d.all {
		c.Close()
	}
	return nil
}

// Deliver sends the parcels one after the other over one connection.
func (d *Destination) Deliver(ctx context.Context, parcels []destination.Parcel) (destination.Receipt, error) {
	var client *Client
	select {
	case client = <-d.free:
	default:
		select {
		case client = <-d.free:
		case <-ctx.Done():
			return destination.Receipt{}, fault.Wrap(ctx.Err(), fault.Transient, "hl7v2dest.waited", "no connection became free in time; raise connections or lower the concurrency")
		}
	}
	defer func() { d.free <- client }()
	var receipt destination.Receipt
	for _, p := range parcels {
		r, err := d.one(ctx, client, p)
		if err != nil {
			return destination.Receipt{}, err
		}
		receipt = r
	}
	return receipt, nil
}

func (d *Destination) one(ctx context.Context, client *Client, p destination.Parcel) (destination.Receipt, error) {
	if p.Message.Amended != nil {
		return d.corrected(ctx, client, p)
	}
	id, message, err := d.message(p)
	if err != nil {
		return destination.Receipt{}, err
	}
	return d.send(ctx, client, id, message)
}

// corrected tells that a message's patient was corrected (R20, decision 0094):
// its results are withdrawn from the patient who had them (OBX-11 W, "post
// original as wrong, e.g. transmitted for wrong patient", HL7 table 0085), and
// sent for the right one as a correction (C). What was received names nobody,
// so both are rebuilt, whatever the mode.
func (d *Destination) corrected(ctx context.Context, client *Client, p destination.Parcel) (destination.Receipt, error) {
	receipt := destination.Receipt{Text: "nothing to correct"}
	if !encode.Can(p.Message) {
		return receipt, nil
	}
	for _, version := range []struct {
		suffix  string
		message *model.Message
	}{{"-w", p.Message.Withdrawn()}, {"", p.Message.Restated()}} {
		if version.message == nil || version.suffix == "" && p.Message.Patient == nil {
			continue
		}
		one := p
		one.Message = version.message
		id, message, err := d.rebuild(one, controlID(p.ID()+version.suffix))
		if err == nil && !mllpframe.Whole(message) {
			err = unframed()
		}
		if err != nil {
			return destination.Receipt{}, err
		}
		if receipt, err = d.send(ctx, client, id, message); err != nil {
			return destination.Receipt{}, err
		}
	}
	return receipt, nil
}

func (d *Destination) send(ctx context.Context, client *Client, id string, message []byte) (destination.Receipt, error) {
	answer, err := client.Send(ctx, id, message, func(c syntax.AckCode) bool {
		return c != syntax.CA || d.settings.Acknowledgement == ackAccept
	})
	if err != nil {
		return destination.Receipt{}, d.trouble(err)
	}
	if !answer.Code.Accepted() {
		return destination.Receipt{}, refused(answer)
	}
	return destination.Receipt{Text: string(answer.Code) + " " + id}, nil
}

// trouble classifies what went wrong on the way. Only when no connection can
// be had is the whole destination down: a message on which the receiver breaks
// off or falls silent must not hold back all others (decision 0016).
func (d *Destination) trouble(err error) error {
	switch {
	case errors.Is(err, errConnect):
		return destination.Down{Err: fault.Wrap(err, fault.Transient, "hl7v2dest.connect", "cannot connect to %s; see that the receiver runs, that the way is open and that both agree on TLS", d.settings.Address)}
	case errors.Is(err, errGarbled):
		return fault.Wrap(err, fault.Transient, "hl7v2dest.garbled", "%s answered with something that is no HL7 acknowledgement; see that it is an MLLP receiver", d.settings.Address)
	case errors.Is(err, errTimeout):
		return fault.Wrap(err, fault.Transient, "hl7v2dest.timeout", "%s sent no acknowledgement for this message within %s", d.settings.Address, d.settings.Timeout)
	}
	return fault.Wrap(err, fault.Transient, "hl7v2dest.lost", "the connection to %s ended before the acknowledgement; the message will be sent again with the same control id", d.settings.Address)
}

// refused makes a fault of a negative acknowledgement (decision 0016): AR, CR
// and whatever the receiver calls an error of the message itself (HL7 table
// 0357, 100 to 205) are permanent; AE, CE and what it calls its own trouble
// (206, 207) are tried again. The receiver's texts are left out, as they may
// name the patient; its codes and the place are kept.
func refused(a syntax.Answer) error {
	kind := fault.Transient
	if a.Code == syntax.AR || a.Code == syntax.CR {
		kind = fault.Invalid
	}
	said := ""
	for i, e := range a.Errors {
		switch {
		case i == 0 && (e.Code == syntax.ErrRecordLocked || e.Code == syntax.ErrApplicationInternal):
			kind = fault.Transient
		case e.Code >= syntax.ErrSegmentSequence && e.Code <= syntax.ErrDuplicateKey && (e.Severity == "" || e.Severity == "E"):
			kind = fault.Invalid
		}
		if i < 3 && e.Code != 0 {
			said += fmt.Sprintf(", error %d", e.Code)
			if e.Place.Segment != "" && plain(e.Place.Segment) {
				said += " at " + e.Place.String()
			}
			if plain(e.Application) {
				said += " (" + e.Application + ")"
			}
		}
	}
	code, todo := "hl7v2dest.refused", "see what the receiver's log says about this control id, correct it and replay"
	if kind == fault.Transient {
		code, todo = "hl7v2dest.error", "it will be sent again"
	}
	return fault.New(kind, code, "the receiver answered %s%s; %s", a.Code, said, todo)
}

// plain says whether a receiver's code can be shown: a short word.
func plain(s string) bool {
	if s == "" || len(s) > 40 {
		return false
	}
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// message gives the control id and the bytes to send.
func (d *Destination) message(p destination.Parcel) (id string, message []byte, err error) {
	if d.settings.Mode == rebuilt && encode.Can(p.Message) {
		id, message, err = d.rebuild(p, controlID(p.ID()))
	} else {
		id, message, err = d.asReceived(p)
	}
	if err == nil && !mllpframe.Whole(message) {
		err = unframed()
	}
	return id, message, err
}

func unframed() error {
	return fault.New(fault.Invalid, "hl7v2dest.framing", "the message holds the byte that ends an MLLP frame, so it cannot be sent; use another destination, or mode rebuilt")
}

// controlID is made from the parcel's identity: the same for each repeat, 20
// characters as receivers before 2.7 allow.
func controlID(identity string) string {
	sum := sha256.Sum256([]byte(identity))
	return "TH" + base32.HexEncoding.EncodeToString(sum[:15])[:18]
}

func (d *Destination) rebuild(p destination.Parcel, id string) (string, []byte, error) {
	s, m := &d.settings, p.Message
	o := encode.Options{
		ControlID: id,
		Sender:    model.Party{Application: s.SendingApplication, Facility: or(s.SendingFacility, m.Sender.Facility)},
		Receiver:  model.Party{Application: or(s.ReceivingApplication, m.Receiver.Application), Facility: or(s.ReceivingFacility, m.Receiver.Facility)},
		AcceptAck: "AL", ApplicationAck: "NE",
	}
	if s.Acknowledgement == ackApplication {
		o.ApplicationAck = "AL"
	}
	message, err := encode.Message(m, o)
	return o.ControlID, message, err
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// asReceived gives the bytes as they came, except for the MSH fields that
// belong to this link: receiver where the settings name one, MSH-15 and
// MSH-16 where they would forbid the answer we wait for, MSH-10 where there is
// none.
func (d *Destination) asReceived(p destination.Parcel) (string, []byte, error) {
	raw, err := part(p)
	if err != nil {
		return "", nil, err
	}
	m, err := syntax.Parse(raw)
	if err != nil {
		return "", nil, fault.Wrap(err, fault.Invalid, "hl7v2dest.not-hl7", "what was received is not HL7 v2, so it cannot be sent on as it came; use mode rebuilt")
	}
	var edits [][2]string
	set := func(path, text string) { edits = append(edits, [2]string{path, text}) }
	msh := m.Segment(0)
	if d.settings.ReceivingApplication != "" {
		set("MSH-5", d.settings.ReceivingApplication)
	}
	if d.settings.ReceivingFacility != "" {
		set("MSH-6", d.settings.ReceivingFacility)
	}
	id := msh.Field(10).Text()
	if !msh.Field(10).Present() || id == "" {
		id = controlID(p.ID())
		set("MSH-10", id)
	}
	if msh.Field(15).Present() || msh.Field(16).Present() {
		application := "NE"
		if d.settings.Acknowledgement == ackApplication {
			application = "AL"
		}
		for path, want := range map[string]string{"MSH-15": "AL", "MSH-16": application} {
			if m.Get(path) != want {
				set(path, want)
			}
		}
	}
	if len(edits) == 0 {
		return id, raw, nil
	}
	e := syntax.Edit(m)
	for _, one := range edits {
		e.Set(one[0], one[1])
	}
	message, err := e.Bytes()
	return id, message, err
}

// part gives the bytes of one message of what was received.
func part(p destination.Parcel) ([]byte, error) {
	if len(p.Raw) == 0 {
		return nil, fault.New(fault.Absent, "hl7v2dest.no-raw", "the bytes as received are gone: redacted, or past their retention; use mode rebuilt")
	}
	if p.Message.Codec != "hl7v2" {
		return nil, fault.New(fault.Invalid, "hl7v2dest.not-hl7", "what was received is not HL7 v2, so it cannot be sent on as it came; use mode rebuilt")
	}
	if p.Message.Ref.Part == 0 && bytes.HasPrefix(p.Raw, []byte("MSH")) && bytes.Count(p.Raw, []byte("MSH")) == 1 {
		return p.Raw, nil
	}
	batch, err := syntax.SplitBatch(p.Raw)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "hl7v2dest.not-hl7", "what was received is not HL7 v2, so it cannot be sent on as it came; use mode rebuilt")
	}
	if len(batch.Messages) == 1 && batch.Header == nil {
		return batch.Messages[0], nil // cut out already
	}
	if p.Message.Ref.Part >= len(batch.Messages) {
		return nil, fault.New(fault.Absent, "hl7v2dest.no-part", "the batch has %d messages, this would be number %d", len(batch.Messages), p.Message.Ref.Part+1)
	}
	return batch.Messages[p.Message.Ref.Part], nil
}

var _ destination.Destination = (*Destination)(nil)
