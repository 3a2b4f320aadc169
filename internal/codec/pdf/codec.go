// Package pdf takes PDF reports as messages (R10): one observation that is the
// document itself. What stands in it is for people and is not read; whose it is
// the name of the file says, when the channel knows how names are made.
package pdf

import (
	"bytes"
	"encoding/base64"

	"thalamus/internal/codec"
	"thalamus/internal/model"
)

// Name of the codec, as channels and entries give it.
const Name = "pdf"

// Codec reads PDF files. The zero value is ready.
type Codec struct{}

var _ codec.Codec = Codec{}

// Name is "pdf".
func (Codec) Name() string { return Name }

// trailer is how many bytes at the end hold %%EOF, when the file is whole
// (ISO 32000-1 §7.5.5; annex H, note 18).
const trailer = 1024

// Decode gives one message with the document. One that breaks off is kept with
// an issue and has no observation.
func (Codec) Decode(e model.Entry, _ codec.Context) []model.Message {
	if e.Redacted {
		return codec.Redacted(e, Name)
	}
	m := codec.Filed(e, Name)
	m.Type = "PDF"
	switch {
	case !bytes.HasPrefix(e.Bytes, []byte("%PDF-")):
		return codec.Unread(m, "pdf.header", "byte 0", "the file does not begin as a PDF does")
	case !bytes.Contains(e.Bytes[max(0, len(e.Bytes)-trailer):], []byte("%%EOF")):
		return codec.Unread(m, "pdf.cut", "", "the file breaks off: its end is missing")
	}
	device := -1
	if len(m.Devices) > 0 {
		device = 0
	}
	m.Observations = []model.Observation{{
		Field: "document", Received: model.Coding{Text: "PDF report"}, ValueType: "ED", Device: device, Status: model.StatusFinal,
		DeviceTime: m.DeviceTime,
		Value:      model.Value{Kind: model.ValueBinary, Text: base64.StdEncoding.EncodeToString(e.Bytes), Coding: model.Coding{Code: "application/pdf"}},
	}}
	return []model.Message{m}
}
