package service_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// unnamed is a message of a monitor that names no patient, with one rate.
func unnamed(rate, serial, bed string, at time.Time) string {
	stamp := at.UTC().Format("20060102150405") + "+0000"
	place := ""
	if bed != "" {
		place = "PV1|1|U|ICU^9^" + bed + "\r"
	}
	return place + "OBR|1|||182777000^monitoring of patient^SCT|||" + stamp + "\r" +
		"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||" + serial + "^^" + serial + "^EUI-64\r" +
		"OBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|" + rate + "|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||" + stamp + "|||||" + serial + "^^" + serial + "^EUI-64"
}

// archived gives the messages of the archive that were corrected, by entry.
func archived(t *testing.T, h *apptest.House) map[model.Seq][]model.Message {
	t.Helper()
	out := map[model.Seq][]model.Message{}
	files, err := filepath.Glob(filepath.Join(h.Out, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			var m struct {
				Message model.Message `json:"message"`
			}
			if json.Unmarshal([]byte(line), &m) == nil && m.Message.Amended != nil {
				out[m.Message.Ref.Seq] = append(out[m.Message.Ref.Seq], m.Message)
				continue
			}
			var bare model.Message
			if json.Unmarshal([]byte(line), &bare) == nil && bare.Amended != nil {
				out[bare.Ref.Seq] = append(out[bare.Ref.Seq], bare)
			}
		}
	}
	return out
}

