package intellivue

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"thalamus/internal/codec/intellivue"
	"thalamus/internal/fault"
)

// wire carries whole messages: UDP keeps their bounds itself, the serial line
// frames them.
type wire interface {
	Send(message []byte) error
	// Receive waits for the next message, which is valid until the next call. It
	// gives os.ErrDeadlineExceeded when none came and errStopped when the driver
	// stops, unless despite that.
	Receive(until time.Time, despite bool) ([]byte, error)
}

var (
	errStopped   = errors.New("the driver stops")
	errRefused   = errors.New("it refused the association")
	errEnded     = errors.New("it ended the association")
	errSilent    = errors.New("it does not answer")
	errNotStored = errors.New("its answers could not be stored")
)

// session is one association with one monitor, from the request to its end.
type session struct {
	polling    *Polling
	timing     *Timing
	mtu        uint32
	wire       wire
	memory     *intellivue.Memory
	stopping   func() bool
	end        <-chan struct{}
	note       func(code, text, hint string)
	offer      func(frame []byte, arrived time.Time) error
	associated func()

	agreed  *intellivue.Association
	created bool // the monitor said what it is
	polls   []*poll
	pending *poll
	invoke  uint16
	sent    time.Time // our last message
	heard   time.Time // the monitor's
}

// run serves the association. The error says why it ended.
func (s *session) run() error {
	s.memory.Forget()
	err := s.associate()
	if err == nil {
		s.associated()
		err = s.operate()
	}
	switch {
	case errors.Is(err, errEnded), errors.Is(err, errRefused):
	case s.agreed == nil:
	case errors.Is(err, errStopped):
		s.release()
	default:
		_ = s.wire.Send(intellivue.AbortMessage()) // it knows soon enough without
	}
	return err
}

// again is how often the association is asked for, as a datagram may be lost.
const again = 2 * time.Second

func (s *session) associate() error {
	ask := (&intellivue.Association{Protocol: intellivue.ProtocolVersion1, Nomenclature: intellivue.NomenclatureVersion, System: intellivue.SystemClient,
		Start: intellivue.ColdStart, HasPoll: true, MinPoll: time.Second, Receive: s.mtu, Transmit: s.mtu, Extended: true, Options: s.options()}).Bytes(intellivue.Connect)
	until := time.Now().Add(s.timing.Association)
	for s.agreed == nil {
		if err := s.send(ask); err != nil && !isRefusedPort(err) {
			return err
		}
		for next := time.Now().Add(again); s.agreed == nil; {
			b, err := s.wire.Receive(earliest(next, until), false)
			if isRefusedPort(err) { // nobody listens there now: wait for the next turn
				select {
				case <-s.end:
					return errStopped
				case <-time.After(min(200*time.Millisecond, time.Until(next))):
				}
				err = nil
				if time.Now().Before(next) {
					continue
				}
				b = nil
			}
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				return err
			}
			if err == nil && b != nil {
				if err := s.answered(b); err != nil {
					return err
				}
				continue
			}
			if !time.Now().Before(until) {
				s.note("intellivue.silent", "the monitor does not answer the request for an association", "See whether it is on, LAN data export is switched on, and no other program is associated with it.")
				return errSilent
			}
			break
		}
	}
	return s.introduced(until)
}

// half notes a message of the association that broke off; it says nothing.
func (s *session) half(b []byte) bool {
	n, err := intellivue.Size(b)
	if err == nil && n <= len(b) {
		return false
	}
	s.note("intellivue.malformed", "a message broke off, or is none of this protocol", "Look at the link, and at what answers at this address.")
	return true
}

// options are what extended polls are wanted for.
func (s *session) options() uint32 {
	o := intellivue.ExtendNumerics
	if s.polling.Waves {
		o |= intellivue.ExtendWaves
		if len(s.polling.WaveLabels) > 0 {
			o |= intellivue.ExtendPriority
		}
	}
	if s.polling.Enumerations {
		o |= intellivue.ExtendEnumerations
	}
	return o
}

// answered takes what comes before the association is there.
func (s *session) answered(b []byte) error {
	if s.half(b) {
		return nil
	}
	kind, ok := intellivue.SessionOf(b)
	if !ok {
		return nil // of an association before
	}
	switch kind {
	case intellivue.Accept:
		a, err := intellivue.ParseAssociation(b)
		if err != nil {
			s.note("intellivue.malformed", "the monitor's answer to the request for an association cannot be read: "+err.Error(), "See the monitor's software version.")
			return err
		}
		if a.Protocol&intellivue.ProtocolVersion1 == 0 || !a.HasPoll {
			s.note("intellivue.version", "the monitor accepts the association without the version or profile we asked for", "See the monitor's software version.")
			return errRefused
		}
		s.agreed = a
	case intellivue.Refuse:
		s.note("intellivue.refused", "the monitor refused the association", "Another program may be associated with it, or LAN data export is switched off; it is asked again.")
		return errRefused
	case intellivue.Finish:
		return s.send(intellivue.ReleaseResponse())
	}
	return nil
}

