// Package phdagent simulates personal health devices: agents of IEEE
// 11073-20601 that connect to a manager over TCP, associate, tell what they
// measure where the manager does not know it, and send reports that they
// believe delivered only when they were confirmed. It was written from the same
// public descriptions as the manager; antidote's agent is the independent peer
// of the tests.
package phdagent

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"thalamus/internal/codec/phd"
	"thalamus/internal/sim/faults"
)

// Agent is one simulated device.
type Agent struct {
	Device Device
	System [8]byte // EUI-64
	Serial string
	// Store are entries that the device measured before and kept; each goes with
	// the values of Device.Measure.
	Store []Stored
	// Told is called for each answer to a report and each confirmed part of a
	// segment; confirmed is false where the manager refused it.
	Told func(sent []byte, confirmed bool)
	// Plan is what goes wrong on its link; nil: nothing.
	Plan *faults.Plan

	conn    net.Conn
	r       *bufio.Reader
	invoke  uint16
	Clock   time.Duration // how far its clock is off; the manager may set it
	Cleared []uint16      // segments that the manager deleted
	Result  uint16        // of the last association
	Asked   bool          // the manager wanted the configuration
}

// Stored is a measurement of before.
type Stored struct {
	At     time.Time
	Vitals Vitals
}

// storeHandle and segment are the one store and its one segment.
const (
	storeHandle = 900
	segment     = 1
	perPart     = 4 // entries in a part of a segment
)

var errRejected = errors.New("the manager rejected the association")

// Connect dials, associates and tells the configuration where it is asked for.
func (a *Agent) Connect(ctx context.Context, address string) error {
	c, err := a.Plan.Dial(ctx, "tcp", address, nil)
	if err != nil {
		return err
	}
	return a.Over(c)
}

// Over associates over a connection that is there.
func (a *Agent) Over(c net.Conn) error {
	a.conn, a.r = c, bufio.NewReader(c)
	c.SetDeadline(time.Now().Add(wait))
	if err := a.write(&phd.APDU{Choice: phd.ChoiceAARQ, Request: a.request()}); err != nil {
		return err
	}
	answer, _, err := a.read()
	if err != nil {
		return err
	}
	if answer.Answer == nil {
		return fmt.Errorf("the manager answers an association request with %#x", answer.Choice)
	}
	switch a.Result = answer.Answer.Result; a.Result {
	case phd.Accepted:
		return nil
	case phd.AcceptedUnknownConfig:
		a.Asked = true
		config := a.Device.configuration(len(a.Store) > 0)
		reply, err := a.Event(phd.NotiConfig, 0, config.Bytes())
		if err == nil && (len(reply) != 4 || binary.BigEndian.Uint16(reply[2:]) != phd.ConfigAccepted) {
			err = fmt.Errorf("the manager does not take the configuration: %x", reply)
		}
		return err
	}
	return fmt.Errorf("%w (result %d)", errRejected, a.Result)
}

// wait is how long the manager may take for anything.
const wait = 30 * time.Second

func (a *Agent) request() *phd.Association {
	return &phd.Association{Version: phd.Version1, Protocols: []phd.Protocol{{ID: phd.Protocol20601, Info: &phd.Information{
		Protocol: phd.Version1, Rules: phd.RulesMDER | 0x2000, Nomenclature: phd.Version1, SystemType: phd.SystemAgent,
		SystemID: a.System[:], Config: a.Device.configuration(len(a.Store) > 0).ID, RequestMode: 1, AgentCount: 1,
	}}}}
}

// Now is the device's own time.
func (a *Agent) Now() time.Time { return time.Now().Add(a.Clock) }

// Measure sends one report and waits until it is confirmed.
func (a *Agent) Measure(v Vitals) error {
	event, info := a.Device.report(v, a.Now())
	_, err := a.Event(event, 0, info)
	return err
}

