package rest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"thalamus/internal/peertest"
)

// run runs a program that is not ours.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		peertest.Missing(t, name)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

func TestCurl(t *testing.T) {
	r := newRig(t, map[string]any{"max_body": "64KiB"})
	file := filepath.Join(t.TempDir(), "rows.ndjson")
	if err := os.WriteFile(file, []byte("{\"a\":1}\n{\"a\":2}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, how := range [][]string{{"--data-binary", "@" + file}, {"-H", "Transfer-Encoding: chunked", "--data-binary", "@" + file}, {"-T", file, "-X", "POST"}, {"--http1.0", "--data-binary", "@" + file}, {"-H", "Expect: 100-continue", "--data-binary", "@" + file}} {
		if out := run(t, "curl", append([]string{"-s", "-S", "--max-time", "30", "-H", "Content-Type: application/x-ndjson", r.url}, how...)...); !strings.Contains(out, `"accepted":2`) {
			t.Errorf("%v: %s", how, out)
		}
	}
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, bytes.Repeat([]byte(`"x"`+"\n"), 50_000), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(t, "curl", "-s", "-S", "--max-time", "30", "-H", "Content-Type: application/x-ndjson", "--data-binary", "@"+large, r.url); !strings.Contains(out, `"status":413`) {
		t.Errorf("too large: %s", out)
	}
}

// fetch of node (undici) sends a stream, and reads a problem.
func TestFetch(t *testing.T) {
	r := newRig(t, nil)
	script := `
const url = process.argv[1];
const send = (body, type, more = {}) => fetch(url, {method: 'POST', headers: {'Content-Type': type, ...more}, body, duplex: 'half'});
const a = await send(JSON.stringify({pulse: 71}), 'application/json', {'Idempotency-Key': crypto.randomUUID()});
const b = await send(new Blob(['{"a":1}\n{"a":2}\n']).stream().pipeThrough(new CompressionStream('gzip')), 'application/x-ndjson', {'Content-Encoding': 'gzip'});
const c = await send('{', 'application/json');
const d = await fetch(new URL(a.headers.get('location'), url));
console.log(a.status, (await a.json()).receipt, b.status, (await b.json()).rows, c.status, (await c.json()).code, d.status, (await d.json()).state);
`
	if out := strings.TrimSpace(run(t, "node", "--input-type=module", "-e", script, r.url)); out != "202 1-1 202 2 422 rest.not-json 200 delivered" {
		t.Errorf("%s", out)
	}
}
