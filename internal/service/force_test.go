package service_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/audit"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/service"
)

func expect(t *testing.T, what string, err error, kind fault.Kind, code string) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s %s", what, err, kind, code)
	}
}

func versionOf[T any](h *apptest.House, noun string, id service.ID) int64 {
	var v register.Versioned[T]
	h.Call(noun+".get", id, &v)
	return v.Version
}

func export(h *apptest.House) string {
	var text service.ConfigText
	h.Call("config.export", nil, &text)
	return text.Text
}

// taken is an address somebody else listens on.
func taken(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// A change that cannot be brought in force is undone: a port in use leaves
// everything as it was, in the store and on the wire, and the audit says so.
func TestPortInUseChangesNothing(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	before := export(h)
	busy := taken(t)
	channel := model.Channel{ID: "second", Driver: "mllp", Codec: "hl7v2", Settings: map[string]any{"listen": busy}}
	ward := model.Channel{ID: "ward", Driver: "mllp", Codec: "hl7v2", Settings: map[string]any{"listen": busy}}
	for _, c := range []struct {
		what, op string
		request  any
	}{
		{"a new channel", "channel.put", service.Put[model.Channel]{Value: channel}},
		{"a channel that moves", "channel.put", service.Put[model.Channel]{Value: ward}},
		{"a text", "config.apply", service.ConfigText{Text: strings.ReplaceAll(h.Ward(), "127.0.0.1:0", busy)}},
		{"a text with a good part", "config.apply", service.ConfigText{Text: strings.Replace(h.Ward(), "destinations:", "  - {id: second, driver: mllp, codec: hl7v2, settings: {listen: "+busy+"}}\ndestinations:\n  - {id: more, kind: file, settings: {folder: "+h.Out+", prefix: more}}", 1)}},
	} {
		err := h.Door().Call(t.Context(), c.op, c.request, nil)
		if err == nil || !strings.Contains(err.Error(), busy) {
			t.Errorf("%s: %v", c.what, err)
		}
		if after := export(h); after != before {
			t.Errorf("%s changed something:\n%s", c.what, after)
		}
		if r := h.Audited(c.op)[0]; r.Outcome != audit.Failed || r.FaultCode == "" {
			t.Errorf("%s: %+v", c.what, r)
		}
		h.Send("ORU^R01", "PID|1||MRN-774411^^^HOSP^MR") // the old link works
	}
}

// A channel that could not open when the program started keeps nobody from
// changing something else.
func TestOldFailureHoldsNobodyBack(t *testing.T) {
	h := apptest.Start(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	h.Call("channel.put", service.Put[model.Channel]{Value: model.Channel{ID: "old", Driver: "mllp", Codec: "hl7v2", Settings: map[string]any{"listen": address}}}, nil)
	h.Stop()
	if l, err = net.Listen("tcp", address); err != nil {
		t.Skip("another program took the port:", err)
	}
	defer l.Close()
	h.Again()
	var rows []service.ChannelRow
	h.Call("channel.list", nil, &rows)
	if len(rows) != 1 || rows[0].State != "failed" || !strings.Contains(rows[0].Text, address) {
		t.Fatalf("%+v", rows)
	}
	h.Call("channel.put", service.Put[model.Channel]{Value: model.Channel{ID: "new", Driver: "mllp", Codec: "hl7v2", Settings: map[string]any{"listen": "127.0.0.1:0"}}}, nil)
	if h.App.ChannelAddress("new") == "" {
		t.Error("the new channel is not open")
	}
	if err := h.Door().Call(t.Context(), "channel.put", service.Put[model.Channel]{Value: model.Channel{ID: "old", Name: "x", Driver: "mllp", Codec: "hl7v2", Settings: map[string]any{"listen": address}}}, nil); err == nil {
		t.Error("a channel that still cannot open was changed without a word")
	}
}

// What a route names cannot be removed, because the program could not start
// again with what is left.
func TestDestinationInUseStays(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	err := h.Door().Call(t.Context(), "destination.remove", service.Remove{ID: "archive"}, nil)
	expect(t, "removing a destination in use", err, fault.Conflict, "service.in-use")
	h.Call("route.remove", service.Remove{ID: "all"}, nil)
	h.Call("destination.remove", service.Remove{ID: "archive"}, nil)
	h.Again()
}

// Secrets leave the server in no answer, are kept when the placeholder comes
// back, and the caller's own values stay untouched.
func TestSecretsStay(t *testing.T) {
	h := apptest.Start(t)
	const token = "s3cr3t-bearer-W3"
	settings := map[string]any{"base_url": "http://127.0.0.1:1/fhir", "auth": "bearer", "token": token, "check": false, "headers": map[string]any{"X-Key": token}}
	put := service.Put[model.Destination]{Value: model.Destination{ID: "ehr", Kind: "fhir", Disabled: true, Settings: settings}}
	var v register.Versioned[model.Destination]
	h.Call("destination.put", put, &v)
	if v.Value.Settings["token"] != "(secret)" || v.Value.Settings["headers"] != "(secret)" || settings["token"] != token {
		t.Fatalf("%v %v", v.Value.Settings, settings)
	}
	v.Value.Name = "The EHR"
	mine := v.Value
	h.Call("destination.put", service.Put[model.Destination]{Value: mine, Version: v.Version}, &v)
	if mine.Settings["token"] != "(secret)" {
		t.Error("the secret came into the caller's hands")
	}
	stored, err := register.Destinations().Get(t.Context(), h.App.Service().Store, "ehr")
	if err != nil || stored.Value.Settings["token"] != token || stored.Value.Name != "The EHR" {
		t.Fatalf("%v %v", stored.Value, err)
	}
	text := export(h)
	var changes []service.ConfigChange
	h.Call("config.diff", service.ConfigText{Text: text}, &changes)
	if len(changes) != 0 {
		t.Errorf("its own export differs: %+v", changes)
	}
	h.Call("config.diff", service.ConfigText{Text: strings.Replace(text, "token: (secret)", "token: another-W3", 1)}, &changes)
	if len(changes) != 1 || changes[0].Key != "settings.token" || changes[0].Was != "(secret)" || changes[0].Now != "(another secret)" {
		t.Errorf("%+v", changes)
	}
	h.Call("config.apply", service.ConfigText{Text: strings.Replace(text, "token: (secret)", "token: another-W3", 1)}, &changes)
	if stored, _ = register.Destinations().Get(t.Context(), h.App.Service().Store, "ehr"); stored.Value.Settings["token"] != "another-W3" {
		t.Errorf("%v", stored.Value.Settings)
	}
	var history []register.Versioned[model.Destination]
	h.Call("destination.history", service.ID{ID: "ehr"}, &history)
	if len(history) != 3 || history[2].Value.Settings["token"] != "(secret)" {
		t.Errorf("%+v", history)
	}
	other := apptest.Start(t)
	err = other.Door().Call(t.Context(), "config.apply", service.ConfigText{Name: "ehr.yaml", Text: text}, nil)
	var f *fault.Fault
	if !errors.As(err, &f) || f.Code != "service.no-secret" || !strings.HasPrefix(f.Place, "ehr.yaml:") || !strings.HasSuffix(f.Place, "destinations[0].settings.headers") {
		t.Error(err)
	}
	for _, secret := range []string{token, "another-W3"} {
		for _, r := range h.Audited("") {
			forbid(t, "the audit", r.Object+r.Reason, []string{secret})
		}
		forbid(t, "the log", h.Log.String()+other.Log.String(), []string{secret})
	}
}
