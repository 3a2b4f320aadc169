package mqtt

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

var versions = []byte{mqttwire.V311, mqttwire.V5}

// R23: a message of QoS 2 becomes one entry, however often it is sent: on one
// connection, on the next, after a restart and after a power cut.
func TestExactlyOnce(t *testing.T) {
	for _, version := range versions {
		r := newRig(t, nil).start()
		first := publish("ward/7", "one", 2, 5)
		again := first
		again.Dup = true
		p, _ := r.enter(version, "c", false)
		p.say(first)
		p.hear(mqttwire.PUBREC)
		p.say(again)
		if q := p.hear(mqttwire.PUBREC); q.Code != 0 || q.ID != 5 {
			t.Errorf("the repeat was answered with %+v", q)
		}
		p.Close()
		if p, ack := r.enter(version, "c", false); true {
			if !ack.SessionPresent {
				t.Error("the session was not kept")
			}
			p.say(again)
			p.hear(mqttwire.PUBREC)
		}
		r.stop()
		r.start()
		if p, ack := r.enter(version, "c", false); true {
			if !ack.SessionPresent {
				t.Error("the session did not survive")
			}
			p.say(again)
			p.hear(mqttwire.PUBREC)
			p.say(mqttwire.Packet{Type: mqttwire.PUBREL, ID: 5})
			p.hear(mqttwire.PUBCOMP)
			r.cutPower()
			r.start()
		}
		p, _ = r.enter(version, "c", false)
		p.say(publish("ward/7", "one", 2, 5)) // another message with the same content
		p.hear(mqttwire.PUBREC)
		p.say(publish("ward/7", "two", 2, 5)) // a client that forgot: never lost
		p.hear(mqttwire.PUBREC)
		if n, _ := r.intake.Count(); n != 3 {
			t.Errorf("version %d: %d entries, want 3", version, n)
		}
		p.say(mqttwire.Packet{Type: mqttwire.PUBREL, ID: 77})
		if q := p.hear(mqttwire.PUBCOMP); version == mqttwire.V5 && q.Code != mqttwire.UnknownID {
			t.Errorf("%+v", q)
		}
	}
}

// The power is cut after the journal has a message of QoS 2 and before the log
// knows: the journal itself tells.
func TestJournalTellsWhatTheLogMissed(t *testing.T) {
	r := newRig(t, nil).start()
	p, _ := r.enter(mqttwire.V311, "c", false)
	before, err := os.ReadFile(filepath.Join(r.folder, logName))
	if err != nil {
		t.Fatal(err)
	}
	p.say(publish("ward/7", "one", 2, 5))
	p.hear(mqttwire.PUBREC)
	r.stop()
	for n, f := range r.intake.Taken() {
		r.recent = append(r.recent, model.Entry{Seq: model.Seq(n + 1), Frame: f})
	}
	if err := os.WriteFile(filepath.Join(r.folder, logName), before, 0o600); err != nil {
		t.Fatal(err)
	}
	r.start()
	p, _ = r.enter(mqttwire.V311, "c", false)
	again := publish("ward/7", "one", 2, 5)
	again.Dup = true
	p.say(again)
	p.hear(mqttwire.PUBREC)
	if n, _ := r.intake.Count(); n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
}

