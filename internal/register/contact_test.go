package register_test

import (
	"fmt"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register"
)

// link is one connection of a device in the tests.
type link struct {
	h    *house
	t    *testing.T
	name string
	peer string
	made int
}

func (l *link) connect(at time.Time) {
	l.made++
	l.peer = fmt.Sprintf("192.0.2.9:%s%d", l.name, l.made)
	l.h.Contact(model.ContactTold{Channel: "iot", Peer: l.peer, Client: l.name, At: at, Made: true})
}

func (l *link) end(at time.Time, how model.EndKind, topic string) {
	l.h.Contact(model.ContactTold{Channel: "iot", Peer: l.peer, Client: l.name, At: at, Ending: model.Ending{How: how, Topic: topic}})
}

func (l *link) speak(at time.Time, serial string) model.DeviceID {
	l.t.Helper()
	m := l.h.message(model.Device{Parent: -1, Serial: serial, Manufacturer: "Acme"})
	m.Channel, m.Peer, m.Arrived = "iot", l.peer, at
	return l.h.sight(l.t, m).Devices[0].ID
}

func contactOf(t *testing.T, h *house, id model.DeviceID) model.Contact {
	t.Helper()
	d, err := h.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	if d.Seen.Contact == nil {
		return model.Contact{}
	}
	return *d.Seen.Contact
}

func at(s int) time.Time { return morning.Add(time.Duration(s) * time.Second) }

