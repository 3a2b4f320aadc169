package zeek

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// The rows are of our own making, in the form Zeek writes.
const head = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n" +
	"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\tconn_state\torig_l2_addr\n"

const tsv = head +
	"1763712000.250000\tC1\t10.1.0.7\t50123\t10.1.0.1\t2575\ttcp\t-\t12.5\tSF\t00:11:22:33:44:55\n" +
	"1763712060.000000\tC2\t10.1.0.7\t50124\t10.1.0.1\t2575\ttcp\t-\t1\tS1\t-\n" +
	"1763712001.000000\tC3\t10.1.0.9\t50000\t192.0.2.1\t443\ttcp\tssl,http\t-\tSF\t-\n" +
	"1763712002.000000\tC4\t10.1.0.9\t40000\t10.1.0.2\t80\ttcp\thttp\t-\tSF\t-\n" +
	"1763712003.000000\tC5\t10.1.0.66\t40000\t10.1.0.2\t81\ttcp\t-\t-\tS0\t-\n" +
	"1763712004.000000\tC6\tfe80::1\t143\tff02::16\t0\ticmp\t-\t-\tOTH\t-\n" +
	"1763712005.000000\tC7\tnobody\t1\t10.1.0.2\t2\ttcp\t-\t-\tSF\t-\n" +
	"1763712006.000000\tC8\n" +
	"#close\t2025-11-21-08-00-00\n"

func TestRead(t *testing.T) {
	f, err := Read(strings.NewReader(tsv))
	if err != nil {
		t.Fatal(err)
	}
	if f.Rows != 6 || f.Unanswered != 1 || f.Wrong != 2 || len(f.Flows) != 4 || f.Bad[0].Row != 13 {
		t.Fatalf("%+v", f)
	}
	got := f.Flows[0]
	want := model.Flow{From: "10.1.0.7", To: "10.1.0.1", Port: 2575, Protocol: "tcp", App: "hl7v2", FromMAC: "00:11:22:33:44:55", First: time.Unix(1763712000, 250e6).UTC(), Last: time.Unix(1763712061, 0).UTC(), Count: 2, Source: "zeek"}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if f.Flows[1].App != "http" || f.Flows[1].Encrypted != "yes" || f.Flows[2].Encrypted != "no" || f.Flows[3].Port != 0 || f.Flows[3].Protocol != "icmp" {
		t.Errorf("%+v", f.Flows[1:])
	}
}

func TestJSON(t *testing.T) {
	f, err := Read(strings.NewReader(`{"ts":1763712000.25,"id.orig_h":"10.1.0.7","id.orig_p":50123,"id.resp_h":"10.1.0.1","id.resp_p":2575,"proto":"tcp","service":"ssl","conn_state":"SF"}
{"ts":"2025-11-21T08:00:01Z","id.orig_h":"10.1.0.8","id.orig_p":1,"id.resp_h":"10.1.0.1","id.resp_p":53,"proto":"udp","service":"dns"}
{"ts":
`))
	if err != nil || len(f.Flows) != 2 || f.Wrong != 1 || f.Flows[0].App != "tls" || f.Flows[0].Encrypted != "yes" || f.Flows[1].Encrypted != "no" {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestOther(t *testing.T) {
	for _, text := range []string{"hello\n", "#path\tdns\n#fields\tts\n", "<xml/>", `{"a":1}`} {
		if _, err := Read(strings.NewReader(text)); fault.CodeOf(err) != "imports.format" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(tsv))
	f.Add([]byte("#separator \\x2c\n#fields,ts,id.orig_h\n1,2\n"))
	f.Add([]byte(`{"ts":1e300,"id.orig_h":"10.0.0.1","id.resp_h":"::1","proto":"tcp","id.resp_p":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		one, err := Read(bytes.NewReader(b))
		two, _ := Read(bytes.NewReader(b))
		x, _ := json.Marshal(one)
		y, _ := json.Marshal(two)
		if !bytes.Equal(x, y) || err != nil && fault.CodeOf(err) != "imports.format" || len(one.Flows) > len(b) {
			t.Errorf("%s\n%s\n%v", x, y, err)
		}
	})
}
