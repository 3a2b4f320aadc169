package service_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
	"thalamus/internal/register/roster"
	"thalamus/internal/service"
)

// jobEnded waits for the end of a job.
func jobEnded(h *apptest.House, id string) (j register.Job) {
	h.Until("the job is at its end", func() bool {
		h.Call("job.get", service.ID{ID: id}, &j)
		return j.State.Ended()
	})
	return j
}

// A table is checked row by row before anything is written, imported under one
// change id with a log of rows, and taken back (R29, R56).
func TestImport(t *testing.T) {
	h := apptest.Start(t)
	var text strings.Builder
	text.WriteString("Seriennummer;Hersteller;Modell;Inventarnummer;Station;Kaufdatum;MAC-Adresse;Status\r\n")
	for i := range 20 {
		bought, mac := "03.05.2024", fmt.Sprintf("00-11-22-33-44-%02X", i)
		if i == 3 {
			bought = "31.02.2024"
		}
		if i == 11 {
			mac = "zz"
		}
		fmt.Fprintf(&text, "SN-%03d;Dräger;Evita 4;INV-%03d;ICU;%s;%s;in Betrieb\r\n", i, i, bought, mac)
	}
	var check service.ImportCheck
	h.Call("device.import", service.ImportAsk{Name: "list.csv", Content: []byte(text.String())}, &check)
	if check.Form != "csv;" || check.Rows != 20 || check.Wrong != 2 || check.Counts[roster.New] != 18 || check.Counts[roster.Wrong] != 2 {
		t.Fatalf("%+v", check)
	}
	if p := check.Problems; p[0].Row != 5 || p[0].Column != "Kaufdatum" || p[1].Row != 13 || p[1].Column != "MAC-Adresse" || !strings.Contains(p[1].Want, "00:11:22") {
		t.Errorf("%+v", p)
	}
	var list service.List[service.DeviceRow]
	if h.Call("device.list", nil, &list); len(list.Rows) != 0 {
		t.Error("a check wrote something")
	}
	ask := service.ImportAsk{Job: check.Job.ID, Mapping: check.Mapping, Begin: true, Digest: check.Digest, Reason: "the test says so"}
	if err := h.Door().Call(t.Context(), "device.import", ask, nil); fault.CodeOf(err) != "service.import-wrong" {
		t.Fatal(err)
	}
	ask.SkipWrong, ask.Digest = true, "x"
	if err := h.Door().Call(t.Context(), "device.import", ask, nil); fault.CodeOf(err) != "service.import-stale" {
		t.Fatal(err)
	}
	ask.Digest = check.Digest
	h.Call("device.import", ask, &check)
	j := jobEnded(h, check.Job.ID)
	if j.State != register.JobDone || j.Counts["new"] != 18 || j.Counts["wrong"] != 2 || j.Done != 20 || j.Change == "" {
		t.Fatalf("%+v", j)
	}
	h.Call("device.list", service.DeviceAsk{Text: "inv-007"}, &list)
	if len(list.Rows) != 1 || list.Rows[0].Serial != "SN-007" || list.Rows[0].Manufacturer != "Dräger" || list.Rows[0].Place != "ICU^^" || list.Rows[0].Adopted {
		t.Fatalf("%+v", list.Rows)
	}
	h.Call("device.list", service.DeviceAsk{New: true}, &list)
	if len(list.Rows) != 0 {
		t.Error("what was never heard stands in the inbox")
	}

	// What is exported can be imported again, and says nothing new.
	var file service.DeviceFile
	h.Call("device.export", service.DeviceAsk{}, &file)
	if file.Rows != 18 {
		t.Fatal(file.Rows)
	}
	var again service.ImportCheck
	h.Call("device.import", service.ImportAsk{Name: file.Name, Content: []byte(file.Text)}, &again)
	if again.Wrong != 0 || again.Counts[roster.Same] != 18 {
		t.Fatalf("%+v %+v", again.Counts, again.Problems)
	}

	// An edit of many: counted, then done; somebody else's word in between makes it stale.
	edit := service.EditAsk{DeviceAsk: service.DeviceAsk{Facts: []string{"life=in-use"}}, Set: []string{"owner=Clinic A"}}
	var seen service.EditCheck
	h.Call("device.edit", edit, &seen)
	if seen.Matched != 18 || seen.Changed != 18 || seen.Job != nil {
		t.Fatalf("%+v", seen)
	}
	edit.Begin, edit.Digest, edit.Reason = true, seen.Digest, "new owner"
	h.Call("fact.set", service.FactSay{Subject: fact.Of(fact.OfDevice, string(list0(h, "inv-001").ID)), Name: "owner", Value: "Clinic B"}, nil)
	if err := h.Door().Call(t.Context(), "device.edit", edit, nil); fault.CodeOf(err) != "service.import-stale" {
		t.Fatal(err)
	}
	edit.Begin, edit.Digest = false, ""
	h.Call("device.edit", edit, &seen)
	edit.Begin, edit.Digest = true, seen.Digest
	h.Call("device.edit", edit, &seen)
	if j := jobEnded(h, seen.Job.ID); j.Counts["changed"] != 18 {
		t.Fatalf("%+v", j)
	}
	var undo register.Job
	h.Call("job.undo", service.JobAct{ID: seen.Job.ID, Reason: "not so"}, &undo)
	if j := jobEnded(h, undo.ID); j.Counts["undone"] != 18 {
		text, _ := json.Marshal(j)
		t.Fatalf("%s", text)
	}
	h.Call("device.list", service.DeviceAsk{Facts: []string{"owner=Clinic B"}}, &list)
	if len(list.Rows) != 1 {
		t.Error("undo did not give back what was said before")
	}

	// Undoing the import: what nobody else spoke of goes, the rest keeps that.
	h.Call("job.undo", service.JobAct{ID: j.ID, Reason: "the wrong file"}, &undo)
	if j := jobEnded(h, undo.ID); j.Counts["removed"] != 17 || j.Counts["undone"] != 1 {
		t.Fatalf("%+v", j.Counts)
	}
	h.Call("device.list", nil, &list)
	if len(list.Rows) != 1 {
		t.Errorf("%d devices are left", len(list.Rows))
	}
}

func list0(h *apptest.House, text string) service.DeviceRow {
	var list service.List[service.DeviceRow]
	h.Call("device.list", service.DeviceAsk{Text: text}, &list)
	return list.Rows[0]
}
