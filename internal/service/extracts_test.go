package service_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thalamus/internal/access"
	"thalamus/internal/app/apptest"
	"thalamus/internal/audit"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// whole waits until an extract is, and gives it.
func whole(h *apptest.House, id string) (st service.Extract) {
	h.Until("the extract is whole", func() bool {
		h.Call("extract.get", service.ID{ID: id}, &st)
		return st.State == "whole"
	})
	return st
}

// Whose values an extract holds is in the audit, and no other; who may not
// have it gets neither it nor its files (R22, R44).
func TestExtractIsAudited(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	var rows service.List[service.Summary]
	h.Call("message.search", service.MessageSearch{}, &rows)
	patients := map[model.PatientID]bool{}
	for _, r := range rows.Rows {
		if r.Patient != "" {
			patients[r.Patient] = true
		}
	}
	if len(patients) != 2 {
		t.Fatalf("%v", patients)
	}
	one := rows.Rows[len(rows.Rows)-1].Patient
	var st service.Extract
	h.Call("extract.begin", service.ExtractAsk{Form: "fhir", Patients: []model.PatientID{one}, Reason: "study 12"}, &st)
	st = whole(h, st.ID)
	seen := map[model.PatientID]bool{}
	h.Until("the end is audited", func() bool {
		ended := 0
		for _, r := range h.Audited("extract.begin") {
			if r.Object == "extract "+st.ID && r.Reason == "study 12" && r.Outcome == audit.Done {
				for _, p := range r.All() {
					seen[p] = true
				}
				if len(r.All()) == 0 {
					ended++
				}
			}
		}
		return ended == 2 // the call, and the extract
	})
	if len(seen) != 1 || !seen[one] {
		t.Errorf("seen %v, want %s", seen, one)
	}
	h.Call("extract.begin", service.ExtractAsk{Form: "csv", Reason: "all"}, &st)
	st = whole(h, st.ID)
	seen = map[model.PatientID]bool{}
	for _, r := range h.Audited("extract.begin") {
		if r.Reason == "all" {
			for _, p := range r.All() {
				seen[p] = true
			}
		}
	}
	if len(seen) != 2 {
		t.Errorf("seen %v", seen)
	}

	if err := h.Door().Call(t.Context(), "extract.begin", service.ExtractAsk{Form: "csv"}, nil); fault.CodeOf(err) != "service.no-reason" {
		t.Error(err)
	}
	for _, role := range []string{"viewer", "operator", "engineer"} {
		door := h.App.Service().As(access.Actor{ID: "usr-v", Name: "V", Roles: []string{role}, Kind: access.User}, service.Origin{})
		if err := door.Call(t.Context(), "extract.begin", service.ExtractAsk{Form: "csv", Reason: "curious"}, nil); fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", role, err)
		}
		if _, _, err := door.OpenExtract(t.Context(), st.ID, st.All()[0].Name); fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", role, err)
		}
	}
	for _, name := range []string{"../../register.db", "..", "extract.json/..", "observations", "none"} {
		if _, _, err := h.Door().OpenExtract(t.Context(), st.ID, name); fault.KindOf(err) != fault.Absent {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Files come through the API, also from the middle on; what they hold is what
// lies on the server. A server that is started again knows them.
func TestExtractThroughTheAPI(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	secret, _ := h.Token("administrator")
	client := h.Client(secret)
	var st service.Extract
	if err := client.Call(t.Context(), "extract.begin", service.ExtractAsk{Form: "parquet", Reason: "study 12"}, &st); err != nil {
		t.Fatal(err)
	}
	st = whole(h, st.ID)
	tables := map[string]bool{}
	for _, f := range st.All() {
		tables[f.Table] = true
		want, err := os.ReadFile(filepath.Join(h.Folder, "extracts", st.ID, filepath.FromSlash(f.Name)))
		if err != nil {
			t.Fatal(err)
		}
		for _, from := range []int64{0, 1, f.Bytes - 1, f.Bytes, f.Bytes + 7} {
			var got bytes.Buffer
			at := int64(-1)
			if err := client.Download(t.Context(), st.ID, f.Name, from, func(n int64) (io.Writer, error) { at = n; return &got, nil }); err != nil {
				t.Fatal(err)
			}
			if at != from && at != 0 || !bytes.Equal(got.Bytes(), want[at:]) {
				t.Errorf("%s from %d: %d bytes from %d", f.Name, from, got.Len(), at)
			}
		}
	}
	if !tables["observations"] || !tables["messages"] {
		t.Errorf("%v", tables)
	}
	err := client.Download(t.Context(), st.ID, "none", 0, func(int64) (io.Writer, error) { return io.Discard, nil })
	if fault.CodeOf(err) != "extract.no-file" {
		t.Error(err)
	}
	h.Again()
	var again service.Extract
	h.Call("extract.get", service.ID{ID: st.ID}, &again)
	a, _ := json.Marshal(st)
	b, _ := json.Marshal(again)
	if !bytes.Equal(a, b) {
		t.Errorf("after a start:\n%s\n%s", a, b)
	}
	h.Call("extract.remove", service.ExtractAct{ID: st.ID, Reason: "done"}, nil)
	if err := h.Door().Call(t.Context(), "extract.get", service.ID{ID: st.ID}, nil); fault.CodeOf(err) != "extract.absent" {
		t.Error(err)
	}
	if list, _ := os.ReadDir(filepath.Join(h.Folder, "extracts")); len(list) > 0 {
		t.Errorf("%v", list)
	}
}

// An extract that the end of the server cut goes on when it is started again,
// as the program itself.
func TestExtractGoesOnAfterAStart(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	var st service.Extract
	h.Call("extract.begin", service.ExtractAsk{Form: "csv", Reason: "study 12"}, &st)
	st = whole(h, st.ID)
	h.Stop()
	// As if it had been cut before its first part was noted.
	path := filepath.Join(h.Folder, "extracts", st.ID, "extract.json")
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := st.Manifest
	cut.Next, cut.Whole, cut.Rows, cut.Bytes = cut.Ask.From, false, 0, 0
	cut.Parts = cut.Parts[:0]
	text, _ := json.MarshalIndent(cut, "", " ")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	h.Again()
	whole(h, st.ID)
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\n%s\n%s", err, got, want)
	}
	if !slices.ContainsFunc(h.Audited("extract.resume"), func(r apptest.AuditRecord) bool {
		return r.Actor == "system" && strings.HasSuffix(r.Object, st.ID)
	}) {
		t.Errorf("%+v", h.Audited("extract.resume"))
	}
}
