package fhir

import (
	"bytes"

	"thalamus/internal/model"
)

// Resource is one resource as it stands in a file of FHIR Bulk Data: with its
// id, and with references by type and id in place of those within a bundle
// (FHIR Bulk Data Access IG, "Output files": one resource a line).
type Resource struct {
	Type string
	ID   string // a UUID; the same for the same thing said again
	JSON []byte // compact, no line feed
	// Shared is true for what other messages tell of as well: Patient,
	// Encounter, Device, DeviceMetric, and the Observation of an alert, which is
	// updated through its life. Told says that this message changes it (an event
	// of ADT, a report of the alert), and does not only name it.
	Shared, Told bool
}

// Splitter gives the resources of messages one by one. It keeps its room
// between messages and is used by one goroutine.
type Splitter struct {
	b     builder
	urls  map[[uuidText]byte]int
	lines []Resource
	out   []byte
}

// NewSplitter makes a splitter. MaxEntries, Replace and Provenance are not
// looked at: every Provenance has an id.
func NewSplitter(o Options) *Splitter {
	if o.Gateway == "" {
		o.Gateway = "Thalamus"
	}
	o.MaxEntries, o.Replace, o.Provenance = 0, false, ProvenancePut
	return &Splitter{b: builder{o: o, apart: true}, urls: map[[uuidText]byte]int{}}
}

// spot is where a resource lies in the buffer of a builder.
type spot struct {
	id       Identity
	kind     string
	from, to int
	update   bool // it takes the place of what was said before
}

const uuidText = 36

// whole notes that the resource under way is complete but for its brace.
func (b *builder) whole(update bool) {
	if b.apart {
		s := &b.spots[len(b.spots)-1]
		s.to, s.update = len(b.w.b), update
	}
}

// Resources gives what a message says: all that Bundle would hold for it, in
// the same order. The list and the bytes are valid until the next call.
func (s *Splitter) Resources(m *model.Message) []Resource {
	b := &s.b
	one := [1]*model.Message{m}
	b.chooseTellers(one[:])
	b.findNewest(one[:])
	b.tellDevices(one[:])
	b.w.b = append(b.w.b[:0], `{"resourceType":"Bundle","type":"transaction","entry":[`...)
	b.count, b.updates = 0, 0
	b.shared, b.devices, b.said, b.spots = b.shared[:0], b.devices[:0], b.said[:0], b.spots[:0]
	if b.have == nil {
		b.have = make(map[Identity]struct{}, 64)
	}
	clear(b.have)
	clear(b.conforming)
	clear(b.claiming)
	b.message(m)
	clear(s.urls)
	for i := range b.spots {
		var url [uuidText]byte
		copy(url[:], b.spots[i].id.appendURL(nil)[len(urnUUID):])
		s.urls[url] = i
	}
	s.out, s.lines = s.out[:0], s.lines[:0]
	for i := range b.spots {
		s.line(&b.spots[i])
	}
	// The buffer may have moved as it grew: only now are the slices made.
	from := 0
	for i := range s.lines {
		n := len(s.lines[i].JSON)
		s.lines[i].JSON = s.out[from : from+n : from+n]
		from += n
	}
	return s.lines
}

const (
	urnUUID    = "urn:uuid:"
	refersURN  = `"reference":"` + urnUUID
	refersType = `"reference":"`
)

// line writes one resource. Within its texts every quote has a backslash, so
// what refersURN looks for is only ever a reference of ours.
func (s *Splitter) line(p *spot) {
	begin := len(s.out)
	body := s.b.w.b[p.from:p.to]
	id := string(p.id.appendUUID(nil))
	head := len(`{"resourceType":""`) + len(p.kind)
	s.out = append(s.out, body[:head]...)
	body = body[head:]
	if own := []byte(`,"id":"`); !bytes.HasPrefix(body, own) {
		s.out = append(append(append(s.out, own...), id...), '"')
	}
	for {
		at := bytes.Index(body, []byte(refersURN))
		if at < 0 || at+len(refersURN)+uuidText > len(body) {
			break
		}
		s.out = append(append(s.out, body[:at]...), refersType...)
		body = body[at+len(refersURN):]
		if target, ok := s.urls[[uuidText]byte(body[:uuidText])]; ok {
			to := &s.b.spots[target]
			s.out = to.id.appendUUID(append(append(s.out, to.kind...), '/'))
			body = body[uuidText:]
			continue
		}
		s.out = append(s.out, urnUUID...) // named, but not in the message: stays a logical name
	}
	s.out = append(append(s.out, body...), '}')
	shared := p.update || p.kind == "Patient" || p.kind == "Encounter" || p.kind == "Device" || p.kind == "DeviceMetric"
	s.lines = append(s.lines, Resource{Type: p.kind, ID: id, JSON: s.out[begin:], Shared: shared, Told: p.update})
}
