package service_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/service"
)

// R15: a label nobody knows stands in the inbox with what is most like it; one
// act says what it means, messages are read so from then on, text carries it
// to another server, and one act takes it back.
func TestLabels(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	send := func() model.Observation {
		t.Helper()
		now := time.Now().UTC().Format("20060102150405") + "+0000"
		seq := h.Send("ORU^R01^ORU_R01", "PID|1||MRN-885522^^^HOSP^MR||Vrombaut^Ottokar||19610412|M\r"+
			"OBR|1||||||"+now+"\rOBX|1|NM|4711^Sp02 finger^99ACME|1|97|%^%^UCUM|||||F|||"+now+"\rOBX|2|NM|4712^Zorglub^99ACME|2|5|mg/dL^mg/dL^UCUM|||||F|||"+now+"\rOBX|3|NM|147842^MDC_ECG_HEART_RATE^MDC|3|1.1|furlong|||||F|||"+now+"\rOBX|4|NM|4714^Hkt^99ACME|4|41|%^%^UCUM|||||F|||"+now)
		var page service.MessagePage
		h.Call("message.get", service.Ref{Seq: seq}, &page)
		return page.Message.Observations[0]
	}
	if o := send(); o.Code.RefID != "" || o.Mapping().By != "" {
		t.Fatalf("%+v", o)
	}
	send()
	unknown := func() map[string]service.UnknownLabel {
		t.Helper()
		var in service.LabelInbox
		h.Call("label.list", service.LabelAsk{}, &in)
		all := map[string]service.UnknownLabel{}
		for _, u := range in.Unknown {
			all[u.Label] = u
		}
		if in.Messages == 0 || in.Since.IsZero() {
			t.Errorf("%+v", in)
		}
		return all
	}
	var terms []service.LabelCandidate
	h.Call("term.find", service.TermAsk{Text: "Sauerstoffsättigung", Unit: "%"}, &terms)
	if len(terms) == 0 || terms[0].Code != "MDC_PULS_OXIM_SAT_O2" || terms[0].Fits != "yes" || terms[0].Evidence == "" {
		t.Errorf("%+v", terms)
	}
	u, ok := unknown()["Sp02 finger"]
	if u.Devices != 1 || len(u.Examples) != 1 || u.Examples[0] != "97" || u.First.After(u.Last) || u.Mapped != "" || !strings.HasPrefix(u.ID, "new-") || u.Nearest[0].Evidence == "" {
		t.Errorf("%+v", u)
	}
	if !ok || u.Code != "4711" || u.Unit != "%" || u.Channel != "ward" || u.Count != 2 || len(u.Nearest) != 3 || u.Ref.Seq == 0 {
		t.Fatalf("%+v", u)
	}
	for label, want := range map[string][3]string{"Sp02 finger": {"code", "", ""}, "Zorglub": {"code", "", ""}, "MDC_ECG_HEART_RATE": {"unit", "MDC_ECG_HEART_RATE", "furlong"}, "Hkt": {"label", "MDC_CONC_HCT_GEN", "%"}} {
		if got := unknown()[label]; got.What != want[0] || got.Now != want[1] || want[2] != "" && got.Unit != want[2] {
			t.Errorf("%s: %+v", label, got)
		}
	}
	found := false
	for _, n := range u.Nearest {
		found = found || n.Code == "MDC_PULS_OXIM_SAT_O2"
	}
	if !found {
		t.Errorf("%+v", u.Nearest)
	}

	// What cannot be said.
	for _, c := range []struct {
		ask  service.MapLabel
		code string
		at   string
	}{
		{service.MapLabel{Label: "Sp02 finger", Code: "MDC_PULS_OXIM_SAT_O2"}, "service.no-reason", "reason"},
		{service.MapLabel{Label: "Sp02 finger", Code: "MDC_PULS_OXIM_SAT_02", Reason: "x"}, "normalise.label", "code"},
		{service.MapLabel{Label: "Sp02 finger", Code: "2708-7", Reason: "x"}, "normalise.label", "code"},
		{service.MapLabel{Label: "Sp02 finger", Code: "MDC_DIM_PERCENT", Reason: "x"}, "normalise.label", "code"},
		{service.MapLabel{Label: "%", Code: "MDC_PULS_OXIM_SAT_O2", Reason: "x"}, "normalise.label", "label"},
		{service.MapLabel{Label: " ", Code: "MDC_PULS_OXIM_SAT_O2", Reason: "x"}, "register.incomplete", "label"},
		{service.MapLabel{Label: strings.Repeat("x", 97), Code: "MDC_PULS_OXIM_SAT_O2", Reason: "x"}, "register.incomplete", "label"},
		{service.MapLabel{Label: "Sp02 finger", Code: "MDC_PULS_OXIM_SAT_O2", UCUM: "mm[Hg]", Reason: "x"}, "normalise.label", "ucum"},
		{service.MapLabel{Label: "Sp02 finger", Code: "MDC_PULS_OXIM_SAT_O2", Channel: "nowhere", Reason: "x"}, "register.absent", ""},
	} {
		err := h.Door().Call(context.Background(), "label.map", c.ask, nil)
		if fault.CodeOf(err) != c.code || c.at != "" && !strings.Contains(err.Error(), c.at) {
			t.Errorf("%+v: %v", c.ask, err)
		}
	}

	var made struct {
		id      model.LabelID
		version int64
	}
	say := func(code string) {
		t.Helper()
		v := mapLabel(h, service.MapLabel{Label: "sp02-finger", Code: code, Channel: "ward", Reason: "manual, page 12"})
		made.id, made.version = v.Value.ID, v.Version
	}
	say("MDC_TEMP")
	first := made
	say("MDC_PULS_OXIM_SAT_O2") // a mistake is mended by saying it again
	if made.id != first.id || made.version != first.version+1 {
		t.Errorf("%+v after %+v", made, first)
	}
	o := send()
	if o.Code.RefID != "MDC_PULS_OXIM_SAT_O2" || o.UnitUCUM != "%" || !strings.HasPrefix(o.Mapping().By, "label "+string(made.id)+"@") {
		t.Errorf("%+v", o)
	}
	// What was stored before keeps its first reading, and can be read again.
	if u := unknown()["Sp02 finger"]; u.Mapped != made.id {
		t.Errorf("%+v", u)
	}
	var trial service.LabelTrial
	h.Call("label.try", service.TryLabel{ID: string(made.id)}, &trial)
	if trial.Holding != 3 || len(trial.Changed) != 2 || len(trial.Kinds) == 0 || trial.Changed[0].Seq > trial.Changed[1].Seq {
		t.Errorf("%+v", trial)
	}
	if !slices.ContainsFunc(trial.Kinds, func(k service.TrialKind) bool {
		return k.Before == "[Sp02 finger] in %" && k.After == "MDC_PULS_OXIM_SAT_O2 in %" && k.Count == 2
	}) {
		t.Errorf("%+v", trial.Kinds)
	}
	var replayed service.ReplayMade
	h.Call("entry.replay", service.ReplayAsk{Refs: trial.Changed, Reread: true, Reason: "mapped"}, &replayed)
	var page service.ReplayPage
	h.Until("both are read again", func() bool {
		h.Call("replay.get", service.ReplayID{ID: replayed.Replay}, &page)
		return page.Read == 2
	})
	if page.Changed != 2 || page.First != trial.Changed[0] || len(page.Kinds) == 0 {
		t.Errorf("%+v", page)
	}
	var message service.MessagePage
	h.Call("message.get", service.Ref{Seq: trial.Changed[0].Seq}, &message)
	if len(message.Versions) != 1 {
		t.Fatalf("%d versions", len(message.Versions))
	}
	if said := service.Rereads(message.Message, message.Versions[0].Message); len(said) == 0 || said[0].Field != "OBX[1]" || !strings.Contains(said[0].After, "MDC_PULS_OXIM_SAT_O2 in % = 97") {
		t.Errorf("%+v", said)
	}

	var in service.LabelInbox
	h.Call("label.list", service.LabelAsk{Channel: "ward", Messages: 1}, &in)
	if len(in.Mapped) != 1 || in.Mapped[0].Name == "" || in.Mapped[0].Label != "sp02-finger" || len(in.Unknown) != 3 || !in.More {
		t.Errorf("%+v", in)
	}

	// A text carries it, and a restart keeps it.
	text := export(h)
	if !strings.Contains(text, "labels:") || !strings.Contains(text, string(made.id)) {
		t.Error(text)
	}
	var changes []service.ConfigChange
	h.Call("config.diff", service.ConfigText{Text: strings.Replace(text, "MDC_PULS_OXIM_SAT_O2", "MDC_TEMP", 1)}, &changes)
	if len(changes) != 1 || changes[0].What != "label "+string(made.id) || changes[0].Key != "code" || changes[0].Now != "MDC_TEMP" {
		t.Errorf("%+v", changes)
	}
	err := h.Door().Call(context.Background(), "config.apply", service.ConfigText{Name: "x.yaml", Text: strings.Replace(text, "MDC_PULS_OXIM_SAT_O2", "MDC_PULS_OXIM", 1)}, nil)
	if fault.CodeOf(err) != "normalise.label" || !strings.Contains(err.Error(), "x.yaml:") || !strings.Contains(err.Error(), "labels[0].code") {
		t.Errorf("%v", err)
	}
	h.Again()
	if o := send(); o.Code.RefID != "MDC_PULS_OXIM_SAT_O2" {
		t.Errorf("after a restart: %+v", o)
	}

	if err := h.Door().Call(context.Background(), "label.unmap", service.Remove{ID: string(made.id)}, nil); fault.CodeOf(err) != "service.no-reason" {
		t.Errorf("%v", err)
	}
	h.Call("label.unmap", service.Remove{ID: string(made.id), Reason: "it was the pulse"}, nil)
	if o := send(); o.Code.RefID != "" || o.Mapping().By != "" {
		t.Errorf("%+v", o)
	}
}

func mapLabel(h *apptest.House, ask service.MapLabel) (v register.Versioned[model.Label]) {
	h.Call("label.map", ask, &v)
	return v
}
