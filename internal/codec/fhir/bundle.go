package fhir

import (
	"thalamus/internal/model"
)

// Options say how messages become bundles. The zero value is good for a
// server that does what FHIR R4 says.
type Options struct {
	// Systems gives the URI of an assigning authority or coding system as a
	// sender writes it; the key "" is for identifiers without an authority.
	Systems map[string]string
	// Replace asks for conditional updates instead of conditional creates, so
	// that a replay after a correction overwrites what was sent before.
	Replace bool
	// KeepPatients never updates a Patient or Encounter that the server has,
	// for servers whose patients have another master.
	KeepPatients bool
	// Provenance says how Provenance, which has no identifier in R4, is kept
	// from being created twice. Default ProvenancePut.
	Provenance ProvenanceForm
	// MaxEntries is the most entries in one transaction; 0: no limit. What
	// does not fit goes into further transactions that stand alone.
	MaxEntries int
	// Gateway is the name Provenance and the gateway's Device give for us.
	// Default "Thalamus".
	Gateway string
	// GatewayID is the EUI-64 by which receivers know us as the gateway of
	// personal health devices, 16 hexadecimal digits; empty: that of the channel.
	GatewayID string
	// GatewayVersion is the version of this program.
	GatewayVersion string
	// GatewayClock says how the clock of this machine is set, MDC_TIME_SYNC_… of
	// IEEE 11073-10101. 0: not known; the profiles of HL7's guide for personal
	// health devices are not claimed then.
	GatewayClock uint32
	// Unclaimed are Devices that the receiver keeps as it has them, without their
	// profile: no Observation of theirs claims one.
	Unclaimed map[Identity]bool
}

// ProvenanceForm says how a Provenance is written.
type ProvenanceForm string

const (
	ProvenancePut  ProvenanceForm = "put"  // PUT Provenance/<our id>: needs update-as-create
	ProvenanceTag  ProvenanceForm = "tag"  // conditional create by a tag: works everywhere, one tag a message
	ProvenanceNone ProvenanceForm = "none" // not sent
)

// Transaction is one bundle of type transaction.
type Transaction struct {
	JSON    []byte
	Entries int
	// Shared names the resources in it that other messages name as well
	// (Patient, Device, DeviceMetric). Two transactions that bring the same one
	// for the first time should not be under way at once: not every server
	// makes conditional creates wait for each other.
	Shared []Identity
	// Devices are those it makes where they are not there, and what it says of
	// each: what a receiver that has one already may lack.
	Devices []DeviceSaid
	// Creates, Updates: entries by what they ask for.
	Creates, Updates int
}

// Bundle gives all messages as one transaction bundle, compact JSON. It is
// nil when the messages hold nothing that FHIR has a resource for.
func Bundle(messages []*model.Message, o Options) []byte {
	o.MaxEntries = 0
	if t := transactions(messages, o, true); len(t) > 0 {
		return t[0].JSON
	}
	return nil
}

// Transactions gives the messages as transaction bundles of at most
// MaxEntries entries each. Every one stands alone: it brings the Patient and
// Devices its Observations speak of.
func Transactions(messages []*model.Message, o Options) []Transaction {
	return transactions(messages, o, false)
}

func transactions(messages []*model.Message, o Options, one bool) []Transaction {
	if o.Gateway == "" {
		o.Gateway = "Thalamus"
	}
	if o.Provenance == "" {
		o.Provenance = ProvenancePut
	}
	b := &builder{o: o}
	for len(messages) > 0 {
		n := len(messages)
		if !one {
			n = beforeNextEvent(messages)
		}
		b.chooseTellers(messages[:n])
		b.findNewest(messages[:n])
		b.tellDevices(messages[:n])
		b.begin(size(messages[:n]))
		for _, m := range messages[:n] {
			b.message(m)
		}
		b.finish()
		messages = messages[n:]
	}
	return b.done
}

// beforeNextEvent gives how many messages come before the second ADT message:
// each change of a patient or visit is a transaction, so that none is skipped.
func beforeNextEvent(messages []*model.Message) int {
	events := 0
	for i, m := range messages {
		if m.Event != nil {
			if events++; events > 1 {
				return i
			}
		}
	}
	return len(messages)
}

// size guesses the bytes of the bundle, so that the buffer need not grow.
func size(messages []*model.Message) int {
	n := 4096
	for _, m := range messages {
		n += 2200*(len(m.Observations)+len(m.Alerts)) + 1200*len(m.Devices)
		for i := range m.Waveforms {
			n += 2200 + 5*len(m.Waveforms[i].Samples)
		}
	}
	return n
}

// builder writes entries one after another into one buffer.
type builder struct {
	o    Options
	w    writer
	h    hasher
	done []Transaction

	count int                   // entries in the transaction under way
	have  map[Identity]struct{} // what it holds
	// conforming are the Devices among them that keep PhdDevice
	conforming map[Identity]bool
	claiming   map[Identity]bool // the Observations among them that claim a profile of the guide
	shared     []Identity
	devices    []DeviceSaid
	updates    int
	said       []Identity // targets of the message under way
	from       int        // where the resource under way begins
	told       map[Identity]*toldDevice

	tellers map[Identity]*model.Message // who tells best of a patient or visit
	newest  map[Identity]newestReport   // what is written of an alert with several reports
	spoken  speaker

	apart bool // resources are wanted one by one: note where they lie (bulk.go)
	spots []spot
}

// speaker is what all resources of one message have in common.
type speaker struct {
	m       *model.Message
	id      Identity
	patient Identity
	hasWho  bool
	devices []devicePlace
	panels  panels
}

