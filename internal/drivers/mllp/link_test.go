package mllp

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// listen starts a driver with further settings.
func listen(t *testing.T, settings map[string]any) *drivertest.Rig {
	t.Helper()
	s := suite()
	for k, v := range settings {
		s.Settings[k] = v
	}
	return s.Start(t)
}

// answers reads frames until the other side ends or none comes for 300 ms
// after the count wanted.
func answers(t *testing.T, p *drivertest.Peer, want int) []string {
	t.Helper()
	var got []string
	var buf []byte
	for {
		if len(got) >= want {
			p.SetReadDeadline(time.Now().Add(150 * time.Millisecond))
		}
		chunk := make([]byte, 4096)
		n, err := p.Read(chunk)
		buf = append(buf, chunk[:n]...)
		for {
			end := bytes.Index(buf, []byte("\x1c\r"))
			if end < 0 {
				break
			}
			got = append(got, string(bytes.TrimPrefix(buf[:end], []byte("\v"))))
			buf = buf[end+2:]
		}
		if err != nil {
			return got
		}
	}
}

// brief is "AA 4711" for an acknowledgement, with ERR-3.1 when there is one.
func brief(t *testing.T, ack string) string {
	t.Helper()
	a, err := hl7v2.ParseAck([]byte(ack))
	if err != nil {
		t.Fatalf("answer %q: %v", ack, err)
	}
	s := string(a.Code) + " " + a.ControlID
	if len(a.Errors) > 0 {
		s += " " + strconv.Itoa(a.Errors[0].Code)
	}
	return s
}

func msh(id, rest string) string {
	return "MSH|^~\\&|A|B|C|D|20261121||ORU^R01|" + id + "|P|2.5" + rest + "\r"
}

