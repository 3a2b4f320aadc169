package fhir

import (
	"strconv"

	"thalamus/internal/codec"
	"thalamus/internal/fault"
	"thalamus/internal/hl7time"
	"thalamus/internal/model"
)

// Name of the codec, as channels and entries give it.
const Name = "fhir"

// Reader reads FHIR R4 Observations and the Bundles that carry them (R3). It
// is stateless; the zero value is ready.
type Reader struct{}

// New gives the codec.
func New() Reader { return Reader{} }

var _ codec.Codec = Reader{}

// Name is "fhir".
func (Reader) Name() string { return Name }

// Decode reads one resource, or a Bundle of any type. A Bundle becomes one
// message for each patient it speaks of, so that what is said of two patients
// never comes into one message (R13); Ref.Part counts them. What is no
// Observation, Patient, Device or DeviceMetric is named by an issue.
func (Reader) Decode(e model.Entry, _ codec.Context) []model.Message {
	if e.Redacted {
		return []model.Message{plain(e, model.Issue{Code: "decode.redacted", Severity: model.Warning, Text: "the content of this entry was removed; only its place is left"})}
	}
	root, err := Parse(e.Bytes, Limits{})
	if err != nil {
		i := model.Issue{Code: fault.CodeOf(err), Severity: model.Error, Text: err.Error(), Hint: "the sender should correct it"}
		if f, ok := err.(*fault.Fault); ok {
			i.Text, i.Field = f.Text, f.Place
		}
		return []model.Message{plain(e, i)}
	}
	r := newReading(e)
	r.gather(root)
	return r.messages()
}

func plain(e model.Entry, issues ...model.Issue) model.Message {
	return model.Message{Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: Name, Peer: e.Peer, Identity: e.Identity, Topic: e.Topic, Arrived: e.Arrived, Issues: issues}
}

// resource is one resource of the entry.
type resource struct {
	node  *Node
	kind  string
	place string // "entry[2].resource", empty when it stands alone
	url   string // fullUrl
}

// reading reads one entry.
type reading struct {
	e      model.Entry
	kind   string // of the outermost resource
	id     string
	made   model.Timestamp // Bundle.timestamp
	all    []*resource
	known  map[string]*resource // by fullUrl, and by Type/id
	left   int                  // entries without a resource that is read
	others map[string]int       // kinds that are not read
	sender string               // MessageHeader.source.name
	out    []*part
	of     map[string]*part // by patient
	who    map[*resource]*model.Patient
}

func newReading(e model.Entry) *reading {
	return &reading{e: e, known: map[string]*resource{}, of: map[string]*part{}, who: map[*resource]*model.Patient{}}
}

// part is the message of one patient.
type part struct {
	m       model.Message
	devices map[string]int    // by where it stands in the entry, or by what it was called
	spans   map[[2]string]int // effective time → index in Orders
}

// mostEntries bounds what is read of one Bundle; a larger one is an issue.
const mostEntries = 200_000

// mostKinds bounds the kinds of resources that issues name.
const mostKinds = 16

// gather lists the resources and what references may lead to.
func (r *reading) gather(root *Node) {
	r.kind, r.id = root.Get("resourceType").Text(), root.Get("id").Text()
	if r.kind != "Bundle" {
		r.add(&resource{node: root, kind: r.kind})
		return
	}
	if id := root.Get("identifier", "value").Text(); id != "" {
		r.id = id
	}
	r.made = timestamp(root.Get("timestamp").Text())
	entries := root.Get("entry")
	for i := range min(entries.Len(), mostEntries) {
		n := entries.At(i).Get("resource")
		if n.Sort() != Object {
			r.left++
			continue
		}
		r.add(&resource{node: n, kind: n.Get("resourceType").Text(), place: "entry[" + strconv.Itoa(i) + "].resource", url: entries.At(i).Get("fullUrl").Text()})
	}
	r.left += max(0, entries.Len()-mostEntries)
}

func (r *reading) add(s *resource) {
	if s.kind == "MessageHeader" {
		r.sender = s.node.Get("source", "name").Text()
	}
	r.all = append(r.all, s)
	if s.url != "" {
		r.known[s.url] = s
	}
	if id := s.node.Get("id").Text(); id != "" && s.kind != "" {
		r.known[s.kind+"/"+id] = s
	}
}

