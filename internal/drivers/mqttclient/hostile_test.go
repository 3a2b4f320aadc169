package mqttclient

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/driver/drivertest"
)

// broker is one connection at which a broker does what the test wants.
type broker struct {
	net.Conn
	r *bufio.Reader
}

// next reads a packet of the client; false when it left.
func (b *broker) next() (mqttwire.Packet, bool) {
	b.SetReadDeadline(time.Now().Add(drivertest.Patience))
	for n := 2; ; n++ {
		head, err := b.r.Peek(n)
		if err != nil {
			return mqttwire.Packet{}, false
		}
		if h, size, err := mqttwire.Next(head, 1<<20); err == nil && h > 0 {
			whole := make([]byte, size)
			if _, err := io.ReadFull(b.r, whole); err != nil {
				return mqttwire.Packet{}, false
			}
			p, err := mqttwire.Decode(mqttwire.V5, whole[0], whole[h:])
			return p, err == nil
		}
	}
}

func (b *broker) send(p mqttwire.Packet) { b.Write(mqttwire.Append(nil, mqttwire.V5, &p)) }

// greet lets the client in and takes its subscriptions.
func (b *broker) greet() bool {
	if p, ok := b.next(); !ok || p.Type != mqttwire.CONNECT {
		return false
	}
	b.send(mqttwire.Packet{Type: mqttwire.CONNACK})
	p, ok := b.next()
	if !ok || p.Type != mqttwire.SUBSCRIBE {
		return false
	}
	b.send(mqttwire.Packet{Type: mqttwire.SUBACK, ID: p.ID, Codes: bytes.Repeat([]byte{1}, len(p.Filters))})
	return true
}

func message(qos byte, id uint16) []byte {
	return mqttwire.Append(nil, mqttwire.V5, &mqttwire.Packet{Type: mqttwire.PUBLISH, QoS: qos, ID: id, Topic: "ward/7/vitals", Payload: []byte(`{"n":1}`)})
}

// R23: whatever an outside broker does, nothing of it is taken by half, it costs no
// more memory than a packet may have, and the client comes again; what is sent as
// it should be is taken once and acknowledged.
func TestHostileBroker(t *testing.T) {
	whole := message(1, 7)
	misdeeds := []struct {
		name string
		do   func(b *broker)
	}{
		{"garbage for a CONNACK", func(b *broker) { b.next(); b.Write([]byte("SSH-2.0-OpenSSH_9.2\r\n")) }},
		{"refused", func(b *broker) {
			b.next()
			b.send(mqttwire.Packet{Type: mqttwire.CONNACK, Code: mqttwire.NotAuthorised})
		}},
		{"closed at once", func(*broker) {}},
		{"half a message and the end", func(b *broker) {
			if b.greet() {
				b.Write(whole[:len(whole)-3])
			}
		}},
		{"a message of 200 MB is announced", func(b *broker) {
			if b.greet() {
				b.Write([]byte{0x32, 0x80, 0x84, 0xAF, 0x5F, 0, 1, 'a'})
				b.next()
			}
		}},
		{"QoS 3", func(b *broker) {
			if b.greet() {
				b.Write(append([]byte{whole[0] | 0x06}, whole[1:]...))
				b.next()
			}
		}},
		{"no packet at all", func(b *broker) {
			if b.greet() {
				b.Write(bytes.Repeat([]byte{0xFF}, 1<<16))
				b.next()
			}
		}},
		{"answers to what was never sent", func(b *broker) {
			if b.greet() {
				b.send(mqttwire.Packet{Type: mqttwire.PUBREL, ID: 99})
				b.send(mqttwire.Packet{Type: mqttwire.CONNECT, Connect: &mqttwire.Connect{Version: mqttwire.V5, ClientID: "x"}})
				b.next()
				b.next()
			}
		}},
	}
	for _, m := range misdeeds {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			in, acknowledged := make(chan *drivertest.Intake, 1), make(chan uint16, 1)
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				m.do(&broker{c, bufio.NewReader(c)})
				c.Close()
				if c, err = l.Accept(); err != nil { // it came again
					return
				}
				defer c.Close()
				b := &broker{c, bufio.NewReader(c)}
				if taken, _ := (<-in).Count(); taken != 0 || !b.greet() {
					return
				}
				c.Write(whole)
				for p, ok := b.next(); ok; p, ok = b.next() {
					if p.Type == mqttwire.PUBACK {
						acknowledged <- p.ID
						return
					}
				}
			}()
			_, intake, notes := client(t, l.Addr().String(), map[string]any{"qos": 1})
			in <- intake
			select {
			case id := <-acknowledged:
				if n, _ := intake.Count(); n != 1 || id != 7 {
					t.Errorf("%d taken, %d acknowledged", n, id)
				}
			case <-time.After(drivertest.Patience):
				n, _ := intake.Count()
				t.Fatalf("what came as it should was not acknowledged; %d taken; %v", n, notes.Codes())
			}
			if codes := notes.Codes(); len(codes) < 2 {
				t.Errorf("nobody is told: %v", codes)
			}
		})
	}
}
