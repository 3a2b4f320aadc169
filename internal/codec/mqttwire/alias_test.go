package mqttwire

import (
	"fmt"
	"strings"
	"testing"
)

// What is sent with numbers is read as the topics it was sent on, and no number
// is higher than the peer allows (MQTT 5 §3.3.2.3.4).
func TestAliases(t *testing.T) {
	a := NewAliases(3, 64)
	is := map[uint16]string{}
	short := 0
	for n := range 100 {
		topic := fmt.Sprintf("ward/%d/vitals", n%4)
		before := &Properties{ContentType: "x"}
		p := Packet{Type: PUBLISH, Topic: topic, Payload: []byte("1"), Props: before.Set(PropContentType)}
		out := a.Append(nil, &p, 0)
		q := read(t, out)
		number := q.Props.TopicAlias
		if number < 1 || number > 3 || q.Props.ContentType != "x" || before.Given(PropTopicAlias) || p.Topic != topic {
			t.Fatalf("%+v %+v", q, q.Props)
		}
		if q.Topic != "" {
			is[number] = q.Topic
		} else {
			short++
		}
		if is[number] != topic {
			t.Fatalf("%d stands for %q, not %q", number, is[number], topic)
		}
	}
	if short == 0 {
		t.Error("no topic was left out")
	}
}

func read(t *testing.T, wire []byte) Packet {
	t.Helper()
	head, n, err := Next(wire, 1<<20)
	if err != nil || n != len(wire) {
		t.Fatalf("%d of %d: %v", n, len(wire), err)
	}
	p, err := Decode(V5, wire[0], wire[head:n])
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What is longer than the peer takes is not sent, and it is told nothing of
// numbers by it.
func TestAliasLimit(t *testing.T) {
	a := NewAliases(1, 1)
	long := Packet{Type: PUBLISH, Topic: "ward/7", Payload: []byte(strings.Repeat("x", 100))}
	if out := a.Append([]byte("kept"), &long, 50); string(out) != "kept" {
		t.Errorf("%q", out)
	}
	if q := read(t, a.Append(nil, &Packet{Type: PUBLISH, Topic: "ward/7"}, 50)); q.Topic != "ward/7" || q.Props.TopicAlias != 1 {
		t.Errorf("%+v", q)
	}
	for _, none := range []Aliases{{}, NewAliases(0, 64), NewAliases(64, 0)} {
		if q := read(t, none.Append(nil, &Packet{Type: PUBLISH, Topic: "ward/7"}, 0)); q.Topic != "ward/7" || q.Props != nil {
			t.Errorf("%+v", q)
		}
	}
}
