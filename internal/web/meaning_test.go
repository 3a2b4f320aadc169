package web_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
)

// R15: a label nobody knows is mapped in one step, audited; what was stored is
// read again; the mapping is taken back.
func TestLabelPages(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	now := time.Now().UTC().Format("20060102150405") + "+0000"
	h.Send("ORU^R01^ORU_R01", "PID|1||MRN-885522^^^HOSP^MR||Vrombaut^Ottokar||19610412|M\rOBR|1||||||"+now+"\rOBX|1|NM|4711^Sp02 finger^99ACME|1|97|%^%^UCUM|||||F|||"+now)
	r := signedIn(t, h, "ines", "administrator")
	p := r.get("/labels")
	p.want(t, 200, "Sp02 finger", "97", "Oxygen saturation (pulse oximetry)", "1 label waits")
	to := regexp.MustCompile(`/labels/new-[0-9a-f]+`).FindString(p.body)
	r.get(to).want(t, 200, "MDC_PULS_OXIM_SAT_O2", "Evidence: ", "can be in %", "Everything on channel ward")
	r.get("/labels/new-0").want(t, 404, "no message that was looked at holds this label")
	r.get("/messages/5").want(t, 200, `href="/labels?message=5.0"`, "no profile: by its standard alone")
	r.get("/labels?message=5.0").want(t, 200, "Sp02 finger", "Message 5.0")
	r.post(to+"/search", "text", "Herzfrequenz").want(t, 200, "MDC_ECG_HEART_RATE", "cannot be in %")
	r.post(to+"/map", "scope", "channel", "reason", "manual").want(t, 422, "choose what the label means", `value="manual"`)
	r.post(to+"/map", "code", "MDC_PULS_OXIM_SAT_O2", "scope", "channel").want(t, 422, "say why")
	made := r.post(to+"/map", "code", "MDC_PULS_OXIM_SAT_O2", "scope", "channel", "only-unit", "1", "reason", "manual, page 12")
	mapping := made.Header.Get("Location")
	r.follow(made).want(t, 200, "The label is mapped.", "channel ward, only values in %", "Find the stored messages", "Undo")
	if body := r.get("/labels").body; strings.Contains(body, "/labels/new-") || !strings.Contains(body, mapping) {
		t.Error("a mapped label still waits")
	}
	r.post(mapping+"/stored").want(t, 200, "1 stored message would say something else", "[Sp02 finger] in %", "MDC_PULS_OXIM_SAT_O2 in %")
	r.post(mapping+"/reread").want(t, 422, "say why")
	again := r.post(mapping+"/reread", "reason", "mapped")
	r.follow(again).want(t, 200, "Replay 1", "is read again")
	h.Until("it is read again", func() bool {
		return strings.Contains(r.get(again.Header.Get("Location")).body, "MDC_PULS_OXIM_SAT_O2 in %")
	})
	r.get("/messages/5").want(t, 200, "Read again", "What replay 1 reads differently", "MDC_PULS_OXIM_SAT_O2 in % = 97")
	r.follow(r.post(mapping+"/unmap", "reason", "it was the pulse")).want(t, 200, "This mapping was taken back")
	r.get(mapping+"?tab=history").want(t, 200, "it was the pulse", "Taken back")
	r.get("/audit?action=label.").want(t, 200, "manual, page 12", "it was the pulse")
	for _, path := range []string{mapping, again.Header.Get("Location")} {
		checkPage(t, path, r.get(path))
	}

	viewer := signedIn(t, h, "vera", "viewer")
	if body := viewer.get(to).body; strings.Contains(body, "/map\"") {
		t.Error("a viewer is offered to map a label")
	}
	if p := viewer.post(to+"/map", "code", "MDC_TEMP", "scope", "all", "reason", "x"); p.StatusCode != 403 {
		t.Errorf("a viewer maps a label: %d", p.StatusCode)
	}
}

// R12: a profile is tried before it comes into force, and gone back from; what
// is wrong shows with line and column.
func TestProfilePages(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "ines", "administrator")
	r.get("/profiles").want(t, 200, "28 profiles in force", `href="/profiles/ge-vc150"`, "Not tried on hardware")
	r.get("/profiles/ge-vc150").want(t, 200, "sends numbers as ST", "As expected", "labels.csv", "came with the program")
	r.get("/profiles/ge-vc150/edit").want(t, 200, "version: 2", "RESPRate;MDC_RESP_RATE;/min")
	r.get("/profiles/nobody-knows").want(t, 404)
	r.get("/new/profile?name=acme/watch&codec=json").want(t, 200, "profile: acme/watch", "label;code;unit_in;missing")
	r.get("/new/profile?name=Acme&codec=json").want(t, 400, "expected maker/model")
	text := func(version, more string) string {
		return "profile: acme/ward\r\nversion: " + version + "\r\ntitle: made for a test\r\ncodec: hl7v2\r\napplies_to: {sender: MON}\r\nevidence: [{document: this test}]\r\n" + more
	}
	quirk := "quirks: [{id: r, says: simulates, evidence: this test, when: 'true', set: {simulated: 'true'}, silent: true}]\r\n"
	form := func(version, more string, pairs ...string) []string {
		return append([]string{"id", "", "name", "acme/ward", "file", "profile.yaml", "profile", text(version, more)}, pairs...)
	}
	r.post("/profiles/try", form("1", "colour: blue\r\n")...).want(t, 422, "profile.yaml:7:1", "▸ 7", `aria-invalid="true"`, "colour: blue")
	r.post("/profiles/try", form("1", "", "limit", "many")...).want(t, 422, "expected a whole number")
	p := r.post("/profiles/try", form("1", quirk)...)
	p.want(t, 200, "What acme/ward@1 would change", "MDC_ECG_HEART_RATE in /min, simulated", "Bring in force")
	checkPage(t, "/profiles/try", p)
	r.get("/profiles/acme-ward").want(t, 404)
	r.post("/profiles/put", form("1", quirk)...).want(t, 422, "say why")
	r.follow(r.post("/profiles/put", form("1", quirk, "reason", "first")...)).want(t, 200, "Version 1 is in force.", "ines")
	r.post("/profiles/put", form("1", "", "reason", "again")...).want(t, 422, "count version up")
	r.follow(r.post("/profiles/put", form("2", "", "reason", "second")...)).want(t, 200, "@2", "Against version 1", "Roll back")
	c := r.get("/profiles/acme-ward/compare?from=1&to=2")
	c.want(t, 200, "2 taken away", "line del")
	checkPage(t, "/profiles/acme-ward/compare", c)
	r.get("/profiles/acme-ward/compare?from=1&to=7").want(t, 404)
	r.post("/profiles/acme-ward/rollback", "version", "1").want(t, 422, "say why")
	r.follow(r.post("/profiles/acme-ward/rollback", "version", "1", "reason", "was better")).want(t, 200, "Version 1 is in force again")
	h.Send("ORU^R01^ORU_R01", "PID|1||MRN-774411^^^HOSP^MR||Quillfeather^Zyxanda\rOBR|1\rOBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC||72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F")
	r.get("/messages/5").want(t, 200, `href="/profiles/acme-ward"`, "acme/ward@1")
	r.follow(r.post("/profiles/acme-ward/remove", "reason", "sold")).want(t, 200, "out of force")
	r.get("/audit?action=profile.").want(t, 200, "was better", "sold")
}