// What a subscriber is owed waits while it is away, over a power cut.
func TestOwedSurvives(t *testing.T) {
	for _, version := range versions {
		r := newRig(t, nil).start()
		s, _ := r.enter(version, "sub", false)
		s.subscribe("ward/+/cmd", 2)
		s.Close()
		p, _ := r.enter(version, "pub", true)
		p.say(publish("ward/7/cmd", "a", 1, 1))
		p.say(publish("ward/7/cmd", "b", 2, 2))
		p.say(publish("ward/7/other", "no", 1, 3))
		p.hear(mqttwire.PUBACK)
		p.hear(mqttwire.PUBREC)
		p.hear(mqttwire.PUBACK)
		r.cutPower()
		r.start()
		s, ack := r.enter(version, "sub", false)
		if !ack.SessionPresent {
			t.Error("the session did not survive")
		}
		a, b := s.hear(mqttwire.PUBLISH), s.hear(mqttwire.PUBLISH)
		if string(a.Payload) != "a" || a.QoS != 1 || string(b.Payload) != "b" || b.QoS != 2 || a.Retain {
			t.Errorf("%+v %+v", a, b)
		}
		s.say(mqttwire.Packet{Type: mqttwire.PUBACK, ID: a.ID})
		s.say(mqttwire.Packet{Type: mqttwire.PUBREC, ID: b.ID})
		s.hear(mqttwire.PUBREL)
		r.cutPower()
		r.start()
		s, _ = r.enter(version, "sub", false)
		if q := s.hear(mqttwire.PUBREL); q.ID != b.ID { // not the message again
			t.Errorf("%+v", q)
		}
		s.say(mqttwire.Packet{Type: mqttwire.PUBCOMP, ID: b.ID})
		s.silent()
		s.say(mqttwire.Packet{Type: mqttwire.UNSUBSCRIBE, ID: 4, Filters: []mqttwire.Filter{{Text: "ward/+/cmd"}}})
		s.hear(mqttwire.UNSUBACK)
		r.cutPower()
		r.start()
		s, _ = r.enter(version, "sub", false)
		p, _ = r.enter(version, "pub", true)
		p.say(publish("ward/7/cmd", "c", 1, 1))
		p.hear(mqttwire.PUBACK)
		s.silent()
	}
}

// A retained message is there for who comes later, over a power cut, and goes
// when an empty one comes.
func TestRetained(t *testing.T) {
	r := newRig(t, nil).start()
	p, _ := r.enter(mqttwire.V5, "pub", true)
	q := publish("dev/7/state", "on", 1, 1)
	q.Retain = true
	q.Props = (&mqttwire.Properties{ContentType: "text/plain", User: [][2]string{{"site", "icu"}}}).Set(mqttwire.PropContentType).Set(mqttwire.PropUser)
	p.say(q)
	p.hear(mqttwire.PUBACK)
	r.cutPower()
	r.start()
	s, _ := r.enter(mqttwire.V5, "sub", true)
	s.subscribe("dev/#", 1)
	got := s.hear(mqttwire.PUBLISH)
	if !got.Retain || string(got.Payload) != "on" || got.Props.ContentType != "text/plain" || got.Props.User[0] != [2]string{"site", "icu"} {
		t.Errorf("%+v %+v", got, got.Props)
	}
	p, _ = r.enter(mqttwire.V5, "pub", true)
	clear := publish("dev/7/state", "", 1, 2)
	clear.Retain = true
	p.say(clear)
	p.hear(mqttwire.PUBACK)
	r.cutPower()
	r.start()
	s, _ = r.enter(mqttwire.V5, "sub", true)
	s.subscribe("dev/#", 1)
	s.silent()
	if n, _ := r.intake.Count(); n != 1 {
		t.Errorf("%d entries: an empty message is no entry", n)
	}
	f := r.intake.Taken()[0]
	if f.Topic != "dev/7/state" || !strings.Contains(f.Properties, "mqtt.client: pub\n") || !strings.Contains(f.Properties, "content-type: text/plain\nuser.site: icu\n") || !strings.Contains(f.Properties, "mqtt.retain: true\n") {
		t.Errorf("%q %q", f.Topic, f.Properties)
	}
}

