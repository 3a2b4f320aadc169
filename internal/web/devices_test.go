package web_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// anyDevice is a device of the furnished house.
func anyDevice(t *testing.T, r *reader) string {
	t.Helper()
	id := strings.TrimPrefix(deviceLink.FindString(r.get("/devices").body), "/devices/")
	if id == "" {
		t.Fatal("no device in the register")
	}
	return id
}

// R29, R53: a fact is said, stands with who said it, is undone, and what was
// believed stays; a decision counts before what is observed.
func TestFactsSaidAndUndone(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "edda", "engineer")
	id := anyDevice(t, r)
	about := "device/" + id
	page := "/facts?subject=" + url.QueryEscape(about) + "&name=owner"
	r.get(page).want(t, 200, "Nothing is known of this yet", "Say it", "Decide it")
	r.post("/facts/set", "subject", about, "name", "owner", "value", "ICU").want(t, 422, "say why")
	r.post("/facts/set", "subject", about, "name", "price", "value", "cheap", "reason", "order").want(t, 422, "expected a number", `value="cheap"`)
	p := r.follow(r.post("/facts/set", "subject", about, "name", "owner", "value", "Intensive care", "version", "1", "reason", "inventory"))
	r.post("/facts/set", "subject", about, "name", "owner", "value", "Theatre", "version", "1", "reason", "late").want(t, 422, "is at version 2, not 1", "Intensive care", `value="Theatre"`, `name="version" value="2"`)
	p.want(t, 200, "Owner: kept.", "Intensive care", `action="/changes/undo"`)
	change := regexp.MustCompile(`name="change" value="([^"]+)"`).FindStringSubmatch(p.body)
	r.get("/devices?cols=fact:owner&fact=owner%3DIntensive+care").want(t, 200, "1 device", "Owner: Intensive care")
	r.get("/devices/"+id).want(t, 200, "Whose it is", "Intensive care")
	r.follow(r.post("/changes/undo", "change", change[1], "back", page)).want(t, 200, "taken back", "Nothing is known of this yet", "Intensive care")
	r.get("/facts?subject="+url.QueryEscape(about)+"&known=2020-01-01").want(t, 200, "as it was believed on 2020-01-01", "Nothing was known of it")
	r.get("/facts?subject="+url.QueryEscape(about)+"&known=soon").want(t, 400, "give a day")
	r.get("/facts?subject=device/dev-nothing").want(t, 404)
	r.get(page[:len(page)-5]+"nothing").want(t, 404, "there is no fact")

	// A place said as a fact stands with the device as well, also when undone.
	p = r.follow(r.post("/scan/do", "do", "move", "to", "ER^1^2", "device", id))
	p.want(t, 200, "is moved to ER · 1 · 2", "scanned last")
	change = regexp.MustCompile(`name="change" value="([^"]+)"`).FindStringSubmatch(p.body)
	r.get("/devices/"+id).want(t, 200, `value="ER^1^2"`)
	r.follow(r.post("/changes/undo", "change", change[1], "back", "//evil.example")).want(t, 200, "taken back")
	if strings.Contains(r.get("/devices/"+id).body, `value="ER^1^2"`) {
		t.Error("the place stands although the move was taken back")
	}
	signedIn(t, h, "vera", "viewer").post("/facts/set", "subject", about, "name", "owner", "value", "x", "reason", "y").want(t, 403)
}

// R30: an inventory by scanner, a label nobody knew, a loan.
func TestScanner(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "otto", "operator")
	id := anyDevice(t, r)
	h.Call("device.assert", service.DeviceAssert{DeviceAct: service.DeviceAct{ID: model.DeviceID(id)}, Place: "ER^7"}, nil)
	r.get("/scan").want(t, 200, "Scan a label", "autofocus")
	r.get("/scan?do=count").want(t, 200, "Where is counted")
	r.post("/scan", "do", "find", "text", "").want(t, 422, "nothing was scanned")

	unknown := r.post("/scan", "do", "find", "text", "(01)09506000134352(21)77")
	unknown.want(t, 200, "Nobody knows this label", "09506000134352", "On which device does it stand?")
	r.post("/scan", "do", "find", "text", "(01)09506000134353(21)77").want(t, 200, "It looks like a UDI, but")
	r.post("/scan/whose", "do", "find", "label", "(01)09506000134352(21)77", "search", id).want(t, 200, "It is its UDI")
	r.follow(r.post("/scan/label", "do", "find", "label", "(01)09506000134352(21)77", "name", "udi", "device", id)).want(t, 200, "UDI: kept.", "scanned last")
	found := r.post("/scan", "do", "find", "text", "(01)09506000134352(21)77")
	if to := found.Header.Get("Location"); found.StatusCode != 303 || !strings.Contains(to, id) || strings.Contains(to, "0950600") {
		t.Errorf("the label leads to %d %s", found.StatusCode, to)
	}

	r.post("/scan", "do", "lend", "text", id).want(t, 422, "to whom")
	r.follow(r.post("/scan", "do", "lend", "borrower", "Ward 7", "return-by", "2099-01-01", "text", id)).want(t, 200, "is lent to Ward 7", "2099-01-01")
	r.follow(r.post("/scan", "do", "return", "text", id)).want(t, 200, "is back")

	p := r.follow(r.post("/scan", "do", "count", "at", "ER", "text", id))
	p.want(t, 200, "is counted", "scanned last")
	r.follow(r.post("/scan", "do", "count", "at", "ER", "text", id)).want(t, 200, "it was so already")
	file := r.get("/scan/count.csv?at=ER")
	if !strings.HasPrefix(file.Header.Get("Content-Type"), "text/csv") || !strings.Contains(file.body, id) {
		t.Errorf("the file says %q", file.body)
	}
	r.get("/scan/count.csv").want(t, 400, "say where")
}

// R53: columns and views belong to the account, so another browser has them too,
// and files have what is seen.
func TestRegisterOfOnesOwn(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "vera", "viewer")
	p := r.follow(r.post("/devices/columns", "col", "serial", "back", "/devices?text=e"))
	p.want(t, 200, "Serial number</th>")
	if strings.Contains(p.body, "Last heard</th>") {
		t.Error("a column that was not chosen is shown")
	}
	r.follow(r.post("/views", "page", "/devices", "name", "Silent ones", "query", "state=silent")).want(t, 200, "Silent ones", "/views/remove")
	r.get("/devices").want(t, 200, `href="/devices?state=silent"`)
	r.get("/devices?state=online").want(t, 200, "Save this view", `value="cols=serial&amp;state=online"`)
	r.post("/views", "page", "/devices", "name", "", "query", "").want(t, 400, "give the view a name")
	r.follow(r.post("/views/remove", "page", "/devices", "name", "Silent ones", "back", "//evil.example"))
	if strings.Contains(r.get("/devices").body, "Silent ones") {
		t.Error("a removed view is still there")
	}
	file := r.get("/devices.csv?cols=serial+state")
	if !strings.HasPrefix(file.body, "Id,Name,Maker,Model,State,Serial number\r\n") || strings.Count(file.body, "\r\n") < 2 {
		t.Errorf("the file says %q", file.body)
	}
	r.get("/devices.csv?state=nonsense").want(t, 400)
	r.get("/devices?state=nonsense").want(t, 400)
	r.get("/tasks?kind=silent").want(t, 200, "Tasks")
	r.get("/models").want(t, 200, "Models")
}
