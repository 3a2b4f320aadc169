package rest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"thalamus/internal/driver/drivertest"
)

func (r *rig) standing(path string) (s standing) {
	r.t.Helper()
	a := r.do("GET", path, nil)
	if err := json.Unmarshal(a.body, &s); err != nil || a.status != http.StatusOK {
		r.t.Fatalf("%s: %d %s", path, a.status, a.body)
	}
	return s
}

// An issue is of the row that was sent, also behind rows that were refused.
func TestIssuesOfTheirRow(t *testing.T) {
	body := []byte("{\"a\":1}\nno json\n{\"odd\":2}\n\n{\"a\":4}\nnone\n{\"odd\":6}")
	r := newRig(t, nil)
	a := r.do("POST", "", body, "Content-Type", "application/x-ndjson")
	a.taken(t)
	path, _ := r.begin("Content-Type", "application/x-ndjson")
	if a := r.patch(path, 0, "?1", body); a.status != http.StatusAccepted {
		t.Fatalf("%d %s", a.status, a.body)
	}
	drivertest.Until(t, "the upload is journaled", func() bool { n, _ := r.intake.Count(); return n == 8 })
	for _, path := range []string{a.header.Get("Location"), path} {
		s := r.standing(path)
		if len(s.Issues) != 2 || s.Issues[0].Row != 3 || s.Issues[1].Row != 6 {
			t.Errorf("%s: %+v", path, s.Issues)
		}
	}
}

// The blocks of a long table count on.
func TestIssuesOfRowsOfALongTable(t *testing.T) {
	r := newRig(t, nil)
	var body bytes.Buffer
	body.WriteString("name;note\n")
	rows := 0
	for body.Len() < 1<<20+100 {
		body.WriteString("fine;" + strings.Repeat("x", 1000) + "\n")
		rows++
	}
	body.WriteString("odd;\"a\nnote\"\n")
	path, _ := r.begin("Content-Type", "text/csv")
	if a := r.patch(path, 0, "?1", body.Bytes()); a.status != http.StatusAccepted {
		t.Fatalf("%d %s", a.status, a.body)
	}
	drivertest.Until(t, "the table is journaled", func() bool { n, _ := r.intake.Count(); return n == 2 })
	if s := r.standing(path); len(s.Issues) != 1 || s.Issues[0].Row != rows+1 {
		t.Errorf("%d rows: %+v", rows, s.Issues)
	}
}

// A receipt of many entries is counted piece by piece, and its state is that of
// all of them.
func TestStandingOfMany(t *testing.T) {
	r := newRig(t, map[string]any{"max_rows": 100000})
	a := r.do("POST", "", lines(4500), "Content-Type", "application/x-ndjson")
	a.taken(t)
	path := a.header.Get("Location")
	if s := r.standing(path); s.Entries != 4500 || s.Counted != 2000 || s.Recorded != 2000 || s.Next != 2001 || s.State != stateRecorded {
		t.Errorf("all recorded: %+v", s)
	}
	if s := r.standing(path + "?from=4001"); s.Entries != 4500 || s.Counted != 500 || s.Next != 0 || s.State != stateRecorded {
		t.Errorf("the rest: %+v", s)
	}
	r.mu.Lock()
	r.late = 1
	r.mu.Unlock()
	if s := r.standing(path); s.State != stateJournaled {
		t.Errorf("the last is not recorded: %+v", s)
	}
	for _, from := range []string{"0", "x", "-1"} {
		if a := r.do("GET", path+"?from="+from, nil); a.problem(t).Code != "rest.from" {
			t.Errorf("from=%s: %d %s", from, a.status, a.body)
		}
	}
	if a := r.do("GET", path+"?from=4501", nil); a.status != http.StatusNotFound {
		t.Errorf("behind the end: %d %s", a.status, a.body)
	}
}

// However many issues, each is told with one of the answers.
func TestAllIssuesAreTold(t *testing.T) {
	r := newRig(t, nil)
	a := r.do("POST", "", bytes.Repeat([]byte("{\"odd\":1}\n"), 450), "Content-Type", "application/x-ndjson")
	a.taken(t)
	path, row := a.header.Get("Location"), 0
	for from := 1; from > 0; {
		s := r.standing(path + "?from=" + strconv.Itoa(from))
		for _, i := range s.Issues {
			if row++; i.Row != row {
				t.Fatalf("issue %d is of row %d", row, i.Row)
			}
		}
		if s.MoreIssues > 0 || s.Next > 0 && s.Next <= from {
			t.Fatalf("%+v", s)
		}
		from = s.Next
	}
	if row != 450 {
		t.Errorf("%d issues", row)
	}
}