// R21: a device that is lost is seen to be: its will is an entry and goes to
// who listens. A goodbye voids it; after a power cut it is sent when the device
// does not come back.
func TestWill(t *testing.T) {
	r := newRig(t, nil).start()
	withWill := func(p *mqttwire.Packet) {
		p.Connect.Will = &mqttwire.Will{Topic: "dev/7/state", Payload: []byte("lost"), QoS: 1, Retain: true}
	}
	s, _ := r.enter(mqttwire.V311, "sub", true)
	s.subscribe("dev/+/state", 1)
	p, _ := r.enter(mqttwire.V311, "c", true, withWill)
	p.say(mqttwire.Packet{Type: mqttwire.DISCONNECT})
	p.gone()
	s.silent()
	p, _ = r.enter(mqttwire.V311, "c", true, withWill)
	p.Close()
	if q := s.hear(mqttwire.PUBLISH); string(q.Payload) != "lost" {
		t.Errorf("%+v", q)
	}
	f := r.intake.Taken()[0]
	if string(f.Bytes) != "lost" || f.Topic != "dev/7/state" || !strings.Contains(f.Properties, "mqtt.will: true") || !slices.Contains(r.notes.Codes(), "mqtt.lost") {
		t.Errorf("%+v %q", f, r.notes.Codes())
	}
	r.enter(mqttwire.V311, "c", true, withWill)
	r.cutPower()
	r.start()
	r.d.mu.Lock()
	c := r.d.sessions["c"]
	kept := c != nil && c.will != nil && !c.willAt.IsZero()
	if kept {
		c.willAt = time.Now()
	}
	r.d.mu.Unlock()
	if !kept {
		t.Fatal("the will did not survive")
	}
	drivertest.Until(t, "the will is an entry", func() bool { n, _ := r.intake.Count(); return n == 2 })
	// Delayed: not when the client is back in time (MQTT 5 §3.1.3.2.2).
	delayed := func(p *mqttwire.Packet) {
		withWill(p)
		p.Connect.Will.Props = (&mqttwire.Properties{WillDelay: 3000}).Set(mqttwire.PropWillDelay)
	}
	p, _ = r.enter(mqttwire.V5, "d", false, delayed)
	p.Close()
	p, ack := r.enter(mqttwire.V5, "d", false)
	if !ack.SessionPresent {
		t.Error("the session was not kept")
	}
	p.say(mqttwire.Packet{Type: mqttwire.PINGREQ})
	p.hear(mqttwire.PINGRESP)
	if n, _ := r.intake.Count(); n != 2 {
		t.Errorf("%d entries", n)
	}
}

// Whoever is let in does what it may; who is revoked goes at once.
func TestAdmission(t *testing.T) {
	r := newRig(t, nil)
	ended := make(chan struct{})
	r.admit = func(_ context.Context, _ model.ChannelID, c driver.Credentials) (driver.Admission, error) {
		if string(c.Secret) != "right" {
			return driver.Admission{}, fault.New(fault.Denied, "test.no", "no")
		}
		return driver.Admission{Identity: c.User, Device: "dev-1", Publish: []string{"dev/" + c.Client + "/#"}, Receive: []string{"cmd/" + c.Client}, Ended: ended}, nil
	}
	r.start()
	as := func(user, password string) func(*mqttwire.Packet) {
		return func(p *mqttwire.Packet) {
			p.Connect.HasUser, p.Connect.User, p.Connect.Password = true, user, []byte(password)
		}
	}
	for version, code := range map[byte]byte{mqttwire.V311: 4, mqttwire.V5: mqttwire.BadCredentials} {
		if _, ack := r.enter(version, "c", true, as("u", "wrong")); ack.Code != code {
			t.Errorf("%+v", ack)
		}
		if _, ack := r.enter(version, "c", true); ack.Code != code {
			t.Errorf("%+v", ack)
		}
	}
	if _, ack := r.enter(mqttwire.V5, "c", true, as("u", "right"), func(p *mqttwire.Packet) {
		p.Connect.Will = &mqttwire.Will{Topic: "dev/other/state", Payload: []byte("x")}
	}); ack.Code != mqttwire.NotAuthorised {
		t.Errorf("%+v", ack)
	}
	p, _ := r.enter(mqttwire.V5, "c", false, as("u", "right"))
	alias := publish("dev/other/x", "1", 1, 1)
	alias.Props = (&mqttwire.Properties{TopicAlias: 1}).Set(mqttwire.PropTopicAlias)
	p.say(alias)
	if q := p.hear(mqttwire.PUBACK); q.Code != mqttwire.NotAuthorised {
		t.Errorf("%+v", q)
	}
	alias.Topic, alias.ID = "", 2
	p.say(alias) // no way round by an alias
	if q := p.hear(mqttwire.PUBACK); q.Code != mqttwire.NotAuthorised {
		t.Errorf("%+v", q)
	}
	p.say(publish("dev/c/x", "1", 1, 3))
	if q := p.hear(mqttwire.PUBACK); q.Code != 0 {
		t.Errorf("%+v", q)
	}
	p.say(mqttwire.Packet{Type: mqttwire.SUBSCRIBE, ID: 4, Filters: []mqttwire.Filter{{Text: "cmd/c"}, {Text: "cmd/+"}, {Text: "#"}, {Text: "$share/g/cmd/c", QoS: 1}, {Text: "$share//x"}}})
	if q := p.hear(mqttwire.SUBACK); !slices.Equal(q.Codes, []byte{0, 0x87, 0x87, 1, 0x8F}) {
		t.Errorf("%x", q.Codes)
	}
	if f := r.intake.Taken(); len(f) != 1 || f[0].Identity != "u" || !strings.Contains(f[0].Properties, "device: dev-1\n") {
		t.Errorf("%+v", f)
	}
	if _, ack := r.enter(mqttwire.V5, "c", false, as("thief", "right")); ack.Code != mqttwire.BadClientID {
		t.Errorf("another credential took the session: %+v", ack)
	}
	old, _ := r.enter(mqttwire.V311, "v", true, as("u", "right"))
	old.say(publish("dev/other", "1", 1, 1))
	old.gone()
	if n := r.refused.Load(); n != 3 { // none of them came to intake
		t.Errorf("%d refused publishes are counted, want 3", n)
	}
	odd, _ := r.enter(mqttwire.V5, "odd", true, as("u", "right"))
	odd.Write([]byte{0x36, 0x03, 0, 1, 'a'}) // QoS 3
	odd.hear(mqttwire.DISCONNECT)
	if n := r.refused.Load(); n != 4 {
		t.Errorf("%d refused after a packet that is none, want 4", n)
	}
	close(ended)
	if q := p.hear(mqttwire.DISCONNECT); q.Code != mqttwire.AdminAction {
		t.Errorf("%+v", q)
	}
	p.gone()
}

