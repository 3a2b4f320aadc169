package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts below testdata run this program the way people do, every command
// as a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"thalamus": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("TZ", "UTC")
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "root":
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"freeport": freePort, "expand": expand, "until": until, "settled": settled, "term": term, "mllp": mllp, "until-answer": untilAnswer, "get": get, "flip": flip,
			"listen": listen, "fill": fill, "tmpfs": tmpfs, "field": field, "atleast": atLeast, "sql": sqlite, "post": post,
			"excerpt": excerpt, "write": write, "join": join, "cut": cut, "fhirserver": fhirServer,
		},
	})
}

// patience is how long a script waits for what must come.
const patience = 60 * time.Second

// nextPort counts through ports below those that the kernel gives to clients,
// so that nobody takes one between its choice and its use.
var nextPort atomic.Uint32

const firstPort, ports = 20000, 12000

// freePort NAME… sets variables to addresses of this machine that are free.
func freePort(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		for {
			port := firstPort + (uint32(os.Getpid())*37+nextPort.Add(1))%ports
			address := fmt.Sprintf("127.0.0.1:%d", port)
			if l, err := net.Listen("tcp", address); err == nil {
				ts.Check(l.Close())
				ts.Setenv(name, address)
				ts.Setenv(name+"_PORT", strconv.Itoa(int(port)))
				break
			}
		}
	}
}

// expand FILE… puts the values of variables into files.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// until [PATTERN] thalamus ARGS… repeats a command until it succeeds, and
// prints PATTERN where one is given as /text/.
func until(ts *testscript.TestScript, _ bool, args []string) {
	want := ""
	if strings.HasPrefix(args[0], "/") {
		want, args = strings.Trim(args[0], "/"), args[1:]
	}
	var last string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		err := ts.Exec(args[0], args[1:]...)
		last = ts.ReadFile("stdout")
		if err == nil && strings.Contains(last, want) {
			return
		}
	}
	ts.Fatalf("%s did not come to %q within %s; the last answer was\n%s", strings.Join(args, " "), want, patience, last)
}

// settled waits until everything received is recorded and delivered, and
// fails when nothing was.
func settled(ts *testscript.TestScript, _ bool, _ []string) {
	var o struct {
		Journal, Recorded uint64
		Destinations      []struct{ Queued, Delivered int64 }
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ts.Exec("thalamus", "overview", "get", "--json") != nil || json.Unmarshal([]byte(ts.ReadFile("stdout")), &o) != nil {
			continue
		}
		owed := o.Journal == 0 || o.Recorded < o.Journal
		for _, d := range o.Destinations {
			owed = owed || d.Queued > 0 || d.Delivered == 0
		}
		if !owed {
			return
		}
	}
	ts.Fatalf("not settled within %s: %+v", patience, o)
}

// term WORD sends SIGTERM to the background process whose command line holds
// WORD, as systemd does.
func term(ts *testscript.TestScript, _ bool, args []string) {
	for _, c := range ts.BackgroundCmds() {
		if slices.Contains(c.Args, args[0]) {
			ts.Check(c.Process.Signal(syscall.SIGTERM))
			return
		}
	}
	ts.Fatalf("nothing runs with %q", args[0])
}

// mllp ADDRESS FILE sends a file as one MLLP frame and prints the answer; with
// a third argument the file is repeated to that many bytes.
func mllp(ts *testscript.TestScript, _ bool, args []string) {
	text := []byte(strings.ReplaceAll(strings.TrimSpace(ts.ReadFile(args[1])), "\n", "\r"))
	if len(args) > 2 {
		size, err := strconv.Atoi(args[2])
		ts.Check(err)
		text = append(text, bytes.Repeat([]byte("x"), size-len(text))...)
	}
	fmt.Fprintln(ts.Stdout(), exchange(ts, args[0], text))
}

// until-answer ADDRESS FILE TEXT sends a file until the answer holds TEXT, as
// a device does that was told to wait.
func untilAnswer(ts *testscript.TestScript, _ bool, args []string) {
	text := []byte(strings.ReplaceAll(strings.TrimSpace(ts.ReadFile(args[1])), "\n", "\r"))
	answer := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if answer = exchange(ts, args[0], text); strings.Contains(answer, args[2]) {
			return
		}
	}
	ts.Fatalf("the answer did not come to %q; the last one was\n%s", args[2], answer)
}

func exchange(ts *testscript.TestScript, address string, text []byte) string {
	c, err := net.DialTimeout("tcp", address, patience)
	ts.Check(err)
	defer c.Close()
	ts.Check(c.SetDeadline(time.Now().Add(patience)))
	_, err = c.Write(slices.Concat([]byte{0x0b}, text, []byte{0x1c, 0x0d}))
	ts.Check(err)
	var answer []byte
	one := make([]byte, 1)
	for {
		if _, err := c.Read(one); err != nil || one[0] == 0x1c {
			break
		}
		answer = append(answer, one[0])
	}
	return strings.ReplaceAll(strings.Trim(string(answer), "\x0b\r"), "\r", "\n")
}

// flip FILE TEXT changes one bit of the first byte of TEXT in a file.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	name := ts.MkAbs(args[0])
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	ts.Check(err)
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1<<20))
	ts.Check(err)
	at := bytes.Index(text, []byte(args[1]))
	if at < 0 {
		ts.Fatalf("%q does not stand in %s", args[1], args[0])
	}
	_, err = f.WriteAt([]byte{text[at] ^ 1}, int64(at))
	ts.Check(err)
}
