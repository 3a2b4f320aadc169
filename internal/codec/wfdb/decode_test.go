package wfdb

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"thalamus/internal/codec"
	"thalamus/internal/model"
)

func packed(files ...string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i+1 < len(files); i += 2 {
		w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644})
		w.Write([]byte(files[i+1]))
	}
	w.Close()
	return b.Bytes()
}

func decode(b []byte) model.Message {
	return Codec{}.Decode(model.Entry{Frame: model.Frame{Topic: "r.hea", Properties: "patient: 7\n", Bytes: b}}, codec.Context{})[0]
}

// Formats of signal(5); the samples by hand.
func TestFormats(t *testing.T) {
	for _, c := range []struct {
		format      int
		bytes, want string
	}{
		{16, "\x01\x00\xff\xff\x00\x80", "[1 -1 -2147483648]"},
		{61, "\x00\x01\xff\xff\x80\x00", "[1 -1 -2147483648]"},
		{160, "\x01\x80\xff\x7f\x00\x00", "[1 -1 -2147483648]"},
		{80, "\x81\x7f\x00", "[1 -1 -2147483648]"},
		{24, "\x01\x00\x00\xff\xff\xff\x00\x00\x80", "[1 -1 -2147483648]"},
		{32, "\x01\x00\x00\x00\xff\xff\xff\xff\x00\x80\xff\xff", "[1 -1 -2147483648]"},
		{212, "\x01\xf0\xff\x00\x08", "[1 -1 -2147483648]"},
		{212, "\x01\xf0\xff\x00\x08\x00", "[1 -1 -2147483648]"},
	} {
		n := int64(3)
		if len(c.bytes)%3 == 0 && c.format == 212 {
			n = 4
			c.want = "[1 -1 -2147483648 0]"
		}
		m := decode(packed("r.hea", fmt.Sprintf("r 1 100 0 10:15:00 21/11/2026\nr.dat %d 200/mV 12 0 0 0 0 ECG\n", c.format), "r.dat", c.bytes))
		if len(m.Issues) > 0 || len(m.Waveforms) != 1 || fmt.Sprint(m.Waveforms[0].Samples) != c.want {
			t.Errorf("format %d: %d samples wanted, %+v %+v", c.format, n, m.Waveforms, m.Issues)
		}
	}
}

// A format that is not here is told with those that are; sending it again would
// not help.
func TestFormatThatIsNotHere(t *testing.T) {
	m := decode(packed("r.hea", "r 1 250 2\nr.dat 8 200 12 0 0 0 0\n", "r.dat", "\x01\x00"))
	if len(m.Issues) != 1 || !strings.Contains(m.Issues[0].Text, "write them as format 16") || strings.Contains(m.Issues[0].Hint, "again") {
		t.Errorf("%+v", m.Issues)
	}
}

// R10: a record becomes waveforms with exact scale, time and whose it is.
func TestDecode(t *testing.T) {
	m := decode(packed("r.hea", "r 2 250 2 10:15:00 21/11/2026\nr.dat 16 200(1024)/mV 12 1024 0 5 0 ECG lead II\nr.dat 16 100/mmHg 12 0 0 0 0\n# age: 70\n", "r.dat", "\x02\x00\x00\x00\x03\x00\x00\x00"))
	if len(m.Issues) > 0 || len(m.Waveforms) != 2 || m.Patient.Identifiers[0].Value != "7" || m.Notes[0] != "age: 70" || m.DeviceTime.Original != "2026-11-21T10:15:00" {
		t.Fatalf("%+v", m)
	}
	w := m.Waveforms[0]
	if w.Scale.String() != "0.005" || w.Origin.String() != "-5.12" || w.PeriodNS != 4e6 || w.Received.Code != "ECG lead II" || w.UnitSent.Code != "mV" || fmt.Sprint(w.Samples) != "[2 3]" {
		t.Errorf("%+v", w)
	}
	if m.Waveforms[1].Received.Code != "signal 2" {
		t.Errorf("%+v", m.Waveforms[1])
	}
	for code, b := range map[string][]byte{
		"wfdb.archive": []byte("r 1 250\n"),
		"wfdb.header ": packed("r.hea", "r/9 1 250 18000\n"+strings.Repeat("a 2000\n", 9), "a.hea", "a 1 250 2000\na.dat 16 200 12 0 0 0 0\n", "a.dat", strings.Repeat("\x00", 4000)),
		"wfdb.missing": packed("r.hea", "r 1 250 2\nr.dat 16\n"),
		"wfdb.header":  packed("r.hea", "hello"),
		"wfdb.samples": packed("r.hea", "r 1 250 2\nr.dat 16 200 12 0 0 0 0\n", "r.dat", "\x01\x00"),
	} {
		if m := decode(b); len(m.Issues) != 1 || m.Issues[0].Code != strings.TrimSpace(code) {
			t.Errorf("%s: %+v", code, m.Issues)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(packed("r.hea", "r 1 100 0 10:15:00 21/11/2026\nr.dat 212 200/mV 12 0 0 0 0 ECG\n", "r.dat", "\x01\xf0\xff\x00\x08"))
	f.Add(packed("r.hea", "r/2 1 100 4\na 2\n~ 2\n", "a.hea", "a 1 100 2\na.dat 80\n", "a.dat", "\x01\x02"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m := decode(b); len(m.Waveforms) == 0 && len(m.Issues) == 0 && m.Type != "WFDB" {
			t.Errorf("%+v", m)
		}
	})
}