// rates gives the heart rates of a patient or device, by value.
func rates(h *apptest.House, ask service.TrendAsk) string {
	ask.Code, ask.From = "MDC_ECG_HEART_RATE", time.Now().Add(-6*time.Hour)
	var trends []service.Trend
	h.Call("trend.get", ask, &trends)
	var all []string
	for _, one := range trends {
		for _, p := range one.Points {
			all = append(all, p.Last.String())
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func deviceOf(t *testing.T, h *apptest.House, seq model.Seq) model.DeviceID {
	t.Helper()
	var page service.MessagePage
	h.Call("message.get", service.Ref{Seq: seq}, &page)
	for _, d := range page.Message.Devices {
		if d.ID != "" {
			return d.ID
		}
	}
	t.Fatal("the message has no device")
	return ""
}

// R20: values first, the patient later: by a late admission, by a scan, by
// hand. Reads by patient show the truth, destinations are told once, also over
// a restart, and every act is audited.
func TestWhoseValuesAreIsCorrected(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	now := time.Now().Add(-3 * time.Second)
	stamp := func(at time.Time) string { return at.UTC().Format("20060102150405") + "+0000" }
	h.Header = stamp(now)
	first := h.Send("ORU^R01^ORU_R01", unnamed("61", "MON-77", "91", now))
	h.Header = stamp(now.Add(2 * time.Second))
	h.Send("ORU^R01^ORU_R01", unnamed("62", "MON-77", "91", now.Add(2*time.Second)))
	h.Header = ""
	monitor := deviceOf(t, h, first)
	if got := rates(h, service.TrendAsk{Device: monitor}); got != "61 62" {
		t.Fatalf("the device's values are %q", got)
	}

	// The admission comes late, and says so.
	early := stamp(now.Add(-time.Hour))
	h.Send("ADT^A01^ADT_A01", "EVN||"+early+"||||"+early+"\rPID|1||MRN-990011^^^HOSP^MR||Brambilla^Ubaldo||19550101|M\rPV1|1|I|ICU^9^91")
	var found []service.Patient
	h.Call("patient.search", service.PatientAsk{Text: "MRN-990011"}, &found)
	if len(found) != 1 {
		t.Fatal(found)
	}
	patient := found[0].ID
	h.Until("the values are the patient's", func() bool { return rates(h, service.TrendAsk{Patient: patient}) == "61 62" })
	var list service.List[service.Summary]
	h.Call("message.search", service.MessageSearch{Patient: patient}, &list)
	if len(list.Rows) != 3 {
		t.Errorf("%d messages of the patient, want the admission and two with values", len(list.Rows))
	}
	var page service.MessagePage
	h.Until("the version is kept", func() bool {
		h.Call("message.get", service.Ref{Seq: first}, &page)
		return len(page.Versions) > 0
	})
	if a := page.Message.Amended; a == nil || a.Was != nil || page.Message.Patient.ID != patient || len(page.Versions) != 1 {
		t.Errorf("amended %+v, %d versions", a, len(page.Versions))
	}
	var series service.SeriesAnswer
	h.Call("observation.series", service.SeriesAsk{Patient: patient, Codes: []string{"MDC_ECG_HEART_RATE"}, From: now.Add(-time.Hour)}, &series)
	if len(series.Rows) != 1 || len(series.Rows[0].Points) != 2 {
		t.Errorf("series: %+v", series.Rows)
	}
	h.Call("observation.series", service.SeriesAsk{Device: monitor, Codes: []string{"MDC_ECG_HEART_RATE"}, From: now.Add(-time.Hour)}, &series)
	if len(series.Rows) != 1 || series.Rows[0].Patient != patient {
		t.Errorf("series of the device: %+v", series.Rows)
	}
	var last []service.LatestValue
	h.Call("observation.last", service.LastAsk{Patient: patient}, &last)
	if len(last) != 1 || last[0].Value.Number.String() != "62" {
		t.Errorf("last: %+v", last)
	}
	var beds []service.Bed
	h.Call("live.get", service.LiveAsk{Patient: patient}, &beds)
	if len(beds) != 1 || len(beds[0].Values) != 1 || beds[0].Values[0].Value.Number.String() != "62" {
		t.Errorf("live: %+v", beds)
	}
	h.Until("the archive was told", func() bool { return len(archived(t, h)) == 2 })

	// A scan: the device was on somebody else since a minute ago.
	var c service.Connection
	h.Call("association.start", service.AssociationStart{Wristband: "MRN-774411", Barcode: "MON-77", From: now.Add(time.Second)}, &c)
	if c.Device != monitor || c.Source != "scan" {
		t.Fatalf("%+v", c)
	}
	h.Until("the second value is the other patient's", func() bool {
		return rates(h, service.TrendAsk{Patient: patient}) == "61" && strings.Contains(rates(h, service.TrendAsk{Patient: c.Patient}), "62")
	})
	third := h.Send("ORU^R01^ORU_R01", unnamed("63", "MON-77", "91", time.Now()))
	h.Call("message.get", service.Ref{Seq: third}, &page)
	if p := page.Message.Patient; p == nil || p.ID != c.Patient || p.FoundBy != "scan" || len(page.Message.Issues) != 1 || page.Message.Issues[0].Code != "patients.scan-differs" {
		t.Errorf("patient %+v, issues %+v", page.Message.Patient, page.Message.Issues)
	}
	h.Call("association.end", service.AssociationEnd{ID: c.ID, Reason: "test"}, &c)
	if c.Until.IsZero() {
		t.Error("it did not end")
	}

	// By hand, what a device without bed or patient measured.
	fourth := h.Send("ORU^R01^ORU_R01", unnamed("64", "MON-88", "", time.Now()))
	other := deviceOf(t, h, fourth)
	attach := service.AssociationAttach{Device: other, Patient: patient, From: time.Now().Add(-time.Hour)}
	if err := h.Door().Call(t.Context(), "association.attach", attach, nil); fault.CodeOf(err) == "" {
		t.Error("attached without a reason")
	}
	attach.Reason = "seen at the bed"
	h.Call("association.attach", attach, nil)
	h.Until("the value is attached", func() bool { return rates(h, service.TrendAsk{Patient: patient}) == "61 64" })

	// Everything was told once, and stays so over a restart.
	h.Again()
	h.Until("the archive was told of all", func() bool { return len(archived(t, h)) == 3 })
	for seq, versions := range archived(t, h) {
		for i, m := range versions {
			if m.Amended.Version != i+1 {
				t.Errorf("entry %d: version %d came as number %d", seq, m.Amended.Version, i+1)
			}
		}
	}
	if n := len(archived(t, h)[first+1]); n != 2 {
		t.Errorf("the second message was told of %d times, want by the admission and by the scan", n)
	}
	if got := rates(h, service.TrendAsk{Patient: patient}); got != "61 64" {
		t.Errorf("after a restart the values are %q", got)
	}
	for _, action := range []string{"association.start", "association.end", "association.attach"} {
		rows := h.Audited(action)
		if len(rows) == 0 || rows[0].Object == "" {
			t.Errorf("%s: %+v", action, rows)
		}
	}
	if text := h.Log.String(); strings.Contains(text, "MRN-") || strings.Contains(text, "Brambilla") {
		t.Error("a patient's data in the log")
	}
}
