package fhir

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	codec "thalamus/internal/codec/fhir"
	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/sim/fhirserver"
)

func listen(t testing.TB, o fhirserver.Options) *fhirserver.Server {
	t.Helper()
	s, err := fhirserver.Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func made(t testing.TB, url string, more map[string]any) destination.Destination {
	t.Helper()
	settings := map[string]any{"base_url": url}
	for k, v := range more {
		settings[k] = v
	}
	d, err := New(model.Destination{ID: "ehr", Kind: "fhir", Settings: settings}, destination.Host{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func messages(t testing.TB, name string) []*model.Message {
	t.Helper()
	text, err := os.ReadFile("../../codec/fhir/testdata/" + name + "/messages.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []*model.Message
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func parcels(list []*model.Message, attempt int) []destination.Parcel {
	var out []destination.Parcel
	for _, m := range list {
		out = append(out, destination.Parcel{Message: m, Attempt: attempt})
	}
	return out
}

func TestDeliverTwice(t *testing.T) {
	for name, more := range map[string]map[string]any{
		"put": nil, "tag": {"provenance": "tag"}, "gzip": {"gzip": true}, "small transactions": {"max_entries": 6},
	} {
		t.Run(name, func(t *testing.T) {
			s := listen(t, fhirserver.Options{})
			d := made(t, s.URL(), more)
			list := messages(t, "vital-signs")
			first, err := d.Deliver(t.Context(), parcels(list, 1))
			if err != nil {
				t.Fatal(err)
			}
			before := s.Counts()
			if n := before.Resources["Observation"]; n != 10 {
				t.Errorf("%d Observations, want 10: 12 values with one blood pressure panel of 3", n)
			}
			if before.Resources["Patient"] != 1 || before.Resources["Device"] != 1 {
				t.Errorf("resources: %v", before.Resources)
			}
			second, err := d.Deliver(t.Context(), parcels(list, 2))
			if err != nil {
				t.Fatal(err)
			}
			after := s.Counts()
			if after.Created != before.Created || len(s.Duplicates()) > 0 {
				t.Errorf("delivered twice: %d created, then %d; twice: %q", before.Created, after.Created, s.Duplicates())
			}
			t.Log(first.Text, "/", second.Text)
			if !strings.Contains(second.Text, " 0 created") {
				t.Errorf("receipt %q", second.Text)
			}
		})
	}
}

// TestReplay: a replay overwrites what was delivered, and adds nothing.
func TestReplay(t *testing.T) {
	s := listen(t, fhirserver.Options{})
	d := made(t, s.URL(), nil)
	list := messages(t, "no-patient")
	if _, err := d.Deliver(t.Context(), parcels(list, 1)); err != nil {
		t.Fatal(err)
	}
	list[0].Observations[0].Value.Number = model.Decimal{Coef: 99}
	again := parcels(list, 1)
	again[0].Replay = 7
	got, err := d.Deliver(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Counts()
	if c.Resources["Observation"] != 1 || c.Updated != 1 {
		t.Errorf("after a replay: %+v, receipt %q", c, got.Text)
	}
}

// TestLostAnswer: the server commits and the connection breaks; the repeat
// has no second effect.
func TestLostAnswer(t *testing.T) {
	s := listen(t, fhirserver.Options{})
	d := made(t, s.URL(), nil)
	s.LoseAnswers.Store(1)
	_, err := d.Deliver(t.Context(), parcels(messages(t, "two-messages"), 1))
	if !destination.IsDown(err) || fault.KindOf(err) != fault.Transient {
		t.Fatalf("lost answer: %v", err)
	}
	s.LoseAnswers.Store(0)
	if _, err := d.Deliver(t.Context(), parcels(messages(t, "two-messages"), 2)); err != nil {
		t.Fatal(err)
	}
	if c := s.Counts(); c.Resources["Observation"] != 3 || c.Resources["Patient"] != 1 || c.Resources["Provenance"] != 2 || len(s.Duplicates()) != 0 {
		t.Errorf("%+v %q", c, s.Duplicates())
	}
}

// TestEvents: admission, discharge and merge leave one Patient and one
// Encounter in their last state, and the old number replaced.
func TestEvents(t *testing.T) {
	s := listen(t, fhirserver.Options{})
	d := made(t, s.URL(), nil)
	all := append(append(messages(t, "adt-admit"), messages(t, "adt-discharge")...), messages(t, "adt-merge")...)
	for attempt := 1; attempt <= 2; attempt++ {
		if _, err := d.Deliver(t.Context(), parcels(all, attempt)); err != nil {
			t.Fatal(err)
		}
	}
	if c := s.Counts(); c.Resources["Patient"] != 2 || c.Resources["Encounter"] != 1 {
		t.Errorf("%+v", c.Resources)
	}
	get := func(query string) string {
		resp, err := http.Get(s.URL() + "/" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if text := get("Encounter?identifier=urn:id:Sample_20Hospital%7CV-77"); !strings.Contains(text, `"status":"finished"`) {
		t.Errorf("Encounter: %s", text)
	}
	if text := get("Patient?identifier=urn:id:Sample_20Hospital%7CT-0999"); !strings.Contains(text, `"replaced-by"`) || !strings.Contains(text, `"active":false`) {
		t.Errorf("merged Patient: %s", text)
	}
}

func TestServerFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		set     func(*fhirserver.Server)
		options fhirserver.Options
		attempt int
		code    string
		kind    fault.Kind
		down    bool
		after   time.Duration
	}{
		{name: "down", set: func(s *fhirserver.Server) { s.Down.Store(true) }, code: "fhir.down", kind: fault.Transient, down: true},
		{name: "503", set: func(s *fhirserver.Server) { s.Status.Store(503); s.RetryAfter.Store(7) }, code: "fhir.down", kind: fault.Transient, down: true, after: 7 * time.Second},
		{name: "429", set: func(s *fhirserver.Server) { s.Status.Store(429); s.RetryAfter.Store(2) }, code: "fhir.throttled", kind: fault.Transient, down: true, after: 2 * time.Second},
		{name: "500", set: func(s *fhirserver.Server) { s.Status.Store(500) }, code: "fhir.failed", kind: fault.Transient},
		{name: "403", set: func(s *fhirserver.Server) { s.Status.Store(403) }, code: "fhir.unauthorised", kind: fault.Transient, down: true},
		{name: "400", set: func(s *fhirserver.Server) { s.Status.Store(400) }, code: "fhir.refused", kind: fault.Invalid},
		{name: "413", set: func(s *fhirserver.Server) { s.Status.Store(413) }, code: "fhir.too-large", kind: fault.Invalid},
		{name: "409 once", set: func(s *fhirserver.Server) { s.Status.Store(409) }, code: "fhir.conflict", kind: fault.Transient},
		{name: "409 again", set: func(s *fhirserver.Server) { s.Status.Store(409) }, attempt: 3, code: "fhir.conflict", kind: fault.Conflict},
		{name: "301", set: func(s *fhirserver.Server) { s.Status.Store(301) }, code: "fhir.redirect", kind: fault.Transient, down: true},
		{name: "404", set: func(s *fhirserver.Server) { s.Status.Store(404) }, code: "fhir.no-transactions", kind: fault.Transient, down: true},
		{name: "no transactions", options: fhirserver.Options{NoTransactions: true}, code: "fhir.no-transactions", kind: fault.Transient, down: true},
		{name: "a token is asked for", options: fhirserver.Options{Token: "s"}, code: "fhir.unauthorised", kind: fault.Transient, down: true},
		{name: "too many entries", options: fhirserver.Options{MaxEntries: 3}, code: "fhir.refused", kind: fault.Invalid},
		{name: "422 for a patient", set: func(s *fhirserver.Server) { s.Refuse.Store("T-1001") }, code: "fhir.refused", kind: fault.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := listen(t, c.options)
			d := made(t, s.URL(), nil)
			if c.set != nil {
				c.set(s)
			}
			_, err := d.Deliver(t.Context(), parcels(messages(t, "vital-signs"), max(c.attempt, 1)))
			if fault.CodeOf(err) != c.code || fault.KindOf(err) != c.kind || destination.IsDown(err) != c.down || destination.NotBefore(err) != c.after {
				t.Errorf("got %v\nkind %s, down %v, after %s", err, fault.KindOf(err), destination.IsDown(err), destination.NotBefore(err))
			}
			if c.name == "422 for a patient" && !strings.Contains(err.Error(), "Bundle.entry[0].resource") {
				t.Errorf("does not name the expression: %v", err)
			}
			if s.Counts().Created > 0 {
				t.Error("a refused transaction left something behind")
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	s := listen(t, fhirserver.Options{})
	url := s.URL()
	s.Close()
	_, err := made(t, url, nil).Deliver(t.Context(), parcels(messages(t, "no-patient"), 1))
	if !destination.IsDown(err) || fault.CodeOf(err) != "fhir.down" {
		t.Errorf("refused connection: %v", err)
	}
	if strings.Contains(err.Error(), "http://") {
		t.Errorf("the error holds the URL: %v", err)
	}
}

// TestInterrupted: our own end is no fault of the server's.
func TestInterrupted(t *testing.T) {
	s := listen(t, fhirserver.Options{})
	d := made(t, s.URL(), nil)
	s.Slow.Store(int64(time.Minute))
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, stop)
	_, err := d.Deliver(ctx, parcels(messages(t, "no-patient"), 1))
	if destination.IsDown(err) || fault.CodeOf(err) != "fhir.interrupted" {
		t.Errorf("interrupted: %v", err)
	}
}

// TestConcurrent: many beds with one gateway device begin at once on a server
// that does not make conditional creates wait for each other.
func TestConcurrent(t *testing.T) {
	s := listen(t, fhirserver.Options{})
	d := made(t, s.URL(), nil)
	var all sync.WaitGroup
	for bed := range 16 {
		all.Go(func() {
			for n := range 5 {
				list := messages(t, "vital-signs")
				list[0].ControlID = fmt.Sprintf("bed%d-%d", bed, n)
				list[0].Patient.Identifiers[0].Value = fmt.Sprintf("T-%d", bed)
				list[0].Patient.Identifiers = list[0].Patient.Identifiers[:1]
				if _, err := d.Deliver(t.Context(), parcels(list, 1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	c := s.Counts()
	if c.Resources["Device"] != 1 || c.Resources["Patient"] != 16 || c.Resources["Observation"] != 16*5*10 || len(s.Duplicates()) > 0 {
		t.Errorf("%+v %q", c.Resources, s.Duplicates())
	}
}

// TestGate: of two that bring the same name for the first time, one waits.
func TestGate(t *testing.T) {
	g := gate{limit: 10}
	a, b, c := codec.Identity{1}, codec.Identity{2}, codec.Identity{3}
	first, err := g.enter(t.Context(), []codec.Identity{a, b})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if _, err := g.enter(ctx, []codec.Identity{b, c}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal("two bring b at once:", err)
	}
	if other, err := g.enter(t.Context(), []codec.Identity{c}); err != nil {
		t.Fatal(err)
	} else {
		other.leave(false)
	}
	first.leave(true)
	second, err := g.enter(t.Context(), []codec.Identity{b, c})
	if err != nil || len(second.names) != 1 {
		t.Fatal("b is known now, c is not:", second.names, err)
	}
	second.leave(true)
}

// TestAnswers: what real servers answer beside R4's letter.
func TestAnswers(t *testing.T) {
	entry := func(status, outcome string) string {
		return `{"response":{"status":"` + status + `"` + outcome + `}}`
	}
	ok := entry("201 Created", "")
	for _, c := range []struct {
		name, answer string
		status       int
		code         string
		kind         fault.Kind
		says         string
	}{
		{name: "not FHIR", answer: "<html>", code: "fhir.answer", kind: fault.Transient},
		{name: "fewer entries", answer: `{"resourceType":"Bundle","type":"transaction-response","entry":[` + ok + `]}`, code: "fhir.answer", kind: fault.Transient},
		{name: "no entries", answer: `{"resourceType":"Bundle","type":"transaction-response"}`, code: "fhir.answer", kind: fault.Transient},
		{name: "one entry refused, as in a batch", answer: bundle(ok, entry("422", `,"outcome":{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invariant","expression":["Observation.code"]}]}`), ok, ok), code: "fhir.refused", kind: fault.Invalid, says: "Observation.code"},
		{name: "one entry to be tried again", answer: bundle(ok, ok, entry("503", ""), ok), code: "fhir.failed", kind: fault.Transient, says: "Bundle.entry[2]"},
		{name: "one without a status", answer: bundle(ok, ok, `{}`, ok), code: "fhir.answer", kind: fault.Transient},
		{name: "numbers only", answer: bundle(entry("200", ""), entry("201", ""), entry("304", ""), ok), code: "internal"},
		{name: "echo of the patient", status: 422, answer: `{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"informational"},{"severity":"error","code":"value","diagnostics":"HAPI-0450: patient SAMPLE, Ada born 1970-02-28 with MRN T-1001 or 'secret words' is not taken here","expression":["Bundle.entry[0].resource.name where(family = 'Sample')"]}]}`, code: "fhir.refused", kind: fault.Invalid, says: "is not taken here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if c.status != 0 && r.Method == http.MethodPost {
					w.WriteHeader(c.status)
				}
				fmt.Fprint(w, c.answer)
			}))
			defer s.Close()
			_, err := made(t, s.URL, nil).Deliver(t.Context(), parcels(messages(t, "no-patient"), 1))
			if c.code == "internal" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if fault.CodeOf(err) != c.code || fault.KindOf(err) != c.kind || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

func bundle(entries ...string) string {
	return `{"resourceType":"Bundle","type":"transaction-response","entry":[` + strings.Join(entries, ",") + `]}`
}

// TestNoPatientInErrors: a server that echoes what it got does not bring it
// into our errors.
func TestNoPatientInErrors(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(422)
		fmt.Fprint(w, `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"value","details":{"text":"Name Sample, Ada Q. unwanted (V-77)"},"diagnostics":"1 Test Street Sampletown, phone +1 555 0100; born 1970-02-28; T-1001; family=Sample; \"quoted name","expression":["Patient.name[0].family='Sample'"]}]}`)
	}))
	defer s.Close()
	_, err := made(t, s.URL, nil).Deliver(t.Context(), parcels(messages(t, "vital-signs"), 1))
	text := strings.ToLower(fmt.Sprint(err))
	for _, secret := range []string{"sample", "ada", "v-77", "street", "sampletown", "0100", "1970", "t-1001", "quoted name"} {
		if strings.Contains(text, secret) {
			t.Errorf("the error tells %q: %s", secret, text)
		}
	}
	if !strings.Contains(text, "unwanted") || !strings.Contains(text, "patient.name[0].family") {
		t.Errorf("the error says too little: %s", text)
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings map[string]any
		place    string
	}{
		{"nothing", map[string]any{}, "base_url"},
		{"not a URL", map[string]any{"base_url": "ehr"}, "base_url"},
		{"plain to another machine", map[string]any{"base_url": "http://ehr.example/fhir"}, "base_url"},
		{"user in the URL", map[string]any{"base_url": "https://u:p@ehr.example/fhir"}, "base_url"},
		{"bearer without token", map[string]any{"base_url": "https://ehr.example", "auth": "bearer"}, "token"},
		{"token without bearer", map[string]any{"base_url": "https://ehr.example", "token": "x"}, "auth"},
		{"basic without user", map[string]any{"base_url": "https://ehr.example", "auth": "basic"}, "user"},
		{"unknown auth", map[string]any{"base_url": "https://ehr.example", "auth": "smart"}, "auth"},
		{"unknown key", map[string]any{"base_url": "https://ehr.example", "url": "x"}, "url"},
		{"short timeout", map[string]any{"base_url": "https://ehr.example", "timeout": "1ms"}, "timeout"},
		{"half a client certificate", map[string]any{"base_url": "https://ehr.example", "cert_file": "a.pem"}, "cert_file"},
		{"absent authorities", map[string]any{"base_url": "https://ehr.example", "ca_file": "absent.pem"}, "ca_file"},
		{"few entries", map[string]any{"base_url": "https://ehr.example", "max_entries": 2}, "max_entries"},
		{"own Authorization", map[string]any{"base_url": "https://ehr.example", "headers": map[string]any{"authorization": "x"}}, "headers.authorization"},
		{"header of two lines", map[string]any{"base_url": "https://ehr.example", "headers": map[string]any{"X-A": "x\r\ny"}}, "headers.X-A"},
		{"system that is no URI", map[string]any{"base_url": "https://ehr.example", "systems": map[string]any{"Hospital": "mrn"}}, "systems.Hospital"},
		{"unknown provenance", map[string]any{"base_url": "https://ehr.example", "provenance": "x"}, "provenance"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(model.Destination{Settings: c.settings}, destination.Host{})
			var f *fault.Fault
			if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Place != c.place {
				t.Errorf("got %v, want an error at %s", err, c.place)
			}
		})
	}
	if _, err := New(model.Destination{Settings: map[string]any{"base_url": "http://ehr.example", "plain_http": true}}, destination.Host{}); err != nil {
		t.Error(err)
	}
}

func BenchmarkDeliver(b *testing.B) {
	s := listen(b, fhirserver.Options{})
	d := made(b, s.URL(), nil)
	list := messages(b, "vital-signs")
	n := 0
	for b.Loop() {
		m := *list[0]
		n++
		m.ControlID = fmt.Sprint(n)
		if _, err := d.Deliver(b.Context(), []destination.Parcel{{Message: &m, Attempt: 1}}); err != nil {
			b.Fatal(err)
		}
	}
}
