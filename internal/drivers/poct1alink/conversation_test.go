package poct1alink

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec/poct1a"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/model"
)

type meter struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

// hears wants a document of the given type, and for ACK the id it answers.
func (m *meter) hears(kind, about string) poct1a.Envelope {
	m.t.Helper()
	e, err := document(m.r)
	if err != nil || e.Type != kind || about != "" && e.Acknowledges != about {
		m.t.Fatalf("heard %+v, %v; want %s %s", e, err, kind, about)
	}
	return e
}

func (m *meter) says(format string, args ...any) {
	m.t.Helper()
	if _, err := fmt.Fprintf(m, format, args...); err != nil {
		m.t.Fatal(err)
	}
}

// acks answers a request of the reviewer.
func (m *meter) acks(e poct1a.Envelope) {
	m.says(`<ACK.R01>`+hdr+`<ACK><ACK.type_cd V="AA"/><ACK.ack_control_id V="%s"/></ACK></ACK.R01>`, 0, e.ControlID)
}

func start(t *testing.T, settings map[string]any) (*drivertest.Intake, *meter) {
	t.Helper()
	all := map[string]any{"link": map[string]any{"listen": "127.0.0.1:0"}}
	for k, v := range settings {
		all[k] = v
	}
	d, err := Kind().New(model.Channel{ID: "poct", Settings: all})
	if err != nil {
		t.Fatal(err)
	}
	intake, notes := &drivertest.Intake{}, &drivertest.Notes{}
	if err := d.Start(t.Context(), driver.Host{Intake: intake, Log: slog.New(slog.DiscardHandler), Note: notes.Note}); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", d.(driver.Listener).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(drivertest.Patience))
	t.Cleanup(func() {
		c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
		defer cancel()
		d.Stop(ctx)
	})
	return intake, &meter{t, c, bufio.NewReader(c)}
}

