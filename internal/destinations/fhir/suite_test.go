package fhir

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	codec "thalamus/internal/codec/fhir"
	"thalamus/internal/destination/destinationtest"
)

func TestSuite(t *testing.T) {
	destinationtest.Run(t, destinationtest.Suite{Kind: Kind(), Receive: receive})
}

// receiver answers transactions in the ways of the suite.
type receiver struct {
	behaviour destinationtest.Behaviour
	mu        sync.Mutex
	got       []string
	first     bool
	stop      chan struct{}
}

func receive(t *testing.T, b destinationtest.Behaviour) *destinationtest.Receiver {
	settings := func(url string) map[string]any {
		return map[string]any{"base_url": url + "/fhir", "timeout": "1s"}
	}
	switch b {
	case destinationtest.Repeat:
		return nil // an HTTP answer belongs to its request
	case destinationtest.Down:
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		return &destinationtest.Receiver{Settings: settings("http://" + ln.Addr().String()), Got: func() []string { return nil }}
	}
	r := &receiver{behaviour: b, first: true, stop: make(chan struct{})}
	s := httptest.NewServer(r)
	t.Cleanup(func() { close(r.stop); s.CloseClientConnections(); s.Close() })
	return &destinationtest.Receiver{Settings: settings(s.URL), Got: func() []string {
		r.mu.Lock()
		defer r.mu.Unlock()
		return append([]string(nil), r.got...)
	}}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil || r.behaviour == destinationtest.Stall {
		<-r.stop
		return
	}
	if q.Method == http.MethodGet {
		w.WriteHeader(http.StatusNotFound) // no /metadata: taken at its word
		return
	}
	r.mu.Lock()
	first := r.first
	r.first = false
	r.mu.Unlock()
	switch r.behaviour {
	case destinationtest.Garbage:
		fmt.Fprint(w, "\x00\xff{]")
		return
	case destinationtest.Refuse:
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprintf(w, `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid","diagnostics":"what is %s doing here?"}]}`, destinationtest.Patient)
		return
	case destinationtest.Busy:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case destinationtest.Reset:
		if first {
			if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
				c.(*net.TCPConn).SetLinger(0)
				c.Close()
			}
			return
		}
	}
	n, err := codec.Parse(body, codec.Limits{})
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	entries := n.Get("entry")
	answer := make([]string, entries.Len())
	r.mu.Lock()
	for i := range entries.Len() {
		answer[i] = `{"response":{"status":"201 Created"}}`
		if x := entries.At(i).Get("resource"); x.Get("resourceType").Text() == "Observation" {
			r.got = append(r.got, x.Get("identifier").At(0).Get("value").Text())
		}
	}
	r.mu.Unlock()
	if r.behaviour == destinationtest.Late && first {
		select {
		case <-time.After(1500 * time.Millisecond):
		case <-r.stop:
		}
	}
	fmt.Fprintf(w, `{"resourceType":"Bundle","type":"transaction-response","entry":[%s]}`, strings.Join(answer, ","))
}
