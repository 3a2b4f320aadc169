package hl7v2

import (
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	raw := "MSH|^~\\&|A^1|B|C|D|20200101||ORU^R01^ORU_R01|77|P|2.6\rPID|||1^^^X&Y&Z~2^^^W|\"\"|Doe^J\\T\\n\rOBX|1|NM|1^a||5\rOBX|2|NM|2^b||6^7\r"
	m, err := Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Issues()) != 0 {
		t.Errorf("issues: %v", m.Issues())
	}
	for path, want := range map[string]string{
		"MSH-1": "|", "MSH-2": "^~\\&", "MSH-3.1": "A", "MSH-9.3": "ORU_R01", "MSH-10": "77", "MSH-13": "",
		"PID-3[2].1": "2", "PID-3[1].4.2": "Y", "PID-3.4.3": "Z", "PID-5.2": "J&n", "OBX[2]-5.2": "7", "OBX[3]-5": "", "OBX-5": "5",
	} {
		if got := m.Get(path); got != want {
			t.Errorf("Get(%s) = %q, want %q", path, got, want)
		}
	}
	if !m.Find("PID", 1).Field(4).IsNull() {
		t.Error("PID-4 is null")
	}
	if p := m.Find("OBX", 2).Field(5).Component(2).Path(); p != "OBX[2]-5.2" {
		t.Error(p)
	}
}

func TestNotHL7(t *testing.T) {
	for raw, code := range map[string]string{
		"hello world": "hl7v2.not-hl7", "": "hl7v2.empty", " \r\n": "hl7v2.empty", "PID|1": "hl7v2.no-header", "MSH": "hl7v2.header-short",
		"MSHello world": "hl7v2.delimiters", "BHS|^~\\&|": "hl7v2.batch",
	} {
		_, err := Parse([]byte(raw))
		if err == nil || !strings.Contains(err.Error(), "["+code+"]") {
			t.Errorf("%q: %v, want %s", raw, err, code)
		}
	}
}
