package intellivue

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"

	"thalamus/internal/codec/intellivue"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/model"
)

// scripted is a monitor of the tests: it does what the guide says, as long as act
// says nothing else. Act is called for each message and says whether it took it
// over.
type scripted struct {
	t    *testing.T
	conn net.PacketConn
	act  func(m *scripted, from net.Addr, b []byte) bool
	done chan struct{}

	mu       sync.Mutex
	asked    []intellivue.Request
	sessions []intellivue.Session
	answered int // create events that were confirmed
	options  uint32
}

func newScripted(t *testing.T, act func(m *scripted, from net.Addr, b []byte) bool) *scripted {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &scripted{t: t, conn: conn, act: act, done: make(chan struct{}), options: intellivue.ExtendNumerics | intellivue.ExtendWaves}
	go m.serve()
	t.Cleanup(m.close)
	return m
}

func (m *scripted) close() {
	m.conn.Close()
	<-m.done
}

func (m *scripted) address() string { return m.conn.LocalAddr().String() }

func (m *scripted) serve() {
	defer close(m.done)
	b := make([]byte, 64<<10)
	for {
		n, from, err := m.conn.ReadFrom(b)
		if err != nil {
			return
		}
		m.note(b[:n])
		if m.act != nil && m.act(m, from, b[:n]) {
			continue
		}
		m.usual(from, b[:n])
	}
}

func (m *scripted) note(b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if kind, ok := intellivue.SessionOf(b); ok {
		m.sessions = append(m.sessions, kind)
		return
	}
	a, err := intellivue.Parse(b)
	if err != nil {
		m.t.Errorf("the driver sent %x: %v", b, err)
		return
	}
	if a.Kind == intellivue.Result {
		m.answered++
	}
	if q, err := intellivue.ParseRequest(a.Body); err == nil && a.Command == intellivue.CommandAction {
		m.asked = append(m.asked, q)
	}
}

func (m *scripted) send(to net.Addr, b []byte) { m.conn.WriteTo(b, to) }

// usual is what a monitor does.
func (m *scripted) usual(from net.Addr, b []byte) {
	if kind, ok := intellivue.SessionOf(b); ok {
		switch kind {
		case intellivue.Connect:
			a, err := intellivue.ParseAssociation(b)
			if err != nil {
				m.t.Error(err)
				return
			}
			a.System, a.Options = intellivue.SystemServer, a.Options&m.options
			m.send(from, a.Bytes(intellivue.Accept))
			m.send(from, createEvent())
		case intellivue.Finish:
			m.send(from, intellivue.ReleaseResponse())
		}
		return
	}
	a, err := intellivue.Parse(b)
	if err != nil || a.Kind != intellivue.Invoke || a.Command != intellivue.CommandAction {
		return
	}
	q, err := intellivue.ParseRequest(a.Body)
	if err != nil {
		m.t.Error(err)
		return
	}
	m.send(from, answer(a.ID, q, 0, 72))
}

func createEvent() []byte {
	create := intellivue.Create{Object: intellivue.Object{Class: intellivue.ClassMDS}, Attributes: []intellivue.Attribute{
		{ID: intellivue.AttrModel, Value: []byte("\x00\x08Philips\x00\x00\x06M8007A")},
		{ID: intellivue.AttrSystemID, Value: []byte{0, 8, 0, 9, 0xFB, 0xFF, 0xFF, 1, 2, 3}},
	}}
	e := intellivue.Event{Object: create.Object, Time: 8000, Type: intellivue.EventCreate, Body: create.Bytes()}
	return (&intellivue.APDU{Kind: intellivue.Invoke, ID: 1, Command: intellivue.CommandConfirmedEvent, Body: e.Bytes()}).Bytes()
}

// answer is the reply to a poll, with a number where numbers were asked for.
func answer(id uint16, q intellivue.Request, sequence uint16, value uint32) []byte {
	r := intellivue.Reply{Number: q.Number, Sequence: sequence, Relative: 16000, Class: q.Class, Group: q.Group, Extended: q.Extended}
	switch q.Class {
	case intellivue.ClassNumeric:
		attributes := []intellivue.Attribute{{ID: intellivue.AttrNumeric, Value: binary.BigEndian.AppendUint32([]byte{0x41, 0x82, 0, 0, 0x0A, 0xA0}, value)}}
		if q.Group == 0 {
			attributes = append(attributes, intellivue.Attribute{ID: intellivue.AttrLabel, Value: []byte{0, 2, 0x41, 0x82}})
		}
		r.Objects = []intellivue.Polled{{Handle: 257, Attributes: attributes}}
	case intellivue.ClassPatient:
		r.Objects = []intellivue.Polled{{Handle: 1, Attributes: []intellivue.Attribute{{ID: intellivue.AttrPatientState, Value: []byte{0, 2}}, {ID: intellivue.AttrPatientID, Value: intellivue.Wide("4711")}}}}
	}
	return (&intellivue.APDU{Kind: intellivue.Result, ID: id, Command: intellivue.CommandAction, Body: r.Bytes()}).Bytes()
}

func (m *scripted) count(class uint16) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range m.asked {
		if q.Class == class {
			n++
		}
	}
	return n
}

func (m *scripted) heard(kind intellivue.Session) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sessions {
		if s == kind {
			n++
		}
	}
	return n
}

func (m *scripted) confirmed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.answered
}

// rig is a driver under test.
type rig struct {
	*Driver
	intake *drivertest.Intake
	notes  *drivertest.Notes
}

func start(t *testing.T, settings map[string]any) *rig {
	t.Helper()
	if settings["timing"] == nil {
		settings["timing"] = map[string]any{"retry": "20ms", "response": "20s"}
	}
	d, err := New(model.Channel{ID: "ward", Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{d, &drivertest.Intake{}, &drivertest.Notes{}}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
		defer cancel()
		d.Stop(ctx)
	})
	return r
}

func (r *rig) begin(t *testing.T) *rig {
	t.Helper()
	if err := r.Start(t.Context(), driver.Host{Intake: r.intake, Log: slog.New(slog.DiscardHandler), Note: r.notes.Note}); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) noted(code string) bool {
	for _, c := range r.notes.Codes() {
		if c == code {
			return true
		}
	}
	return false
}

// messages are those taken so far, decoded.
func (r *rig) messages() (out []model.Message) {
	for _, f := range r.intake.Taken() {
		out = append(out, decoded(f)...)
	}
	return out
}

func announce(t *testing.T, to net.Addr, monitor string) {
	t.Helper()
	at := netip.MustParseAddrPort(monitor)
	ip := at.Addr().As4()
	port := binary.BigEndian.AppendUint16(nil, at.Port())
	protocols := append([]byte{0, 1, 0, 8, 0, 5, 0, 1}, append(port, 0, 0)...)
	b := intellivue.BeaconBytes([]intellivue.Attribute{{ID: intellivue.AttrNetAddress, Value: append(append([]byte{0, 9, 0xFB, 1, 2, 3}, ip[:]...), 255, 255, 255, 0)}, {ID: intellivue.AttrProtocols, Value: protocols}})
	c, err := net.Dial("udp4", to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}
