package poct1a

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/model"
)

func entryOf(b []byte, said ...string) model.Entry {
	return model.Entry{Seq: 1, Frame: model.Frame{Channel: "poct", Codec: Name, Arrived: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Bytes: b, Properties: strings.Join(said, "\n")}}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	dir := os.Getenv("THALAMUS_CORPUS")
	if dir == "" {
		dir = "../../../../shared/corpus"
	}
	b, err := os.ReadFile(filepath.Join(dir, "serial-lab/poct1a", name))
	if err != nil {
		t.Skip("corpus not present")
	}
	return b
}

// TestCorpus reads the published documents of a glucose meter.
func TestCorpus(t *testing.T) {
	passed, total := 0, 2
	hello := read(t, "nova_statstrip_HEL.R01.xml")
	e, err := ReadEnvelope(hello)
	if err != nil || e.Type != "HEL.R01" || e.ControlID != "7135" || strings.Join(e.Topics, " ") != "D_EV DTV" {
		t.Errorf("%+v, %v", e, err)
	}
	m := New().Decode(entryOf(hello), codec.Context{})[0]
	if d := m.Devices[0]; d.Manufacturer != "Nova Biomedical" || d.Model != "StatStrip" || d.Serial != "0600100736" || d.Release != "3.10.8.0" || d.Place.Facility != "MGH" || len(m.Issues) > 0 {
		t.Errorf("%+v %+v", d, m.Issues)
	} else {
		passed++
	}
	m = New().Decode(entryOf(read(t, "nova_statstrip_OBS.R01.xml"), e.Device.Lines()...), codec.Context{})[0]
	o := m.Observations[0]
	if m.Patient.Identifiers[0].Value != "PT222-55-7777" || o.Received != (model.Coding{Code: "2341-6", Text: "Glu", System: "LN"}) || o.Value.Number.String() != "145" || o.UnitSent.Code != "mg/dL" ||
		o.Flags[0] != "HH" || o.RangeText != "80-120" || o.DeviceTime.Original != "2001-11-01T16:29:54-05:00" || m.Devices[0].Serial != "0600100736" || len(m.Issues) > 0 {
		t.Errorf("%+v", m)
	} else {
		passed++
	}
	t.Logf("POCT1-A corpus: %d/%d", passed, total)
}

const hdr = `<HDR><HDR.control_id V="7"/><HDR.version_id V="POCT1"/><HDR.creation_dttm V="2026-01-31T10:00:00+01:00"/></HDR>`

func TestServices(t *testing.T) {
	out := New().Decode(entryOf([]byte(`<?xml version="1.0" encoding="ISO-8859-1"?><OBS.R01>`+hdr+`
<SVC><SVC.role_cd V="OBS"/><SVC.observation_dttm V="2026-01-31T09:00:00+01:00"/>
 <PT><PT.patient_id V="1"/><PT.name><FAM V="M`+"\xfc"+`ller"/><GIV V="Ana"/></PT.name><PT.birth_date V="1970-01-02T00:00:00+01:00"/><PT.gender_cd V="F"/>
  <OBS><OBS.observation_id V="2341-6" SN="LN"/><OBS.value V="&lt;20" U="mg/dL"/><OBS.status_cd V="A"/></OBS>
  <OBS><OBS.observation_id V="X"/><OBS.value V="5" U="mg/dL"/><OBS.status_cd V="D"/></OBS></PT>
 <ORD><ORD.universal_service_id V="GLU" DN="Glucose"/><ORD.order_id V="O1"/></ORD><NTE><NTE.text V="hello"/></NTE></SVC>
<SVC><SVC.role_cd V="LQC"/><PT><PT.patient_id V="2"/><OBS><OBS.observation_id V="X"/><OBS.qualitative_value V="POS"/></OBS></PT></SVC>
</OBS.R01>`)), codec.Context{})
	if len(out) != 2 {
		t.Fatalf("%d messages", len(out))
	}
	m, qc := out[0], out[1]
	if m.Patient.Family != "Müller" || m.Patient.Given[0] != "Ana" || m.Patient.BirthDate != "1970-01-02" || m.Patient.Sex != "female" || m.Orders[0].Placer.Value != "O1" || m.Notes[0] != "hello" || m.Test {
		t.Errorf("%+v", m)
	}
	if a, b := m.Observations[0], m.Observations[1]; a.Value.Comparator != "<" || a.Value.Number.String() != "20" || b.Absent != "error" || b.Status != model.StatusCancelled || b.Sent().Kind != model.ValueNumber {
		t.Errorf("%+v %+v", a, b)
	}
	if qc.Patient != nil || !qc.Test || qc.Type != "OBS.R01^QC" || qc.Observations[0].Value.Text != "POS" {
		t.Errorf("%+v", qc)
	}
}

// TestPart: who looks at one message of a document does not see the others.
func TestPart(t *testing.T) {
	two := []byte("<?xml version=\"1.0\"?><OBS.R01>" + hdr + "<SVC><PT><PT.patient_id V=\"1\"/></PT></SVC>\n<SVC><PT><PT.patient_id V=\"2\"/></PT></SVC></OBS.R01>")
	for n, who := range []string{"1", "2"} {
		b := New().Part(entryOf(two), n)
		out := New().Decode(entryOf(b), codec.Context{})
		if len(out) != 1 || out[0].Patient == nil || out[0].Patient.Identifiers[0].Value != who || out[0].ControlID != "7" {
			t.Errorf("part %d: %s", n, b)
		}
	}
	if b := New().Part(entryOf([]byte("<a/>")), 3); string(b) != "<a/>" {
		t.Errorf("%s", b)
	}
}

