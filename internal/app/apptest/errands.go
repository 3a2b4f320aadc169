package apptest

import (
	"context"
	"strings"
	"time"

	"thalamus/internal/audit"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/flow/journal"
	"thalamus/internal/grid"
	"thalamus/internal/model"
	"thalamus/internal/patients"
	"thalamus/internal/register"
	"thalamus/internal/register/acceptance"
	"thalamus/internal/register/care"
	"thalamus/internal/register/fact"
	"thalamus/internal/service"
	"thalamus/internal/sim"
)

// Errand is one call that succeeds in a furnished house when the errands
// before it were done.
type Errand struct {
	Op      string
	Request func() any
	Subject string // what the audit says it was about; "*" where that is made up by the call
	Reason  string
}

// Person says that only a person does it, with an account of their own or on
// this machine: no token.
func (e Errand) Person() bool {
	switch e.Op {
	case "acceptance.demand", "acceptance.meet", "acceptance.sign", "acceptance.reject":
		return true
	}
	return false
}

const why = "because the test says so"

// aProfile is a device profile that fits nobody.
func aProfile(version string) map[string]string {
	return map[string]string{
		"profile.yaml": "profile: acme/zorglub\nversion: " + version + "\ntitle: made for a test\ncodec: hl7v2\napplies_to: {sender: ZORGLUB}\nevidence: [{document: this test}]\ntable: labels.csv\n",
		"labels.csv":   "label;code;unit_in\nPuls;MDC_PULS_RATE;/min\n",
	}
}

// aTemplate is a template of questions that one person signs, and worksheet
// what a maker says to them.
var aTemplate = acceptance.Template{ID: "second", Name: "Second", Roles: []acceptance.Role{acceptance.IT},
	Questions: []acceptance.Question{{ID: "patches", Text: "Are there updates?", Want: "yes", Lead: "CSUP-11"}}}

const worksheet = "DOC-1,Manufacturer Name,Acme\nDOC-3,Device Model,Zorglub 9\nCSUP-1,Updates?,Yes\nCSUP-11,Assessed?,Yes\nCSUP-11.2,Cycle?,Yes\nALOF-1,Logoff?,No\n"

