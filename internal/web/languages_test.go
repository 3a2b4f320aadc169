package web_test

import (
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
)

// A fault is explained in the reader's language, and its own words stay beside
// it; an English reader sees these alone (R53).
func TestFaultsInTheReadersLanguage(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	id := called(t, h, "MON-1")
	r := signedIn(t, h, "edda", "engineer")
	if p := r.post("/devices/"+id+"/block", "reason", "not ours"); strings.Contains(p.body, `class="problem-detail`) {
		t.Error("English is said twice")
	}
	r.post("/preferences", "language", "de", "back", "/devices")
	r.post("/devices/"+id+"/block", "reason", "not ours").want(t, 422, "Das Gerät ist in Gebrauch", "Sorgen Sie dafür", `lang="en"`, "is in use: 1 patient depends", "service.device-in-use")
	r.post("/devices/"+id+"/block", "reason", "not ours", "hours", "-1", "force", "1").want(t, 422, "Ein Wert einer Anfrage ist nicht lesbar. (", "no number of hours")
	r.get("/issues").want(t, 200, "Ein Wert soll eine Zahl sein und ist keine")
	r.post("/preferences", "language", "fr", "back", "/devices")
	r.post("/devices/"+id+"/block", "reason", "not ours").want(t, 422, "L&#39;appareil est en service", "Veillez à ce que", `lang="en"`)
}
