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

	"thalamus/internal/peertest"
)

func host(addr string) (string, int) {
	h, p, _ := strings.Cut(addr, ":")
	var port int
	json.Unmarshal([]byte(p), &port)
	return h, port
}

// TestNodeClients: two foreign HL7 stacks send to us and believe our answers.
func TestNodeClients(t *testing.T) {
	k := peertest.MakeKeys(t)
	messages := []string{string(oru("m1")), string(oru("m2")), string(oru("m3"))}
	for _, c := range []struct {
		name, script, module string
		settings             map[string]any
		tls                  map[string]any
		identity             string
	}{
		{"node-hl7-client", "node-hl7-client.mjs", "node-hl7-client", nil, nil, ""},
		{"node-hl7-client TLS 1.3", "node-hl7-client.mjs", "node-hl7-client",
			tlsSettings(k, map[string]any{"client_ca": k.CA, "require_client": true}),
			map[string]any{"ca": k.CA, "cert": k.ClientCert, "key": k.ClientKey}, "CN=monitor-7,O=Ward"},
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
			for _, one := range peertest.Run(t, c.script, c.module, run) {
				got = append(got, one.Text("code")+" "+one.Text("id")+one.Text("error"))
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
		peertest.Missing(t, "mllp_send (Debian package python3-hl7)")
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