// Errands gives a call of every operation, in an order in which all succeed.
// The house is furnished and has a destination that refuses everything.
func (h *House) Errands() []Errand {
	h.t.Helper()
	his := h.refuser()
	is := func(v any) func() any { return func() any { return v } }
	channel := model.Channel{ID: "second", Driver: "mllp", Codec: "hl7v2", Settings: map[string]any{"listen": "127.0.0.1:0"}}
	destination := model.Destination{ID: "second", Kind: "file", Disabled: true, Settings: map[string]any{"folder": h.Out, "prefix": "second"}}
	route := model.Route{ID: "second", Destinations: []model.DestinationID{"second"}, Types: []string{"ADT"}}
	act := service.Remove{ID: "second", Reason: why}
	id := service.ID{ID: "second"}
	label := string(register.LabelIDOf(model.Label{Label: "Zorglub 7"}))
	patient := func() model.PatientID {
		var found []patients.Patient
		h.Call("patient.search", service.PatientAsk{Text: "quillfeather"}, &found)
		if len(found) != 1 {
			h.t.Fatalf("%d patients found", len(found))
		}
		return found[0].ID
	}
	zorglub := register.ModelID("Acme", "Zorglub 9")
	accepted := fact.Of(fact.OfModel, zorglub)
	accept := service.AcceptanceAct{ID: register.AcceptanceID(accepted), Reason: why}
	device := func() model.DeviceID {
		var list service.List[service.DeviceRow]
		h.Call("device.list", nil, &list)
		if len(list.Rows) == 0 {
			h.t.Fatal("no device was seen")
		}
		return list.Rows[0].ID
	}
	var stranger model.DeviceID // seen when something is to be decided of one
	said := func() string {     // the change that said who owns the device
		var rows []fact.Fact
		h.Call("fact.history", service.FactHistoryAsk{Subject: fact.Of(fact.OfDevice, string(device())), Name: "owner"}, &rows)
		if len(rows) == 0 {
			h.t.Fatal("nothing was said of the device")
		}
		return rows[0].Change
	}
	letter := func() uint64 {
		var list service.List[deliver.DeadLetter]
		h.Until("the refusing destination's letters are dead", func() bool {
			h.Call("deadletter.list", service.DeadLetterAsk{Destination: his}, &list)
			return len(list.Rows) > 0
		})
		return list.Rows[len(list.Rows)-1].ID // not of the stranger: what it sent waits for a decision
	}
	token := func() string {
		_, id := h.Token("viewer")
		return id
	}
	job := func() (id string) { // of the edit, at its end
		h.Until("the edit is done", func() bool {
			var list []register.Job
			h.Call("job.list", nil, &list)
			for _, j := range list {
				if j.Kind == "edit" {
					id = j.ID
					return j.State.Ended()
				}
			}
			return false
		})
		return id
	}
	extract := func() (id string) {
		h.Until("the extract is whole", func() bool {
			var rows []service.ExtractRow
			h.Call("extract.list", nil, &rows)
			id = rows[0].ID
			return rows[0].State == "whole"
		})
		return id
	}
	deadOf := func() int { // what is done in the background is not an errand's doing
		var list service.List[deliver.DeadLetter]
		h.Call("deadletter.list", service.DeadLetterAsk{Destination: his}, &list)
		return len(list.Rows)
	}
	alert := func() string {
		before := deadOf()
		h.Send("ORU^R40^ORU_R40", "OBR|1||AL-1|196616^MDC_EVT_ALARM^MDC\rOBX|1|CWE|196616^MDC_EVT_ALARM^MDC|1.0.0.0.1|196670^MDC_EVT_LO^MDC\rOBX|2|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.0.0.0.3|start")
		h.Until("the refusing destination gave it up", func() bool { return deadOf() > before })
		var rows []service.AlertRow
		h.Call("alert.list", service.AlertAsk{Active: true}, &rows)
		if len(rows) == 0 {
			h.t.Fatal("no alert is active")
		}
		return rows[0].Key
	}
	segment := journal.SegmentID(1)
	return []Errand{
		{"overview.get", is(service.None{}), "", ""},
		{"graph.get", is(service.GraphAsk{By: "place"}), "", ""},
		{"oversight.get", is(service.None{}), "", ""},

		{"channel.put", is(service.Put[model.Channel]{Value: channel, Reason: why}), "channel second", why},
		{"channel.list", is(service.None{}), "", ""},
		{"channel.get", is(id), "", ""},
		{"channel.disable", is(act), "channel second", why},
		{"channel.enable", is(act), "channel second", why},
		{"channel.history", is(id), "", ""},
		{"channel.restore", is(service.Restore{ID: "second", Of: 1, Reason: why}), "channel second", why},
		{"destination.put", is(service.Put[model.Destination]{Value: destination, Reason: why}), "destination second", why},
		{"destination.list", is(service.None{}), "", ""},
		{"destination.get", is(id), "", ""},
		{"destination.resume", is(act), "destination second", why},
		{"destination.pause", is(act), "destination second", why},
		{"destination.history", is(id), "", ""},
		{"destination.restore", is(service.Restore{ID: "second", Of: 1, Reason: why}), "destination second", why},
		{"route.put", is(service.Put[model.Route]{Value: route, Reason: why}), "route second", why},
		{"route.list", is(service.None{}), "", ""},
		{"route.get", is(id), "", ""},
		{"route.history", is(id), "", ""},
		{"label.map", is(service.MapLabel{Label: "Zorglub 7", Code: "MDC_PULS_RATE", Reason: why}), "label " + label, why},
		{"label.list", is(service.LabelAsk{}), "", ""},
		{"label.get", is(service.ID{ID: label}), "", ""},
		{"label.try", is(service.TryLabel{ID: label}), "label " + label, ""},
		{"term.find", is(service.TermAsk{Text: "heart rate"}), "", ""},
		{"label.history", is(service.ID{ID: label}), "", ""},
		{"profile.put", is(service.PutProfile{Files: aProfile("1"), Reason: why}), "profile acme/zorglub@1", why},
		{"profile.put", is(service.PutProfile{Files: aProfile("2"), Reason: why}), "profile acme/zorglub@2", why},
		{"profile.list", is(service.None{}), "", ""},
		{"profile.get", is(service.ProfileAsk{ID: "acme/zorglub"}), "", ""},
		{"profile.test", is(service.ProfileTest{ID: "ge/vc150"}), "", ""},
		{"profile.try", is(service.TryProfile{Files: aProfile("3")}), "", ""},
		{"profile.rollback", is(service.RollbackProfile{ID: "acme/zorglub", Reason: why}), "profile acme/zorglub@1", why},
		{"profile.remove", is(service.Remove{ID: "acme/zorglub", Reason: why}), "profile acme/zorglub", why},
		{"label.unmap", is(service.Remove{ID: label, Reason: why}), "label " + label, why},
		{"route.remove", is(act), "route second", why},
		{"route.restore", is(service.Restore{ID: "second", Of: 1, Reason: why}), "route second", why},
		{"route.remove", is(act), "route second", why},
		{"destination.remove", is(act), "destination second", why},
		{"channel.remove", is(act), "channel second", why},

		{"message.search", is(service.MessageSearch{Text: "quillfeather"}), "", ""},
		{"message.get", is(service.Ref{Seq: 2}), "message 2", ""},
		{"entry.get", is(service.Ref{Seq: 2}), "entry 2", ""},
		{"observation.series", func() any {
			return service.SeriesAsk{Patient: patient(), Step: model.Duration(time.Minute), Take: []grid.Take{grid.Mean}}
		}, "", ""},
		{"observation.last", func() any { return service.LastAsk{Patient: patient()} }, "", ""},
		{"trend.get", func() any { return service.TrendAsk{Patient: patient(), Code: "MDC_ECG_HEART_RATE"} }, "", ""},
		{"waveform.get", func() any { return service.TrendAsk{Device: device(), Code: "MDC_ECG_ELEC_POTL_II"} }, "*", ""},
		{"waveform.list", func() any { return service.WaveformAsk{Device: device()} }, "*", ""},
		{"waveform.export", func() any {
			return service.WaveformExportAsk{WaveformAsk: service.WaveformAsk{Device: device()}, Form: "wfdb"}
		}, "*", ""},
		{"alert.list", is(service.AlertAsk{}), "", ""},
		{"alert.show", func() any { return service.ID{ID: alert()} }, "*", ""},
		{"alert.sources", is(service.SourceAsk{}), "", ""},
		{"issue.list", is(service.IssueAsk{}), "", ""},
		{"live.get", is(service.LiveAsk{}), "", ""},
		{"live.watch", is(service.None{}), "", ""},
		{"patient.search", is(service.PatientAsk{Text: "quill"}), "", ""},
		{"patient.get", func() any { return service.ID{ID: string(patient())} }, "", ""},

		{"association.start", func() any {
			return service.AssociationStart{Wristband: "MRN-774411^^^HOSP^MR", Device: device(), Reason: why}
		}, "*", why},
		{"view.save", is(service.ViewSave{Page: "/devices", Name: "Silent", Query: "state=silent"}), "view /devices", ""},
		{"view.columns", is(service.ViewColumns{Table: "devices", Shown: "state"}), "columns devices", ""},
		{"view.list", is(service.None{}), "", ""},
		{"view.remove", is(service.ViewRemove{Page: "/devices", Name: "Silent"}), "view /devices", ""},
		{"association.list", is(service.AssociationAsk{Open: true}), "", ""},
		{"change.list", is(service.ChangeAsk{Kind: "channel", ID: "second"}), "", ""},
		{"patient.history", func() any { return service.PatientChangeAsk{ID: patient()} }, "", ""},
		{"association.end", is(service.AssociationEnd{ID: 1, Reason: why}), "*", why},
		{"association.attach", func() any {
			return service.AssociationAttach{Device: device(), Patient: patient(), From: time.Now().Add(-time.Hour), Until: time.Now().Add(-30 * time.Minute), Reason: why}
		}, "*", why},

		{"device.list", is(service.DeviceAsk{}), "", ""},
		{"device.get", func() any { return service.ID{ID: string(device())} }, "*", ""},
		{"device.adopt", func() any { return service.DeviceAct{ID: device(), Reason: why} }, "*", why},
		{"device.merge", func() any {
			into, before := device(), deadOf()
			stranger = h.Stranger("MON-9", "61")
			h.Until("the stranger's letter is dead", func() bool { return deadOf() > before })
			return service.DeviceMerge{DeviceAct: service.DeviceAct{ID: stranger, Reason: why}, Into: into}
		}, "*", why},
		{"device.separate", func() any { return service.DeviceAct{ID: stranger, Reason: why} }, "*", why},
		{"device.block", func() any {
			return service.DeviceBlock{DeviceAct: service.DeviceAct{ID: stranger, Reason: why}, Force: true}
		}, "*", why + "; by force, 0 patients depended on it"},
		{"device.unblock", func() any {
			return service.DeviceUnblock{DeviceAct: service.DeviceAct{ID: stranger, Reason: why}}
		}, "*", why},
		{"device.assert", func() any {
			return service.DeviceAssert{DeviceAct: service.DeviceAct{ID: device(), Reason: why}, Name: "Monitor 7", Place: "ICU^2^23"}
		}, "*", why},
		{"device.clock", func() any {
			return service.DeviceClock{DeviceAct: service.DeviceAct{ID: device(), Reason: why}, Zone: "Europe/Berlin", Rule: "offset"}
		}, "*", why},
		{"device.scan", is(service.Scan{Text: "(01)09506000134352(21)7"}), "", ""},
		{"fact.kinds", is(service.FactKindAsk{Layer: fact.OfDevice}), "", ""},
		{"fact.set", func() any {
			return service.FactSay{Subject: fact.Of(fact.OfDevice, string(device())), Name: "owner", Value: "Intensive care", Reason: why}
		}, "*", why},
		{"fact.decide", func() any {
			return service.FactSay{Subject: fact.Of(fact.OfDevice, string(device())), Name: "release", Value: "1.0", Until: time.Now().Add(time.Hour), Reason: why}
		}, "*", why},
		{"fact.list", func() any { return service.FactAsk{Subject: fact.Of(fact.OfDevice, string(device()))} }, "", ""},
		{"fact.history", func() any { return service.FactHistoryAsk{Subject: fact.Of(fact.OfDevice, string(device()))} }, "", ""},
		{"change.undo", func() any { return service.ChangeUndo{Change: said(), Reason: why} }, "*", why},
		{"device.stat", is(service.None{}), "", ""},
		{"device.suggest", func() any { return service.SuggestAsk{Devices: []model.DeviceID{device()}} }, "", ""},
		{"task.list", is(service.TaskAsk{}), "", ""},
		{"model.add", is(service.ModelNew{Manufacturer: "Acme", Name: "Zorglub 9", Reason: why}), "model " + zorglub, why},
		{"model.list", is(service.ModelAsk{Text: "zorglub"}), "", ""},
		{"model.get", is(service.ID{ID: zorglub}), "", ""},
		{"service.put", is(service.Put[model.Service]{Value: model.Service{ID: "second", Name: "Second", Needs: []model.Need{{Kind: "channel", ID: "ward"}}}, Reason: why}), "service second", why},
		{"service.list", is(service.None{}), "", ""},
		{"service.get", is(id), "", ""},
		{"service.history", is(id), "", ""},
		{"dependency.get", is(service.DependencyAsk{Kind: "channel", ID: "ward"}), "channel ward", ""},
		{"service.remove", is(act), "service second", why},
		{"service.restore", is(service.Restore{ID: "second", Of: 1, Reason: why}), "service second", why},
		{"service.remove", is(act), "service second", why},
		{"plan.put", func() any {
			return service.Put[care.Plan]{Value: care.Plan{
				ID: "second", Name: "Electrical safety", Kind: care.Safety, Models: []string{zorglub}, Devices: []model.DeviceID{device()}, Months: 12,
				Measures: []care.Measure{{Name: "Earth leakage", UnitUCUM: "uA", Max: "500"}},
			}, Reason: why}
		}, "plan second", why},
		{"plan.list", is(service.None{}), "", ""},
		{"plan.get", is(id), "", ""},
		{"plan.history", is(id), "", ""},
		{"contract.put", is(service.Put[care.Contract]{Value: care.Contract{ID: "second", Name: "Full service", Supplier: "Acme", Covers: []care.Kind{care.Safety}, Models: []string{zorglub}}, Reason: why}), "contract second", why},
		{"contract.list", is(service.ContractAsk{}), "", ""},
		{"contract.get", is(id), "", ""},
		{"contract.history", is(id), "", ""},
		{"care.list", is(service.CareAsk{Within: 400}), "", ""},
		{"care.calendar", is(service.CareAsk{}), "", ""},
		{"order.open", func() any { return service.OrderNew{Device: device(), Plan: "second", Reason: why} }, "order 1", why},
		{"order.change", is(service.OrderChange{ID: 1, State: care.Working, Reason: why}), "order 1", why},
		{"order.finish", is(service.OrderFinish{ID: 1, Finish: care.Finish{Minutes: 10, Results: []care.Result{{Measure: care.Measure{Name: "Earth leakage"}, Value: "120"}}}, Reason: why}), "order 1", why},
		{"order.list", is(service.OrderAsk{Ended: true}), "", ""},
		{"order.get", is(service.OrderID{ID: 1}), "", ""},
		{"order.open", func() any { return service.OrderNew{Device: device(), Title: "Cracked housing", Reason: why} }, "order 2", why},
		{"order.cancel", is(service.OrderStop{ID: 2, Reason: why}), "order 2", why},
		{"accessory.add", func() any { return service.AccessoryNew{Device: device(), Name: "Cuff", Reason: why} }, "*", why},
		{"accessory.list", is(service.AccessoryAsk{}), "", ""},
		{"accessory.remove", is(service.Numbered{ID: 1, Reason: why}), "*", why},
		{"device.lend", func() any {
			return service.DeviceLend{DeviceAct: service.DeviceAct{ID: device(), Reason: why}, To: "Emergency room", Until: "2999-12-31"}
		}, "*", why},
		{"device.return", func() any { return service.DeviceReturn{DeviceAct: service.DeviceAct{ID: device(), Reason: why}} }, "*", why},
		{"device.dispose", func() any {
			return service.DeviceDispose{DeviceAct: service.DeviceAct{ID: device(), Reason: why}, WipedBy: "J. Ott", WipedHow: "overwritten", WipedOn: "2026-01-02", Document: "DOC-1", Force: true}
		}, "*", why + "; by force, 0 patients depended on it"},
		{"plan.remove", is(act), "plan second", why},
		{"plan.restore", is(service.Restore{ID: "second", Of: 1, Reason: why}), "plan second", why},
		{"plan.remove", is(act), "plan second", why},
		{"contract.remove", is(act), "contract second", why},
		{"contract.restore", is(service.Restore{ID: "second", Of: 1, Reason: why}), "contract second", why},
		{"contract.remove", is(act), "contract second", why},
		{"device.import", is(service.ImportAsk{Name: "list.csv", Content: []byte("Serial,Hersteller,Modell,Inventarnummer\nZ-1,Acme,Zorglub 9,INV-1\n"), Reason: why}), "*", why},
		{"device.export", is(service.DeviceAsk{}), "", ""},
		{"device.search", is(service.DeviceSearch{Limit: 10}), "", ""},
		{"device.history", func() any { return service.DeviceVersionAsk{ID: device()} }, "", ""},
		{"metric.list", func() any { return service.MetricAsk{Devices: []model.DeviceID{device()}} }, "", ""},
		{"location.list", is(service.LocationAsk{Text: "icu"}), "", ""},
		{"model.search", is(service.ModelSearch{Manufacturer: "acme"}), "", ""},
		{"association.get", func() any { return service.BearerAsk{Devices: []model.DeviceID{device()}} }, "", ""},
		{"device.edit", func() any {
			ask := service.EditAsk{Devices: []model.DeviceID{device()}, Set: []string{"custodian=Biomed"}, Reason: why}
			var seen service.EditCheck
			h.Call("device.edit", ask, &seen)
			ask.Begin, ask.Digest = true, seen.Digest
			return ask
		}, "*", why},
		{"name.list", func() any { return service.CalledAsk{IDs: []string{"system", string(device())}} }, "", ""},
		{"job.list", is(service.None{}), "", ""},
		{"job.get", func() any { return service.ID{ID: job()} }, "", ""},
		{"job.history", func() any { return service.JobLinesAsk{ID: job()} }, "", ""},
		{"job.cancel", func() any { return service.JobAct{ID: job(), Reason: why} }, "*", why},
		{"job.resume", func() any { return service.JobAct{ID: job(), Reason: why} }, "*", why},
		{"job.undo", func() any { return service.JobAct{ID: job(), Reason: why} }, "*", why},
		{"device.release", func() any { return service.DeviceAct{ID: device(), Reason: why} }, "*", why},

		{"template.put", is(service.Put[acceptance.Template]{Value: aTemplate, Reason: why}), "template second", why},
		{"template.list", is(service.None{}), "", ""},
		{"template.get", is(id), "", ""},
		{"template.history", is(id), "", ""},
		{"acceptance.begin", is(service.AcceptanceBegin{Subject: accepted, Template: "second", Reason: why}), "model " + zorglub, why},
		{"acceptance.list", is(service.AcceptanceAsk{Text: "zorglub"}), "", ""},
		{"acceptance.import", is(service.AcceptanceImport{AcceptanceAct: accept, Name: "MDS2.csv", File: []byte(worksheet)}), "acceptance " + accept.ID, why},
		{"acceptance.answer", is(service.AcceptanceAnswer{AcceptanceAct: accept, Question: "patches", Value: acceptance.Yes, Document: "D-4711"}), "acceptance " + accept.ID, why},
		{"acceptance.demand", is(service.AcceptanceDemand{AcceptanceAct: accept, Role: acceptance.IT, Text: "another segment", By: time.Now().Add(time.Hour)}), "acceptance " + accept.ID, why},
		{"acceptance.meet", is(service.AcceptanceMeet{AcceptanceAct: accept, Condition: 1}), "acceptance " + accept.ID, why},
		{"acceptance.sign", is(service.AcceptanceSign{AcceptanceAct: accept, Role: acceptance.IT}), "acceptance " + accept.ID, why},
		{"acceptance.reopen", is(accept), "acceptance " + accept.ID, why},
		{"acceptance.reject", is(accept), "acceptance " + accept.ID, why},
		{"acceptance.get", is(service.ID{ID: accept.ID}), "", ""},
		{"template.remove", is(act), "template second", why},
		{"template.restore", is(service.Restore{ID: "second", Of: 1, Reason: why}), "template second", why},
		{"template.remove", is(act), "template second", why},

		{"deadletter.list", is(service.DeadLetterAsk{}), "", ""},
		{"deadletter.retry", func() any { return service.Letter{ID: letter(), Reason: why} }, "*", why},
		{"deadletter.discard", func() any { return service.Letter{ID: letter(), Reason: why} }, "*", why},
		{"entry.replay", is(service.ReplayAsk{Entries: []model.Seq{2}, Destinations: []model.DestinationID{"archive"}, Reason: why}), "*", why},
		{"replay.get", is(service.ReplayID{ID: 1}), "", ""},
		{"replay.list", is(service.ReplayListAsk{}), "", ""},

		{"journal.stat", is(service.None{}), "", ""},
		{"journal.verify", is(service.None{}), "", ""},
		{"hold.list", is(service.None{}), "", ""},
		{"hold.set", is(service.SegmentAct{Segment: segment, Reason: why}), "segment 1", why},
		{"hold.release", is(service.SegmentAct{Segment: segment, Reason: why}), "segment 1", why},
		{"entry.redact", is(service.EntryAct{Seq: 1, Reason: why}), "entry 1", why},

		{"extract.begin", is(service.ExtractAsk{Form: "parquet", Reason: why}), "*", why},
		{"extract.list", is(service.None{}), "", ""},
		{"extract.get", func() any { return service.ID{ID: extract()} }, "", ""},
		{"extract.fetch", func() any { return service.ExtractFile{ID: extract(), File: "extract.json"} }, "*", ""},
		{"extract.stop", func() any { return service.ExtractAct{ID: extract(), Reason: why} }, "*", why},
		{"extract.resume", func() any { return service.ExtractAct{ID: extract(), Reason: why} }, "*", why},
		{"extract.remove", func() any { return service.ExtractAct{ID: extract(), Reason: why} }, "*", why},

		{"config.export", is(service.None{}), "", ""},
		{"config.diff", is(service.ConfigText{Name: "x.yaml", Text: h.Ward()}), "", ""},
		{"config.apply", is(service.ConfigText{Name: "x.yaml", Text: strings.Replace(h.Ward(), "Bedside devices", "Beds", 1), Reason: why}), "config x.yaml", why},
		{"flow.list", is(service.FlowAsk{Encrypted: "no"}), "", ""},
		{"flow.stat", is(service.FlowStatAsk{By: "department"}), "", ""},
		{"flow.import", is(service.FlowImport{Kind: "zeek", Keep: true, Reason: why, File: []byte("#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tconn_state\n1763712000.5\t10.9.0.7\t50123\t10.9.0.8\t80\ttcp\thttp\tSF\n")}), "flows of zeek", why},
		{"segment.put", is(service.Put[model.Segment]{Value: model.Segment{ID: "second", Ranges: []string{"10.9.0.0/16"}}, Reason: why}), "segment second", why},
		{"segment.list", is(service.None{}), "", ""},
		{"segment.get", is(id), "", ""},
		{"segment.history", is(id), "", ""},
		{"flow.approve", is(service.FlowApprove{From: "segment/second", To: "10.9.0.8", Port: 80, Protocol: "tcp", Reason: why}), "*", why},
		{"flow.approvals", is(service.None{}), "", ""},
		{"flow.revoke", is(service.Remove{ID: register.ApprovalIDOf(model.Approval{From: "segment/second", To: "10.9.0.8", Port: 80, Protocol: "tcp"}), Reason: why}), "*", why},
		{"segment.remove", is(act), "segment second", why},
		{"segment.restore", is(service.Restore{ID: "second", Of: 1, Reason: why}), "segment second", why},
		{"segment.remove", is(act), "segment second", why},
		{"model.mud", func() any { return service.MUDAsk{ID: zorglub} }, "", ""},
		{"credential.create", is(service.CredentialCreate{ID: "pump-7", Reason: why}), "credential pump-7", why},
		{"credential.rotate", is(service.CredentialRotate{ID: "pump-7", Reason: why}), "credential pump-7", why},
		{"credential.list", is(service.CredentialAsk{}), "", ""},
		{"credential.revoke", is(service.Remove{ID: "pump-7", Reason: why}), "credential pump-7", why},
		{"pairing.list", is(service.PairingAsk{State: "waiting"}), "", ""},
		{"audit.list", is(service.AuditAsk{}), "", ""},
		{"audit.verify", is(service.None{}), "", ""},

		{"user.add", is(service.UserAdd{Name: "nele", Roles: []string{"viewer"}, Password: Password, Reason: why}), "user nele", why},
		{"user.list", is(service.None{}), "", ""},
		{"user.change", is(service.UserChange{Name: "nele", Display: "Nele W.", Reason: why}), "user nele", why},
		{"user.password", is(service.UserPassword{Name: "nele", Password: Password + "2"}), "user nele", ""},
		{"user.link", is(service.UserName{Name: "nele", Reason: why}), "user nele", why},
		{"user.remove", is(service.UserName{Name: "nele", Reason: why}), "user nele", why},
		{"role.list", is(service.None{}), "", ""},
		{"token.create", is(service.TokenCreate{Name: "board", Roles: []string{"viewer"}, Reason: why}), "token board", why},
		{"token.list", is(service.None{}), "", ""},
		{"token.revoke", func() any { return service.TokenRevoke{ID: token(), Reason: why} }, "*", why},
	}
}

