package service_test

import (
	"crypto/tls"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// R41, R43: a credential's secret is shown once and stored nowhere; it is
// rotated, revoked and listed, and a certificate does as well.
func TestCredentials(t *testing.T) {
	h := apptest.Start(t)
	call := func(name string, request, response any) error {
		return h.Door().Call(t.Context(), name, request, response)
	}
	var made, again, cert service.CredentialMade
	h.Call("credential.create", service.CredentialCreate{ID: "pump-7", Reason: "new pump"}, &made)
	if !strings.HasPrefix(made.Secret, "thd_") || made.Credential.State != "good" || made.Credential.Publish[0] != "devices/%u/#" {
		t.Errorf("%+v", made)
	}
	if err := call("credential.create", service.CredentialCreate{ID: "pump-7"}, nil); fault.CodeOf(err) != "register.credential-taken" {
		t.Error(err)
	}
	if err := call("credential.create", service.CredentialCreate{ID: "x", Device: "dev-none"}, nil); fault.KindOf(err) != fault.Absent {
		t.Error(err)
	}
	if err := call("credential.create", service.CredentialCreate{ID: "x", PEM: "no"}, nil); fault.CodeOf(err) != "service.certificate" {
		t.Error(err)
	}
	h.Call("credential.rotate", service.CredentialRotate{ID: "pump-7", Overlap: model.Duration(time.Hour)}, &again)
	if again.Secret == made.Secret || again.Credential.EarlierUntil.IsZero() {
		t.Errorf("%+v", again)
	}
	h.Call("credential.create", service.CredentialCreate{ID: "gw", Certificate: true}, &cert)
	if _, err := tls.X509KeyPair([]byte(cert.Certificate), []byte(cert.Key)); err != nil || cert.Secret != "" {
		t.Error(err)
	}
	var own service.CredentialMade
	if err := call("credential.create", service.CredentialCreate{ID: "gw2", PEM: cert.Certificate}, &own); fault.CodeOf(err) != "register.credential-taken" {
		t.Error(err)
	}
	h.Call("credential.revoke", service.Remove{ID: "gw", Reason: "stolen"}, nil)
	if err := call("credential.rotate", service.CredentialRotate{ID: "gw"}, nil); fault.CodeOf(err) != "service.credential-revoked" {
		t.Error(err)
	}
	var list []service.CredentialRow
	h.Call("credential.list", service.CredentialAsk{}, &list)
	text, err := json.Marshal(list)
	if err != nil || len(list) != 2 || list[0].State != "revoked" || list[0].Kind != "certificate" || list[1].State != "good" || strings.Contains(string(text), made.Secret) {
		t.Errorf("%s %v", text, err)
	}
	for _, r := range h.Audited("credential.create") {
		if strings.Contains(r.Object+r.Reason, "thd_") {
			t.Error("a secret stands in the audit")
		}
	}
}
