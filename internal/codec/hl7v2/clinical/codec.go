package clinical

import (
	"thalamus/internal/codec"
	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Name of the codec, as channels and entries give it.
const Name = "hl7v2"

// Codec reads HL7 v2. It is stateless; the zero value is ready.
type Codec struct{}

// New gives the codec.
func New() Codec { return Codec{} }

var _ codec.Codec = Codec{}

// Name is "hl7v2".
func (Codec) Name() string { return Name }

// Decode reads one message or a batch (HL7 v2.5.1 §2.10.3); the messages of a
// batch have Ref.Part 0, 1, 2 …
func (Codec) Decode(e model.Entry, _ codec.Context) []model.Message {
	if e.Redacted {
		return one(e, model.Issue{Code: "decode.redacted", Severity: model.Warning, Text: "the content of this entry was removed; only its place is left"})
	}
	batch, err := hl7v2.SplitBatch(e.Bytes)
	if err != nil {
		return one(e, issueOf(err))
	}
	if len(batch.Messages) == 0 {
		return one(e, append(batch.Issues, model.Issue{Code: "decode.empty-batch", Severity: model.Warning,
			Text: "the batch holds no message", Hint: "nothing to do if the sender had nothing to send"})...)
	}
	out := make([]model.Message, len(batch.Messages))
	var parsed hl7v2.Message
	for i, b := range batch.Messages {
		envelope(&out[i], e, i)
		if err := parsed.Reset(b); err != nil {
			out[i].Issues = append(out[i].Issues, issueOf(err))
			continue
		}
		d := decoder{m: &parsed, out: &out[i]}
		d.message()
	}
	out[0].Issues = append(out[0].Issues, batch.Issues...)
	return out
}

// envelope fills what the entry knows.
func envelope(m *model.Message, e model.Entry, part int) {
	m.Ref = model.MessageRef{Seq: e.Seq, Part: part}
	m.Channel, m.Codec, m.Peer, m.Identity, m.Arrived = e.Channel, Name, e.Peer, e.Identity, e.Arrived
}

func one(e model.Entry, issues ...model.Issue) []model.Message {
	out := make([]model.Message, 1)
	envelope(&out[0], e, 0)
	out[0].Issues = issues
	return out
}

func issueOf(err error) model.Issue {
	i := model.Issue{Code: fault.CodeOf(err), Severity: model.Error, Text: err.Error()}
	if f, ok := err.(*fault.Fault); ok {
		i.Field, i.Text = f.Place, f.Text
	}
	return i
}
