package client_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"thalamus/client"
	"thalamus/internal/cli"
)

// The test's binary is three programs: the tests, the whole of Thalamus, and a
// gateway that is killed.
func TestMain(m *testing.M) {
	switch os.Getenv("CLIENT_TEST") {
	case "thalamus":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		code := cli.Run(ctx, "test", os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	case "gateway":
		if err := gateway(os.Args[1], os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// gateway puts readings numbered from a first to a last one, says each number
// when it is kept, and waits until all are sent.
func gateway(url, folder, span string) error {
	from, until, _ := strings.Cut(span, "-")
	n, err := strconv.Atoi(from)
	last, err2 := strconv.Atoi(until)
	if err != nil || err2 != nil {
		return fmt.Errorf("span %q", span)
	}
	c, err := client.Open(client.Options{URL: url, Folder: folder, Name: "gateway", Secret: os.Getenv("CLIENT_SECRET"), BatchRows: 20, Linger: time.Millisecond, SegmentBytes: 16 << 10, MinBackoff: 10 * time.Millisecond, MaxBackoff: 100 * time.Millisecond})
	if err != nil {
		return err
	}
	for ; n <= last; n++ {
		body := fmt.Appendf(nil, `{"serial":"SN-%d","n":%d}`, n%3, n)
		if _, err := c.Put(context.Background(), client.Message{Device: strconv.Itoa(n % 3), Type: "application/json", Body: body}); err != nil {
			return err
		}
		fmt.Println(n)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.Flush(ctx); err != nil {
		return err
	}
	return c.Close()
}

func program(t *testing.T, as string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := exec.Command(self, args...)
	p.Env = append(os.Environ(), "CLIENT_TEST="+as)
	return p
}

// thalamus runs a command of the program until it succeeds.
func thalamus(t *testing.T, args ...string) string {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		out, err := program(t, "thalamus", args...).CombinedOutput()
		if err == nil {
			return string(out)
		}
		if time.Now().After(end) {
			t.Fatalf("thalamus %v: %v\n%s", args, err, out)
		}
	}
}

// R23: neither gateway nor server may be killed without warning at any moment
// and lose a reading that was kept, or bring one twice or out of order.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the whole program")
	}
	folder := t.TempDir()
	data, outbox := filepath.Join(folder, "data"), filepath.Join(folder, "outbox")
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	serve := func() *exec.Cmd {
		p := program(t, "thalamus", "serve", "--data", data, "--listen", "127.0.0.1:0")
		p.Stderr = io.Discard
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		return p
	}
	server := serve()
	defer func() {
		server.Process.Signal(syscall.SIGTERM)
		server.Wait()
	}()
	config := filepath.Join(folder, "channel.yaml")
	text := "channels:\n  - {id: home, driver: rest, codec: json, settings: {listen: \"127.0.0.1:" + port + "\"}}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	thalamus(t, "overview", "get", "--data", data)
	made := thalamus(t, "credential", "create", "gateway", "--data", data, "--json")
	thalamus(t, "apply", config, "--data", data)
	var credential struct{ Secret string }
	if err := json.Unmarshal([]byte(made), &credential); err != nil || credential.Secret == "" {
		t.Fatalf("%s: %v", made, err)
	}
	t.Setenv("CLIENT_SECRET", credential.Secret)
	url := "http://" + address + "/ingest/home"
	kept := 0
	for round := range 6 {
		g := program(t, "gateway", url, outbox, fmt.Sprintf("%d-100000", kept+1))
		out, err := g.StdoutPipe()
		if err == nil {
			err = g.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		goal := kept + 40 + 17*round
		lines := bufio.NewScanner(out)
		for kept < goal && lines.Scan() {
			kept, _ = strconv.Atoi(lines.Text())
		}
		if round%2 == 1 { // the server too, in the middle
			server.Process.Kill()
			server.Wait()
			server = serve()
		}
		g.Process.Kill()
		for lines.Scan() { // said before the kill, read after it
			if n, err := strconv.Atoi(lines.Text()); err == nil {
				kept = n
			}
		}
		g.Wait()
		// One may have been kept, and even sent, and not said any more: the next
		// gateway goes on behind it.
		kept = heldBy(t, outbox, kept)
		for _, n := range journaled(t, data) {
			kept = max(kept, n)
		}
	}
	last := program(t, "gateway", url, outbox, fmt.Sprintf("%d-%d", kept+1, kept+10))
	if text, err := last.CombinedOutput(); err != nil {
		t.Fatalf("the last gateway: %v\n%s", err, text)
	}
	kept += 10
	check(t, data, kept)
}

// heldBy gives the last reading that the outbox holds, at least the one that
// was said.
func heldBy(t *testing.T, outbox string, said int) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(outbox, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, piece := range strings.Split(string(b), `"n":`)[1:] {
			if digits, _, whole := strings.Cut(piece, "}"); whole {
				if n, err := strconv.Atoi(digits); err == nil {
					said = max(said, n)
				}
			}
		}
	}
	return said
}

// journaled gives the readings in the server's journal, in its order.
func journaled(t *testing.T, data string) (all []int) {
	t.Helper()
	raw := thalamus(t, "journal", "cat", "--raw", "--data", data)
	for _, piece := range strings.Split(raw, `"n":`)[1:] {
		digits, _, _ := strings.Cut(piece, "}")
		n, err := strconv.Atoi(digits)
		if err != nil {
			t.Fatalf("%q is no reading", piece)
		}
		all = append(all, n)
	}
	return all
}

// check reads the server's journal: each reading once, those of a device in
// order.
func check(t *testing.T, data string, want int) {
	t.Helper()
	seen := map[int]bool{}
	var last [3]int
	for _, n := range journaled(t, data) {
		if seen[n] {
			t.Errorf("reading %d came twice", n)
		}
		if n < last[n%3] {
			t.Errorf("reading %d came after %d of the same device", n, last[n%3])
		}
		seen[n], last[n%3] = true, n
	}
	for n := 1; n <= want; n++ {
		if !seen[n] {
			t.Errorf("reading %d was kept and never came", n)
		}
	}
	if len(seen) != want {
		t.Errorf("%d readings, want %d", len(seen), want)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