// Event sends a confirmed event report and gives what the manager answers.
func (a *Agent) Event(kind, handle uint16, info []byte) ([]byte, error) {
	a.invoke++
	out := &phd.APDU{Choice: phd.ChoicePRST, Call: &phd.Call{Invoke: a.invoke, Op: phd.OpEventConfirmed, Handle: handle, Time: phd.NoEventTime, Type: kind, Info: info}}
	if err := a.write(out); err != nil {
		return nil, err
	}
	for {
		in, raw, err := a.read()
		if err != nil {
			return nil, err
		}
		switch {
		case in.Choice == phd.ChoiceABRT:
			return nil, fmt.Errorf("the manager aborted the association (reason %d)", in.Reason)
		case in.Call == nil:
			return nil, fmt.Errorf("the manager sends %#x", in.Choice)
		case in.Call.Op == phd.OpEventResult && in.Call.Invoke == out.Call.Invoke:
			a.told(out, true)
			return in.Call.Info, nil
		case (in.Call.Op == phd.OpError || in.Call.Op == phd.OpReject) && in.Call.Invoke == out.Call.Invoke:
			a.told(out, false)
			return nil, fmt.Errorf("the manager refuses the report (%#x, %d)", in.Call.Op, in.Call.Code)
		}
		if err := a.serve(in.Call, raw); err != nil {
			return nil, err
		}
	}
}

func (a *Agent) told(sent *phd.APDU, confirmed bool) {
	if a.Told != nil {
		a.Told(sent.Bytes(), confirmed)
	}
}

// Serve answers what the manager asks until nothing came for so long.
func (a *Agent) Serve(quiet time.Duration) error {
	for {
		a.conn.SetReadDeadline(time.Now().Add(quiet))
		in, raw, err := a.readNow()
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			return nil
		}
		if err != nil {
			return err
		}
		if in.Call == nil {
			return fmt.Errorf("the manager sends %#x", in.Choice)
		}
		if err := a.serve(in.Call, raw); err != nil {
			return err
		}
	}
}

// Attend answers what the manager asks for d, or until ctx ends.
func (a *Agent) Attend(ctx context.Context, d time.Duration) error {
	until := time.Now().Add(d)
	defer context.AfterFunc(ctx, func() { a.conn.SetReadDeadline(time.Now()) })()
	for {
		a.conn.SetReadDeadline(until)
		if ctx.Err() != nil {
			return nil
		}
		var late net.Error
		if _, err := a.r.Peek(1); errors.As(err, &late) && late.Timeout() {
			return nil
		} else if err != nil {
			return err
		}
		in, raw, err := a.read()
		if err != nil {
			return err
		}
		if in.Call == nil {
			return fmt.Errorf("the manager sends %#x", in.Choice)
		}
		if err := a.serve(in.Call, raw); err != nil {
			return err
		}
	}
}

// Release ends the association.
func (a *Agent) Release() error {
	defer a.conn.Close()
	if err := a.write(&phd.APDU{Choice: phd.ChoiceRLRQ}); err != nil {
		return err
	}
	for {
		in, raw, err := a.read()
		if err != nil {
			return err
		}
		if in.Choice == phd.ChoiceRLRE {
			return nil
		}
		if in.Call == nil {
			return fmt.Errorf("the manager sends %#x", in.Choice)
		}
		if err := a.serve(in.Call, raw); err != nil {
			return err
		}
	}
}

// Close drops the connection without a word.
func (a *Agent) Close() error { return a.conn.Close() }

func (a *Agent) write(out *phd.APDU) error {
	a.conn.SetWriteDeadline(time.Now().Add(wait))
	_, err := a.conn.Write(out.Bytes())
	return err
}

func (a *Agent) read() (*phd.APDU, []byte, error) {
	a.conn.SetReadDeadline(time.Now().Add(wait))
	return a.readNow()
}

func (a *Agent) readNow() (*phd.APDU, []byte, error) {
	return Read(a.r)
}

// Read reads one APDU of a stream.
func Read(r *bufio.Reader) (*phd.APDU, []byte, error) {
	header, err := r.Peek(4)
	if err != nil {
		return nil, nil, err
	}
	n, err := phd.Size(header)
	if err != nil {
		return nil, nil, err
	}
	raw := make([]byte, n)
	if n <= r.Size() { // whole or not at all, so that a deadline loses nothing
		whole, err := r.Peek(n)
		if err != nil {
			return nil, nil, err
		}
		copy(raw, whole)
		r.Discard(n)
	} else if _, err := io.ReadFull(r, raw); err != nil {
		return nil, nil, err
	}
	in, err := phd.Parse(raw)
	return in, raw, err
}
