package fhirserver_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"thalamus/internal/sim/fhirserver"
)

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
