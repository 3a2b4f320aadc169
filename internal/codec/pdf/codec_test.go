package pdf

import (
	"encoding/base64"
	"testing"

	"thalamus/internal/codec"
	"thalamus/internal/model"
)

func TestDecode(t *testing.T) {
	const report = "%PDF-1.7\n1 0 obj\nendobj\n%%EOF\n"
	for _, c := range []struct{ text, issue string }{{report, ""}, {"hello", "pdf.header"}, {report[:20], "pdf.cut"}} {
		m := Codec{}.Decode(model.Entry{Frame: model.Frame{Topic: "7.pdf", Properties: "patient: 7\nserial: S\n", Bytes: []byte(c.text)}}, codec.Context{})[0]
		if m.Patient.Identifiers[0].Value != "7" || m.Devices[0].Serial != "S" {
			t.Errorf("%q: %+v", c.text, m)
		}
		if c.issue != "" {
			if len(m.Issues) != 1 || m.Issues[0].Code != c.issue || len(m.Observations) > 0 {
				t.Errorf("%q: %+v", c.text, m)
			}
			continue
		}
		back, err := base64.StdEncoding.DecodeString(m.Observations[0].Value.Text)
		if err != nil || string(back) != c.text || m.Observations[0].Value.Coding.Code != "application/pdf" {
			t.Errorf("%+v", m.Observations[0])
		}
	}
}

// Whatever is filed becomes one message, with the document or with an issue
// (R10), and the document is what was filed.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("%PDF-1.7\n1 0 obj\nendobj\n%%EOF\n"), "patient: 7\nserial: S\n")
	f.Add([]byte("%PDF-1.7\n1 0 obj"), "")
	f.Add([]byte("PK\x03\x04"), "time\n: \xff")
	f.Fuzz(func(t *testing.T, b []byte, said string) {
		all := Codec{}.Decode(model.Entry{Frame: model.Frame{Topic: "7.pdf", Properties: said, Bytes: b}}, codec.Context{})
		if len(all) != 1 || len(all[0].Observations)+len(all[0].Issues) == 0 {
			t.Fatalf("%+v", all)
		}
		for _, o := range all[0].Observations {
			if got, err := base64.StdEncoding.DecodeString(o.Value.Text); err != nil || string(got) != string(b) {
				t.Errorf("the document is not what was filed: %v", err)
			}
		}
	})
}
