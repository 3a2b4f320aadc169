package fhirserver

import (
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"thalamus/internal/codec/fhir"
	"thalamus/internal/sim"
)

// Counts of what a server got.
type Counts struct {
	Resources map[string]int // created, by type, those evicted since included
	Created   int            // entries that made a resource
	Updated   int            // entries that changed one
	Unchanged int            // entries whose resource was there already
	Evicted   int
}

// heard is what is known of one message: who told of it and when first. It
// stays when the Provenance itself is evicted.
type heard struct {
	place       int // order of first arrival
	at          time.Time
	provenances []string // their ids; one unless something went wrong
}

// hear notes the message a Provenance names as its source.
func (k *store) hear(st *step) {
	entities := st.node.Get("entity")
	for i := range entities.Len() {
		id := entities.At(i).Get("what", "identifier")
		if id.Get("system").Text() != fhir.SystemMessage {
			continue
		}
		control := id.Get("value").Text()
		h := k.controls[control]
		if h == nil {
			k.order++
			h = &heard{place: k.order, at: time.Now()}
			k.controls[control] = h
		}
		if !slices.Contains(h.provenances, st.id) {
			h.provenances = append(h.provenances, st.id)
		}
	}
}

// Counts gives what arrived so far.
func (s *Server) Counts() Counts {
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	c := s.kept.counts
	c.Resources = maps.Clone(c.Resources)
	return c
}

// Transactions gives how many were done.
func (s *Server) Transactions() int { return int(s.transactions.Load()) }

// alertSystem is the system of the identifier that all events of an alert have.
const alertSystem = "\x00urn:id:alert\x00"

// Duplicates lists the identifiers under which several resources of one type
// are kept, sorted: "Observation urn:uuid:…". Patients may have several
// identifiers; each is looked at. The events of an alert share the alert's
// identifier and are no duplicates.
func (s *Server) Duplicates() []string {
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	seen := map[string]int{}
	for _, r := range s.kept.byRef {
		for _, k := range r.keys {
			if !strings.Contains(k, alertSystem) {
				seen[k]++
			}
		}
	}
	var twice []string
	for k, n := range seen {
		if n > 1 {
			twice = append(twice, k)
		}
	}
	sort.Strings(twice)
	return twice
}

// Heard tells whether a message with that control id arrived.
func (s *Server) Heard(control string) bool {
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	return s.kept.controls[control] != nil
}

// Took gives when a message first arrived, zero when it never did.
func (s *Server) Took(control string) time.Time {
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	if h := s.kept.controls[control]; h != nil {
		return h.at
	}
	return time.Time{}
}

// Messages gives how many different messages arrived.
func (s *Server) Messages() int {
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	return len(s.kept.controls)
}

// Tally compares what arrived with what senders were told is acknowledged,
// by the control ids in Provenance. A message counts as duplicated when two
// Provenances tell of it or one of its identifiers is kept twice: who comes
// again after it was evicted counts, too, and nobody comes again so late.
func (s *Server) Tally(l *sim.Ledger) sim.Tally {
	order := l.Order()
	t := sim.Tally{Duplicated: len(s.Duplicates())}
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	for _, want := range order {
		last := 0
		for _, control := range want {
			t.Expected++
			h := s.kept.controls[control]
			if h == nil {
				t.Lost++
				continue
			}
			t.Arrived++
			if h.place < last {
				t.Disordered++
			}
			last = h.place
			if n := len(h.provenances); n > 1 {
				t.Duplicated += n - 1
			}
		}
	}
	return t
}
