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

// R12: what reads a device stands in the register, with its firmware outside
// of the profile's range; a profile of the program is gone back to.
func TestProfileOfADevice(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	send := func() {
		h.Send("ORU^R01^ORU_R01", "PID|1||MRN-774411^^^HOSP^MR||Quillfeather^Zyxanda||19470603|F\rOBR|1|||VITALS\r"+
			"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||MON-7^^MON-7^EUI-64\rOBX|3|ST|531975^MDC_ID_PROD_SPEC_SW^MDC|1.0.0.3|8.1||||||R\rOBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||||||MON-7^^MON-7^EUI-64")
	}
	files := func(version, software string) map[string]string {
		return map[string]string{"profile.yaml": "profile: ge/vc150\nversion: " + version + "\ntitle: of a test\ncodec: hl7v2\napplies_to: {sender: MON, software: '" + software + "'}\nevidence: [{document: this test}]\n"}
	}
	reading := func() service.DeviceReading {
		t.Helper()
		var list service.List[service.DeviceRow]
		h.Call("device.list", service.DeviceAsk{Text: "MON-7"}, &list)
		if len(list.Rows) != 1 {
			t.Fatalf("%+v", list)
		}
		var page service.DevicePage
		h.Call("device.get", service.ID{ID: string(list.Rows[0].ID)}, &page)
		return page.Reading
	}
	send()
	if r := reading(); r.Profile != "" {
		t.Errorf("%+v", r)
	}
	h.Call("profile.put", service.PutProfile{Files: files("2", ">=9"), Reason: "test"}, nil)
	send()
	send()
	r := reading()
	if r.Profile != "ge/vc150@2" || r.ID != "ge-vc150" || r.Messages != 2 || r.Range != ">=9" || r.Outside.IsZero() || !r.Outside.Equal(r.Since) {
		t.Errorf("%+v", r)
	}
	var page service.ProfilePage
	h.Call("profile.get", service.ProfileAsk{ID: "ge-vc150"}, &page)
	if page.Devices != 1 || page.Messages != 2 || page.Outside != 1 || len(page.Versions) != 2 || len(page.Cases) != 1 || page.Cases[0].OK || page.By == "" {
		t.Errorf("%+v", page)
	}
	var list service.List[service.DeviceRow]
	h.Call("device.list", service.DeviceAsk{Profile: "ge/vc150", Outside: true}, &list)
	if len(list.Rows) != 1 {
		t.Errorf("%+v", list)
	}
	var old service.ProfilePage
	h.Call("profile.get", service.ProfileAsk{ID: "ge/vc150", Version: 1}, &old)
	if old.Own || old.Version != 1 || old.Files["labels.csv"] == "" || !old.Cases[0].OK {
		t.Errorf("%+v", old)
	}
	h.Call("profile.rollback", service.RollbackProfile{ID: "ge/vc150", Reason: "test"}, nil)
	h.Call("profile.get", service.ProfileAsk{ID: "ge/vc150"}, &page)
	if page.Own || page.Version != 1 || len(page.Versions) != 1 {
		t.Errorf("%+v", page)
	}
}

// R12: the cases of a house's profile stay with it: they come back as they
// went, are kept by a version without any, and refuse one that breaks them.
func TestProfileKeepsItsCases(t *testing.T) {
	h := apptest.Start(t)
	files := func(version, more string, cases bool) map[string]string {
		f := map[string]string{"profile.yaml": "profile: acme/kept\nversion: " + version + "\ntitle: made for a test\ncodec: json\napplies_to: {channel: kept}\nevidence: [{document: this test}]\nobserve: [{code: MDC_ECG_HEART_RATE, value: hr, unit: '\"/min\"'" + more + "}]\n"}
		if cases {
			f["cases/one/input.json"], f["cases/one/expected.jsonl"] = `{"hr": 72}`, `{"field":"hr","code":"MDC_ECG_HEART_RATE","value":"72","unit":"/min"}`+"\n"
		}
		return f
	}
	put := func(r service.PutProfile) error {
		r.Reason = "test"
		return h.Door().Call(t.Context(), "profile.put", &r, nil)
	}
	get := func() (page service.ProfilePage) {
		t.Helper()
		h.Call("profile.get", service.ProfileAsk{ID: "acme/kept"}, &page)
		return page
	}
	if err := put(service.PutProfile{Files: files("1", "", true)}); err != nil {
		t.Fatal(err)
	}
	if page := get(); len(page.CaseFiles) != 2 || page.CaseFiles["cases/one/input.json"] != `{"hr": 72}` || len(page.Cases) != 1 || !page.Cases[0].OK {
		t.Errorf("%+v", page)
	}
	breaks := ", simulated: 'true'"
	if err := put(service.PutProfile{Files: files("2", breaks, false)}); fault.CodeOf(err) != "service.profile-cases" {
		t.Errorf("a version that breaks its cases: %v", err)
	}
	if page := get(); page.Version != 1 {
		t.Errorf("version %d is in force", page.Version)
	}
	if err := put(service.PutProfile{Files: files("2", breaks, false), DespiteCases: true}); err != nil {
		t.Fatal(err)
	}
	if page := get(); page.Version != 2 || len(page.CaseFiles) != 2 || len(page.Cases) != 1 || page.Cases[0].OK {
		t.Errorf("%+v", page)
	}
	// What the server keeps is what it tests, in force or not.
	test := func(r service.ProfileTest) (out service.ProfilesTested) {
		t.Helper()
		h.Call("profile.test", r, &out)
		return out
	}
	if got := test(service.ProfileTest{ID: "acme-kept"}); got.Good || len(got.Profiles) != 1 || got.Profiles[0].Profile != "acme/kept@2" || got.Profiles[0].Of != service.CasesOwn || len(got.Profiles[0].Cases) != 1 || got.Profiles[0].Cases[0].Problems[0].Line != 1 {
		t.Errorf("%+v", got)
	}
	if got := test(service.ProfileTest{ID: "acme/kept", Version: 1}); !got.Good || len(got.Profiles) != 1 || !got.Profiles[0].Cases[0].OK {
		t.Errorf("%+v", got)
	}
	if got := test(service.ProfileTest{Files: files("9", "", false)}); !got.Good || len(got.Profiles) != 1 || got.Profiles[0].Of != service.CasesOfHouse || !got.Profiles[0].Since.IsZero() {
		t.Errorf("%+v", got)
	}
	if got := test(service.ProfileTest{}); got.Good || len(got.Profiles) < 20 {
		t.Errorf("%d profiles, good %v", len(got.Profiles), got.Good)
	}
	for _, c := range []struct {
		ask  service.ProfileTest
		code string
	}{{service.ProfileTest{ID: "acme/nobody"}, "service.no-profile"}, {service.ProfileTest{ID: "acme/kept", Version: 7}, "service.no-profile"}, {service.ProfileTest{Version: 7}, "service.argument"},
		{service.ProfileTest{Files: map[string]string{"profile.yaml": "colour: blue"}}, "conf.unknown-key"}} {
		if err := h.Door().Call(t.Context(), "profile.test", &c.ask, nil); fault.CodeOf(err) != c.code {
			t.Errorf("%+v: %v", c.ask, err)
		}
	}
	said := h.Audited("profile.put")
	if last := said[0]; last.Object != "profile acme/kept@2, although its cases differ" || last.Reason != "test" {
		t.Errorf("%+v", last)
	}
}
