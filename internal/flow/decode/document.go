package decode

import (
	"strings"

	"thalamus/internal/codec"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/profile"
)

// Documents are the codecs of documents whose form no standard tells, json and
// csv: the profile of the sender, in force when the entry arrived, reads them.
func Documents(profiles *profile.Set) []codec.Codec {
	return []codec.Codec{documents{"json", profiles}, documents{"csv", profiles}}
}

type documents struct {
	name     string
	profiles *profile.Set
}

func (d documents) Name() string { return d.name }

func (d documents) Decode(e model.Entry, _ codec.Context) []model.Message {
	m := blank(e)
	issue := func(code, received, text, hint, place string) []model.Message {
		m.Issues = []model.Issue{{Code: code, Severity: model.Error, Received: received, Text: text, Hint: hint, Field: place}}
		return []model.Message{m}
	}
	document, err := profile.Document(d.name, e.Bytes)
	if err != nil {
		return issue(fault.CodeOf(err), "", "the entry is no "+strings.ToUpper(d.name)+" document: "+err.Error(), "the sender should correct it", "")
	}
	p, _ := d.profiles.Find(profile.Sender{Codec: d.name, Channel: string(e.Channel), Application: e.Identity, Topic: e.Topic, Document: document, Arrived: e.Arrived})
	if p == nil {
		return issue("decode.no-profile", "", "no profile says how this document is read; it was kept", "bring a profile in force for this channel, then read the entry again", "")
	}
	m.Type = p.Name
	out, err := p.Read(document, m)
	if err != nil {
		return issue(fault.CodeOf(err), p.Ref(), err.Error(), "correct the profile, then read the entry again", "")
	}
	for i := range out {
		out[i].Ref.Part = i
	}
	return out
}
