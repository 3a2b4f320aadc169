package rest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"thalamus/internal/driver/drivertest"
)

// reading is a document of about 500 bytes.
func reading(n int) []byte {
	return fmt.Appendf(nil, `{"n":%d,"serial":"SN-%d","time":"2026-11-21T10:00:00Z","values":[{"name":"HR","value":%d,"unit":"/min"},{"name":"SpO2","value":97,"unit":"%%"}],"comment":%q}`, n, n%7, 60+n%40, strings.Repeat("x", 300))
}

// request writes a POST of a message that says its number.
func request(m []byte) []byte {
	var said struct{ N int }
	if err := json.Unmarshal(m, &said); err != nil {
		said.N = -1
	}
	return fmt.Appendf(nil, "POST /ingest/test HTTP/1.1\r\nHost: thalamus\r\nContent-Type: application/json\r\nIdempotency-Key: %d\r\nContent-Length: %d\r\n\r\n%s", said.N, len(m), m)
}

func suite() drivertest.Suite {
	return drivertest.Suite{
		Kind:     Kind(),
		Settings: map[string]any{"listen": "127.0.0.1:0", "stall_timeout": "3s", "requests_per_second": 0},
		Listen:   "listen",
		Message:  reading,
		Wire:     request,
		Garbage:  []byte("POST /ingest/test HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{{{{{"),
		Answer: func(r *bufio.Reader) (int, bool, error) {
			a, err := http.ReadResponse(r, nil)
			if err != nil {
				return 0, false, err
			}
			if _, err := io.Copy(io.Discard, a.Body); err != nil {
				return 0, false, err
			}
			n, _ := strconv.Atoi(a.Header.Get("Idempotency-Key"))
			return n, a.StatusCode == http.StatusAccepted, nil
		},
	}
}

func TestConformance(t *testing.T) { drivertest.Run(t, suite()) }

// What is no HTTP at all is answered, and does not harm.
func TestNoHTTP(t *testing.T) {
	s := suite()
	r := s.Start(t)
	p := r.Dial(t)
	p.Write(bytes.Repeat([]byte{0x0b, 'M', 'S', 'H', '|'}, 100))
	p.Write([]byte("\r\n\r\n"))
	if b, _ := io.ReadAll(p.Conn); !bytes.Contains(b, []byte("400")) {
		t.Errorf("answer %q", b)
	}
}
