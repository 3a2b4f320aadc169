package mllp

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// missing skips the test, or fails it where every peer must be there.
func missingPeer(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("peer missing: %s", what)
	}
	t.Skipf("peer missing: %s", what)
}

// script runs a node script of test/peers to its end and gives what it said.
func script(t *testing.T, name, module string, run map[string]any) []map[string]string {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missingPeer(t, "node")
	}
	peers := filepath.Join(root, "build", "peers")
	if _, err := os.Stat(filepath.Join(peers, "node_modules", module)); err != nil {
		missingPeer(t, module+" (make peers)")
	}
	in, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "--experimental-websocket", filepath.Join(root, "test", "peers", name))
	cmd.Env = append(os.Environ(), "PEERS="+peers)
	cmd.Stdin = bytes.NewReader(in)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	var said []map[string]string
	for line := range strings.Lines(string(out)) {
		var one map[string]string
		if json.Unmarshal([]byte(line), &one) == nil {
			said = append(said, one)
		}
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, out, errs.String())
	}
	return said
}

func host(addr string) (string, int) {
	h, p, _ := strings.Cut(addr, ":")
	var port int
	json.Unmarshal([]byte(p), &port)
	return h, port
}

// TestNodeClients: two foreign HL7 stacks send to us and believe our answers.
func TestNodeClients(t *testing.T) {
	k := makeKeys(t)
	messages := []string{string(oru("m1")), string(oru("m2")), string(oru("m3"))}
	for _, c := range []struct {
		name, script, module string
		settings             map[string]any
		tls                  map[string]any
		identity             string
	}{
		{"node-hl7-client", "node-hl7-client.mjs", "node-hl7-client", nil, nil, ""},
		{"node-hl7-client TLS 1.3", "node-hl7-client.mjs", "node-hl7-client",
			k.settings(map[string]any{"client_ca": k.ca, "require_client": true}),
			map[string]any{"ca": k.ca, "cert": k.clientCert, "key": k.clientKey}, "CN=monitor-7,O=Ward"},
		{"medplum", "medplum-client.mjs", "@medplum/hl7", nil, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := listen(t, c.settings)
			h, port := host(r.Addr)
			run := map[string]any{"host": h, "port": port, "messages": messages}
			if c.tls != nil {
				run["tls"] = c.tls
			}
			var got []string
			for _, one := range script(t, c.script, c.module, run) {
				got = append(got, one["code"]+" "+one["id"]+one["error"])
			}
			if want := []string{"AA m1", "AA m2", "AA m3"}; !slices.Equal(got, want) {
				t.Errorf("answers %q, want %q", got, want)
			}
			frames := r.Intake.Taken()
			if len(frames) != 3 {
				t.Fatalf("%d frames kept", len(frames))
			}
			for n, f := range frames {
				if strings.TrimRight(string(f.Bytes), "\r") != strings.TrimRight(messages[n], "\r") || f.Identity != c.identity {
					t.Errorf("frame %d from %q: %q", n, f.Identity, f.Bytes)
				}
			}
		})
	}
}

// TestMllpSend: Debian's python3-hl7.
func TestMllpSend(t *testing.T) {
	send, err := exec.LookPath("mllp_send")
	if err != nil {
		missingPeer(t, "mllp_send (Debian package python3-hl7)")
	}
	r := listen(t, nil)
	h, port := host(r.Addr)
	file := filepath.Join(t.TempDir(), "messages.hl7")
	text := strings.ReplaceAll(string(oru("p1"))+string(oru("p2")), "\r", "\r\n")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	portText, _ := json.Marshal(port)
	out, err := exec.CommandContext(t.Context(), send, "--loose", "-p", string(portText), "-f", file, h).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"MSA|AA|p1", "MSA|AA|p2"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("mllp_send did not see %s:\n%s", want, out)
		}
	}
	if n, _ := r.Intake.Count(); n != 2 {
		t.Errorf("%d frames kept", n)
	}
}
