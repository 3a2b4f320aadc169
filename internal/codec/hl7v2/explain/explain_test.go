package explain

import "testing"

func TestSegments(t *testing.T) {
	got := Segments([]byte("MSH|^~\\&|MON|W|||20261121||ORU^R01|7|P|2.6\rPID|||1^^^H^MR\rOBX|1|NM|8867-4||70\rZZZ|x\r"))
	if len(got) != 4 || got[2].Name != "Observation" || got[3].Name != "" {
		t.Fatalf("%+v", got)
	}
	if f := got[2].Fields[3]; f.Name != "Observation value" || f.Text != "70" || f.Path == "" {
		t.Errorf("%+v", f)
	}
	if f := got[0].Fields[0]; f.Name != "Field separator" || f.Text != "|" {
		t.Errorf("%+v", f)
	}
	if Segments([]byte("hello")) != nil {
		t.Error("not HL7 was explained")
	}
}

func FuzzSegments(f *testing.F) {
	f.Add([]byte("MSH|^~\\&|A\rPID|1"))
	f.Add([]byte("FHS|^~\\&|A\rBHS|^~\\&\rMSH|^~\\&|A\rBTS|1\rFTS|1"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(Segments(raw)) > mostSegments {
			t.Fatal("too many")
		}
	})
}