// introduced waits until the monitor said what it is.
func (s *session) introduced(until time.Time) error {
	s.heard = time.Now()
	for !s.created {
		b, err := s.wire.Receive(until, false)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.note("intellivue.silent", "the monitor accepted the association and did not say what it is", "Raise timing.association if it is slow.")
			return errSilent
		case err != nil:
			return err
		}
		if err := s.take(b); err != nil {
			return err
		}
	}
	return nil
}

// operate polls until the association ends.
func (s *session) operate() error {
	s.plan()
	for {
		wait, err := s.turn()
		if err != nil {
			return err
		}
		b, err := s.wire.Receive(wait, false)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case isRefusedPort(err):
			s.note("intellivue.lost", "the monitor's port is closed", "It is connected again by itself; if not, look at the monitor and the network.")
			return errSilent
		case err != nil:
			return err
		}
		if err := s.take(b); err != nil {
			return err
		}
	}
}

// take acts on one message of an association.
func (s *session) take(b []byte) error {
	arrived := time.Now()
	if kind, ok := intellivue.SessionOf(b); ok {
		if s.half(b) {
			return nil
		}
		return s.control(kind)
	}
	a, err := intellivue.Parse(b)
	if err != nil {
		s.note("intellivue.malformed", "a message contradicts itself: "+err.Error(), "Look at the link and the monitor's software version; what came is kept.")
		return s.store(b, arrived)
	}
	s.heard = arrived
	switch {
	case a.Kind == intellivue.Invoke && a.Command == intellivue.CommandConfirmedEvent:
		return s.event(a, b, arrived)
	case a.Kind == intellivue.Invoke:
		return s.store(b, arrived)
	case a.Kind == intellivue.Failed:
		return s.failed(a, b, arrived)
	case a.Command == intellivue.CommandAction:
		return s.reply(a, b, arrived)
	case a.Command == intellivue.CommandConfirmedSet || a.Command == intellivue.CommandGet:
		s.done(a.ID)
	}
	return nil
}

// control takes what ends an association.
func (s *session) control(kind intellivue.Session) error {
	switch kind {
	case intellivue.Finish:
		_ = s.send(intellivue.ReleaseResponse())
		s.note("intellivue.ended", "the monitor released the association", "It is asked again by itself.")
		return errEnded
	case intellivue.Abort:
		s.note("intellivue.ended", "the monitor aborted the association", "It is asked again by itself; what it sent is kept.")
		return errEnded
	case intellivue.Refuse, intellivue.Disconnect:
		s.note("intellivue.ended", "the monitor says that there is no association", "It is asked again by itself.")
		return errEnded
	}
	return nil // a repeated answer to our request
}

// event confirms a report once it is durable (R23).
func (s *session) event(a *intellivue.APDU, b []byte, arrived time.Time) error {
	e, err := intellivue.ParseEvent(a.Body)
	if err != nil {
		s.note("intellivue.malformed", "an event report contradicts itself: "+err.Error(), "What came is kept.")
		return s.store(b, arrived)
	}
	answer := intellivue.AnswerEvent(a, e)
	if err := s.store(b, arrived); err != nil {
		return err
	}
	if e.Type == intellivue.EventCreate {
		s.created = true
	}
	return s.send(answer)
}

// store makes a message durable together with what it refers to, and keeps what
// later ones refer to. While intake cannot, it tries again for a while; nothing more
// is asked for in that time.
func (s *session) store(b []byte, arrived time.Time) error {
	frame := intellivue.Frame(b, s.memory.Context(b))
	pause := 50 * time.Millisecond
	for until := time.Now().Add(s.timing.Store); ; pause = min(2*pause, time.Second) {
		err := s.offer(frame, arrived)
		switch {
		case err == nil:
			s.memory.Learn(b)
			return nil
		case fault.KindOf(err) == fault.Invalid:
			s.note("intellivue.not-accepted", "an answer cannot be accepted: "+err.Error(), "See what the fault says.")
			return nil
		case s.stopping():
			return errStopped
		case !time.Now().Add(pause).Before(until):
			s.note("intellivue.not-stored", "an answer could not be stored; the monitor is not asked for more: "+err.Error(), "See what the fault says; what the monitor measures meanwhile is not kept.")
			return errNotStored
		}
		select {
		case <-s.end:
		case <-time.After(pause):
		}
	}
}

// release ends the association in good order.
func (s *session) release() {
	if s.send(intellivue.ReleaseRequest()) != nil {
		return
	}
	until := time.Now().Add(s.timing.Release)
	for {
		b, err := s.wire.Receive(until, true)
		if err != nil {
			return
		}
		if kind, ok := intellivue.SessionOf(b); ok && kind != intellivue.Accept {
			return
		}
	}
}

func (s *session) send(message []byte) error {
	s.sent = time.Now()
	return s.wire.Send(message)
}

// isRefusedPort says whether the host of the monitor told that nobody listens
// (ICMP port unreachable).
func isRefusedPort(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && errors.Is(op.Err, syscall.ECONNREFUSED)
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
