package intellivue

import (
	"bytes"
	"reflect"
	"testing"

	"thalamus/internal/codec"
	"thalamus/internal/model"
)

var ctx codec.Context

func entry(b []byte) model.Entry { return model.Entry{Frame: model.Frame{Bytes: b}} }

// FuzzDecode: no panic, the same twice, memory within the input's bounds, and
// what a link adds to a message leaves it as it was.
func FuzzDecode(f *testing.F) {
	l := &linked{}
	for _, m := range [][]byte{
		created(), patientReply(2, "4711", "Muster", "Erika"), result(polled(6, 0, 1, heartRate(72, 0))), result(polled(9, 0, 1, wave(true, 1, 2, 3))), result(polled(9, 0, 1, wave(false, 1, 2, 3))),
		alarmReply(1, alarmEntry(0x4182, 40, 0x200, 0, "HR")), alarmReply(2), result(polled(5, 0, 0, object(1, ava(0x099E, 0xD007, 0, 1, sized(0x4012))))), beacon(), data(3, 7, 2, 0),
		(&Association{HasPoll: true, Extended: true}).Bytes(Accept), RefuseMessage(),
	} {
		f.Add(l.frame(m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		one := New().Decode(entry(b), ctx)
		if two := New().Decode(entry(b), ctx); !reflect.DeepEqual(one, two) {
			t.Fatal("not the same again")
		}
		if len(one) != 1 {
			t.Fatalf("%d messages", len(one))
		}
		if n := len(one[0].Observations) + len(one[0].Alerts) + len(one[0].Waveforms) + len(one[0].Issues); n > len(b)+2 {
			t.Fatalf("%d parts of %d bytes", n, len(b))
		}
		message, known, err := Split(b)
		if err == nil && message != nil {
			again := Frame(message, known)
			if first, more, err := Split(again); err != nil || !bytes.Equal(first, message) || !reflect.DeepEqual(more, known) {
				t.Fatalf("%v", err)
			}
		}
		if a, err := Parse(message); err == nil {
			back := *a
			if again, err := Parse(back.Bytes()); err != nil || !reflect.DeepEqual(again, a) {
				t.Fatalf("%+v becomes %+v, %v", a, again, err)
			}
		}
		var m Memory
		for range 2 {
			Frame(message, m.Context(message))
			m.Learn(message)
		}
		if a, err := ParseAssociation(b); err == nil {
			a.Timeout()
		}
	})
}
