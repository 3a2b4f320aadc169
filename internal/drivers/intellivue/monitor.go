package intellivue

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"thalamus/internal/codec/intellivue"
	"thalamus/internal/driver"
	"thalamus/internal/model"
)

// forgotten is how long a monitor that only announced itself is tried without
// announcing itself again.
const forgotten = 2 * time.Minute

// monitor is one monitor of the network.
type monitor struct {
	d       *Driver
	address string
	named   bool // in the settings: tried for ever
	memory  *intellivue.Memory

	heard atomic.Int64                // when it last announced itself, ns since 1970
	local atomic.Pointer[string]      // our address, while there is an association
	why   atomic.Pointer[string]      // why there is none
	conn  atomic.Pointer[net.UDPConn] // while there is one
}

// run connects again and again until the driver stops or the monitor is gone.
func (m *monitor) run() {
	for !m.d.stopping.Load() {
		began := time.Now()
		err := m.once()
		m.local.Store(nil)
		if m.d.stopping.Load() {
			return
		}
		if err != nil {
			text := m.address + ": " + err.Error()
			m.why.Store(&text)
		}
		if !m.named && time.Since(time.Unix(0, m.heard.Load())) > forgotten {
			return
		}
		pause := m.d.settings.Timing.Retry
		if time.Since(began) > 10*pause { // it went well for a while
			pause = min(pause, time.Second)
		}
		select {
		case <-m.d.end:
			return
		case <-time.After(pause):
		}
	}
}

// once is one association.
func (m *monitor) once() error {
	ctx, cancel := context.WithTimeout(m.d.ctx, 10*time.Second)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "udp4", m.address)
	if err != nil {
		m.d.notes.Add(m.address, "intellivue.connect", "the monitor's address cannot be used: "+err.Error(), "See whether the name or address is right.")
		return err
	}
	conn := c.(*net.UDPConn)
	_ = conn.SetReadBuffer(1 << 20) // a second of waves while intake is slow
	m.conn.Store(conn)
	defer func() {
		m.conn.Store(nil)
		conn.Close()
	}()
	peer := conn.RemoteAddr().String()
	s := &session{
		polling: &m.d.settings.Polling, timing: &m.d.settings.Timing, mtu: intellivue.LargestMTU,
		wire: &datagrams{conn: conn, stopping: m.d.stopping.Load}, memory: m.memory, stopping: m.d.stopping.Load, end: m.d.end,
		note: func(code, text, hint string) { m.d.notes.Add(peer, code, text, hint) },
		offer: func(b []byte, arrived time.Time) error {
			_, err := m.d.host.Intake.Offer(m.d.ctx, []model.Frame{{Channel: m.d.channel, Codec: m.d.codec, Peer: peer, Arrived: arrived, Bytes: b}})
			if err == nil {
				m.d.replies.Add(1)
			} else {
				m.d.refused.Add(1)
			}
			return err
		},
		associated: func() {
			local := conn.LocalAddr().String()
			m.local.Store(&local)
			if m.d.host.Met != nil {
				m.d.host.Met(m.d.channel, driver.Connection{Peer: peer, Local: local})
			}
		},
	}
	return s.run()
}

// wake ends waiting, so that the session sees that the driver stops.
func (m *monitor) wake() {
	if c := m.conn.Load(); c != nil {
		c.SetReadDeadline(time.Unix(1, 0))
	}
}

func (m *monitor) cut() {
	if c := m.conn.Load(); c != nil {
		c.Close()
	}
}

// datagrams is the wire over UDP.
type datagrams struct {
	conn     *net.UDPConn
	stopping func() bool
	b        [64 << 10]byte
}

// Send writes one message.
func (w *datagrams) Send(message []byte) error {
	_, err := w.conn.Write(message)
	return err
}

// Receive gives the next message. A deadline already over is for its caller.
func (w *datagrams) Receive(until time.Time, despite bool) ([]byte, error) {
	if err := w.conn.SetReadDeadline(until); err != nil {
		return nil, err
	}
	if !despite && w.stopping() { // after setting the deadline: Stop does it the other way round
		return nil, errStopped
	}
	n, err := w.conn.Read(w.b[:])
	if err != nil {
		if !despite && w.stopping() {
			return nil, errStopped
		}
		return nil, err
	}
	return w.b[:n], nil
}