// TestAnswers: what a sender gets for what it sends. The cases include what
// other engines get wrong: text that is no HL7, no control id, empty frames, a
// PID without MSH, MSH-15 and MSH-16.
func TestAnswers(t *testing.T) {
	long := "\v" + msh("big", "") + strings.Repeat("OBX|1|TX|a||"+strings.Repeat("x", 1000)+"\r", 30) + "\x1c\r"
	good := "\v" + msh("1", "") + "\x1c\r"
	for _, c := range []struct {
		name, mode, sent string
		want             []string
		kept             int
		note             string
	}{
		{"original mode", "", good, []string{"AA 1"}, 1, ""},
		{"not HL7", "", "\vhello world\x1c\r" + good, []string{"AR  100", "AA 1"}, 2, "mllp.refused"},
		{"empty frame", "", "\v\x1c\r" + good, []string{"AR  100", "AA 1"}, 1, "mllp.empty"},
		{"PID without MSH", "", "\vPID|1||4711\r\x1c\r" + good, []string{"AR  100", "AA 1"}, 2, "mllp.refused"},
		{"no control id", "", "\v" + msh("", "") + "\x1c\r" + good, []string{"AR  101", "AA 1"}, 2, "mllp.refused"},
		{"no type", "", "\vMSH|^~\\&|A|B|C|D|20261121|||7|P|2.5\r\x1c\r", []string{"AR 7 101"}, 1, "mllp.refused"},
		{"MSH cut short", "", "\vMSH|\x1c\r" + good, []string{"AR  100", "AA 1"}, 2, "mllp.refused"},
		{"15 NE 16 NE", "", "\v" + msh("7", "|||NE|NE") + "\x1c\r" + good, []string{"AA 1"}, 2, ""},
		{"15 AL 16 NE", "", "\v" + msh("7", "|||AL|NE") + "\x1c\r", []string{"CA 7"}, 1, ""},
		{"15 AL", "", "\v" + msh("7", "|||AL") + "\x1c\r", []string{"CA 7"}, 1, ""},
		{"15 ER", "", "\v" + msh("7", "|||ER") + "\x1c\r" + good, []string{"AA 1"}, 2, ""},
		{"15 SU", "", "\v" + msh("7", "|||SU") + "\x1c\r", []string{"CA 7"}, 1, ""},
		{"15 AL 16 AL", "", "\v" + msh("7", "|||AL|AL") + "\x1c\r", []string{"CA 7", "AA 7"}, 1, ""},
		{"15 NE 16 AL", "", "\v" + msh("7", "|||NE|AL") + "\x1c\r", []string{"AA 7"}, 1, ""},
		{"16 AL", "", "\v" + msh("7", "||||AL") + "\x1c\r", []string{"AA 7"}, 1, ""},
		{"16 NE", "", "\v" + msh("7", "||||NE") + "\x1c\r", []string{"CA 7"}, 1, ""},
		{"no id, 15 ER", "", "\v" + msh("", "|||ER|NE") + "\x1c\r", []string{"CR  101"}, 1, "mllp.refused"},
		{"no id, 15 SU", "", "\v" + msh("", "|||SU|NE") + "\x1c\r" + good, []string{"AA 1"}, 2, "mllp.unanswered"},
		{"no id, 15 AL 16 AL", "", "\v" + msh("", "|||AL|AL") + "\x1c\r", []string{"CR  101"}, 1, "mllp.refused"},
		{"forced original", "original", "\v" + msh("7", "|||NE|NE") + "\x1c\r", []string{"AA 7"}, 1, ""},
		{"forced enhanced", "enhanced", good, []string{"CA 1"}, 1, ""},
		{"never application", "never-application", "\v" + msh("7", "|||AL|AL") + "\x1c\r" + good, []string{"CA 7", "AA 1"}, 2, ""},
		{"oversize, then good", "", long + good, []string{"AR big 207", "AA 1"}, 1, "mllp.oversize"},
		{"oversize without FS", "", strings.TrimRight(long, "\x1c\r") + "\r" + good, []string{"AR big 207", "AA 1"}, 1, "mllp.oversize"},
		{"no VT", "", msh("7", "") + "\x1c\r" + good, []string{"AA 7", "AA 1"}, 2, "mllp.envelope"},
		{"no FS", "", "\v" + msh("7", "") + good, []string{"AA 7", "AA 1"}, 2, "mllp.envelope"},
		{"no CR", "", "\v" + msh("7", "") + "\x1c" + good, []string{"AA 7", "AA 1"}, 2, ""},
		{"LF between", "", "\v" + msh("7", "") + "\x1c\r\n\n" + good, []string{"AA 7", "AA 1"}, 2, ""},
		{"garbage between", "", good + "rubbish" + good, []string{"AA 1", "AA 1"}, 2, "mllp.garbage"},
		{"cut by the next", "", "\v" + strings.TrimRight(msh("7", ""), "\r") + "|x" + good, []string{"AE 7 100", "AA 1"}, 1, "mllp.half-frame"},
		{"batch", "", "\vFHS|^~\\&|A|B|C|D|2026||||F1\rBHS|^~\\&|A|B|C|D|2026||||B1\r" + msh("1", "") + "BTS|1\rFTS|1\r\x1c\r", []string{"AA F1"}, 1, ""},
		{"other delimiters", "", "\vMSH$%*!@$A$B$C$D$2026$$ORU%R01$7$P$2.5\r\x1c\r", []string{"AA 7"}, 1, ""},
		{"LF ends segments", "", "\v" + strings.ReplaceAll(msh("7", ""), "\r", "\n") + "PID|1\n\x1c\r", []string{"AA 7"}, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			settings := map[string]any{"max_frame": "16KiB"}
			if c.mode != "" {
				settings["acknowledgement"] = c.mode
			}
			r := listen(t, settings)
			p := r.Dial(t)
			if _, err := p.Write([]byte(c.sent)); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range answers(t, p, len(c.want)) {
				got = append(got, brief(t, a))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("answers %q, want %q", got, c.want)
			}
			if kept, _ := r.Intake.Count(); kept != c.kept {
				t.Errorf("%d frames kept, want %d", kept, c.kept)
			}
			if codes := r.Notes.Codes(); c.note != "" && !slices.Contains(codes, c.note) || c.note == "" && len(codes) > 0 {
				t.Errorf("notes %q, want %q", codes, c.note)
			}
		})
	}
}

// TestAnswerText: the whole answer, so that an engineer sees what is wrong.
func TestAnswerText(t *testing.T) {
	r := listen(t, map[string]any{"charset": "UNICODE UTF-8"})
	p := r.Dial(t)
	fmt.Fprintf(p, "\vMSH|^~\\&|MON|ICU|THAL|HOSP|20261121||ORU^R01^ORU_R01||P|2.6\r\x1c\r")
	got := answers(t, p, 1)[0]
	for _, want := range []string{
		"MSH|^~\\&|THAL|HOSP|MON|ICU|", "|ACK^R01^ACK|R", "|P|2.6||||||UNICODE UTF-8\r",
		"MSA|AR||", "ERR||MSH^1^10|101^", "|E|hl7v2.no-control-id", "fill MSH-10",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("answer lacks %q:\n%s", want, strings.ReplaceAll(got, "\r", "\n"))
		}
	}
}

// TestFullDisk: AE or CE with the reason, never silence, and AA once there is
// room again.
func TestFullDisk(t *testing.T) {
	r := listen(t, nil)
	r.Intake.Fail(drivertest.Full)
	p := r.Dial(t)
	fmt.Fprintf(p, "\v%s\x1c\r\v%s\x1c\r", msh("1", ""), msh("2", "|||AL|NE"))
	got := answers(t, p, 2)
	if brief(t, got[0]) != "AE 1 207" || brief(t, got[1]) != "CE 2 207" || !strings.Contains(got[0], "journal.full") || !strings.Contains(got[0], "the disk is full") {
		t.Errorf("answers %q", got)
	}
	if !slices.Contains(r.Notes.Codes(), "mllp.not-stored") {
		t.Errorf("notes %q", r.Notes.Codes())
	}
}