// R2, R29: a device is offline since its link ended, with the reason; a will
// tells more of the same end; what comes next brings it back, over a restart
// too; and however often that happens it is no change.
func TestContact(t *testing.T) {
	h := newHouse(t)
	l := &link{h: h, t: t, name: "pump-7"}
	l.connect(at(0))
	id := l.speak(at(1), "7")
	l.end(at(5), model.EndLost, "")
	if c := contactOf(t, h, id); !c.Down || c.How != model.EndLost || c.Since != at(5) || c.Losses != 1 {
		t.Errorf("%+v", c)
	}
	l.end(at(6), model.EndWill, "dev/7/state")
	if c := contactOf(t, h, id); c.How != model.EndWill || c.Topic != "dev/7/state" || c.Since != at(5) || c.Losses != 1 {
		t.Errorf("%+v", c)
	}
	l.speak(at(4), "7") // recorded late, sent before the end
	if c := contactOf(t, h, id); !c.Down {
		t.Errorf("%+v", c)
	}
	l.connect(at(8))
	if c := contactOf(t, h, id); c.Down || c.Since != at(8) || c.How != "" || c.Losses != 1 {
		t.Errorf("%+v", c)
	}
	l.end(at(7), model.EndWill, "dev/7/state") // of before
	if c := contactOf(t, h, id); c.Down {
		t.Errorf("%+v", c)
	}
	l.end(at(9), model.EndGoodbye, "")
	if c := contactOf(t, h, id); !c.Down || !c.Polite() || c.Losses != 1 {
		t.Errorf("%+v", c)
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.reopen(t, register.Options{})
	if c := contactOf(t, h, id); !c.Down || c.How != model.EndGoodbye || c.Since != at(9) {
		t.Errorf("after a restart: %+v", c)
	}
	l.h = h
	l.connect(at(20)) // not a word yet
	if c := contactOf(t, h, id); c.Down {
		t.Errorf("after a restart and a connection: %+v", c)
	}

	for i := range 500 { // it flaps
		l.connect(at(100 + 2*i))
		l.end(at(101+2*i), model.EndLost, "")
		if i%50 == 0 {
			if err := h.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := contactOf(t, h, id); c.Losses != 501 || !c.Down {
		t.Errorf("%+v", c)
	}
	changes, err := h.db.DeviceChanges(t.Context(), id, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes { // what it said of itself when it was first heard
		if c.Fact != "serial" && c.Fact != "manufacturer" {
			t.Errorf("flapping is no change: %+v", c)
		}
	}
	if len(changes) > 2 {
		t.Errorf("%d changes", len(changes))
	}
}

// An end that is told before the messages of that link are recorded counts for
// their devices all the same, and a gateway's devices are gone together.
func TestContactOfAGateway(t *testing.T) {
	h := newHouse(t)
	l := &link{h: h, t: t, name: "gw"}
	l.connect(at(0))
	l.end(at(10), model.EndSilent, "")
	one, two := l.speak(at(5), "1"), l.speak(at(6), "2")
	for _, id := range []model.DeviceID{one, two} {
		if c := contactOf(t, h, id); !c.Down || c.Since != at(10) || c.How != model.EndSilent {
			t.Errorf("%+v", c)
		}
	}
	l.connect(at(11))
	for _, id := range []model.DeviceID{one, two} {
		if c := contactOf(t, h, id); c.Down {
			t.Errorf("%+v", c)
		}
	}
	other := &link{h: h, t: t, name: "gw2"}
	other.connect(at(12))
	other.speak(at(13), "2") // it was plugged in elsewhere
	l.end(at(14), model.EndLost, "")
	if c := contactOf(t, h, two); c.Down {
		t.Errorf("it speaks over another gateway: %+v", c)
	}
	if c := contactOf(t, h, one); !c.Down {
		t.Errorf("%+v", c)
	}
	h.Contact(model.ContactTold{Channel: "iot", Peer: "x", Client: "its-own", Device: one, At: at(30), Made: true}) // by its credential, before it speaks
	if c := contactOf(t, h, one); c.Down {
		t.Errorf("%+v", c)
	}
}

// A message that tells of an end is not the device's voice (a will), and the
// death of a Sparkplug node is that of what speaks through it.
func TestEndsInMessages(t *testing.T) {
	h := newHouse(t)
	say := func(s int, who string, ended *model.Ending) model.DeviceID {
		t.Helper()
		m := h.message(model.Device{Parent: -1, Identifiers: []model.Identifier{{Value: who, System: "sparkplug", Type: "sparkplug"}}})
		m.Arrived, m.Ended = at(s), ended
		return h.sight(t, m).Devices[0].ID
	}
	node, one, two, far := say(0, "icu/gw1", nil), say(1, "icu/gw1/a", nil), say(2, "icu/gw1/b", nil), say(3, "icu/gw10/c", nil)
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.reopen(t, register.Options{})
	say(10, "icu/gw1/a", &model.Ending{How: model.EndDeath, Topic: "spBv1.0/icu/DDEATH/gw1/a"})
	say(20, "icu/gw1", &model.Ending{How: model.EndDeath, Topic: "spBv1.0/icu/NDEATH/gw1", Below: "icu/gw1/"})
	for id, since := range map[model.DeviceID]int{node: 20, one: 10, two: 20} {
		if c := contactOf(t, h, id); !c.Down || c.How != model.EndDeath || c.Since != at(since) || c.Below != "" {
			t.Errorf("%+v", c)
		}
	}
	if c := contactOf(t, h, far); c.Down {
		t.Errorf("of another node: %+v", c)
	}
	if d, _ := h.Get(node); d.Seen.LastSeen != at(0) || d.Seen.Messages != 2 {
		t.Errorf("a death is no voice: %+v", d.Seen)
	}
	say(25, "icu/gw1/b", nil)
	if c := contactOf(t, h, two); c.Down {
		t.Errorf("it was born again: %+v", c)
	}
	if c := contactOf(t, h, node); !c.Down {
		t.Errorf("%+v", c)
	}
}

// However many names connect, what is remembered of them is bounded.
func TestContactsAreBounded(t *testing.T) {
	h := newHouse(t)
	l := &link{h: h, t: t, name: "stays"}
	l.connect(at(0))
	id := l.speak(at(1), "7")
	for i := range 70_000 {
		c := model.ContactTold{Channel: "iot", Peer: fmt.Sprint("p", i), Client: fmt.Sprint("c", i), At: at(2), Made: true}
		h.Contact(c)
		c.Made, c.How = false, model.EndLost
		h.Contact(c)
	}
	l.end(at(3), model.EndLost, "")
	if c := contactOf(t, h, id); !c.Down {
		t.Errorf("%+v", c)
	}
	if n := len(h.Walk(register.Query{Limit: 10})); n != 1 {
		t.Error("names that connect are no devices")
	}
}