// Password of the account that the errands make; secret.
const Password = "correct-horse-W3-battery"

// refuser adds a destination that refuses every message for good, and waits
// until it did.
func (h *House) refuser() model.DestinationID {
	h.t.Helper()
	r, err := sim.Listen("127.0.0.1:0", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(r.Close)
	r.Reject.Store(true)
	h.Call("destination.put", service.Put[model.Destination]{Value: model.Destination{
		ID: "his", Kind: "hl7v2", Delivery: model.DeliveryRules{MaxAttempts: 1}, Settings: map[string]any{"address": r.Address()},
	}}, nil)
	h.Call("route.put", service.Put[model.Route]{Value: model.Route{ID: "to-his", Destinations: []model.DestinationID{"his"}}}, nil)
	h.Call("entry.replay", service.ReplayAsk{Entries: []model.Seq{1, 2, 3}, Destinations: []model.DestinationID{"his"}, Reason: why}, nil)
	h.Until("the letters are dead and the rest is delivered", func() bool {
		var letters service.List[deliver.DeadLetter]
		h.Call("deadletter.list", service.DeadLetterAsk{Destination: "his"}, &letters)
		var page service.MessagePage
		h.Call("message.get", service.Ref{Seq: 2}, &page)
		settled := len(letters.Rows) == 3 && len(page.Deliveries) == 2
		for _, d := range page.Deliveries {
			settled = settled && d.State != model.Queued
		}
		return settled
	})
	return "his"
}

// Audited gives the audit records of one operation, newest first.
func (h *House) Audited(action string) []AuditRecord {
	h.t.Helper()
	var list AuditList
	if err := h.Door().Call(context.Background(), "audit.list", service.AuditAsk{Action: action, Limit: 1000}, &list); err != nil {
		h.t.Fatal(err)
	}
	return list.Rows
}

// AuditRecord and AuditList shorten what audit.list answers.
type (
	AuditRecord = audit.Record
	AuditList   = service.List[audit.Record]
)