// TestConversation is a whole one: hello, status, observations, events, clock,
// operators, continuous mode, observations by themselves, keep-alive, end.
func TestConversation(t *testing.T) {
	operators := filepath.Join(t.TempDir(), "operators")
	if err := os.WriteFile(operators, []byte("# who\n7;Kim;4\n8\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	intake, m := start(t, map[string]any{"set_time": true, "operators": operators})
	m.says(`<HEL.R01>`+hdr+`<DEV><DEV.vendor_id V="ACME"/><DEV.model_id V="M1"/><DEV.serial_id V="S1"/><DSC><DSC.topics_supported_cd V="D_EV"/><DSC.topics_supported_cd V="OP_LST"/><DSC.directives_supported_cd V="SET_TIME"/><DSC.directives_supported_cd V="START_CONTINUOUS"/></DSC></DEV></HEL.R01>`, 1)
	m.hears("ACK.R01", "1")
	m.says(`<DST.R01>`+hdr+`<DST><DST.new_observations_qty V="1"/><DST.new_events_qty V="1"/></DST></DST.R01>`, 2)
	m.hears("ACK.R01", "2")
	m.acks(m.hears("REQ.R01", ""))
	m.says("%s", message(3))
	m.hears("ACK.R01", "3")
	m.says(`<EOT.R01>`+hdr+`<EOT><EOT.topic_cd V="OBS"/></EOT></EOT.R01>`, 4)
	m.hears("ACK.R01", "4")
	m.hears("REQ.R01", "") // events; this device answers with them at once
	m.says(`<EVS.R01>`+hdr+`<EVT><EVT.description V="battery low"/></EVT></EVS.R01>`, 5)
	m.hears("ACK.R01", "5")
	m.says(`<EOT.R01>`+hdr+`<EOT><EOT.topic_cd V="D_EV"/></EOT></EOT.R01>`, 6)
	m.hears("ACK.R01", "6")
	for _, kind := range []string{"DTV.R02", "OPL.R01", "EOT.R01", "DTV.R01"} {
		m.acks(m.hears(kind, ""))
	}
	for n := 7; n < 9; n++ {
		m.says("%s", message(n))
		m.hears("ACK.R01", fmt.Sprint(n))
	}
	m.says(`<KPA.R01>`+hdr+`</KPA.R01>`, 9)
	m.hears("ACK.R01", "9")
	m.says(`<END.R01>`+hdr+`<TRM><TRM.reason_cd V="NRM"/></TRM></END.R01>`, 10)
	m.hears("ACK.R01", "10")
	if _, err := document(m.r); err == nil {
		t.Error("the reviewer goes on after the end")
	}
	if n, _ := intake.Count(); n != 6 { // hello, status, three observations, events
		t.Errorf("%d entries", n)
	}
	for _, f := range intake.Taken() {
		if !strings.Contains(f.Properties, "poct1a-serial: S1") {
			t.Errorf("%s does not say its device: %q", f.Bytes, f.Properties)
		}
	}
}

// TestOtherHabits: MLLP around documents, a request refused, no answer at all,
// nothing to ask and no continuous mode.
func TestOtherHabits(t *testing.T) {
	_, m := start(t, map[string]any{"continuous": false, "reply_timeout": "100ms"})
	m.says("\x0b<HEL.R01>"+hdr+"<DEV><DEV.device_id V=\"0123456789ABCDEF\"/></DEV></HEL.R01>\x1c\r", 1)
	if b, err := m.r.ReadByte(); err != nil || b != 0x0B {
		t.Fatalf("%#x %v", b, err)
	}
	m.hears("ACK.R01", "1")
	m.says(`<DST.R01>`+hdr+`<DST><DST.observation_cnt V="0"/></DST></DST.R01>`, 2)
	m.hears("ACK.R01", "2")
	m.hears("REQ.R01", "") // no answer
	m.hears("END.R01", "")
	m.says("<x><y></x>")
	if e := m.hears("ACK.R01", ""); e.Accepted {
		t.Error("what is no document was accepted")
	}
}

// TestCorpus talks as the published meter does, at once and in pieces.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("THALAMUS_CORPUS")
	if dir == "" {
		dir = "../../../../shared/corpus"
	}
	hello, err := os.ReadFile(filepath.Join(dir, "serial-lab/poct1a/nova_statstrip_HEL.R01.xml"))
	if err != nil {
		t.Skip("corpus not present")
	}
	result, err := os.ReadFile(filepath.Join(dir, "serial-lab/poct1a/nova_statstrip_OBS.R01.xml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pieces := range []int{1, 3} {
		intake, m := start(t, nil)
		send := func(b []byte) {
			for n := range pieces {
				m.Write(b[n*len(b)/pieces : (n+1)*len(b)/pieces])
			}
		}
		send(hello)
		m.hears("ACK.R01", "7135")
		m.says(`<DST.R01>`+hdr+`<DEV><DEV.serial_id V="0600100736"/></DEV><DST><DST.status_cd V="READY"/><DST.observation_cnt V="0"/></DST></DST.R01>`, 8001)
		m.hears("ACK.R01", "8001")
		m.hears("REQ.R01", "")
		send(result)
		m.hears("ACK.R01", "10003")
		m.says(`<EOT.R01>`+hdr+`<EOT><EOT.topic_cd V="OBS"/></EOT></EOT.R01>`, 5)
		m.hears("ACK.R01", "5")
		m.hears("REQ.R01", "") // events
		if n, _ := intake.Count(); n != 3 {
			t.Errorf("%d entries", n)
		}
	}
	t.Log("POCT1-A conversation: 2/2")
}

func TestSettings(t *testing.T) {
	for _, s := range []map[string]any{{}, {"max_message": 1}, {"keep_alive": "-1s"}, {"idle_timeout": "0s"}} {
		if len(s) > 0 {
			s["link"] = map[string]any{"listen": ":0"}
		}
		if _, err := Kind().New(model.Channel{ID: "poct", Settings: s}); err == nil {
			t.Errorf("%v was taken", s)
		}
	}
	for text, ok := range map[string]bool{"1;A;2\n": true, ";A;2\n": false, "": true} {
		file := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readOperators(file); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
