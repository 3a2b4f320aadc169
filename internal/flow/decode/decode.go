// Package decode is the stage that turns entries into messages: it picks the
// codec that the entry's channel named and keeps its promises for it. It is
// pure: the same entry gives the same messages, today and on replay.
package decode

import (
	"sort"
	"strconv"
	"strings"

	"thalamus/internal/codec"
	"thalamus/internal/model"
)

// MaxMessages bounds how many messages one entry may hold. A batch with more
// keeps its first ones, and an issue says how many were left.
const MaxMessages = 100_000

// Stage knows the codecs in the binary. Make one with New; it is immutable.
type Stage struct {
	codecs map[string]codec.Codec
	names  string
}

// New makes the stage from the codecs given.
func New(codecs ...codec.Codec) *Stage {
	s := &Stage{codecs: make(map[string]codec.Codec, len(codecs))}
	var names []string
	for _, c := range codecs {
		s.codecs[c.Name()] = c
		names = append(names, c.Name())
	}
	sort.Strings(names)
	s.names = strings.Join(names, ", ")
	return s
}

// Decode gives the messages of an entry, at least one. What cannot be read is
// a message with an Issue of severity Error.
func (s *Stage) Decode(e model.Entry, c codec.Context) []model.Message {
	reader, ok := s.codecs[e.Codec]
	if !ok {
		m := blank(e)
		m.Issues = []model.Issue{{Code: "decode.unknown-codec", Severity: model.Error, Received: e.Codec,
			Text: "no codec of this name is in the program; the entry was kept", Hint: "give the channel one of: " + s.names}}
		return []model.Message{m}
	}
	out := reader.Decode(e, c)
	if len(out) == 0 {
		m := blank(e)
		m.Issues = []model.Issue{{Code: "decode.nothing", Severity: model.Error, Text: "the codec found no message in the entry; it was kept", Hint: "look at the entry's bytes"}}
		return []model.Message{m}
	}
	if isWill(e.Properties) {
		for i := range out {
			if out[i].Ended == nil {
				out[i].Ended = &model.Ending{How: model.EndWill, Topic: e.Topic}
			}
		}
	}
	if len(out) > MaxMessages {
		left := len(out) - MaxMessages
		out = out[:MaxMessages:MaxMessages]
		out[0].Issues = append(out[0].Issues, model.Issue{Code: "decode.too-many-messages", Severity: model.Error,
			Text: "the entry holds more messages than one entry may; the rest was not read", Hint: "the sender should send smaller batches", Received: count(left)})
	}
	return out
}

// will is what a link writes beside a message that a lost device left to be
// said of it.
const will = "mqtt.will: true\n"

func isWill(properties string) bool {
	return strings.HasPrefix(properties, will) || strings.Contains(properties, "\n"+will)
}

func blank(e model.Entry) model.Message {
	return model.Message{Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: e.Codec, Peer: e.Peer, Identity: e.Identity, Topic: e.Topic, Arrived: e.Arrived}
}

func count(n int) string { return strconv.Itoa(n) + " more" }