// messages reads every resource.
func (r *reading) messages() []model.Message {
	r.others = map[string]int{}
	for _, s := range r.all {
		switch s.kind {
		case "Observation":
			r.observation(s)
		case "Patient", "Device", "MessageHeader":
		default:
			if s.kind == "DeviceMetric" && len(r.all) > 1 {
				continue // read where a value refers to it
			}
			r.others[s.kind]++
		}
	}
	r.unspoken()
	if len(r.out) == 0 {
		r.part("", nil)
	}
	first := &r.out[0].m
	if len(r.e.Bytes) > 0 && r.kind == "" {
		first.Issues = append(first.Issues, model.Issue{Code: "fhir.no-resource", Severity: model.Error, Text: "the JSON is no FHIR resource: it has no resourceType",
			Hint: "send an Observation or a Bundle; a device's own JSON is read with a profile, codec json"})
	}
	for n, kind := range sorted(r.others) {
		if kind != "" && n < mostKinds {
			first.Issues = append(first.Issues, model.Issue{Code: "fhir.not-read", Severity: model.Warning, Received: word(kind),
				Text: "resources of this type (" + strconv.Itoa(r.others[kind]) + ") were kept and not read: only Observations, with their Patients and Devices, become values", Hint: "nothing, unless values were meant to be in them"})
		}
	}
	if r.left > 0 {
		first.Issues = append(first.Issues, model.Issue{Code: "fhir.not-read", Severity: model.Warning, Field: "entry",
			Text: strconv.Itoa(r.left) + " entries of the Bundle hold no resource that was read", Hint: "the sender should send smaller Bundles with a resource in each entry"})
	}
	out := make([]model.Message, len(r.out))
	for i, p := range r.out {
		p.m.Ref.Part = i
		if p.m.DeviceTime.Original == "" && len(p.m.Orders) > 0 {
			p.m.DeviceTime = p.m.Orders[0].Start
		}
		out[i] = p.m
	}
	return out
}

// part gives the message of a patient; nil: of nobody.
func (r *reading) part(key string, who *model.Patient) *part {
	if p := r.of[key]; p != nil {
		return p
	}
	p := r.begin(who)
	r.of[key], r.out = p, append(r.out, p)
	return p
}

func (r *reading) begin(who *model.Patient) *part {
	p := &part{m: plain(r.e), devices: map[string]int{}, spans: map[[2]string]int{}}
	p.m.Type, p.m.ControlID, p.m.DeviceTime, p.m.Patient = word(r.kind), r.id, r.made, who
	p.m.Sender.Application = r.sender
	return p
}

// unspoken reads the devices and patients that no Observation refers to: what
// is told of a device is worth having without a value.
func (r *reading) unspoken() {
	spoken := map[string]bool{}
	for _, p := range r.out {
		for key := range p.devices {
			spoken[key] = true
		}
	}
	for _, s := range r.all {
		if s.kind == "Device" && !spoken[placeKey(s)] {
			r.device(r.anyPart(), s, 0)
		}
		if s.kind == "Patient" && len(r.out) == 0 && len(r.all) == 1 {
			who := r.patientIn(s)
			r.part(subjectKey(who), who)
		}
	}
}

// anyPart is where what belongs to no patient is told: the first message.
func (r *reading) anyPart() *part {
	if len(r.out) == 0 {
		return r.part("", nil)
	}
	return r.out[0]
}

// timestamp reads a dateTime or instant. Normalising reads it again, with the
// zones of the channel for a date alone.
func timestamp(text string) model.Timestamp {
	if text == "" {
		return model.Timestamp{}
	}
	var zones hl7time.Zones
	ts, _ := zones.ReadAs(hl7time.FormatISO, text, model.Entry{}.Arrived)
	return ts
}

// word keeps what looks like a name of FHIR; a resourceType may be anything
// in hostile input.
func word(s string) string {
	if placeName(s) == "?" && s != "" {
		return "?"
	}
	return s
}
