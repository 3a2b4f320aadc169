package web_test

import (
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
)

// Every table is a file too: what is seen and no more (R53).
func TestTableAsFile(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	r := signedIn(t, h, "vera", "viewer")
	r.get("/devices").want(t, 200, `href="/devices?as=csv&amp;table=devices"`)
	p := r.get("/devices?as=csv&table=devices&cols=heard+messages")
	lines := strings.Split(strings.TrimSpace(p.body), "\r\n")
	if p.Header.Get("Content-Type") != "text/csv; charset=utf-8" || lines[0] != "Device,Last heard,Messages" || len(lines) < 2 || !strings.Contains(lines[1], "T") || !strings.Contains(lines[1], "Z,") {
		t.Errorf("%v\n%s", p.Header, p.body)
	}
	r.get("/devices?as=csv&table=nothing").want(t, 404, "no such table")
}
