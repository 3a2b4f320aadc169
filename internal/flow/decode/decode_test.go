package decode_test

import (
	"testing"

	"thalamus/internal/codec"
	"thalamus/internal/flow/decode"
	"thalamus/internal/model"
)

type fixed struct {
	name string
	n    int
}

func (f fixed) Name() string                                      { return f.name }
func (f fixed) Decode(model.Entry, codec.Context) []model.Message { return make([]model.Message, f.n) }

func TestDecode(t *testing.T) {
	s := decode.New(fixed{"one", 1}, fixed{"none", 0}, fixed{"flood", decode.MaxMessages + 5})
	for _, c := range []struct {
		codec, issue string
		n            int
	}{
		{"one", "", 1}, {"none", "decode.nothing", 1}, {"other", "decode.unknown-codec", 1}, {"", "decode.unknown-codec", 1},
		{"flood", "decode.too-many-messages", decode.MaxMessages},
	} {
		out := s.Decode(model.Entry{Seq: 7, Frame: model.Frame{Codec: c.codec}}, codec.Context{})
		if len(out) != c.n {
			t.Errorf("%s: %d messages, want %d", c.codec, len(out), c.n)
			continue
		}
		got := ""
		if len(out[0].Issues) > 0 {
			got = out[0].Issues[0].Code
		}
		if got != c.issue {
			t.Errorf("%s: issue %q, want %q", c.codec, got, c.issue)
		}
		if c.issue == "decode.unknown-codec" && out[0].Ref.Seq != 7 {
			t.Errorf("%s: the message does not name its entry", c.codec)
		}
	}
}
