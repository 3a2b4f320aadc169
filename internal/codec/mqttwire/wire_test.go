package mqttwire

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

func samples() []struct {
	version byte
	p       Packet
} {
	full := &Properties{PayloadFormat: 1, MessageExpiry: 60, ContentType: "application/json", ResponseTopic: "r", Correlation: []byte{1}, TopicAlias: 3, User: [][2]string{{"a", "b"}, {"a", "c"}}, SubscriptionIDs: []uint32{1, 268435455}}
	for _, n := range []int{PropPayloadFormat, PropMessageExpiry, PropContentType, PropResponseTopic, PropCorrelation, PropTopicAlias, PropUser, PropSubscriptionID} {
		full.Set(n)
	}
	delay := (&Properties{WillDelay: 5}).Set(PropWillDelay)
	return []struct {
		version byte
		p       Packet
	}{
		{V311, Packet{Type: CONNECT, Connect: &Connect{Version: V311, Clean: true, KeepAlive: 60, ClientID: "c"}}},
		{V311, Packet{Type: CONNECT, Connect: &Connect{Version: V311, ClientID: "c", HasUser: true, User: "u", Password: []byte("p"), Will: &Will{Topic: "w", Payload: []byte("gone"), QoS: 2, Retain: true}}}},
		{V5, Packet{Type: CONNECT, Props: (&Properties{SessionExpiry: 9, ReceiveMaximum: 2, MaximumPacket: 100}).Set(PropSessionExpiry).Set(PropReceiveMaximum).Set(PropMaximumPacket), Connect: &Connect{Version: V5, ClientID: "c", Will: &Will{Topic: "w", Payload: []byte("x"), Props: delay}}}},
		{V5, Packet{Type: CONNACK, SessionPresent: true, Code: 0, Props: (&Properties{AssignedClientID: "x", ServerKeepAlive: 10, SharedSubs: 1}).Set(PropAssignedClientID).Set(PropServerKeepAlive).Set(PropSharedSubs)}},
		{V311, Packet{Type: CONNACK, Code: 5}},
		{V5, Packet{Type: PUBLISH, Topic: "a/b", QoS: 2, ID: 7, Dup: true, Retain: true, Payload: []byte("hello"), Props: full}},
		{V5, Packet{Type: PUBLISH, Props: (&Properties{TopicAlias: 3}).Set(PropTopicAlias), Payload: []byte{}}},
		{V311, Packet{Type: PUBLISH, Topic: "a", Payload: bytes.Repeat([]byte("x"), 200)}},
		{V5, Packet{Type: PUBACK, ID: 1, Code: NotAuthorised, Props: (&Properties{Reason: "no"}).Set(PropReason)}},
		{V311, Packet{Type: PUBREC, ID: 1}}, {V5, Packet{Type: PUBREL, ID: 65535}}, {V5, Packet{Type: PUBCOMP, ID: 1, Code: UnknownID}},
		{V5, Packet{Type: SUBSCRIBE, ID: 2, Filters: []Filter{{Text: "a/#", QoS: 1, NoLocal: true, RetainHandling: 2}, {Text: "+"}}, Props: (&Properties{SubscriptionIDs: []uint32{4}}).Set(PropSubscriptionID)}},
		{V311, Packet{Type: SUBSCRIBE, ID: 2, Filters: []Filter{{Text: "a", QoS: 2}}}}, {V5, Packet{Type: SUBACK, ID: 2, Codes: []byte{0, 0x87}}},
		{V311, Packet{Type: UNSUBSCRIBE, ID: 2, Filters: []Filter{{Text: "a"}}}}, {V5, Packet{Type: UNSUBACK, ID: 2, Codes: []byte{0x11}}},
		{V311, Packet{Type: PINGREQ}}, {V5, Packet{Type: PINGRESP}}, {V311, Packet{Type: DISCONNECT}}, {V5, Packet{Type: DISCONNECT, Code: 4}}, {V5, Packet{Type: AUTH, Code: 0x18}},
	}
}

