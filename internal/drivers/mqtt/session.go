package mqtt

import (
	"crypto/sha256"
	"time"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/model"
)

// message is what goes to subscribers. It does not change.
type message struct {
	packet  mqttwire.Packet // PUBLISH: topic, payload, properties that are passed on
	expires time.Time       // zero: never
	from    string          // client id of the publisher
}

// outgoing is a message on its way to one session.
type outgoing struct {
	m      *message
	qos    byte
	id     uint16 // 0 with QoS 0
	retain bool
	subs   []uint32 // subscription identifiers
	stage  stage
	again  bool // it was sent before
}

type stage byte

const (
	waits    stage = iota // not sent on this connection
	sent                  // sent, not acknowledged
	received              // QoS 2: PUBREC came, PUBREL was or is to be sent
)

// digest is of a message of QoS 2 whose PUBREL has not come: one sent again
// under its packet identifier is known by it.
type digest [16]byte

func digestOf(topic string, payload []byte) digest {
	h := sha256.New()
	h.Write([]byte(topic))
	h.Write([]byte{0})
	h.Write(payload)
	var d digest
	copy(d[:], h.Sum(nil))
	return d
}

// session is what is known of one client. The broker's lock guards it.
type session struct {
	id      string
	owner   string // identity of the credential it was begun with
	version byte
	keep    bool          // outlives its connection
	expiry  time.Duration // how long, once the client is away
	ends    time.Time     // when it ends, zero while connected

	conn *conn
	subs map[string]sub
	got  map[uint16]digest // QoS 2, received and not released
	seq  model.Seq         // of the last one of them

	out    []*outgoing // QoS 1 and 2 not done, in order
	byID   map[uint16]*outgoing
	lastID uint16
	zero   []*outgoing // QoS 0, of this connection

	will   *will
	willAt time.Time // when it is sent, zero: not
}

// will is what is said of a client that was lost.
type will struct {
	packet mqttwire.Packet // PUBLISH
	delay  time.Duration
	peer   string
	props  string // of the frame
}

// device is whose credential was shown with the will; empty: none's.
func (w *will) device() model.DeviceID { return model.DeviceID(said(w.props)["device"]) }

// nextID gives a packet identifier that is free, 0 when none is.
func (s *session) nextID() uint16 {
	for range 65535 {
		if s.lastID++; s.lastID == 0 {
			s.lastID = 1
		}
		if _, used := s.byID[s.lastID]; !used {
			return s.lastID
		}
	}
	return 0
}

// add queues a message of QoS 1 or 2; false when the queue is full.
func (s *session) add(o *outgoing, most int) bool {
	if len(s.out) >= most {
		return false
	}
	if o.id == 0 {
		if o.id = s.nextID(); o.id == 0 {
			return false
		}
	}
	if s.byID == nil {
		s.byID = map[uint16]*outgoing{}
	}
	s.byID[o.id] = o
	s.out = append(s.out, o)
	return true
}

// done takes a message out of the queue.
func (s *session) done(id uint16) bool {
	o := s.byID[id]
	if o == nil {
		return false
	}
	delete(s.byID, id)
	for i := range s.out {
		if s.out[i] == o {
			s.out = append(s.out[:i], s.out[i+1:]...)
			break
		}
	}
	return true
}

// held says whether a packet identifier of QoS 2 holds this very message.
func (s *session) held(id uint16, d digest) bool {
	was, ok := s.got[id]
	return ok && was == d
}

func (s *session) hold(id uint16, d digest) {
	if s.got == nil {
		s.got = map[uint16]digest{}
	}
	s.got[id] = d
}
