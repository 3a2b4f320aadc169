package fhir

import (
	"encoding/json"
	"testing"

	"thalamus/internal/model"
)

// told is what a bundle says of alerts.
type told struct {
	Entry []struct {
		Resource struct {
			ResourceType string                           `json:"resourceType"`
			Status       string                           `json:"status"`
			Category     []struct{ Text string }          `json:"category"`
			Subject      struct{ Reference string }       `json:"subject"`
			Value        struct{ Text string }            `json:"valueCodeableConcept"`
			Period       struct{ Start, End string }      `json:"effectivePeriod"`
			Identifier   []struct{ System, Value string } `json:"identifier"`
			Component    []struct {
				Code  struct{ Coding []struct{ Display string } } `json:"code"`
				Value struct{ Text string }                       `json:"valueCodeableConcept"`
			} `json:"component"`
		} `json:"resource"`
		Request struct{ Method, URL string } `json:"request"`
	} `json:"entry"`
}

// Each report of an alert updates the one Observation of its life; the same
// report again asks for the same; a late one does not take anything back.
func TestAlertIsOneObservation(t *testing.T) {
	messages := messagesOf(t, "testdata/alert-life")
	want := []struct{ status, value, end, priority string }{
		{"preliminary", "active", "", "medium"},
		{"preliminary", "active", "", "high"},
		{"preliminary", "active", "", "high"},
		{"preliminary", "latched", "", "high"},
		{"final", "ended", "2026-11-21T10:18:00Z", "high"},
	}
	url := ""
	for i, w := range want {
		once := Bundle(messages[i:i+1], Options{})
		if again := Bundle(messages[i:i+1], Options{}); string(again) != string(once) {
			t.Fatal("the same message gives another bundle")
		}
		var b told
		if err := json.Unmarshal(once, &b); err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, e := range b.Entry {
			r := e.Resource
			if len(r.Category) == 0 || r.Category[0].Text != "Device alert" {
				continue
			}
			found++
			if url == "" {
				url = e.Request.URL
			}
			if e.Request.Method != "PUT" || e.Request.URL != url {
				t.Errorf("report %d: %s %s, want PUT %s", i+1, e.Request.Method, e.Request.URL, url)
			}
			priority := ""
			for _, c := range r.Component {
				if len(c.Code.Coding) > 0 && c.Code.Coding[0].Display == "MDC_ATTR_ALARM_PRIORITY" {
					priority = c.Value.Text
				}
			}
			if r.Status != w.status || r.Value.Text != w.value || r.Period.End != w.end || r.Period.Start != "2026-11-21T10:15:00Z" || priority != w.priority {
				t.Errorf("report %d: %s, %s, %v, priority %s; want %+v", i+1, r.Status, r.Value.Text, r.Period, priority, w)
			}
		}
		if found != 1 {
			t.Errorf("report %d: %d Observations", i+1, found)
		}
	}
	// All in one bundle: one Observation, as the last report leaves it.
	var b told
	if err := json.Unmarshal(Bundle(messages[:5], Options{}), &b); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range b.Entry {
		if len(e.Resource.Category) > 0 && e.Resource.Category[0].Text == "Device alert" {
			if n++; e.Resource.Status != "final" || e.Request.URL != url {
				t.Errorf("in one bundle: %s %s", e.Resource.Status, e.Request.URL)
			}
		}
	}
	if n != 1 {
		t.Errorf("in one bundle: %d Observations", n)
	}
}

// A technical alert without a patient is about the device; a heartbeat is
// none.
func TestAlertWithoutPatient(t *testing.T) {
	messages := messagesOf(t, "testdata/alert-life")
	var b told
	if err := json.Unmarshal(Bundle(messages[5:6], Options{}), &b); err != nil {
		t.Fatal(err)
	}
	alerts := 0
	for _, e := range b.Entry {
		if e.Resource.ResourceType == "Observation" {
			if alerts++; e.Resource.Subject.Reference == "" {
				t.Error("no subject")
			}
		}
	}
	if alerts != 1 {
		t.Errorf("%d alerts", alerts)
	}
	if out := Bundle(messages[6:], Options{}); out != nil {
		t.Errorf("a heartbeat gives %s", out)
	}
	// Another life of the same alert is another Observation.
	again := *messages[0]
	again.Alerts = append([]model.Alert(nil), messages[0].Alerts...)
	again.Alerts[0].Life.First = model.MessageRef{Seq: 99}
	if string(Bundle([]*model.Message{&again}, Options{})) == string(Bundle(messages[:1], Options{})) {
		t.Error("two lives are one Observation")
	}
}