func TestRoundTrip(t *testing.T) {
	for _, c := range samples() {
		wire := Append(nil, c.version, &c.p)
		head, n, err := Next(wire, 1<<20)
		if err != nil || n != len(wire) {
			t.Fatalf("%+v: %d of %d, %v", c.p, n, len(wire), err)
		}
		got, err := Decode(c.version, wire[0], wire[head:n])
		if err != nil || !reflect.DeepEqual(got, c.p) {
			t.Errorf("%+v\nbecame %+v (%v)", c.p, got, err)
		}
		for cut := 1; cut < len(wire); cut++ { // a packet in parts is not there yet
			if _, n, err := Next(wire[:cut], 1<<20); err != nil || n > len(wire) || n > 0 && n != len(wire) {
				t.Errorf("cut at %d: %d, %v", cut, n, err)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		version byte
		wire    []byte
		code    byte
	}{
		"type 0":              {V5, []byte{0x00, 0}, Malformed},
		"long length":         {V5, []byte{0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}, Malformed},
		"length too long":     {V5, []byte{0xC0, 0x80, 0x00}, Malformed},
		"too large":           {V5, []byte{0x30, 0xFF, 0xFF, 0x7F}, TooLarge},
		"QoS 3":               {V311, []byte{0x36, 5, 0, 1, 'a', 0, 1}, Malformed},
		"no topic":            {V311, []byte{0x30, 2, 0, 0}, ProtocolError},
		"wildcard":            {V311, []byte{0x30, 3, 0, 1, '#'}, BadTopic},
		"NUL":                 {V311, []byte{0x30, 3, 0, 1, 0}, Malformed},
		"not UTF-8":           {V311, []byte{0x30, 3, 0, 1, 0xFF}, Malformed},
		"id 0":                {V311, []byte{0x32, 5, 0, 1, 'a', 0, 0}, ProtocolError},
		"3.1":                 {0, append([]byte{0x10, 14, 0, 6}, "MQIsdp\x03\x02\x00\x00\x00\x00"...), BadVersion},
		"flags":               {V311, []byte{0x80, 6, 0, 1, 0, 1, 'a', 0}, Malformed},
		"no filter":           {V311, []byte{0x82, 2, 0, 1}, ProtocolError},
		"options":             {V311, []byte{0x82, 6, 0, 1, 0, 1, 'a', 4}, Malformed},
		"property twice":      {V5, []byte{0x30, 11, 0, 1, 'a', 7, 0x23, 0, 1, 0x23, 0, 1, 0}, ProtocolError},
		"property elsewhere":  {V5, []byte{0x30, 7, 0, 1, 'a', 3, 0x21, 0, 1}, ProtocolError},
		"properties too long": {V5, []byte{0x30, 4, 0, 1, 'a', 9}, Malformed},
		"AUTH in 3.1.1":       {V311, []byte{0xF0, 0}, ProtocolError},
		"rest":                {V311, []byte{0xC0, 1, 0}, Malformed},
	} {
		head, n, err := Next(c.wire, 1000)
		if err == nil {
			if n == 0 || n > len(c.wire) {
				t.Errorf("%s: the sample is not whole", name)
				continue
			}
			_, err = Decode(c.version, c.wire[0], c.wire[head:n])
		}
		var e *Error
		if !errors.As(err, &e) || e.Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzDecode: whatever comes, no panic; what is read is written so that it
// reads the same.
func FuzzDecode(f *testing.F) {
	for _, c := range samples() {
		f.Add(c.version, Append(nil, c.version, &c.p))
	}
	f.Fuzz(func(t *testing.T, version byte, wire []byte) {
		head, n, err := Next(wire, 1<<16)
		if err != nil || n == 0 || n > len(wire) {
			return
		}
		p, err := Decode(version, wire[0], wire[head:n])
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Code < 0x80 {
				t.Fatalf("error %v", err)
			}
			return
		}
		if p.Type == CONNECT {
			version = p.Connect.Version
		}
		again := Append(nil, version, &p)
		head, n, err = Next(again, 1<<20)
		if err != nil || n != len(again) {
			t.Fatalf("%x: %d, %v", again, n, err)
		}
		q, err := Decode(version, again[0], again[head:n])
		if err != nil {
			t.Fatalf("%+v is written so that it cannot be read: %v", p, err)
		}
		if third := Append(nil, version, &q); !bytes.Equal(third, again) {
			t.Fatalf("%x\n%x", again, third)
		}
	})
}