// What MQTT 5 lets a client say about bounds is kept to.
func TestBounds(t *testing.T) {
	r := newRig(t, map[string]any{"receive_maximum": 2, "topic_alias_maximum": 2, "max_packet": 2048, "max_queued": 3}).start()
	s, ack := r.enter(mqttwire.V5, "sub", false, func(p *mqttwire.Packet) {
		p.Props.ReceiveMaximum, p.Props.MaximumPacket = 1, 100
		p.Props.Set(mqttwire.PropReceiveMaximum).Set(mqttwire.PropMaximumPacket)
	})
	if ack.Props.ReceiveMaximum != 2 || ack.Props.MaximumPacket != 2048 || ack.Props.TopicAliasMax != 2 {
		t.Errorf("%+v", ack.Props)
	}
	s.subscribe("a", 1)
	p, _ := r.enter(mqttwire.V5, "pub", true)
	for n, text := range []string{"1", strings.Repeat("x", 200), "2"} {
		p.say(publish("a", text, 1, uint16(n+1)))
		p.hear(mqttwire.PUBACK)
	}
	one := s.hear(mqttwire.PUBLISH)
	s.silent() // one at a time
	s.say(mqttwire.Packet{Type: mqttwire.PUBACK, ID: one.ID})
	if two := s.hear(mqttwire.PUBLISH); string(two.Payload) != "2" { // what is too long for it is left out
		t.Errorf("%+v", two)
	}
	s.Close()
	expiring := publish("a", "old", 1, 9)
	expiring.Props = (&mqttwire.Properties{MessageExpiry: 1}).Set(mqttwire.PropMessageExpiry)
	drivertest.Until(t, "the subscriber is away", func() bool { return r.d.Status().Peers == 1 })
	p.say(expiring)
	p.hear(mqttwire.PUBACK)
	for n := range 5 { // more than is kept
		p.say(publish("a", "q", 1, uint16(20+n)))
		p.hear(mqttwire.PUBACK)
	}
	if !slices.Contains(r.notes.Codes(), "mqtt.queue-full") {
		t.Error("the full queue was not reported")
	}
	time.Sleep(1100 * time.Millisecond)
	s, _ = r.enter(mqttwire.V5, "sub", false)
	two, next := s.hear(mqttwire.PUBLISH), s.hear(mqttwire.PUBLISH)
	if string(two.Payload) != "2" || !two.Dup || string(next.Payload) != "q" || next.Dup {
		t.Errorf("%+v %+v", two, next)
	}
	for _, c := range []struct {
		code byte
		say  func(p *peer)
	}{
		{mqttwire.ReceiveExceeded, func(p *peer) {
			for n := range 3 {
				p.say(publish("a", string(rune('a'+n)), 2, uint16(n+1)))
			}
		}},
		{mqttwire.BadAlias, func(p *peer) {
			q := publish("a", "x", 0, 0)
			q.Props = (&mqttwire.Properties{TopicAlias: 3}).Set(mqttwire.PropTopicAlias)
			p.say(q)
		}},
		{mqttwire.TooLarge, func(p *peer) { p.say(publish("a", strings.Repeat("x", 3000), 0, 0)) }},
		{mqttwire.ProtocolError, func(p *peer) {
			p.say(mqttwire.Packet{Type: mqttwire.CONNECT, Connect: &mqttwire.Connect{Version: 5, ClientID: "x"}})
		}},
	} {
		p, _ := r.enter(mqttwire.V5, "bad", true)
		c.say(p)
		for {
			q, err := readPacket(p.r, p.version)
			if err != nil {
				t.Errorf("%#x: %v", c.code, err)
				break
			}
			if q.Type == mqttwire.DISCONNECT {
				if q.Code != c.code {
					t.Errorf("%#x: ended with %#x", c.code, q.Code)
				}
				break
			}
		}
	}
}

