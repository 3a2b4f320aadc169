// Package peertest runs foreign programs for tests: the node scripts of
// test/peers, with the modules that `make peers` installed. Where a peer is
// missing the test is skipped, and fails where CI=true.
package peertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Patience is how long a peer may take to say what it must.
const Patience = 30 * time.Second

// Missing skips the test for want of a peer, or fails it where CI=true.
func Missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("peer missing: %s", what)
	}
	t.Skipf("peer missing: %s", what)
}

// root is the project's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	t.Fatal("no go.mod above the test's folder", err)
	return ""
}

// command prepares a script of test/peers that needs a node module; run is
// what it reads on standard input, as JSON.
func command(t *testing.T, script, module string, run any) *exec.Cmd {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		Missing(t, "node")
	}
	root := root(t)
	peers := filepath.Join(root, "build", "peers")
	if _, err := os.Stat(filepath.Join(peers, "node_modules", module)); err != nil {
		Missing(t, module+" (make peers)")
	}
	in, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "--experimental-websocket", filepath.Join(root, "test", "peers", script))
	cmd.Env = append(os.Environ(), "PEERS="+peers)
	cmd.Stdin = bytes.NewReader(in)
	return cmd
}

// Said is one JSON object that a script printed.
type Said map[string]any

// Text is a key's text, empty when there is none.
func (s Said) Text(key string) string {
	text, _ := s[key].(string)
	return text
}

// Run runs a script to its end and gives what it said.
func Run(t *testing.T, script, module string, run any) []Said {
	t.Helper()
	cmd := command(t, script, module, run)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out, errs.String())
	}
	var said []Said
	for line := range bytes.Lines(out) {
		var one Said
		if json.Unmarshal(line, &one) == nil {
			said = append(said, one)
		}
	}
	return said
}

// Server is a script that runs until the test ends.
type Server struct {
	mu   sync.Mutex
	said []Said
}

// Serve starts a script that listens and returns when it has said so
// ({"listening": …}).
func Serve(t *testing.T, script, module string, run any) *Server {
	t.Helper()
	cmd := command(t, script, module, run)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &Server{}
	done := make(chan struct{})
	listening := make(chan struct{}, 1)
	go func() {
		defer close(done)
		for in := bufio.NewScanner(out); in.Scan(); {
			var one Said
			if json.Unmarshal(in.Bytes(), &one) != nil {
				continue
			}
			s.mu.Lock()
			s.said = append(s.said, one)
			s.mu.Unlock()
			if one["listening"] != nil {
				listening <- struct{}{}
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-done
		cmd.Wait()
	})
	select {
	case <-listening:
	case <-done:
		t.Fatalf("%s ended before it listened", script)
	case <-time.After(Patience):
		t.Fatalf("%s did not listen in %s", script, Patience)
	}
	return s
}

// Said gives everything the script said so far.
func (s *Server) Said() []Said {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Said(nil), s.said...)
}

// FreePort gives a TCP port of the loopback interface that nobody uses.
func FreePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}
