package rest

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A sender whose uploads are finished, well or not, may begin more: only what
// is unfinished is bounded.
func TestFinishedUploadsLockNobodyOut(t *testing.T) {
	r := newRig(t, nil)
	for i := range mostOfOne + 1 {
		a := r.do("POST", "", []byte(`{"a":`), "Upload-Complete", "?1", "Content-Type", "application/json")
		if a.status == http.StatusInsufficientStorage {
			t.Fatalf("upload %d, after %d that were refused for good: %s", i+1, i, a.body)
		}
	}
	for i := range mostUploads {
		u := &upload{us: r.d.uploads, id: fmt.Sprintf("u-%d", i), folder: filepath.Join(t.TempDir(), "x"), settled: make(chan struct{})}
		u.m = meta{Who: "another", Whole: true, Done: true, Changed: time.Now()}
		r.d.uploads.mu.Lock()
		r.d.uploads.all[u.id] = u
		r.d.uploads.mu.Unlock()
	}
	if a := r.do("POST", "", []byte(`{"a":1}`), "Upload-Complete", "?1", "Content-Type", "application/json"); a.status != http.StatusAccepted {
		t.Fatalf("after %d that are journaled: %d %s", mostUploads, a.status, a.body)
	}
}

// What of finished uploads is kept beyond the bound goes, the oldest first.
func TestFinishedUploadsAreForgotten(t *testing.T) {
	us := &uploads{d: &Driver{}, all: map[string]*upload{}}
	us.d.settings.UploadKeep = time.Hour
	now, folder := time.Now(), t.TempDir()
	for i := range mostKept + 2 {
		u := &upload{us: us, id: fmt.Sprintf("u-%d", i), folder: filepath.Join(folder, "none")}
		u.m = meta{Whole: true, Done: true, Changed: now.Add(time.Duration(i) * time.Millisecond)}
		us.all[u.id] = u
	}
	us.expire(now)
	if len(us.all) != mostKept || us.all["u-0"] != nil || us.all["u-1"] != nil || us.all["u-2"] == nil {
		t.Errorf("%d are kept", len(us.all))
	}
}

// An upload that is given up while a part of it is coming gives back all the
// disk space that was counted for it.
func TestGivenUpInTheMiddleOfAPart(t *testing.T) {
	r := newRig(t, nil)
	path, _ := r.begin("Content-Type", "application/x-ndjson")
	if a := r.patch(path, 0, "?0", bytes.Repeat([]byte(" "), 1000)); a.status != http.StatusNoContent {
		t.Fatalf("%d %s", a.status, a.body)
	}
	u := r.d.uploads.get(filepath.Base(path))
	part, err := u.begin(1000, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.d.uploads.copy(part, strings.NewReader(strings.Repeat("x", 5000)), 5000); err != nil {
		t.Fatal(err)
	}
	if a := r.do("DELETE", path, nil); a.status != http.StatusNoContent {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if err := r.d.uploads.giveUp(u); err == nil {
		t.Error("it was given up twice")
	}
	if err := part.end(false); err == nil {
		t.Error("a part of an upload that is no more was kept")
	}
	if n := r.d.uploads.used.Load(); n != 0 {
		t.Errorf("%d bytes are counted for nothing", n)
	}
}
