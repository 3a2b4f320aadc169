package web_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/register"
	"thalamus/internal/service"
)

// upload sends a file with a form.
func (r *reader) upload(path, name string, body []byte) page {
	r.t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := part.Write(body); err != nil {
		r.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		r.t.Fatal(err)
	}
	req := r.request(http.MethodPost, path, &form)
	req.Header.Set("Content-Type", w.FormDataContentType())
	return r.do(req)
}

// TestAcceptAModel: four people accept a model in the console: one imports what
// the maker says and answers the rest, each signs once (R32).
func TestAcceptAModel(t *testing.T) {
	h := apptest.Start(t)
	h.Call("model.add", service.ModelNew{Manufacturer: "Acme", Name: "VM-200"}, nil)
	bo, ida := signedIn(t, h, "bo", "biomed"), signedIn(t, h, "ida", "it")
	sam, cleo := signedIn(t, h, "sam", "security"), signedIn(t, h, "cleo", "clinical")
	vi := signedIn(t, h, "vi", "viewer")

	bo.get("/acceptances").want(t, 200, "Nothing is accepted yet", "Begin an acceptance", "Acme VM-200")
	begun := bo.post("/acceptances", "subject", "model/"+register.ModelID("Acme", "VM-200"), "template", "standard", "reason", "bought")
	to := begun.Header.Get("Location")
	if begun.StatusCode != http.StatusSeeOther || !regexp.MustCompile(`^/acceptances/acc-[0-9a-f]+$`).MatchString(to) {
		t.Fatalf("%d to %s: %s", begun.StatusCode, to, begun.body)
	}
	bo.get(to).want(t, 200, "12 without an answer", "It can be signed once all questions are answered")
	bo.upload(to+"/import", "MDS2.pdf", []byte("%PDF-1.7")).want(t, 422, "this is a PDF")
	body, err := os.ReadFile(filepath.Join("..", "imports", "mds2", "testdata", "whole", "form.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if p := bo.upload(to+"/import", "MDS2.csv", body); p.StatusCode != http.StatusSeeOther {
		t.Fatalf("import: %d %s", p.StatusCode, p.body)
	}
	bo.get(to).want(t, 200, "1 without an answer", "as the maker says; imported by bo", "MDS2.csv, D-4711", "CSUP-11")
	bo.post(to+"/answer/system", "value", "no", "text", "").want(t, 422, "say in words what is so")
	if p := bo.post(to+"/answer/system", "value", "no", "text", "Linux 5.10 ends in December 2026; the maker updates in June", "document", "roadmap, page 2"); p.StatusCode != http.StatusSeeOther {
		t.Fatalf("answer: %d %s", p.StatusCode, p.body)
	}
	bo.get(to).want(t, 200, "Linux 5.10 ends", "roadmap, page 2", "Sign for: Biomedical engineering")

	vi.get(to).want(t, 200, "To be signed")
	vi.post(to+"/sign/it", "note", "").want(t, 403)
	bo.post(to+"/sign/it", "note", "").want(t, 403, "does not have the role it")
	for _, who := range []struct {
		r    *reader
		role string
	}{{bo, "biomed"}, {ida, "it"}, {sam, "security"}, {cleo, "clinical"}} {
		if p := who.r.post(to+"/sign/"+who.role, "note", "seen"); p.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s signs: %d %s", who.role, p.StatusCode, p.body)
		}
	}
	vi.get(to).want(t, 200, "Accepted", "Ends", "cleo")
	vi.get(to+"?tab=history").want(t, 200, "What happened, the latest first", "cleo")
	vi.get("/acceptances?state=accepted").want(t, 200, "Acme VM-200", "Accepted")
	if p := ida.post(to+"/reopen", "reason", "moved to another network"); p.StatusCode != http.StatusSeeOther {
		t.Fatalf("reopen: %d %s", p.StatusCode, p.body)
	}
	vi.get(to).want(t, 200, "Reopened", "moved to another network")
	if p := sam.post(to+"/reject", "reason", "no updates any more"); p.StatusCode != http.StatusSeeOther {
		t.Fatalf("reject: %d %s", p.StatusCode, p.body)
	}
	vi.get(to).want(t, 200, "Rejected by sam: no updates any more")
}
