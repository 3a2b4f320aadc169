package bench_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/bench"
	"thalamus/internal/flow/journal"
	"thalamus/internal/loopdisk"
	"thalamus/internal/service"
	"thalamus/internal/sim"
)

// ward is the real program with devices that send to it without pause, and a
// receiver that counts.
type ward struct {
	*bench.Server
	t       *testing.T
	ready   string // URL of /readyz
	his     *sim.Receiver
	ledger  *sim.Ledger
	stopped context.CancelFunc
	sending sync.WaitGroup
	// While ext4 is being shut down an fsync under way may be told that all is
	// well of what is being thrown away; without power nobody is told.
	cutting atomic.Bool
	unsure  sync.Map // control ids acknowledged in that moment
}

const oneDestination = `channels:
  - {id: in, driver: mllp, codec: hl7v2, settings: {listen: "MLLP"}}
destinations:
  - {id: his, kind: hl7v2, settings: {address: "HIS", timeout: 5s}}
routes:
  - {id: everything, destinations: [his]}
`

// begin starts the program in a folder, with a journal of small segments.
func begin(t *testing.T, folder string) *ward {
	t.Helper()
	his, err := sim.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(his.Close)
	s, err := bench.NewServer(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "thalamus.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	console := regexp.MustCompile(`listen: "([^"]+)"`).FindSubmatch(text)
	if console == nil {
		t.Fatalf("no console in %s", text)
	}
	text = regexp.MustCompile(`journal: \{[^}]*\}`).ReplaceAll(text, []byte("journal: {floor: 8MiB, segment: 1MiB}"))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	w := &ward{Server: s, t: t, ready: "https://" + string(console[1]) + "/readyz", his: his, ledger: sim.NewLedger()}
	t.Cleanup(s.Kill)
	w.start()
	if err := s.Apply(t.Context(), strings.NewReplacer("HIS", his.Address()).Replace(oneDestination)); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *ward) start() {
	w.t.Helper()
	if _, err := w.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// load lets devices send until the end.
func (w *ward) load(beds int) {
	ctx, cancel := context.WithCancel(w.t.Context())
	w.stopped = cancel
	w.t.Cleanup(cancel)
	terms := sim.NewTerms()
	for i, bed := range sim.Beds("OUT", beds) {
		w.sending.Go(func() {
			monitor := sim.NewMonitor(bed, terms, "k", uint64(i))
			monitor.Waveforms = false
			link := &sim.Link{Address: w.MLLP, Ledger: w.ledger, Patience: 5 * time.Second, Acknowledged: func(m sim.Message) {
				if w.cutting.Load() {
					w.unsure.Store(m.ControlID, true)
				}
			}}
			defer link.Close()
			for ctx.Err() == nil && link.Send(ctx, monitor.Message(time.Now())) == nil {
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
}

// acknowledged waits until so many more messages are.
func (w *ward) acknowledged(more int) {
	w.t.Helper()
	_, before, _ := w.ledger.Counts()
	w.until("messages are acknowledged", func() bool {
		_, now, _ := w.ledger.Counts()
		return now >= before+more
	})
}

func (w *ward) until(what string, is func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("after a minute: not %s; the server says:\n%s", what, w.Output())
		}
	}
}

// readyz asks whether the program is ready, and why not.
func (w *ward) readyz() (int, string) {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}, Timeout: 10 * time.Second}
	r, err := client.Get(w.ready)
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(text)
}

// ask sends one message as it is and gives the answer.
func (w *ward) ask(message string) string {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.MLLP)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := io.WriteString(conn, "\x0b"+message+"\x1c\r"); err != nil {
		w.t.Fatal(err)
	}
	answer, err := bufio.NewReader(conn).ReadBytes(0x1c)
	if err != nil {
		w.t.Fatalf("no answer: %v", err)
	}
	return string(bytes.Trim(answer, "\x0b\x1c"))
}

// settled stops the devices, waits until everything is delivered, and compares
// what the senders were told with what the receiver has and the journal holds.
func (w *ward) settled() {
	w.t.Helper()
	w.stopped()
	w.sending.Wait()
	w.until("everything is recorded and delivered", func() bool {
		var o service.Overview
		if w.Client.Call(w.t.Context(), "overview.get", nil, &o) != nil {
			return false
		}
		for _, d := range o.Destinations {
			if d.Queued > 0 || d.Dead > 0 {
				return false
			}
		}
		return o.Recorded == o.Journal
	})
	var verified service.JournalVerified
	if err := w.Client.Call(w.t.Context(), "journal.verify", nil, &verified); err != nil || !verified.Good {
		w.t.Errorf("the journal: %+v %v", verified, err)
	}
	var audit service.AuditVerified
	if err := w.Client.Call(w.t.Context(), "audit.verify", nil, &audit); err != nil || !audit.Good {
		w.t.Errorf("the audit: %+v %v", audit, err)
	}
	w.Stop()
	view, err := journal.OpenReadOnly(filepath.Join(w.Folder, "journal"), journal.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer view.Close()
	have := map[string]bool{}
	reader := view.Reader(1)
	defer reader.Close()
	for {
		entries, err := reader.Next(0)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			if f := strings.SplitN(string(e.Bytes), "|", 11); len(f) == 11 {
				have[f[9]] = true
			}
		}
	}
	thrown := 0
	for _, controls := range w.ledger.Order() {
		for _, c := range controls {
			if have[c] {
				continue
			}
			if _, unsure := w.unsure.Load(c); unsure {
				thrown++
			} else {
				w.t.Errorf("%s was acknowledged and is not in the journal", c)
			}
		}
	}
	tally := w.his.Tally(w.ledger)
	if tally.Expected == 0 || tally.Lost != thrown || tally.Duplicated+tally.Disordered > 0 {
		w.t.Errorf("the receiver counts %+v", tally)
	}
	w.t.Logf("acknowledged and delivered: %d", tally.Expected)
}

const oneMessage = "MSH|^~\\&|MON|ICU|T|H|20261121120000||ORU^R01^ORU_R01|FULL-%|P|2.6\rPID|1||4711^^^H^MR\rOBR|1|||X\rOBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC||72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F\r"

// TestFullDisk (R23): a disk that runs full under the running program, first to
// the reserve, then to the last byte. Senders are told to wait and why, the
// program says that it is not ready, and goes on by itself when there is room.
func TestFullDisk(t *testing.T) {
	v := loopdisk.New(t, 192)
	w := begin(t, v.Dir)
	w.load(4)
	w.acknowledged(100)
	for _, left := range []int64{6 << 20, 0} {
		free := v.Fill(left)
		var answer string
		n := 0
		w.until("senders are told to wait", func() bool {
			n++
			answer = w.ask(strings.Replace(oneMessage, "%", strings.Repeat("x", n), 1))
			return !strings.Contains(answer, "MSA|AA|")
		})
		if !strings.Contains(answer, "MSA|AE|") || !strings.Contains(answer, "\rERR|") || !strings.Contains(answer, "room") {
			t.Errorf("%d bytes left: the answer does not say why: %q", left, answer)
		}
		w.until("the program says that it is not ready", func() bool {
			code, text := w.readyz()
			return code == http.StatusServiceUnavailable && strings.Contains(text, "room")
		})
		var o service.Overview
		if err := w.Client.Call(t.Context(), "overview.get", nil, &o); err != nil || len(o.Faults) == 0 {
			t.Errorf("%d bytes left: the overview says nothing: %+v %v", left, o.Faults, err)
		}
		time.Sleep(300 * time.Millisecond) // devices go on trying
		free()
		w.acknowledged(100)
		w.until("the program is ready again", func() bool { code, _ := w.readyz(); return code == http.StatusOK })
	}
	if refused := w.ledger.Refused(); refused["AE"]+refused["CE"] == 0 {
		t.Errorf("devices were refused %v", refused)
	}
	w.settled()
}

// TestErringDisk (R23): the file system is shut down under the running
// program, as a disk that is gone: nothing is acknowledged from then on, and
// senders hear why. Mounted again and started again, all is there that was.
func TestErringDisk(t *testing.T) {
	v := loopdisk.New(t, 192)
	w := begin(t, v.Dir)
	w.load(4)
	for range 3 {
		w.acknowledged(100)
		w.cutting.Store(true)
		if err := v.Cut(); err != nil {
			t.Skipf("this file system cannot be shut down: %v", err)
		}
		answer := w.ask(strings.Replace(oneMessage, "%", "GONE", 1))
		w.cutting.Store(false)
		if !strings.Contains(answer, "MSA|AE|") || !strings.Contains(answer, "\rERR|") {
			t.Errorf("the answer does not say why: %q", answer)
		}
		w.until("the program says that it is not ready", func() bool { code, _ := w.readyz(); return code == http.StatusServiceUnavailable })
		w.Kill()
		v.Remount()
		w.start()
		w.acknowledged(50)
		w.until("the program is ready again", func() bool { code, _ := w.readyz(); return code == http.StatusOK })
	}
	w.settled()
}