// TestOneSpoilsTheOffer: a frame that intake will never take does not keep its
// neighbours from being taken.
func TestOneSpoilsTheOffer(t *testing.T) {
	r := listen(t, nil)
	r.Intake.Fail(func(frames []model.Frame) error {
		for _, f := range frames {
			if bytes.Contains(f.Bytes, []byte("|bad|")) {
				return fault.New(fault.Invalid, "journal.oversize", "too long")
			}
		}
		return nil
	})
	p := r.Dial(t)
	fmt.Fprintf(p, "\v%s\x1c\r\v%s\x1c\r\v%s\x1c\r", msh("1", ""), msh("bad", ""), msh("3", ""))
	var got []string
	for _, a := range answers(t, p, 3) {
		got = append(got, brief(t, a))
	}
	if want := []string{"AA 1", "AR bad 207", "AA 3"}; !slices.Equal(got, want) {
		t.Errorf("answers %q, want %q", got, want)
	}
	if n, _ := r.Intake.Count(); n != 2 {
		t.Errorf("%d kept, want 2", n)
	}
}

// TestDuplicates: in flight and after a reconnect the first answer comes
// again; the same control id with other content is another message.
func TestDuplicates(t *testing.T) {
	r := listen(t, nil)
	p := r.Dial(t)
	one := "\v" + msh("1", "") + "\x1c\r"
	fmt.Fprint(p, one, one, "\v"+msh("1", "|")+"\x1c\r")
	first := answers(t, p, 3)
	if len(first) != 3 || first[0] != first[1] || first[1] == first[2] {
		t.Errorf("answers %q", first)
	}
	p.Close()
	again := r.Dial(t)
	fmt.Fprint(again, one)
	if got := answers(t, again, 1); len(got) != 1 || got[0] != first[0] {
		t.Errorf("after a reconnect %q, first %q", got, first[0])
	}
	if n, _ := r.Intake.Count(); n != 4 {
		t.Errorf("%d kept, want all 4: the journal keeps every frame", n)
	}
}

func TestAnsweredForgetsTheOldest(t *testing.T) {
	var a answered
	a.init()
	for n := range remembered + 10 {
		a.first([]byte(strconv.Itoa(n)), receipt{seq: model.Seq(n + 1)})
	}
	if len(a.index) != remembered || len(a.ring) != remembered {
		t.Errorf("%d remembered in %d places", len(a.index), len(a.ring))
	}
	if got := a.first([]byte("20"), receipt{seq: 99}); got.seq != 21 {
		t.Errorf("seq %d, want the first, 21", got.seq)
	}
	if got := a.first([]byte("3"), receipt{seq: 99}); got.seq != 99 {
		t.Errorf("seq %d, want 99: the first is forgotten", got.seq)
	}
}

// TestPipelineSharesAnOffer: frames that lie in the buffer together are one
// offer, so that they share a sync.
func TestPipelineSharesAnOffer(t *testing.T) {
	r := listen(t, nil)
	release := r.Intake.Hold()
	p := r.Dial(t)
	p.Send(0)
	drivertest.Until(t, "intake was asked", func() bool { _, o := r.Intake.Count(); return o == 1 })
	for n := 1; n <= 200; n++ {
		p.Send(n)
	}
	release()
	for n := range 201 {
		p.Want(n, true)
	}
	if frames, offers := r.Intake.Count(); frames != 201 || offers > 60 {
		t.Errorf("%d frames in %d offers", frames, offers)
	}
}

func TestTooManyConnections(t *testing.T) {
	r := listen(t, map[string]any{"max_connections": 2})
	a, b := r.Dial(t), r.Dial(t)
	a.Send(1)
	a.Want(1, true)
	b.Send(2)
	b.Want(2, true)
	c := r.Dial(t)
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a third connection was served")
	}
	drivertest.Until(t, "the refusal was reported", func() bool { return slices.Contains(r.Notes.Codes(), "mllp.too-many") })
	a.Close()
	drivertest.Until(t, "a place is free", func() bool {
		return r.Driver.(*Driver).Status().Peers < 2
	})
	d := r.Dial(t)
	d.Send(3)
	d.Want(3, true)
}

// TestStalledSenderIsTold: half a frame and silence gets AE with the reason
// before the connection is closed.
func TestStalledSenderIsTold(t *testing.T) {
	r := listen(t, nil)
	p := r.Dial(t)
	fmt.Fprint(p, "\v"+msh("7", "")+"PID|1||47")
	got := answers(t, p, 2)
	if len(got) != 1 || brief(t, got[0]) != "AE 7 100" {
		t.Errorf("answers %q", got)
	}
}

