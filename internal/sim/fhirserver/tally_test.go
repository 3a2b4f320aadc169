package fhirserver_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"thalamus/internal/codec/fhir"
	"thalamus/internal/sim/fhirserver"
)

// What is evicted was taken all the same: a demo that ran for a day has lost
// nothing.
func TestEvictedIsNotLost(t *testing.T) {
	s, err := fhirserver.Listen(fhirserver.Options{MaxResources: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := range 50 {
		control := fmt.Sprintf("C%d", n)
		body := fmt.Sprintf(`{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Provenance",`+
			`"entity":[{"role":"source","what":{"identifier":{"system":%q,"value":%q}}}]},"request":{"method":"POST","url":"Provenance"}}]}`, fhir.SystemMessage, control)
		answer, err := http.Post(s.URL(), "application/fhir+json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	if c := s.Counts(); c.Evicted != 40 {
		t.Errorf("%d evicted", c.Evicted)
	}
	if s.Messages() != 50 || !s.Heard("C0") || !s.Heard("C49") {
		t.Errorf("%d messages are known of 50", s.Messages())
	}
}

// The reports of one alert share the alert's identifier and are no
// duplicates, whatever the number of alerts that a sender names alike; the
// same report kept twice is one.
func TestReportsOfAnAlertAreNoDuplicates(t *testing.T) {
	s, err := fhirserver.Listen(fhirserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	post := func(own string) {
		t.Helper()
		body := fmt.Sprintf(`{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Observation",`+
			`"identifier":[{"system":"urn:ietf:rfc:3986","value":%q},{"system":"urn:id:alert","value":"SIM"}]},"request":{"method":"POST","url":"Observation"}}]}`, own)
		answer, err := http.Post(s.URL(), "application/fhir+json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatal(answer.Status)
		}
	}
	post("urn:uuid:start")
	post("urn:uuid:continue")
	if got := s.Duplicates(); len(got) > 0 {
		t.Errorf("two reports of an alert: %q", got)
	}
	post("urn:uuid:start")
	if got := s.Duplicates(); len(got) != 1 || !strings.Contains(got[0], "urn:uuid:start") {
		t.Errorf("a report kept twice: %q", got)
	}
}
