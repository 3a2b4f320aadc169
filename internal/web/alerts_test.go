package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"thalamus/internal/app/apptest"
	"thalamus/internal/service"
)

const lowAlert = "PID|1||MRN-774411^^^HOSP^MR||Quillfeather^Zyxanda||19470603|F\rPV1|1|I|ICU^2^23\rOBR|1||al-1|196616^MDC_EVT_ALARM^MDC\r" +
	"OBX|1|CWE|196616^MDC_EVT_ALARM^MDC|1.0.0.0.1|196670^MDC_EVT_LO^MDC\rOBX|2|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.0.0.0.3|start\r" +
	"OBX|3|ST|68483^MDC_ATTR_ALARM_INACTIVATION_STATE^MDC|1.0.0.0.5|audio-paused\rOBX|4|ST|68484^MDC_ATTR_ALARM_PRIORITY^MDC|1.0.0.0.6|PH\r" +
	"OBX|5|ST|68546^MDC_ATTR_ALERT_TEXT^MDC|1.0.0.0.8|SpO2 far too low"

// The alerts page is told of an alert as it is reported; then it says its
// priority by sign and words, what mutes it and how long it has been on, leads
// to its history, and says when its source falls silent, not that it ended
// (R21, R53).
func TestAlertsPageIsTold(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "vera", "viewer")
	stream, _, err := websocket.Dial(t.Context(), strings.Replace(h.App.ConsoleURL(), "https:", "wss:", 1)+"/alerts/stream", &websocket.DialOptions{HTTPClient: r.http})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.CloseNow()
	h.Send("ORU^R40^ORU_R40", lowAlert)
	if _, text, err := stream.Read(t.Context()); err != nil || !strings.Contains(string(text), `"again":true`) || strings.Contains(string(text), "SpO2") {
		t.Fatalf("the stream says %s %v", text, err)
	}
	get := func(path string) string {
		t.Helper()
		p := r.get(path)
		if p.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", path, p.Status)
		}
		return p.body
	}
	has := func(body string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(body, w) {
				t.Errorf("the page does not say %q", w)
			}
		}
	}
	body := get("/alerts")
	has(body, "SpO2 far too low", "!!!", "High priority", "Sound paused", `data-at="`, "1 active alert, 1 of high priority")
	if strings.Contains(body, "Silent sources") {
		t.Error("a source that was just heard is silent")
	}
	has(get("/live"), "SpO2 far too low", "!!!", "Sound paused", `data-heard="`)
	if strings.Contains(get("/alerts?priority=high"), "No alert is active") {
		t.Error("the filter hides an alert of high priority")
	}

	var rows []service.AlertRow
	h.Call("alert.list", service.AlertAsk{Active: true}, &rows)
	if len(rows) != 1 {
		t.Fatalf("%d alerts", len(rows))
	}
	has(get("/alerts/"+rows[0].Key), "SpO2 far too low", "Its life", "Muted at the device", "Began")

	h.App.Service().Now = func() time.Time { return time.Now().Add(time.Hour) }
	has(get("/alerts"), "Silent sources", "Source silent since", "1 source silent", "SpO2 far too low")
	has(get("/alerts/"+rows[0].Key), "whether it goes on, nobody knows")
}