// A subscriber that allows it is given numbers in place of topics, as many as it
// says and no more than the channel does, anew on each connection.
func TestAliasesToSubscribers(t *testing.T) {
	r := newRig(t, map[string]any{"topic_alias_maximum": 1}).start()
	p, _ := r.enter(mqttwire.V5, "pub", true)
	for _, once := range []string{"first", "again"} {
		s, _ := r.enter(mqttwire.V5, "sub", false, func(q *mqttwire.Packet) {
			q.Props.TopicAliasMax = 10
			q.Props.Set(mqttwire.PropTopicAliasMax)
		})
		s.subscribe("ward/#", 1)
		var got []string
		for n, topic := range []string{"ward/7", "ward/7", "ward/8", "ward/7"} {
			p.say(publish(topic, "m", 1, uint16(n+1)))
			p.hear(mqttwire.PUBACK)
			q := s.hear(mqttwire.PUBLISH)
			s.say(mqttwire.Packet{Type: mqttwire.PUBACK, ID: q.ID})
			if q.Props.TopicAlias != 1 {
				t.Errorf("%s: %+v", once, q.Props)
			}
			got = append(got, q.Topic)
		}
		if want := []string{"ward/7", "", "ward/8", "ward/7"}; !slices.Equal(got, want) {
			t.Errorf("%s: %q", once, got)
		}
		s.say(mqttwire.Packet{Type: mqttwire.DISCONNECT})
		s.gone()
	}
	old, _ := r.enter(mqttwire.V311, "old", true)
	old.subscribe("ward/#", 0)
	p.say(publish("ward/7", "m", 0, 0))
	if q := old.hear(mqttwire.PUBLISH); q.Topic != "ward/7" || q.Props != nil {
		t.Errorf("%+v", q)
	}
}

