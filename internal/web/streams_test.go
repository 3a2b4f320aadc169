package web_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"thalamus/internal/app/apptest"
	"thalamus/internal/service"
)

// What a page is told as it happens ends with the session: nobody who signed
// out, or whose account was shut, sees another value (R43, R44).
func TestStreamsEndWithTheSession(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "vera", "viewer")
	events, err := r.http.Do(r.request(http.MethodGet, "/events", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer events.Body.Close()
	live, _, err := websocket.Dial(t.Context(), strings.Replace(h.App.ConsoleURL(), "https:", "wss:", 1)+"/live/stream", &websocket.DialOptions{HTTPClient: r.http})
	if err != nil {
		t.Fatal(err)
	}
	defer live.CloseNow()
	live.SetReadLimit(1 << 20)
	vitals := "PID|1||MRN-774411^^^HOSP^MR\rOBR|1\rOBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X\rOBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|71|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F"
	h.Send("ORU^R01^ORU_R01", vitals)
	if _, text, err := live.Read(t.Context()); err != nil || !strings.Contains(string(text), "71") {
		t.Fatalf("%s %v", text, err)
	}
	h.Call("user.change", service.UserChange{Name: "vera", Disabled: true}, nil)
	h.Send("ORU^R01^ORU_R01", strings.Replace(vitals, "|71|", "|99|", 1))
	for {
		_, text, err := live.Read(t.Context())
		if websocket.CloseStatus(err) == websocket.StatusPolicyViolation {
			break
		}
		if err != nil || strings.Contains(string(text), "99") {
			t.Fatalf("who was shut out goes on looking: %s %v", text, err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, events.Body) // until it ends, however
	}()
	h.Until("the events end", func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
}
