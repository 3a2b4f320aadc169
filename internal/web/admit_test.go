package web_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
)

// R6, R40: a device's credential is made in the console, its secret shown in
// that answer alone, and revoked there.
func TestCredentials(t *testing.T) {
	h := apptest.Start(t)
	r := signedIn(t, h, "ada", "administrator")
	r.get("/credentials").want(t, 200, "No credentials yet", "Make a credential")
	r.post("/credentials/create", "id", "scale-1", "reason", " ").want(t, 422, "say why", `value="scale-1"`)
	p := r.post("/credentials/create", "id", "scale-1", "note", "scales of ward 3", "life", "90", "publish", "ward/3/scales", "reason", "new scales")
	p.want(t, 200, "scale-1", "scales of ward 3", "ward/3/scales")
	secret := regexp.MustCompile(`thd_[A-Za-z0-9_-]+`).FindString(p.body)
	if secret == "" {
		t.Fatalf("no secret is shown: %s", p.body)
	}
	p = r.get("/credentials")
	p.want(t, 200, "1 credential", "Valid")
	if strings.Contains(p.body, secret) {
		t.Error("the secret is shown again")
	}
	r.get("/credentials?device=dev-none").want(t, 200, "No credentials yet", "dev-none")
	r.post("/credentials/scale-1/revoke", "reason", "").want(t, 422, "say why")
	r.follow(r.post("/credentials/scale-1/revoke", "reason", "scales were lost")).want(t, 200, "The credential is revoked", "Revoked")
	r.post("/credentials/none/revoke", "reason", "gone").want(t, 404)
	p = r.post("/credentials/create", "kind", "certificate", "id", "pump-1", "reason", "new pump")
	p.want(t, 200, "BEGIN CERTIFICATE", "PRIVATE KEY")
	viewer := signedIn(t, h, "vic", "viewer")
	viewer.post("/credentials/create", "id", "x", "reason", "curious").want(t, 403)
	if made := h.Audited("credential.create"); len(made) < 2 || strings.Contains(fmt.Sprint(made), secret) {
		t.Errorf("the audit lacks what was made, or has its secret: %d records", len(made))
	}
}

// R8: whom Bluetooth channels hear; nobody where there is none.
func TestPairings(t *testing.T) {
	h := apptest.Start(t)
	r := signedIn(t, h, "ada", "administrator")
	r.get("/pairings").want(t, 200, "No Bluetooth device is near", `href="/channels"`)
	r.post("/pairings/none/00:11:22:33:44:55/accept", "reason", "new cuff").want(t, 404)
	viewer := signedIn(t, h, "vic", "viewer")
	viewer.post("/pairings/none/00:11:22:33:44:55/accept", "reason", "curious").want(t, 403)
}
