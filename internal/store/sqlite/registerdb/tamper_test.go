package registerdb

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"thalamus/internal/audit"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// ward makes a store with ten audit records, and lets them be altered.
func ward(t *testing.T) (*DB, string) {
	t.Helper()
	folder := t.TempDir()
	d := open(t, folder)
	t.Cleanup(func() { d.Close() })
	appendTen(t, d)
	for _, trigger := range []string{"audit_no_update", "audit_no_delete", "audit_patients_no_update", "audit_patients_no_delete"} {
		alter(t, d, "DROP TRIGGER "+trigger)
	}
	return d, folder
}

// appendTen appends ten records unlike those of another call.
func appendTen(t *testing.T, d *DB) {
	t.Helper()
	call := rand.Text()
	for i := range 10 {
		err := d.Update(t.Context(), func(tx Tx) error {
			_, err := tx.AppendAudit(t.Context(), audit.Record{
				At: time.Unix(int64(i), 5000), Actor: "usr-a", ActorName: "Mona", ActorKind: "user", Action: "patient.get",
				Object: fmt.Sprint(i), Patient: "pat-a", Outcome: audit.Done, Reason: call, FaultCode: "f", Change: "c", Remote: "x",
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func alter(t *testing.T, d *DB, query string, args ...any) {
	t.Helper()
	err := d.db.Update(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(query, args...); return err })
	if err != nil {
		t.Fatal(query, err)
	}
}

func verify(t *testing.T, d *DB, noted ...audit.Head) audit.Report {
	t.Helper()
	r, err := audit.Verify(t.Context(), d, noted, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// R44: whatever is done to the records is found, and the place named.
func TestTamperingIsFound(t *testing.T) {
	type tamper struct {
		seq  uint64
		code string
		do   []string
	}
	cases := map[string]tamper{
		"removed":             {5, "audit.removed", []string{"DELETE FROM audit WHERE seq = 5"}},
		"first removed":       {1, "audit.removed", []string{"DELETE FROM audit WHERE seq = 1"}},
		"removed, renumbered": {5, "audit.altered", []string{"DELETE FROM audit WHERE seq = 5", "UPDATE audit SET seq = seq - 1 WHERE seq > 5"}},
		"two swapped": {4, "audit.altered", []string{
			"UPDATE audit SET seq = -4 WHERE seq = 4", "UPDATE audit SET seq = 4 WHERE seq = 7", "UPDATE audit SET seq = 7 WHERE seq = -4"}},
		"inserted": {6, "audit.altered", []string{
			"UPDATE audit SET seq = -seq WHERE seq >= 6", "UPDATE audit SET seq = 1 - seq WHERE seq < 0",
			"INSERT INTO audit SELECT 6, at, actor, actor_name, actor_kind, action, object, patient, outcome, reason, fault_code, change, remote, hash, patients FROM audit WHERE seq = 2"}},
		"appended falsely": {11, "audit.altered", []string{
			"INSERT INTO audit SELECT 11, at, actor, actor_name, actor_kind, action, object, patient, outcome, reason, fault_code, change, remote, hash, patients FROM audit WHERE seq = 2"}},
		"last cut":                   {10, "audit.cut", []string{"DELETE FROM audit WHERE seq = 10"}},
		"tail cut":                   {4, "audit.cut", []string{"DELETE FROM audit WHERE seq > 3"}},
		"all gone":                   {1, "audit.cut", []string{"DELETE FROM audit"}},
		"text moved between columns": {3, "audit.altered", []string{"UPDATE audit SET reason = '', fault_code = reason || fault_code WHERE seq = 3"}},
	}
	for _, column := range []string{"actor", "actor_name", "actor_kind", "action", "object", "patient", "outcome", "reason", "fault_code", "change", "remote"} {
		cases["altered "+column] = tamper{7, "audit.altered", []string{"UPDATE audit SET " + column + " = 'other' WHERE seq = 7"}}
	}
	cases["altered at"] = tamper{7, "audit.altered", []string{"UPDATE audit SET at = at + 1 WHERE seq = 7"}}
	cases["altered hash"] = tamper{7, "audit.altered", []string{"UPDATE audit SET hash = zeroblob(32) WHERE seq = 7"}}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d, _ := ward(t)
			if r := verify(t, d); !r.Sound() || r.Records != 10 {
				t.Fatalf("%+v", r)
			}
			for _, q := range c.do {
				alter(t, d, q)
			}
			r := verify(t, d)
			if r.Sound() || r.Problems[0].Seq != c.seq || r.Problems[0].Code != c.code {
				t.Fatalf("%+v, want %s at %d", r.Problems, c.code, c.seq)
			}
			// Going on and starting again cover nothing up.
			appendTen(t, d)
			if r := verify(t, d); r.Sound() {
				t.Error("covered up by appending")
			}
		})
	}
}

// Whom a record of several patients names is part of it: a row taken from the
// list, put into it, or another list in its place are found.
func TestTamperedPatientsAreFound(t *testing.T) {
	for name, query := range map[string]string{
		"one left out":  "DELETE FROM audit_patients WHERE patient = 'pat-b'",
		"one put in":    "INSERT INTO audit_patients VALUES (1, 'pat-d')",
		"one exchanged": "UPDATE audit_patients SET patient = 'pat-x' WHERE patient = 'pat-b'",
		"another list":  "UPDATE audit SET patients = 2 WHERE seq = 11",
		"no list":       "UPDATE audit SET patients = 0 WHERE seq = 11",
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := ward(t)
			for _, patients := range [][]model.PatientID{{"pat-a", "pat-b", "pat-c"}, {"pat-a", "pat-c"}} {
				err := d.Update(t.Context(), func(tx Tx) error {
					_, err := tx.AppendAudit(t.Context(), audit.Record{Action: "live.get", Outcome: audit.Done, Patients: patients})
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if r := verify(t, d); !r.Sound() || r.Records != 12 {
				t.Fatalf("%+v", r)
			}
			alter(t, d, query)
			if r := verify(t, d); r.Sound() || r.Problems[0].Seq != 11 || r.Problems[0].Code != "audit.altered" {
				t.Errorf("%+v", r.Problems)
			}
		})
	}
}

// Who writes the whole chain anew is found by the head file, and by a head
// noted elsewhere even when the head file was falsified too.
func TestRewrittenChain(t *testing.T) {
	d, folder := ward(t)
	noted, err := d.AuditHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list, _ := d.AuditAfter(t.Context(), 0, 100)
	var before audit.Hash
	for _, r := range list {
		if r.Seq == 5 {
			r.Actor = "usr-other"
		}
		r = audit.Seal(before, r)
		alter(t, d, "UPDATE audit SET actor = ?, hash = ? WHERE seq = ?", string(r.Actor), r.Hash[:], r.Seq)
		before = r.Hash
	}
	if r := verify(t, d); len(r.Problems) != 1 || r.Problems[0].Code != "audit.rewritten" || r.Problems[0].Seq != 10 {
		t.Fatalf("%+v", r.Problems)
	}
	if err := os.Remove(filepath.Join(folder, AnchorName)); err != nil {
		t.Fatal(err)
	}
	d.Close()
	d = open(t, folder)
	defer d.Close()
	if r := verify(t, d); len(r.Problems) != 1 || r.Problems[0].Code != "audit.no-anchor" {
		t.Fatalf("%+v", r.Problems)
	}
	if err := d.AnchorAnew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, d); !r.Sound() {
		t.Fatalf("%+v", r.Problems)
	}
	if r := verify(t, d, noted); len(r.Problems) != 1 || r.Problems[0].Code != "audit.rewritten" {
		t.Fatalf("%+v", r.Problems)
	}
}

func TestCutWhileStopped(t *testing.T) {
	d, folder := ward(t)
	alter(t, d, "DELETE FROM audit WHERE seq > 6")
	d.Close()
	d = open(t, folder)
	defer func() { d.Close() }()
	appendTen(t, d) // beyond the anchor
	d.Close()
	d = open(t, folder)
	if r := verify(t, d); r.Sound() || r.Problems[0].Code != "audit.rewritten" {
		t.Fatalf("%+v", r.Problems)
	}
	if err := d.AnchorAnew(t.Context()); err != nil {
		t.Fatal(err)
	}
	appendTen(t, d)
	if r := verify(t, d); !r.Sound() || r.Anchor.Seq != 26 {
		t.Errorf("%+v", r)
	}
}

func TestAuditRefusesMistakes(t *testing.T) {
	d := open(t, t.TempDir())
	defer d.Close()
	appendTen(t, d)
	for _, q := range []string{"UPDATE audit SET actor = 'x'", "DELETE FROM audit WHERE seq = 10"} {
		if err := d.db.Update(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(q); return err }); err == nil {
			t.Error(q)
		}
	}
}

// kill copies the folder while the store is open, which is what a kill -9
// leaves behind.
func kill(t *testing.T, folder string) string {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(filepath.Join(copied, "data"), os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(copied, "data")
}

func TestKilledAtAnyMoment(t *testing.T) {
	folder := t.TempDir()
	d := open(t, folder)
	defer d.Close()
	for range 3 {
		appendTen(t, d)
		head, _ := d.AuditHead(t.Context())
		after := open(t, kill(t, folder))
		got, err := after.AuditHead(t.Context())
		if err != nil || got != head {
			t.Error("a committed record is gone:", got, head, err)
		}
		if r := verify(t, after); !r.Sound() {
			t.Errorf("%+v", r.Problems)
		}
		appendTen(t, after)
		if r := verify(t, after); !r.Sound() {
			t.Errorf("%+v", r.Problems)
		}
		after.Close()
	}
}

// A kill between the commit and the writing of the anchor, and within it.
func TestAnchorBehindOrTorn(t *testing.T) {
	folder := t.TempDir()
	d := open(t, folder)
	appendTen(t, d)
	d.Close()
	path := filepath.Join(folder, AnchorName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range 95 {
		torn := append([]byte(nil), text...)
		// The tenth record stands in the second line.
		for i := len(torn) - 1 - cut; i < len(torn); i++ {
			torn[i] = ' '
		}
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		d := open(t, folder)
		if r := verify(t, d); !r.Sound() || r.Anchor.Seq < 9 {
			t.Fatalf("torn by %d: %+v", cut, r)
		}
		d.Close()
	}
	d = open(t, folder)
	defer d.Close()
	appendTen(t, d)
	if r := verify(t, d); !r.Sound() || r.Anchor.Seq != 20 {
		t.Errorf("%+v", r)
	}
}

func TestNewerFolderIsRefused(t *testing.T) {
	folder := t.TempDir()
	d := open(t, folder)
	alter(t, d, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
	d.Close()
	if _, err := Open(t.Context(), folder, Options{}); fault.CodeOf(err) != "store.newer" {
		t.Error(err)
	}
}

func BenchmarkAuditAppend(b *testing.B) {
	d, err := Open(b.Context(), b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	for b.Loop() {
		err := d.Update(b.Context(), func(tx Tx) error {
			_, err := tx.AppendAudit(b.Context(), audit.Record{At: time.Unix(1, 0), Actor: "usr-a", Action: "patient.get", Patient: "pat-a", Outcome: audit.Done})
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
