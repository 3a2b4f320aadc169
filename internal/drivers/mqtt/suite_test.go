package mqtt

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/driver/drivertest"
)

// vitals is a message of about 500 bytes with its number in it.
func vitals(n int) []byte {
	return fmt.Appendf(nil, `{"n":%d,"device":"wear-7","hr":72,"spo2":97,"note":"%s"}`, n, strings.Repeat("x", 430))
}

// readPacket reads one packet whole.
func readPacket(r *bufio.Reader, version byte) (mqttwire.Packet, error) {
	for n := 2; ; n++ {
		b, err := r.Peek(n)
		if err != nil {
			return mqttwire.Packet{}, err
		}
		head, whole, err := mqttwire.Next(b, 16<<20)
		if err != nil {
			return mqttwire.Packet{}, err
		}
		if whole == 0 {
			continue
		}
		wire := make([]byte, whole)
		if _, err := io.ReadFull(r, wire); err != nil {
			return mqttwire.Packet{}, err
		}
		return mqttwire.Decode(version, wire[0], wire[head:])
	}
}

func suite(version byte) drivertest.Suite {
	clients := new(atomic.Uint64)
	return drivertest.Suite{
		Kind:     Kind(),
		Settings: map[string]any{"listen": "127.0.0.1:0", "stall_timeout": "400ms", "tls": map[string]any{"enabled": false}},
		Listen:   "listen",
		Message:  vitals,
		Greet: func(w io.Writer, r *bufio.Reader) error {
			hello := mqttwire.Packet{Type: mqttwire.CONNECT, Connect: &mqttwire.Connect{Version: version, Clean: true, ClientID: fmt.Sprint("c", clients.Add(1))}}
			if _, err := w.Write(mqttwire.Append(nil, version, &hello)); err != nil {
				return err
			}
			p, err := readPacket(r, version)
			if err == nil && (p.Type != mqttwire.CONNACK || p.Code != 0) {
				err = fmt.Errorf("answered with packet %d, code %#x", p.Type, p.Code)
			}
			return err
		},
		Unnumbered: true, // packet identifiers are too short to number everything
		Wire: func(m []byte) []byte {
			var v struct{ N int }
			if err := json.Unmarshal(m, &v); err != nil {
				return m
			}
			return mqttwire.Append(nil, version, &mqttwire.Packet{Type: mqttwire.PUBLISH, Topic: "ward/7/vitals", QoS: 1, ID: uint16(v.N%65000 + 1), Payload: m})
		},
		Garbage: []byte("GET / HTTP/1.1\r\n"),
		Answer: func(r *bufio.Reader) (int, bool, error) {
			p, err := readPacket(r, version)
			switch {
			case err != nil:
				return 0, false, err
			case p.Type == mqttwire.PUBACK:
				return 0, p.Code < mqttwire.Unspecified, nil
			}
			return 0, false, fmt.Errorf("answered with packet %d, code %#x", p.Type, p.Code)
		},
	}
}

func TestConformance311(t *testing.T) { drivertest.Run(t, suite(mqttwire.V311)) }

func TestConformance5(t *testing.T) { drivertest.Run(t, suite(mqttwire.V5)) }
