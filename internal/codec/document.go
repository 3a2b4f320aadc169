package codec

import (
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Filed begins the message of a file: what is known of it before its content
// was read. Whose it is and which device made it may stand in its name (see
// Frame.Properties: patient, visit, serial, model, time).
func Filed(e model.Entry, codec string) model.Message {
	m := model.Message{Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: codec, Peer: e.Peer, Identity: e.Identity, Topic: e.Topic, Arrived: e.Arrived}
	if id := Said(e.Properties, "patient"); id != "" {
		m.Patient = &model.Patient{Identifiers: []model.Identifier{{Value: id}}}
	}
	if id := Said(e.Properties, "visit"); id != "" {
		m.Visit = &model.Visit{Number: model.Identifier{Value: id}}
	}
	serial, name := Said(e.Properties, "serial"), Said(e.Properties, "model")
	if serial != "" || name != "" {
		m.Devices = []model.Device{{Field: "name", Serial: serial, Model: name, Parent: -1}}
	}
	if t := Said(e.Properties, "time"); t != "" {
		m.DeviceTime = model.Timestamp{Original: t, Format: "auto"}
	}
	return m
}

// Redacted is the message of an entry whose content was removed.
func Redacted(e model.Entry, codec string) []model.Message {
	m := Filed(e, codec)
	m.Issues = []model.Issue{{Code: "decode.redacted", Severity: model.Warning, Text: "the content of this entry was removed; only its place is left"}}
	return []model.Message{m}
}

// Unread adds the issue of a file that cannot be read; what to do is the catalogue's.
func Unread(m model.Message, code, place, text string) []model.Message {
	m.Issues = append(m.Issues, model.Issue{Code: code, Severity: model.Error, Field: place, Text: strings.TrimPrefix(text, place+": "), Hint: fault.ToDo(code)})
	return []model.Message{m}
}
