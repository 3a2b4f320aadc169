package service_test

import (
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// A40: what came under an identity that was merged with another belongs to the
// patient that is left, in trends, waveforms and at the bed, whichever of the
// two is asked for; what one device measured is one row.
func TestMergedPatientIsOne(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	now := time.Now().Add(-2 * time.Minute).Truncate(time.Minute)
	send := func(mrn, rate string, at time.Time) model.Seq {
		t.Helper()
		h.Header = at.UTC().Format("20060102150405") + "+0000"
		return h.Send("ORU^R01^ORU_R01", "PID|1||"+mrn+"^^^HOSP^MR||Okonkwo^Ada||19500101|F\r"+unnamed(rate, "MON-40", "40", at))
	}
	first := send("MRN-4001", "61", now)
	second := send("MRN-4002", "71", now.Add(20*time.Second))
	send("MRN-4001", "63", now.Add(40*time.Second))
	patientOf := func(seq model.Seq) model.PatientID {
		t.Helper()
		var page service.MessagePage
		h.Call("message.get", service.Ref{Seq: seq}, &page)
		return page.Message.Patient.ID
	}
	gone, left := patientOf(first), patientOf(second)
	if gone == left || gone == "" || left == "" {
		t.Fatalf("%s and %s", gone, left)
	}
	if a, b := rates(h, service.TrendAsk{Patient: gone}), rates(h, service.TrendAsk{Patient: left}); a != "61 63" || b != "71" {
		t.Fatalf("before the merge: %q and %q", a, b)
	}
	h.Header = ""
	h.Send("ADT^A40^ADT_A39", "EVN||"+time.Now().UTC().Format("20060102150405")+"+0000\rPID|1||MRN-4002^^^HOSP^MR||Okonkwo^Ada||19500101|F\rMRG|MRN-4001^^^HOSP^MR")
	for _, who := range []model.PatientID{gone, left} {
		var trends []service.Trend
		h.Call("trend.get", service.TrendAsk{Patient: who, Code: "MDC_ECG_HEART_RATE", From: now.Add(-time.Hour)}, &trends)
		if len(trends) != 1 || trends[0].Patient != left || len(trends[0].Points) != 3 || trends[0].Points[1].Last.String() != "71" || trends[0].Points[2].Last.String() != "63" {
			t.Errorf("of %s: %+v", who, trends)
		}
		h.Call("trend.get", service.TrendAsk{Patient: who, Code: "MDC_ECG_HEART_RATE", From: now.Add(-time.Hour), Step: model.Duration(time.Minute)}, &trends)
		if len(trends) != 1 || len(trends[0].Points) != 1 {
			t.Fatalf("of %s on a grid: %+v", who, trends)
		}
		if p := trends[0].Points[0]; p.Count != 3 || p.Last.String() != "63" || p.Min.String() != "61" || p.Max.String() != "71" || p.Mean != 65 {
			t.Errorf("of %s on a grid: %+v", who, p)
		}
		var beds []service.Bed
		h.Call("live.get", service.LiveAsk{Patient: who}, &beds)
		if len(beds) != 1 || beds[0].Patient != left || !strings.HasSuffix(beds[0].Place, "40") {
			t.Fatalf("beds of %s: %+v", who, beds)
		}
		rate := 0
		for _, v := range beds[0].Values {
			if v.Code.RefID == "MDC_ECG_HEART_RATE" {
				if rate++; v.Value.Number.String() != "63" {
					t.Errorf("the last rate is %s", v.Value.Number)
				}
			}
		}
		if rate != 1 {
			t.Errorf("%d last rates: %+v", rate, beds[0].Values)
		}
	}
	var beds []service.Bed
	h.Call("live.get", nil, &beds)
	mine := 0
	for _, b := range beds {
		if b.Patient == left || b.Patient == gone {
			mine++
		}
	}
	if mine != 1 {
		t.Errorf("%d beds of one patient: %+v", mine, beds)
	}
}