// A channel that is a Sparkplug host application says so to whoever subscribes,
// anew after each start, and nobody else speaks in its name.
func TestSparkplugHost(t *testing.T) {
	r := newRig(t, map[string]any{"sparkplug_host": "hospital"}).start()
	last := 0
	for range 2 {
		s, _ := r.enter(mqttwire.V5, "edge", true)
		s.subscribe("spBv1.0/STATE/hospital", 1)
		q := s.hear(mqttwire.PUBLISH)
		if _, at, ok := strings.Cut(string(q.Payload), `{"online":true,"timestamp":`); !q.Retain || q.QoS != 1 || !ok {
			t.Fatalf("%+v %s", q, q.Payload)
		} else if n, err := strconv.Atoi(strings.TrimSuffix(at, "}")); err != nil || n <= last {
			t.Errorf("%s after %d (%v)", q.Payload, last, err)
		} else {
			last = n
		}
		s.say(mqttwire.Packet{Type: mqttwire.PUBACK, ID: q.ID})
		liar := publish("spBv1.0/STATE/hospital", `{"online":false,"timestamp":1}`, 1, 7)
		liar.Retain = true
		s.say(liar)
		if q := s.hear(mqttwire.PUBACK); q.Code != mqttwire.NotAuthorised {
			t.Errorf("%+v", q)
		}
		s.say(mqttwire.Packet{Type: mqttwire.DISCONNECT})
		s.gone()
		r.stop()
		time.Sleep(2 * time.Millisecond) // another time
		r.start()
	}
	if f := r.intake.Taken(); len(f) != 0 {
		t.Errorf("%+v", f)
	}
}

// Shared subscriptions take turns; NoLocal, identifiers, overlapping filters
// and take-over are as MQTT 5 says.
func TestSubscriptions(t *testing.T) {
	r := newRig(t, nil).start()
	a, _ := r.enter(mqttwire.V5, "a", true)
	b, _ := r.enter(mqttwire.V5, "b", true)
	a.subscribe("$share/g/x/#", 1)
	b.subscribe("$share/g/x/#", 1)
	p, _ := r.enter(mqttwire.V5, "pub", true)
	p.say(mqttwire.Packet{Type: mqttwire.SUBSCRIBE, ID: 1, Filters: []mqttwire.Filter{{Text: "y/#", NoLocal: true}}})
	p.hear(mqttwire.SUBACK)
	for n := range 4 {
		p.say(publish("x/1", "m", 1, uint16(n+1)))
		p.hear(mqttwire.PUBACK)
	}
	for _, s := range []*peer{a, b} {
		s.hear(mqttwire.PUBLISH)
		s.hear(mqttwire.PUBLISH)
		s.silent()
	}
	a.say(mqttwire.Packet{Type: mqttwire.SUBSCRIBE, ID: 2, Filters: []mqttwire.Filter{{Text: "y/+", QoS: 0}}, Props: (&mqttwire.Properties{SubscriptionIDs: []uint32{7}}).Set(mqttwire.PropSubscriptionID)})
	a.hear(mqttwire.SUBACK)
	a.say(mqttwire.Packet{Type: mqttwire.SUBSCRIBE, ID: 3, Filters: []mqttwire.Filter{{Text: "y/#", QoS: 1}}, Props: (&mqttwire.Properties{SubscriptionIDs: []uint32{8}}).Set(mqttwire.PropSubscriptionID)})
	a.hear(mqttwire.SUBACK)
	p.say(publish("y/1", "m", 1, 9))
	p.hear(mqttwire.PUBACK)
	q := a.hear(mqttwire.PUBLISH)
	slices.Sort(q.Props.SubscriptionIDs)
	if q.QoS != 1 || !slices.Equal(q.Props.SubscriptionIDs, []uint32{7, 8}) {
		t.Errorf("%+v %+v", q, q.Props)
	}
	a.silent()
	p.silent()
	_, _ = r.enter(mqttwire.V5, "a", true)
	if q := a.hear(mqttwire.DISCONNECT); q.Code != mqttwire.TakenOver {
		t.Errorf("%+v", q)
	}
	a.gone()
	nameless, ack := r.enter(mqttwire.V5, "", true)
	if ack.Props.AssignedClientID == "" {
		t.Errorf("%+v", ack.Props)
	}
	nameless.Close()
	if _, ack := r.enter(mqttwire.V311, "", false); ack.Code != 2 {
		t.Errorf("%+v", ack)
	}
}