func (b *builder) begin(room int) {
	b.w.b = append(make([]byte, 0, room), `{"resourceType":"Bundle","type":"transaction","entry":[`...)
	b.count, b.updates = 0, 0
	b.have = make(map[Identity]struct{}, 64)
	b.conforming, b.claiming = nil, nil
	b.shared, b.devices = nil, nil
	b.said = b.said[:0]
}

func (b *builder) finish() {
	if b.count == 0 {
		return
	}
	b.w.b = append(b.w.b, "]}"...)
	b.done = append(b.done, Transaction{JSON: b.w.b, Entries: b.count, Shared: b.shared, Devices: b.devices, Creates: b.count - b.updates, Updates: b.updates})
}

// message writes everything one message says.
func (b *builder) message(m *model.Message) {
	s := &b.spoken
	*s = speaker{m: m, id: b.h.messageIdentity(m), devices: s.devices[:0], panels: s.panels}
	s.patient, s.hasWho = b.patientIdentity(m.Patient)
	b.placeDevices(m)
	b.said = b.said[:0]
	if m.Event != nil {
		b.unit((*builder).event, 0)
	}
	s.panels = b.findPanels(m, s.panels[:0])
	for i := range m.Observations {
		switch {
		case s.panels.leads(i):
			b.unit((*builder).panel, i)
		case !s.panels.holds(i):
			b.unit((*builder).observation, i)
		}
	}
	for i := range m.Waveforms {
		b.unit((*builder).waveform, i)
	}
	for i := range m.Alerts {
		b.unit((*builder).alert, i)
	}
	if personal(m) { // one that tells of itself before, or without, a value
		for i := range m.Devices {
			if m.Devices[i].Personal != nil {
				b.unit((*builder).deviceAlone, i)
			}
		}
	}
	b.provenance()
}

// unit writes what belongs together. When the transaction is full, it is
// taken back, the transaction closed, and the unit written into a new one.
func (b *builder) unit(write func(*builder, int), i int) {
	if b.o.MaxEntries <= 0 || b.count == 0 {
		write(b, i)
		return
	}
	mark, count, updates, shared, devices, said := len(b.w.b), b.count, b.updates, len(b.shared), len(b.devices), len(b.said)
	write(b, i)
	last := 0
	if b.o.Provenance != ProvenanceNone && len(b.said) > 0 {
		last = 1
	}
	if b.count+last <= b.o.MaxEntries || b.count == count {
		return
	}
	b.w.b, b.count, b.updates, b.shared, b.devices, b.said = b.w.b[:mark], count, updates, b.shared[:shared], b.devices[:devices], b.said[:said]
	b.provenance()
	b.finish()
	b.begin(cap(b.w.b))
	write(b, i)
}

// entry begins an entry of the bundle: {"fullUrl":…,"resource":{"resourceType":…
// It says false when the transaction holds that identity already.
func (b *builder) entry(id Identity, resourceType string) bool {
	if _, ok := b.have[id]; ok {
		return false
	}
	b.have[id] = struct{}{}
	b.count++
	w := &b.w
	w.comma()
	w.b = append(w.b, `{"fullUrl":"`...)
	w.b = id.appendURL(w.b)
	w.b = append(w.b, `","resource":`...)
	b.from = len(w.b)
	if b.apart {
		b.spots = append(b.spots, spot{id: id, kind: resourceType, from: len(w.b)})
	}
	w.b = append(w.b, `{"resourceType":"`...)
	w.b = append(w.b, resourceType...)
	w.b = append(w.b, '"')
	return true
}

// requestByID ends an entry whose identity is our identifier.
func (b *builder) requestByID(id Identity, resourceType string, update bool) {
	b.request(resourceType, update)
	w := &b.w
	w.b = append(w.b, "identifier=urn%3Aietf%3Arfc%3A3986%7Curn%3Auuid%3A"...)
	w.b = id.appendUUID(w.b)
	w.b = append(w.b, `"}}`...)
}

// requestBy ends an entry that has an identifier of somebody else's.
func (b *builder) requestBy(i model.Identifier, resourceType string, update bool) {
	b.request(resourceType, update)
	w := &b.w
	w.b = b.queryFor(w.b, i)
	w.b = append(w.b, `"}}`...)
}

// request ends the resource and begins the request of an entry up to its
// condition: create if that finds nothing, or update what it finds (FHIR R4
// §3.1.0.8.1 and §3.1.0.7.1).
func (b *builder) request(resourceType string, update bool) {
	w := &b.w
	b.whole(update)
	if update {
		b.updates++
		w.b = append(w.b, `},"request":{"method":"PUT","url":"`...)
		w.b = append(w.b, resourceType...)
		w.b = append(w.b, '?')
		return
	}
	w.b = append(w.b, `},"request":{"method":"POST","url":"`...)
	w.b = append(w.b, resourceType...)
	w.b = append(w.b, `","ifNoneExist":"`...)
}

// ownIdentifier writes the identifier that request looks for.
func (b *builder) ownIdentifier(id Identity) {
	w := &b.w
	w.comma()
	w.b = append(w.b, `"identifier":[{"system":"urn:ietf:rfc:3986","value":"urn:uuid:`...)
	w.b = id.appendUUID(w.b)
	w.b = append(w.b, `"}]`...)
}

// reference writes {"reference":"urn:uuid:…"} as a member.
func (b *builder) reference(name string, id Identity) {
	w := &b.w
	w.name(name)
	w.b = append(w.b, `{"reference":"`...)
	w.b = id.appendURL(w.b)
	w.b = append(w.b, `"}`...)
}
