package hl7v2

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	syntax "thalamus/internal/codec/hl7v2"
	"thalamus/internal/codec/mllpframe"
	"thalamus/internal/destination/destinationtest"
)

// receiver is an MLLP listener that answers as the test says.
type receiver struct {
	t      testing.TB
	ln     net.Listener
	answer func(r *receiver, conn net.Conn, message []byte, ids []string)

	mu     sync.Mutex
	ids    []string
	frames [][]byte
	conns  int
}

func listen(t testing.TB, answer func(r *receiver, conn net.Conn, message []byte, ids []string)) *receiver {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{t: t, ln: ln, answer: answer}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.conns++
			r.mu.Unlock()
			t.Cleanup(func() { conn.Close() })
			go r.serve(conn)
		}
	}()
	return r
}

func (r *receiver) serve(conn net.Conn) {
	var buf []byte
	var ids []string // on this connection
	chunk := make([]byte, 4096)
	for {
		n, err := conn.Read(chunk)
		buf = append(buf, chunk[:n]...)
		for {
			end := bytes.Index(buf, []byte("\x1c\r"))
			if end < 0 {
				break
			}
			message := bytes.Clone(buf[1:end])
			buf = buf[end+2:]
			id := strings.Split(string(message), "|")[9]
			ids = append(ids, id)
			r.mu.Lock()
			r.ids = append(r.ids, id)
			r.frames = append(r.frames, message)
			r.mu.Unlock()
			r.answer(r, conn, message, ids)
		}
		if err != nil {
			return
		}
	}
}

func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.ids...)
}

func (r *receiver) last() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.frames[len(r.frames)-1])
}

func (r *receiver) settings(more map[string]any) map[string]any {
	s := map[string]any{"address": r.ln.Addr().String(), "timeout": "400ms"}
	for k, v := range more {
		s[k] = v
	}
	return s
}

func ack(code, id, rest string) []byte {
	return mllpframe.Append(nil, fmt.Appendf(nil, "MSH|^~\\&|R|R|T|T|20261121||ACK|ACK|P|2.5\rMSA|%s|%s\r%s", code, id, rest))
}

// say answers every message with a code.
func say(code, rest string) func(*receiver, net.Conn, []byte, []string) {
	return func(_ *receiver, c net.Conn, _ []byte, ids []string) { c.Write(ack(code, ids[len(ids)-1], rest)) }
}

func behave(b destinationtest.Behaviour) func(*receiver, net.Conn, []byte, []string) {
	switch b {
	case destinationtest.Accept:
		return say("AA", "")
	case destinationtest.Stall:
		return func(*receiver, net.Conn, []byte, []string) {}
	case destinationtest.Reset:
		return func(r *receiver, c net.Conn, _ []byte, ids []string) {
			if len(r.got()) == 1 {
				c.(*net.TCPConn).SetLinger(0)
				c.Close()
				return
			}
			c.Write(ack("AA", ids[len(ids)-1], ""))
		}
	case destinationtest.Garbage:
		return func(_ *receiver, c net.Conn, _ []byte, _ []string) {
			c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n\vhello\x1c\r\vMSH|^~\\&|\r\x1c\r"))
		}
	case destinationtest.Late:
		return func(r *receiver, c net.Conn, _ []byte, ids []string) {
			if len(r.got()) == 1 {
				time.Sleep(600 * time.Millisecond)
			}
			c.Write(ack("AA", ids[len(ids)-1], ""))
		}
	case destinationtest.Repeat:
		return func(_ *receiver, c net.Conn, _ []byte, ids []string) {
			for _, id := range ids {
				c.Write(ack("AA", id, ""))
			}
		}
	case destinationtest.Refuse:
		return say("AR", "")
	case destinationtest.Busy:
		return say("AE", "ERR||PID^1^3|207^Application internal error^HL70357|E|||"+destinationtest.Patient+" is locked\r")
	}
	return nil
}

func TestConformance(t *testing.T) {
	for _, mode := range []string{asReceived, rebuilt} {
		t.Run(mode, func(t *testing.T) {
			destinationtest.Run(t, destinationtest.Suite{Kind: Kind(), Receive: func(t *testing.T, b destinationtest.Behaviour) *destinationtest.Receiver {
				if b == destinationtest.Down {
					r := listen(t, say("AA", ""))
					r.ln.Close()
					return &destinationtest.Receiver{Settings: r.settings(map[string]any{"mode": mode}), Got: r.got}
				}
				r := listen(t, behave(b))
				return &destinationtest.Receiver{Settings: r.settings(map[string]any{"mode": mode}), Got: r.got}
			}})
		})
	}
}

// TestAnswersOfAReceiver: codes to what is done about them (decision 0016).
func TestAnswersOfAReceiver(t *testing.T) {
	for _, c := range []struct{ code, err, want, says string }{
		{"AA", "", "", ""},
		{"CA", "", "", ""},
		{"AE", "", "transient", "AE"},
		{"CE", "", "transient", "CE"},
		{"AR", "", "invalid", "AR"},
		{"CR", "", "invalid", "CR"},
		{"AE", "ERR||OBX^1^5|102^Data type error^HL70357|E\r", "invalid", "error 102 at OBX-5"},
		{"AE", "ERR||OBX^1^5|101^Required field missing^HL70357|W\r", "transient", "error 101"},
		{"AE", "ERR|PID^1^3^204&Unknown key&HL70357\r", "invalid", "error 204 at PID-3"},
		{"AE", "ERR|||206^locked^HL70357|E\r", "transient", "error 206"},
		{"AR", "ERR|||207^internal^HL70357|E\r", "transient", "error 207"},
		{"AR", "ERR|||200^type^HL70357|E|no.such-type\r", "invalid", "no.such-type"},
		{"AE", "ERR|||207^x^HL70357|E|" + destinationtest.Patient + " Eva 4711\r", "transient", "error 207;"},
	} {
		a, err := syntax.ParseAck(bytes.Trim(ack(c.code, "1", c.err), "\v\x1c"))
		if err != nil {
			t.Fatal(err)
		}
		if a.Code.Accepted() {
			continue
		}
		got := refused(a)
		if kind := kindOf(got); kind != c.want || !strings.Contains(got.Error(), c.says) || strings.Contains(got.Error(), destinationtest.Patient) {
			t.Errorf("%s %q: %s, %v; want %s with %q", c.code, c.err, kind, got, c.want, c.says)
		}
	}
}