// TestWriteSideClosed: a sender that closes its side after the last message,
// as netcat does, still gets its answer, also without FS.
func TestWriteSideClosed(t *testing.T) {
	r := listen(t, nil)
	p := r.Dial(t)
	fmt.Fprint(p, msh("7", "")+"PID|1\r")
	p.Conn.(*net.TCPConn).CloseWrite()
	if got := answers(t, p, 2); len(got) != 1 || brief(t, got[0]) != "AA 7" {
		t.Errorf("answers %q", got)
	}
}

func TestIdle(t *testing.T) {
	r := listen(t, map[string]any{"idle_timeout": "50ms"})
	p := r.Dial(t)
	if _, err := p.Read(make([]byte, 1)); err == nil {
		t.Error("the idle connection was not closed")
	}
	if !slices.Contains(r.Notes.Codes(), "mllp.idle") {
		t.Errorf("notes %q", r.Notes.Codes())
	}
}

// TestLongFramesWaitForMemory: when unfinished long messages use all memory
// set aside, the next sender is asked to send again; the memory comes back.
func TestLongFramesWaitForMemory(t *testing.T) {
	r := listen(t, nil)
	d := r.Driver.(*Driver)
	all := d.budget.Left()
	d.budget.Set(100 << 10)
	long := "\v" + msh("7", "") + "OBX|1|TX|a||" + strings.Repeat("x", 1<<20) + "\r\x1c\r"
	p := r.Dial(t)
	go fmt.Fprint(p, long, "\v", msh("8", ""), "\x1c\r")
	var got []string
	for _, a := range answers(t, p, 2) {
		got = append(got, brief(t, a))
	}
	if want := []string{"AE 7 207", "AA 8"}; !slices.Equal(got, want) {
		t.Fatalf("answers %q, want %q", got, want)
	}
	p.Close()
	drivertest.Until(t, "nobody holds any", func() bool { return d.budget.Left() == 100<<10 })
	d.budget.Set(all)
	q := r.Dial(t)
	go fmt.Fprint(q, long)
	if got := answers(t, q, 1); len(got) != 1 || brief(t, got[0]) != "AA 7" {
		t.Errorf("answers %q", got)
	}
	q.Close()
	drivertest.Until(t, "the memory is back", func() bool { return d.budget.Left() == all })
	if n := len(r.Intake.Taken()[1].Bytes); n != len(long)-3 {
		t.Errorf("%d bytes kept of %d", n, len(long)-3)
	}
}

func TestSettings(t *testing.T) {
	for place, settings := range map[string]map[string]any{
		"listen":             {"listen": "2575"},
		"acknowledgement":    {"acknowledgement": "sometimes"},
		"max_frame":          {"max_frame": 10},
		"max_connections":    {"max_connections": 0},
		"stall_timeout":      {"stall_timeout": "0s"},
		"tls.min_version":    {"tls": map[string]any{"enabled": true, "min_version": "1.1"}},
		"tls.key":            {"tls": map[string]any{"enabled": true, "certificate": "a.pem"}},
		"tls.client_ca":      {"tls": map[string]any{"enabled": true, "require_client": true}},
		"tls.enabled":        {"tls": map[string]any{"client_ca": "a.pem"}},
		"charset":            {"charset": "a|b"},
		"tls.no_such":        {"tls": map[string]any{"no_such": 1}},
		"max_frame (wrong)":  {"max_frame": "much"},
		"idle_timeout":       {"idle_timeout": "-1s"},
		"listen (unchanged)": {"listen": ""},
	} {
		_, err := New(model.Channel{ID: "x", Settings: settings})
		name, _, _ := strings.Cut(place, " ")
		if err == nil || fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), name+":") {
			t.Errorf("%s: error %v", place, err)
		}
	}
}

// TestSlowReaderIsCutOff: a sender that leaves our answers unread does not
// hold its connection for ever, and people are told.
func TestSlowReaderIsCutOff(t *testing.T) {
	r := listen(t, nil)
	p := r.Dial(t)
	p.Conn.(*net.TCPConn).SetReadBuffer(4096)
	go func() {
		batch := bytes.Repeat([]byte("\v"+msh("1", "")+"\x1c\r"), 1000)
		for {
			if _, err := p.Write(batch); err != nil {
				return
			}
		}
	}()
	drivertest.Until(t, "it was reported", func() bool { return slices.Contains(r.Notes.Codes(), "mllp.slow-reader") })
	drivertest.Until(t, "it is gone", func() bool { return r.Driver.(*Driver).Status().Peers == 0 })
}
