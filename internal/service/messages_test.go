package service_test

import (
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/service"
)

// A laboratory's bare number is that of the site's patient, with site.authority
// (R13).
func TestBareNumbersAreTheSites(t *testing.T) {
	h := apptest.Start(t)
	h.Site.Authority = "HOSP"
	h.Again()
	h.Furnish()
	const heart = "OBR|1|||1^x\rOBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|71|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F"
	h.Send("ORU^R01^ORU_R01", "PID|1||MRN-1^^^HOSP^MR||Quillfeather^Zyxanda\r"+heart)
	h.Send("ORU^R01^ORU_R01", "PID|1||MRN-1||Quillfeather^Zyxanda\r"+heart)
	var list service.List[service.Summary]
	h.Call("message.search", service.MessageSearch{Type: "ORU", Limit: 2}, &list)
	if len(list.Rows) != 2 || list.Rows[0].Patient == "" || list.Rows[0].Patient != list.Rows[1].Patient {
		t.Fatalf("%+v", list.Rows)
	}
}

// A message that tells the patient's number only is listed under the name the
// patient is known by (R13, R53).
func TestMessagesNameTheirPatients(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	const heart = "PV1|1|I|ICU^2^23\rOBR|1|||1^x\rOBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|71|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F"
	h.Send("ORU^R01^ORU_R01", "PID|1||MRN-1^^^HOSP^MR||Quillfeather^Zyxanda\r"+heart)
	h.Send("ORU^R01^ORU_R01", "PID|1||MRN-1^^^HOSP^MR\r"+heart)
	var list service.List[service.Summary]
	h.Call("message.search", service.MessageSearch{Type: "ORU", Limit: 2}, &list)
	if len(list.Rows) != 2 {
		t.Fatalf("%+v", list.Rows)
	}
	for _, m := range list.Rows {
		if m.PatientName != "Quillfeather, Zyxanda" {
			t.Errorf("message %v is of %q", m.Ref, m.PatientName)
		}
	}
}
