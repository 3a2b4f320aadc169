package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// stream opens the stream of the live beds as this reader's browser would.
func (r *reader) stream(query string) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), 60*time.Second)
	defer cancel()
	return websocket.Dial(ctx, strings.Replace(r.h.App.ConsoleURL(), "https:", "wss:", 1)+"/live/stream"+query, &websocket.DialOptions{HTTPClient: r.http})
}

type heard struct {
	Bed    string
	Values []struct{ Key, Text string }
}

// hears gives the next news of the stream that holds values.
func (r *reader) hears(c *websocket.Conn) heard {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 60*time.Second)
	defer cancel()
	for {
		_, text, err := c.Read(ctx)
		if err != nil {
			r.t.Fatal(err)
		}
		var n heard
		if err := json.Unmarshal(text, &n); err != nil {
			r.t.Fatal(err)
		}
		if len(n.Values) > 0 {
			return n
		}
	}
}

const zyxanda = "PID|1||MRN-774411^^^HOSP^MR||Quillfeather^Zyxanda||19470603|F\rPV1|1|I|ICU^2^23\r"

func heartRate(rate string) string {
	return zyxanda + "OBR|1|||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC\rOBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|" + rate + "|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||||||MON-1"
}

// Live beds show the last values, then what comes; each look is audited once.
func TestLiveBeds(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "vera", "viewer")

	p := r.get("/live")
	p.want(t, 200, "ICU · 2 · 23", "Quillfeather, Zyxanda", `data-code="MDC_ECG_HEART_RATE">72<`, `data-feed="dev-`, "Named in the device&#39;s messages, since", "/assets/live.", "/assets/wave.")
	if n := len(h.Audited("live.watch")); n != 0 {
		t.Errorf("%d streams are audited before one is open", n)
	}
	c, _, err := r.stream("")
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	h.Send("ORU^R01^ORU_R01", heartRate("88"))
	n := r.hears(c)
	if !strings.Contains(p.body, `data-bed="`+n.Bed+`"`) || n.Values[0].Key != "MDC_ECG_HEART_RATE" || n.Values[0].Text != "88" {
		t.Errorf("heard %+v", n)
	}
	h.Until("the stream is audited", func() bool { return len(h.Audited("live.watch")) == 1 })
	r.get("/live?place=ICU").want(t, 200, "Quillfeather")
	r.get("/live?place=ELSEWHERE").want(t, 200, "No bed sends values")
}

// Who is not signed in, and who comes from another site, hears nothing.
func TestStreamIsClosedToStrangers(t *testing.T) {
	h := apptest.Start(t)
	if _, res, err := visitor(t, h).stream(""); err == nil || res == nil || res.StatusCode == http.StatusSwitchingProtocols {
		t.Errorf("a stranger's stream: %v, %v", res, err)
	}
	r := signedIn(t, h, "vera", "viewer")
	_, res, err := websocket.Dial(t.Context(), strings.Replace(h.App.ConsoleURL(), "https:", "wss:", 1)+"/live/stream", &websocket.DialOptions{
		HTTPClient: r.http, HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}},
	})
	if err == nil || res == nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("a stream for another site: %v, %v", res, err)
	}
}

var patientLink = regexp.MustCompile(`/patients/(pat-[a-z0-9]+)`)

// A patient is found by name; name and number get into no address and title.
func TestPatients(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "vera", "viewer")
	r.get("/patients").want(t, 200, "In a bed now", "Quillfeather, Zyxanda")
	r.post("/patients", "text", "  ").want(t, 422, "type the beginning")
	r.post("/patients", "text", "nobody-of-that-name").want(t, 200, "Nobody is found")
	p := r.post("/patients", "text", "MRN-774411")
	p.want(t, 200, "1 patient found", "Quillfeather", "1947-06-03", "female")
	link := patientLink.FindString(p.body)
	p = r.get(link)
	p.want(t, 200, "Quillfeather, Zyxanda</h1>", "MRN-774411", "<title>Patient · Thalamus</title>", "Heart rate", "<path", "As a table", "Named in the device&#39;s messages", "ICU · 2 · 23")
	if link == "" || strings.Contains(link, "774411") {
		t.Errorf("the address of a patient is %q", link)
	}
	for _, span := range []string{"1h", "6h", "24h", "7d", "nonsense"} {
		r.get(link+"?span="+span).want(t, 200, "Heart rate")
	}
	r.get("/patients/pat-nobody").want(t, 404)
	for _, secret := range apptest.Private {
		if strings.Contains(h.Log.String(), secret) {
			t.Errorf("the log says %s", secret)
		}
	}
}

