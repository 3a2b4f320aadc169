package service_test

import (
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/service"
)

func monitorProfile(version, derive string) map[string]string {
	return map[string]string{"profile.yaml": "profile: acme/ward\nversion: " + version + "\ntitle: made for a test\ncodec: hl7v2\napplies_to: {sender: '*'}\nevidence: [{document: this test}]\n" + derive}
}

// TestProfileInForce tries a profile on what is stored, brings it in force,
// goes back, and takes it away (R12).
func TestProfileInForce(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	rename := "quirks: [{id: r, says: renames everything, evidence: this test, when: 'true', set: {simulated: 'true'}, silent: true}]\n"
	var trial service.Trial
	h.Call("profile.try", service.TryProfile{Files: monitorProfile("1", rename)}, &trial)
	if trial.Messages == 0 || trial.Changed == 0 || len(trial.Kinds) == 0 || trial.Changed > trial.Messages {
		t.Fatalf("%+v", trial)
	}
	put := func(version, more string) error {
		return h.Door().Call(t.Context(), "profile.put", &service.PutProfile{Files: monitorProfile(version, more), Reason: "test"}, nil)
	}
	for _, c := range []struct {
		version, more string
		code          string
	}{{"1", "", ""}, {"1", rename, "service.profile-version"}, {"2", rename, ""}, {"3", "nonsense: 1\n", "conf.unknown-key"}} {
		if err := put(c.version, c.more); (err == nil) != (c.code == "") || err != nil && fault.CodeOf(err) != c.code {
			t.Errorf("version %s: %v", c.version, err)
		}
	}
	var page service.ProfilePage
	h.Call("profile.get", service.ProfileAsk{ID: "acme/ward"}, &page)
	if page.Version != 2 || !page.Own || len(page.Versions) != 2 || page.Files["profile.yaml"] == "" {
		t.Errorf("%+v", page)
	}
	h.Call("profile.rollback", service.RollbackProfile{ID: "acme/ward", Reason: "test"}, nil)
	h.Call("profile.get", service.ProfileAsk{ID: "acme/ward"}, &page)
	if page.Version != 1 || len(page.Versions) != 3 {
		t.Errorf("after going back: %d of %d versions", page.Version, len(page.Versions))
	}
	h.Call("profile.remove", service.Remove{ID: "acme/ward", Reason: "test"}, nil)
	if err := h.Door().Call(t.Context(), "profile.get", &service.ProfileAsk{ID: "acme/ward"}, &page); fault.KindOf(err) != fault.Absent {
		t.Error(err)
	}
}