func TestOthers(t *testing.T) {
	m := New().Decode(entryOf([]byte(`<EVS.R01>`+hdr+`<EVT><EVT.description V="battery low"/><EVT.event_dttm V="2026-01-31T09:00:00Z"/><EVT.severity_cd V="W"/></EVT></EVS.R01>`)), codec.Context{})[0]
	if o := m.Observations[0]; o.Value.Text != "battery low" || o.Flags[0] != "W" {
		t.Errorf("%+v", m)
	}
	m = New().Decode(entryOf([]byte(`<DST.R01>`+hdr+`<DST><DST.new_observations_qty V="3"/><DST.condition_cd V="R"/></DST></DST.R01>`)), codec.Context{})[0]
	if strings.Join(m.Notes, ", ") != "new_observations_qty 3, condition_cd R" {
		t.Errorf("%+v", m)
	}
	for in, want := range map[string]string{
		"":           "poct1a.xml",
		"<a":         "poct1a.xml",
		"<a><b></a>": "poct1a.xml",
		`<!DOCTYPE a [<!ENTITY x "y">]><OBS.R01>&x;</OBS.R01>`: "poct1a.xml",
		`<NOVA.X>` + hdr + `</NOVA.X>`:                         "poct1a.unknown",
		"<HEL.R01></HEL.R01>":                                  "poct1a.no-device",
		"<OBS.R01><SVC/></OBS.R01>":                            "poct1a.no-observation",
		strings.Repeat("<a>", 100):                             "poct1a.xml",
	} {
		out := New().Decode(entryOf([]byte(in)), codec.Context{})
		if len(out) != 1 || len(out[0].Issues) != 1 || out[0].Issues[0].Code != want {
			t.Errorf("%q: %+v", in, out)
		}
	}
}

func TestWritten(t *testing.T) {
	h := Header{ControlID: `9"<`, Made: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
	for kind, b := range map[string][]byte{
		"ACK.R01": WriteAck(h, "7", true, "a & b"), "REQ.R01": WriteRequest(h, RequestObservations), "DTV.R01": WriteDirective(h, StartContinuous), "DTV.R02": WriteSetTime(h, h.Made),
		"OPL.R01": WriteOperators(h, []Operator{{"1", "Kim", "4"}}), "EOT.R01": WriteEndOfTopic(h, OperatorList), "KPA.R01": WriteKeepAlive(h), "END.R01": WriteEnd(h, "NRM"),
	} {
		e, err := ReadEnvelope(b)
		if err != nil || e.Type != kind || e.ControlID != h.ControlID {
			t.Errorf("%s: %+v, %v", b, e, err)
		}
		if kind == "ACK.R01" && (!e.Accepted || e.Acknowledges != "7") || kind == "EOT.R01" && e.Topic != "OP_LST" {
			t.Errorf("%s: %+v", b, e)
		}
	}
}

func scanned(s *Scanner, b []byte, piece int) (out []string) {
	var have []byte
	for len(b) > 0 {
		n := min(piece, len(b))
		have, b = append(have, b[:n]...), b[n:]
		for {
			took, t := s.Next(have)
			have = have[took:]
			if t.Kind == More {
				break
			}
			if t.Kind == Document {
				out = append(out, string(t.Bytes))
			} else if len(out) == 0 || out[len(out)-1] != "garbage" {
				out = append(out, "garbage")
			}
		}
	}
	return out
}

func TestScanner(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"<a>1</a><b/>\r\n<c x='>'>2</c >", []string{"<a>1</a>", "<b/>", "<c x='>'>2</c >"}},
		{"\x0b<?xml version=\"1.0\"?>\n<OBS.R01><OBS>x</OBS></OBS.R01>\x1c\r", []string{"<?xml version=\"1.0\"?>\n<OBS.R01><OBS>x</OBS></OBS.R01>"}},
		{"GET / HTTP/1.1\r\n\r\n<a></a>", []string{"garbage", "<a></a>"}},
		{"<a><a1></a1></a>", []string{"<a><a1></a1></a>"}},
		{"< <a/>", []string{"garbage", "<a/>"}},
	} {
		for _, piece := range []int{1, 3, 1000} {
			if got := scanned(&Scanner{Max: 1000}, []byte(c.in), piece); strings.Join(got, "|") != strings.Join(c.want, "|") {
				t.Errorf("%q, %d at a time: %q", c.in, piece, got)
			}
		}
	}
	s := Scanner{Max: 10}
	if n, tok := s.Next([]byte("<a>" + strings.Repeat("x", 20))); tok.Kind != Oversize || n != 23 {
		t.Errorf("%d %+v", n, tok)
	}
}

func FuzzPOCT1A(f *testing.F) {
	f.Add([]byte(`<OBS.R01>`+hdr+`<SVC><PT><OBS><OBS.observation_id V="1"/><OBS.value V="[1;2]" U="x"/></OBS></PT></SVC></OBS.R01>`), uint8(3))
	f.Add([]byte("\x0b<?xml?><a b='>'/>\x1c\r<a></a >"), uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		one, two := scanned(&Scanner{Max: 4096}, b, len(b)+1), scanned(&Scanner{Max: 4096}, bytes.Clone(b), int(piece)+1)
		// What is too long is noticed sooner in pieces.
		if len(b) < 4096 && strings.Join(one, "\x00") != strings.Join(two, "\x00") {
			t.Fatalf("%q at once, %q in pieces", one, two)
		}
		if out := New().Decode(entryOf(b), codec.Context{}); len(out) == 0 {
			t.Fatal("no message")
		}
		_, _ = ReadEnvelope(b)
		_ = New().Part(entryOf(b), int(piece))
	})
}