func TestAlertsPage(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "vera", "viewer")
	r.get("/alerts").want(t, 200, "No alert is active", "No alerts in this time")
	facet := func(n, kind, code, value string) string {
		return "OBX|" + n + "|" + kind + "|" + code + "|1.1.0.0." + n + "|" + value + "||||||F\r"
	}
	alarm := func(phase, state string) string {
		return zyxanda + "OBR|1||" + phase + "-1^SIM|196616^MDC_EVT_ALARM^MDC|||20260301080000+0000||||||||||||||||||||||A-1^SIM\r" +
			facet("1", "CWE", "196616^MDC_EVT_ALARM^MDC", "197334^MDC_EVT_VOL_INFUS_NEAR_COMP^MDC") +
			facet("2", "ST", "68481^MDC_ATTR_EVENT_PHASE^MDC", phase) + facet("3", "ST", "68482^MDC_ATTR_ALARM_STATE^MDC", state) +
			facet("4", "ST", "68484^MDC_ATTR_ALARM_PRIORITY^MDC", "PH")
	}
	h.Send("ORU^R40^ORU_R40", alarm("start", "active"))
	r.get("/alerts").want(t, 200, "alarm-high", "High priority", "Quillfeather", "ICU · 2 · 23")
	r.get("/live").want(t, 200, "alarm-high")
	h.Send("ORU^R40^ORU_R40", alarm("end", "inactive"))
	r.get("/alerts").want(t, 200, "No alert is active", "High priority")
}

var deviceLink = regexp.MustCompile(`/devices/(dev-[a-z0-9]+)`)

// A device is adopted from the wire, named, released; what two people do at
// once loses nothing, and who may not is told so.
func TestAdoptFromTheWire(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	viewer := signedIn(t, h, "vera", "viewer")
	p := viewer.get("/inbox")
	p.want(t, 200, "devices wait")
	if strings.Contains(p.body, "Adopt the chosen") {
		t.Error("a viewer is offered to adopt")
	}
	id := strings.TrimPrefix(deviceLink.FindString(p.body), "/devices/")
	viewer.post("/inbox", "id", id, "reason", "mine").want(t, 403)

	r := signedIn(t, h, "edda", "engineer")
	r.post("/inbox", "reason", "none chosen").want(t, 422, "choose at least one device")
	p = r.follow(r.post("/inbox", "id", id, "reason", "delivered today"))
	p.want(t, 200, "1 device is adopted.", `action="/inbox/back"`)
	if strings.Contains(p.body, `value="`+id+`" aria-label`) {
		t.Error("it still waits")
	}
	r.follow(r.post("/inbox/back", "ids", id)).want(t, 200, "taken back", id)
	r.follow(r.post("/devices/"+id+"/adopt", "reason", "for good")).want(t, 200, "The device is adopted.", "Adopted", "/release")

	form := r.get("/devices/" + id)
	version := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(form.body)
	if version == nil {
		t.Fatal("the form knows no version")
	}
	r.follow(r.post("/devices/"+id+"/assert", "version", version[1], "name", "Monitor 7", "place", "ICU^2^23", "reason", "label")).want(t, 200, "Monitor 7</h1>", "kept")
	r.post("/devices/"+id+"/assert", "version", version[1], "name", "Monitor 8", "reason", "label").want(t, 422, "somebody changed it meanwhile", `value="Monitor 8"`)
	r.post("/devices/"+id+"/assert", "place", "a^b^c^d^e^f^g^h", "reason", "label").want(t, 422, "is not a place")
	r.follow(r.post("/devices/"+id+"/clock", "zone", "Europe/Berlin", "clock", "offset", "reason", "it stands an hour wrong")).want(t, 200, "Europe/Berlin", "Correct its times", "is kept")
	r.post("/devices/"+id+"/clock", "zone", "Europe/Nowhere", "reason", "it stands an hour wrong").want(t, 422, "is not a time zone", `value="Europe/Nowhere"`)
	r.get("/devices?text=monitor+7").want(t, 200, "1 device", "Monitor 7")
	r.get("/devices?text=no-such-device").want(t, 200, "No device is like that")
	r.get("/devices/dev-nothing").want(t, 404)

	// What it sent belongs to a patient: shown when asked for, and audited.
	before := len(h.Audited("message.get"))
	r.get("/devices/"+id).want(t, 200, "Show what it sent last")
	if n := len(h.Audited("message.get")); n != before {
		t.Error("the page of a device looks at a patient")
	}
	r.get("/devices/"+id+"?more=1").want(t, 200, "Components in its last message", "Last values")
	if n := len(h.Audited("message.get")); n == before {
		t.Error("a look at a patient is not audited")
	}
	h.Call("device.get", service.ID{ID: id}, nil)
}

// What could not be understood says what to do about it.
func TestIssuesPage(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "vera", "viewer")
	var groups []service.IssueGroup
	h.Call("issue.list", service.IssueAsk{}, &groups)
	if len(groups) == 0 {
		t.Fatal("the house has no issues")
	}
	p := r.get("/issues")
	for _, d := range fault.Catalogue() {
		if d.Code == groups[0].Code {
			p.want(t, 200, "<code>"+d.Code+"</code>", strings.ReplaceAll(d.ToDo, "'", "&#39;"))
		}
	}
	r.get("/issues?channel=none&since=1").want(t, 200, "Everything was understood", "Show all")
	r.get("/issues?code="+groups[0].Code+"&since=all&sort=-count").want(t, 200, groups[0].Code)
}
