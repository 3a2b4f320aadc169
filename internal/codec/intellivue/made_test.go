package intellivue

import (
	"encoding/binary"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/model"
)

// The messages of these tests are put together by hand from the structures of the
// programming guide, byte for byte as its text says, not by the writer under test.

func bytesOf(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch v := p.(type) {
		case int: // a 16-bit number
			b = binary.BigEndian.AppendUint16(b, uint16(v))
		case uint32:
			b = binary.BigEndian.AppendUint32(b, v)
		case byte:
			b = append(b, v)
		case string:
			b = append(b, v...)
		case []byte:
			b = append(b, v...)
		}
	}
	return b
}

func sized(parts ...any) []byte {
	b := bytesOf(parts...)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

func counted(elements ...[]byte) []byte {
	var b []byte
	for _, e := range elements {
		b = append(b, e...)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(elements))), sized(b)...)
}

func ava(id int, parts ...any) []byte { return append(bytesOf(id), sized(parts...)...) }

func utf16be(s string) []byte {
	var b []byte
	for _, c := range s + "\x00" {
		b = binary.BigEndian.AppendUint16(b, uint16(c))
	}
	return sized(b)
}

// data is a message: E100, context 2, kind, what body says behind its length.
func data(kind int, body ...any) []byte { return bytesOf(0xE100, 2, kind, sized(body...)) }

// created is the MDS create event of an MX800 in bed 7.
func created() []byte {
	attributes := counted(
		ava(0x0921, 0),
		ava(0x0986, 1, 0x114D),
		ava(0x0928, sized("Philips\x00"), sized("866062\x00\x00")),
		ava(0x0984, sized(uint32(0x0009FBFF), uint32(0xFF88C1BD))),
		ava(0x091E, utf16be("Bett 7")),
		ava(0x0946, 0x4000),
		ava(0x0987, []byte{0x20, 0x26, 0x11, 0x21, 0x10, 0x15, 0x00, 0x00}),
		ava(0x098F, uint32(4736768)),
	)
	event := bytesOf(0x21, 0, 0, uint32(4736768), 0x0D06, sized(0x21, 0, 0, attributes))
	return data(1, 1, 1, sized(event))
}

const startTicks = 4736768

// polled is the body of a result of a single poll, taken so many seconds after
// the create event.
func polled(class, group, seconds int, objects ...[]byte) []byte {
	info := counted(bytesOf(0, counted(objects...)))
	return bytesOf(0x21, 0, 0, 0x0C16, sized(1, uint32(startTicks+seconds*8000), []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, 1, class, group, info))
}

func result(body []byte) []byte { return data(2, 7, 7, sized(body)) }

func object(handle int, attributes ...[]byte) []byte {
	return append(bytesOf(handle), counted(attributes...)...)
}

// heartRate is a numeric with all of its attributes.
func heartRate(value uint32, state int) []byte {
	return object(257, ava(0x0924, uint32(0x00024182)), ava(0x0927, utf16be("HR")), ava(0x093F, uint32(8000), 1, 0x4000, byte(0), byte(0), 0),
		ava(0x0950, 0x4182, state, 0x0AA0, value))
}

func patientReply(state int, id, family, given string) []byte {
	return result(polled(0x2A, 0x0807, 1, object(1, ava(0x0957, state), ava(0x095A, utf16be(id)), ava(0x095C, utf16be(family)), ava(0x095D, utf16be(given)),
		ava(0x0961, 2), ava(0x0958, []byte{0x19, 0x51, 0x03, 0x04, 0, 0, 0, 0}), ava(0x09DF, uint32(0xFF0002A8), 0x06C3))))
}

// linked makes what a link makes of messages that came one after another: frames.
type linked struct{ memory Memory }

func (l *linked) frame(message []byte) []byte {
	f := Frame(message, l.memory.Context(message))
	l.memory.Learn(message)
	return f
}

func (l *linked) read(t *testing.T, message []byte) model.Message {
	t.Helper()
	all := New().Decode(model.Entry{Frame: model.Frame{Arrived: time.Date(2026, 11, 21, 9, 15, 0, 0, time.UTC), Bytes: l.frame(message)}}, codec.Context{})
	if len(all) != 1 {
		t.Fatalf("%d messages", len(all))
	}
	return all[0]
}
