package rest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"

	"thalamus/internal/driver/drivertest"
)

// What is no request is noted, as the first thing of a connection and after
// another request; requests, and a connection that is only opened and closed,
// are not (R58).
func TestNoRequest(t *testing.T) {
	for what, asks := range map[string]int{"first of all": 0, "after requests": 2} {
		t.Run(what, func(t *testing.T) {
			r := newRig(t, nil)
			defer r.stop()
			open := func() net.Conn {
				c, err := net.Dial("tcp", r.d.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				return c
			}
			open().Close()
			c := open()
			answers := bufio.NewReader(c)
			for range asks {
				if _, err := io.WriteString(c, "POST /ingest/ward HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"hr\":72}"); err != nil {
					t.Fatal(err)
				}
				a, err := http.ReadResponse(answers, nil)
				if err != nil || a.StatusCode != http.StatusAccepted {
					t.Fatalf("%+v %v", a, err)
				}
				io.Copy(io.Discard, a.Body)
			}
			if slices.Contains(r.notes.Codes(), "rest.http") {
				t.Fatal("a request was noted")
			}
			if _, err := io.WriteString(c, "\x00\xff noise\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			drivertest.Until(t, "garbage is noted", func() bool { return slices.Contains(r.notes.Codes(), "rest.http") })
		})
	}
}

// A body that breaks off is told once, as what it is.
func TestHalfBodyIsARequest(t *testing.T) {
	r := newRig(t, nil)
	c, err := net.Dial("tcp", r.d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "POST /ingest/ward HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{\"hr\""); err != nil {
		t.Fatal(err)
	}
	c.(*net.TCPConn).CloseWrite()
	drivertest.Until(t, "half a body is noted", func() bool { return slices.Contains(r.notes.Codes(), "rest.half-body") })
	io.Copy(io.Discard, c)
	c.Close()
	r.stop()
	if slices.Contains(r.notes.Codes(), "rest.http") {
		t.Error("it is told as no request too")
	}
}
