package web_test

import (
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/service"
)

// called gives the id of the one device that a number names.
func called(t *testing.T, h *apptest.House, number string) string {
	t.Helper()
	var l service.List[service.DeviceRow]
	h.Call("device.list", service.DeviceAsk{Text: number}, &l)
	if len(l.Rows) != 1 {
		t.Fatalf("%d devices are called %s", len(l.Rows), number)
	}
	return string(l.Rows[0].ID)
}

// A device is blocked and let go again: one in use only when somebody says that
// its patients are watched; how it is says so everywhere (R11, R29).
func TestBlockInTheConsole(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	id := called(t, h, "MON-1")
	viewer := signedIn(t, h, "vera", "viewer")
	if p := viewer.get("/inbox"); strings.Contains(p.body, "Block the chosen") || strings.Contains(viewer.get("/devices/"+id).body, "/block") {
		t.Error("a viewer is offered to block")
	}
	viewer.post("/inbox/block", "id", id, "reason", "mine").want(t, 403)

	r := signedIn(t, h, "edda", "engineer")
	r.post("/inbox/block", "reason", "none chosen").want(t, 422, "choose at least one device")
	r.post("/inbox/block", "id", id, "reason", "not ours").want(t, 422, "is in use", "patient depends")
	r.post("/devices/"+id+"/block", "reason", "not ours", "hours", "-1", "force", "1").want(t, 422, "no number of hours", `class="reason again" open`)
	p := r.follow(r.post("/devices/"+id+"/block", "reason", "sends under a false name", "hours", "2", "force", "1"))
	p.want(t, 200, "The device is blocked", "Blocked by", "sends under a false name", "End the block", `action="/devices/`+id+`/unblock"`)
	r.get("/devices?state=blocked").want(t, 200, id, "Blocked")
	r.get("/tasks").want(t, 200, "Blocked")
	r.get("/inbox").want(t, 200, id)
	r.follow(r.post("/devices/"+id+"/unblock", "reason", "checked", "send", "1")).want(t, 200, "The block has ended")
	if strings.Contains(r.get("/devices?state=blocked").body, id) {
		t.Error("it is still said to be blocked")
	}
}

// A stranger is said to be a known device, and that is taken back (R11, R30).
func TestMergeInTheConsole(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	known, stranger := called(t, h, "MON-1"), called(t, h, "MON-2")
	r := signedIn(t, h, "edda", "engineer")
	r.post("/devices/"+stranger+"/merge", "into", "MON-1", "reason", "new card").want(t, 422, "no adopted device is called so")
	r.follow(r.post("/devices/"+known+"/adopt", "reason", "ours")).want(t, 200, "The device is adopted.")
	p := r.follow(r.post("/devices/"+stranger+"/merge", "into", "MON-1", "reason", "new card"))
	p.want(t, 200, "It is another name of this device now", "Other names", "MON-2", "new card", `action="/devices/`+stranger+`/separate"`)
	if strings.Contains(r.get("/inbox").body, stranger) {
		t.Error("it still waits in the inbox")
	}
	r.get("/devices/"+stranger).want(t, 200, "Other names", known) // its own address leads there
	r.follow(r.post("/devices/"+stranger+"/separate", "reason", "two machines")).want(t, 200, "They are two devices again.")
	r.get("/inbox").want(t, 200, stranger)
	r.post("/inbox/merge", "pair", "damaged", "reason", "x").want(t, 422, "the form is damaged")
	r.follow(r.post("/devices/"+stranger+"/merge", "into", known, "reason", "one after all")).want(t, 200, "Other names")
}
