package web_test

import (
	"bufio"
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/service"
)

// A patient is found by name, and the name gets into no address (R44).
func TestFindByName(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "vera", "viewer")

	p := r.post("/messages/find", "who", "quillf", "type", "ORU", "issues", "")
	to, err := url.Parse(p.Header.Get("Location"))
	if err != nil || p.StatusCode != 303 || to.Path != "/messages" || !strings.HasPrefix(to.Query().Get("patient"), "pat-") || to.Query().Get("type") != "ORU" {
		t.Fatalf("%d to %s", p.StatusCode, p.Header.Get("Location"))
	}
	p = r.get(to.String())
	p.want(t, 200, "Patient: Quillfeather, Zyxanda", "ORU^R01", "Show all")
	if strings.Contains(p.body, "Vrombaut") {
		t.Error("another patient's message is shown")
	}

	r.post("/messages/find", "who", "nobody-of-that-name", "type", "ORU").want(t, 422, "no patient", `value="nobody-of-that-name"`, `value="ORU"`, `aria-invalid="true"`)
	r.post("/messages/find", "from", "soonish").want(t, 422, "expected a time", `value="soonish"`)
	r.post("/messages/find", "who", "MRN-").want(t, 200, "Which patient?", "Quillfeather", "Vrombaut")

	r.post("/search", "text", "vrombaut").want(t, 200, "Vrombaut, Ottokar", `href="/patients/pat-`)
	r.post("/search", "text", "T0002").want(t, 200, `href="/messages/2"`)
	r.post("/search", "text", "3").want(t, 200, `href="/messages/3"`)
	r.post("/search", "text", "zzzz").want(t, 200, "Nothing found")
	for _, secret := range apptest.Private {
		if strings.Contains(h.Log.String(), secret) {
			t.Errorf("the log says %s", secret)
		}
	}
}

// R28: a message's whole way on one page, and once more with a reason.
func TestMessagePage(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "otto", "operator")
	r.get("/messages").want(t, 200, `href="/messages/2"`, "ORU^R01", "Quillfeather")
	p := r.get("/messages/2")
	p.want(t, 200,
		"As received", `title="OBX[2]-5 · Observation value">72<`, `role="listbox"`, // raw, explained
		"Quillfeather, Zyxanda", `href="/patients/pat-`, `href="/devices/dev-`, // decoded
		"MDC_ECG_HEART_RATE", "LOINC 8867-4", "MDC_DIM_BEAT_PER_MIN", "/min", // normalised
		"archive", "Owed", // routed
		"Each delivery with its acknowledgement", // delivered
	)
	r.get("/messages/4").want(t, 200, "Issues", "What to do", "OBX[2]")

	p = r.post("/messages/2/replay", "reason", "  ")
	p.want(t, 422, "say why", `aria-invalid="true"`, "<details class=\"reason again\" open")
	p = r.follow(r.post("/messages/2/replay", "reason", "the archive was lost"))
	p.want(t, 200, "Replay 1 delivers the message again.")
	if strings.Contains(r.get("/messages/2").body, "delivers the message again") {
		t.Error("a toast is shown twice")
	}
	h.Until("it is delivered twice", func() bool { return strings.Count(r.get("/messages/2").body, "Delivered</span>") >= 2 })

	if p := r.get("/messages/2/bytes"); !strings.HasPrefix(p.body, "MSH|") || !strings.HasPrefix(p.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("download: %v %q", p.Header, p.body)
	}
	if strings.Contains(p.body, "/redact") {
		t.Error("an operator is offered to remove a payload")
	}

	admin := signedIn(t, h, "ada", "administrator")
	var segments []service.JournalSegment
	h.Call("hold.list", nil, &segments)
	p = admin.post("/messages/2/redact", "reason", "request of the data subject")
	if p.StatusCode == 303 {
		p = admin.follow(p)
		p.want(t, 200, "The payload was removed", "Hash in the journal")
		if strings.Contains(p.body, "OBX[2]-5") {
			t.Error("the payload is still shown")
		}
	} else {
		p.want(t, 422)
		t.Logf("not redacted: %d segments", len(segments))
	}
}

// Colours and language are kept in a cookie, without scripts.
func TestPreferences(t *testing.T) {
	h := apptest.Start(t)
	r := signedIn(t, h, "vera", "viewer")
	r.get("/").want(t, 200, `data-theme="auto"`)
	p := r.post("/preferences", "theme", "dark", "back", "/messages")
	if p.Header.Get("Location") != "/messages" {
		t.Errorf("led to %s", p.Header.Get("Location"))
	}
	r.get("/").want(t, 200, `data-theme="dark"`)
	r.post("/preferences", "theme", "<script>", "language", "tlh")
	r.get("/").want(t, 200, `data-theme="dark"`, `lang="en"`)
	if p := r.post("/preferences", "theme", "light", "back", "//evil.example"); p.Header.Get("Location") != "/" {
		t.Errorf("led to %s", p.Header.Get("Location"))
	}
}

// A region is read again without its frame when something was recorded.
func TestLive(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "vera", "viewer")
	part := r.get("/", "HX-Request", "true")
	part.want(t, 200, `id="overview"`, `hx-trigger="recorded from:#changes, changed from:#changes"`)
	if strings.Contains(part.body, "<html") {
		t.Error("the frame came along")
	}

	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	answer, err := r.http.Do(r.request("GET", "/events", nil).WithContext(ctx))
	if err != nil || answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%v %v", answer, err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for sent := false; lines.Scan(); {
		if !sent {
			h.Send("ORU^R01^ORU_R01", "PID|1||MRN-774411^^^HOSP^MR")
			sent = true
		}
		if lines.Text() == "event: recorded" {
			return
		}
	}
	t.Error("no event:", lines.Err())
}
