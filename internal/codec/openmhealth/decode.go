package openmhealth

import (
	"strings"

	"thalamus/internal/codec"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Name of the codec, as channels and entries give it.
const Name = "openmhealth"

// Codec reads data points. It is stateless; the zero value is ready.
type Codec struct{}

// New gives the codec.
func New() Codec { return Codec{} }

var _ codec.Codec = Codec{}

// Name is "openmhealth".
func (Codec) Name() string { return Name }

// Decode reads a data point, several after another, or a list of them. Each
// is a message; Ref.Part counts them.
func (Codec) Decode(e model.Entry, _ codec.Context) []model.Message {
	if e.Redacted {
		return []model.Message{refuse(e, model.Issue{Code: "decode.redacted", Severity: model.Warning, Text: "the content of this entry was removed; only its place is left"})}
	}
	all, err := Split(e.Bytes)
	if err != nil || len(all) == 0 {
		if err == nil {
			err = fault.New(fault.Invalid, "openmhealth.json", "there is no document in the entry")
		}
		return []model.Message{refuse(e, issueOf(err))}
	}
	out := make([]model.Message, 0, len(all))
	for i, raw := range all {
		m := read(e, raw)
		m.Ref.Part = i
		out = append(out, m)
	}
	return out
}

// Part gives one data point of an entry.
func (Codec) Part(e model.Entry, number int) []byte {
	if all, err := Split(e.Bytes); err == nil && number < len(all) {
		return all[number]
	}
	return e.Bytes
}

func refuse(e model.Entry, issues ...model.Issue) model.Message {
	return model.Message{Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: Name, Peer: e.Peer, Identity: e.Identity, Topic: e.Topic, Arrived: e.Arrived, Issues: issues}
}

func issueOf(err error) model.Issue {
	i := model.Issue{Code: fault.CodeOf(err), Severity: model.Error, Text: err.Error(), Hint: "the sender should correct it"}
	if f, ok := err.(*fault.Fault); ok {
		i.Text = f.Text
	}
	return i
}

// read reads one data point.
func read(e model.Entry, raw []byte) model.Message {
	n, err := parse(raw)
	if err != nil {
		return refuse(e, issueOf(err))
	}
	header, body := n.member("header"), n.member("body")
	id := header.member("schema_id")
	if header == nil || body == nil || id == nil {
		return refuse(e, model.Issue{Code: "openmhealth.no-header", Severity: model.Error,
			Text: "the document has no header with a schema_id and a body, so nobody can say which schema it follows",
			Hint: "send data points: {\"header\": {…, \"schema_id\": {…}}, \"body\": {…}}; a device's own JSON is read with a profile, codec json"})
	}
	form := "omh/data-point-1.0"
	if header.member("uuid") != nil && header.member("id") == nil {
		form = "ieee/data-point-1.0"
	}
	if found := schemas[form].violations(n, ""); len(found) > 0 {
		return refuse(e, invalid(found)...)
	}
	namespace, name, version := id.at("namespace").string(), id.at("name").string(), id.at("version").string()
	full := schemaName(namespace, name, version)
	if !Known(namespace, name, version) {
		m := refuse(e, model.Issue{Code: "openmhealth.unknown-schema", Severity: model.Error, Field: "header.schema_id", Received: clip(full),
			Text: "no schema of this name and version is known, so the document could not be checked; it was kept",
			Hint: "send a version that Open mHealth has published, or ask for this one"})
		return m
	}
	if found := schemas[full].violations(body, "body"); len(found) > 0 {
		return refuse(e, invalid(found)...)
	}
	d := decoder{m: refuse(e), schema: full, family: namespace + "/" + name, body: body}
	d.m.Type, d.m.Version = full, version
	d.header(header)
	d.times(body.member("effective_time_frame"))
	d.observations()
	return d.m
}

func invalid(found []Violation) []model.Issue {
	out := make([]model.Issue, len(found))
	for i, v := range found {
		out[i] = model.Issue{Code: "openmhealth.invalid", Severity: model.Error, Field: v.Place, Text: v.Text, Hint: "the sender should follow the schema; nothing of the document was used"}
	}
	return out
}

// selfReported is the note of values that a person entered.
const selfReported = "self-reported"

// header reads who sent what about whom.
func (d *decoder) header(h *node) {
	m := &d.m
	provenance := h.member("acquisition_provenance")
	m.ControlID = h.at("id").string()
	m.Sender.Application = provenance.at("source_name").string()
	created := h.at("creation_date_time").string()
	if source := provenance.at("source_creation_date_time").string(); source != "" {
		created = source // when the device had it, not when it was stored
	}
	modality := provenance.at("modality").string()
	if m.ControlID == "" { // IEEE 1752.1
		m.ControlID, created, modality = h.at("uuid").string(), h.at("source_creation_date_time").string(), h.at("modality").string()
	}
	m.DeviceTime = timestamp(created)
	if user := h.at("user_id").string(); strings.TrimSpace(user) != "" {
		m.Patient = &model.Patient{Identifiers: []model.Identifier{{Value: user, System: m.Sender.Application}}}
	}
	if modality == selfReported {
		d.notes = append(d.notes, selfReported)
	}
}
