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

// Decode reads one message or a batch (HL7 v2.5.1 §2.10.3). A message that
// tells of several patients (each PID begins another) becomes one for each,
// so that nobody is given the values of somebody else. All that an entry
// holds have Ref.Part 0, 1, 2 … in their order.
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
	out := make([]model.Message, 0, len(batch.Messages))
	var parsed hl7v2.Message
	for _, b := range batch.Messages {
		if err := parsed.Reset(b); err != nil {
			out = append(out, blank(e))
			out[len(out)-1].Issues = []model.Issue{issueOf(err)}
			continue
		}
		d := decoder{m: &parsed, entry: &e}
		out = d.messages(out)
	}
	out[0].Issues = append(out[0].Issues, batch.Issues...)
	for i := range out {
		out[i].Ref.Part = i
	}
	return out
}

// Part gives one message of a batch.
func (Codec) Part(e model.Entry, number int) []byte {
	batch, err := hl7v2.SplitBatch(e.Bytes)
	if err != nil || number >= len(batch.Messages) {
		return e.Bytes
	}
	return batch.Messages[number]
}

// blank is a message with what the entry knows.
func blank(e model.Entry) model.Message {
	return model.Message{Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: Name, Peer: e.Peer, Identity: e.Identity, Topic: e.Topic, Arrived: e.Arrived}
}

func one(e model.Entry, issues ...model.Issue) []model.Message {
	m := blank(e)
	m.Issues = issues
	return []model.Message{m}
}

func issueOf(err error) model.Issue {
	i := model.Issue{Code: fault.CodeOf(err), Severity: model.Error, Text: err.Error()}
	if f, ok := err.(*fault.Fault); ok {
		i.Field, i.Text = f.Place, f.Text
	}
	return i
}
