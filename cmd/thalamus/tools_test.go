package main

import (
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/ncruces/go-sqlite3/driver"
	"github.com/rogpeppe/go-internal/testscript"

	"thalamus/internal/sim/fhirserver"
)

// browser is an HTTPS client that trusts every server and keeps cookies.
func browser() *http.Client {
	jar, _ := cookiejar.New(nil) // never fails
	return &http.Client{Timeout: patience, Jar: jar, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
}

// get URL [TOKEN] prints the status and body of a page.
func get(ts *testscript.TestScript, _ bool, args []string) {
	r, err := http.NewRequest(http.MethodGet, args[0], nil)
	ts.Check(err)
	if len(args) > 1 {
		r.Header.Set("Authorization", "Bearer "+args[1])
	}
	show(ts, browser(), r)
}

// post URL KEY=VALUE… sends a form as a browser does and prints what it then
// shows.
func post(ts *testscript.TestScript, _ bool, args []string) {
	form := url.Values{}
	for _, pair := range args[1:] {
		key, value, _ := strings.Cut(pair, "=")
		form.Set(key, value)
	}
	r, err := http.NewRequest(http.MethodPost, args[0], strings.NewReader(form.Encode()))
	ts.Check(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	show(ts, browser(), r)
}

func show(ts *testscript.TestScript, client *http.Client, r *http.Request) {
	answer, err := client.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s %s\n%s\n", answer.Status, answer.Request.URL.Path, body)
}

// field NAME PATH sets a variable to what stands at a path (a.0.b) of the JSON
// that was printed last.
func field(ts *testscript.TestScript, _ bool, args []string) {
	var v any
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	d.UseNumber()
	ts.Check(d.Decode(&v))
	for part := range strings.SplitSeq(args[1], ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[part]
		case []any:
			n, err := strconv.Atoi(part)
			ts.Check(err)
			if n >= len(at) {
				ts.Fatalf("there are only %d", len(at))
			}
			v = at[n]
		default:
			ts.Fatalf("nothing stands at %s", args[1])
		}
	}
	ts.Setenv(args[0], fmt.Sprint(v))
}

// atleast A B fails when the number A is less than B.
func atLeast(ts *testscript.TestScript, _ bool, args []string) {
	a, err := strconv.ParseFloat(args[0], 64)
	ts.Check(err)
	b, err := strconv.ParseFloat(args[1], 64)
	ts.Check(err)
	if a < b {
		ts.Fatalf("%s is less than %s", args[0], args[1])
	}
}

// sql FILE STATEMENT changes a database file behind the program's back.
func sqlite(ts *testscript.TestScript, _ bool, args []string) {
	db, err := driver.Open("file:" + ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	var done sql.Result
	done, err = db.Exec(args[1])
	ts.Check(err)
	if n, _ := done.RowsAffected(); n == 0 && strings.HasPrefix(args[1], "UPDATE") {
		ts.Fatalf("%s changed nothing", args[1])
	}
}

// listen ADDRESS takes an address for the rest of the script, as another
// program would.
func listen(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", args[0])
	ts.Check(err)
	ts.Defer(func() { l.Close() })
}

// tmpfs FOLDER SIZE mounts a small file system for the rest of the script.
func tmpfs(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+args[1]); err != nil {
		ts.Fatalf("cannot mount a small file system: %v", err)
	}
	ts.Defer(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// fill FILE LEFT writes a file until only LEFT bytes are free on its file
// system.
func fill(ts *testscript.TestScript, _ bool, args []string) {
	left, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	var st syscall.Statfs_t
	ts.Check(syscall.Fstatfs(int(f.Fd()), &st))
	n, err := io.CopyN(f, zeros{}, int64(st.Bavail)*st.Bsize-left)
	if errors.Is(err, syscall.ENOSPC) { // somebody else wrote meanwhile
		err = f.Truncate(max(n-left, 0))
	}
	ts.Check(err)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// root of the repository, where the papers lie.
const root = "../.."

// excerpt PAPER MARK FILE [OLD NEW]… writes the first block of code below the
// line of a paper that holds MARK, with other addresses.
func excerpt(ts *testscript.TestScript, _ bool, args []string) {
	text, err := os.ReadFile(filepath.Join(root, args[0]))
	ts.Check(err)
	_, below, _ := strings.Cut(string(text), args[1])
	lines := strings.SplitAfter(below, "\n")
	const fence, indent = "```", "       "
	begin := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, fence) || strings.HasPrefix(l, indent) })
	if begin < 0 {
		ts.Fatalf("no code stands below %q in %s", args[1], args[0])
	}
	fenced := strings.HasPrefix(lines[begin], fence)
	if fenced {
		begin++
	}
	var block strings.Builder
	for _, l := range lines[begin:] {
		if fenced && strings.HasPrefix(l, fence) || !fenced && !strings.HasPrefix(l, indent) {
			break
		}
		if !fenced {
			l = strings.TrimPrefix(l, indent)
		}
		block.WriteString(l)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(strings.NewReplacer(args[3:]...).Replace(block.String())), 0o600))
}

// write FILE TEXT makes a file.
func write(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(args[1]+"\n"), 0o600))
}

// join FILE OTHER puts another file's text behind a file.
func join(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ts.ReadFile(args[0])+ts.ReadFile(args[1])), 0o600))
}

// cut NAME MARK shortens a variable before a mark.
func cut(ts *testscript.TestScript, _ bool, args []string) {
	before, _, _ := strings.Cut(ts.Getenv(args[0]), args[1])
	ts.Setenv(args[0], before)
}

// fhirServer NAME starts a FHIR server for the rest of the script and sets a
// variable to its address.
func fhirServer(ts *testscript.TestScript, _ bool, args []string) {
	s, err := fhirserver.Listen(fhirserver.Options{})
	ts.Check(err)
	ts.Defer(func() { s.Close() })
	ts.Setenv(args[0], s.URL())
}
