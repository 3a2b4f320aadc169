package mqttclient

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/peertest"
)

// states gathers what is said on a STATE topic.
type states struct {
	mu  sync.Mutex
	all []string
}

func (s *states) last() (online bool, at int64, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return false, 0, 0
	}
	var said struct {
		Online    bool
		Timestamp int64
	}
	if json.Unmarshal([]byte(s.all[len(s.all)-1]), &said) != nil {
		return false, -1, len(s.all)
	}
	return said.Online, said.Timestamp, len(s.all)
}

// R1: at Debian's mosquitto a channel that is a host application says that it is
// there, that it leaves, and by its will that it was lost; a false word in its
// name is corrected; none of it becomes an entry (Sparkplug 3.0.0 §5.3, §5.14).
func TestHostApplication(t *testing.T) {
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		peertest.Missing(t, "mosquitto (Debian package mosquitto)")
	}
	for _, version := range []string{"5", "3.1.1"} {
		port := fmt.Sprint(peertest.FreePort(t))
		config := filepath.Join(t.TempDir(), "m.conf")
		text := "listener " + port + " 127.0.0.1\nallow_anonymous true\n"
		if os.Getuid() == 0 {
			text += "user root\n"
		}
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		broker := exec.Command(program, "-c", config)
		if err := broker.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { broker.Process.Kill(); broker.Wait() })
		address := "127.0.0.1:" + port
		drivertest.Until(t, "the broker listens", func() bool {
			c, err := net.Dial("tcp", address)
			if err == nil {
				c.Close()
			}
			return err == nil
		})
		var heard states
		listener := exec.Command("mosquitto_sub", "-h", "127.0.0.1", "-p", port, "-q", "1", "-t", "spBv1.0/STATE/hospital")
		out, err := listener.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := listener.Start(); err != nil {
			t.Fatal(err)
		}
		read := make(chan struct{})
		go func() {
			defer close(read)
			for lines := bufio.NewScanner(out); lines.Scan(); {
				heard.mu.Lock()
				heard.all = append(heard.all, lines.Text())
				heard.mu.Unlock()
			}
		}()
		t.Cleanup(func() { listener.Process.Kill(); <-read; listener.Wait() })
		d, in, _ := client(t, address, map[string]any{"version": version, "topics": []any{"spBv1.0/#"}, "sparkplug_host": "hospital"})
		drivertest.Until(t, "it says that it is there", func() bool { online, at, _ := heard.last(); return online && at > 0 })
		_, born, n := heard.last()
		publish := publisher(t, address)
		publish("spBv1.0/STATE/hospital", `{"online":false,"timestamp":1}`)
		drivertest.Until(t, "a false word is corrected", func() bool {
			online, at, now := heard.last()
			return online && at == born && now > n+1
		})
		publish("spBv1.0/STATE/other", `{"online":true,"timestamp":1}`)
		drivertest.Until(t, "what others say is an entry", func() bool { n, _ := in.Count(); return n == 1 })
		d.mu.Lock()
		d.conn.Close() // cut, without a word
		d.mu.Unlock()
		drivertest.Until(t, "it comes again, with another time", func() bool { online, at, _ := heard.last(); return online && at > born })
		_, born, _ = heard.last()
		heard.mu.Lock()
		will := strings.Join(heard.all, "\n")
		heard.mu.Unlock()
		if strings.Count(will, "false") < 2 {
			t.Errorf("version %s: no will:\n%s", version, will)
		}
		stop(t, d)
		drivertest.Until(t, "it says that it leaves", func() bool { online, at, _ := heard.last(); return !online && at >= born })
		if f := in.Taken(); len(f) != 1 || f[0].Topic != "spBv1.0/STATE/other" {
			t.Errorf("version %s: %d entries %+v", version, len(f), f)
		}
	}
}

// What a host application shows of itself when it comes, and that it subscribes
// before it says that it is there.
func TestHostConnects(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d, _, notes := client(t, l.Addr().String(), map[string]any{"topics": []any{"spBv1.0/ward/#"}, "sparkplug_host": "hospital"})
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	hear := func(kind byte) mqttwire.Packet {
		t.Helper()
		var b []byte
		for {
			head, n, err := mqttwire.Next(b, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if n > 0 && n == len(b) {
				p, err := mqttwire.Decode(mqttwire.V5, b[0], b[head:n])
				if err != nil || p.Type != kind {
					t.Fatalf("%+v %v, want type %d", p, err, kind)
				}
				return p
			}
			one := make([]byte, 1)
			if _, err := c.Read(one); err != nil {
				t.Fatal(err)
			}
			b = append(b, one...)
		}
	}
	say := func(p mqttwire.Packet) {
		t.Helper()
		if _, err := c.Write(mqttwire.Append(nil, mqttwire.V5, &p)); err != nil {
			t.Fatal(err)
		}
	}
	hello := hear(mqttwire.CONNECT)
	w := hello.Connect.Will
	if !hello.Connect.Clean || hello.Props.SessionExpiry != 0 || w == nil || w.Topic != "spBv1.0/STATE/hospital" || w.QoS != 1 || !w.Retain || !strings.HasPrefix(string(w.Payload), `{"online":false,"timestamp":`) {
		t.Fatalf("%+v %+v %+v", hello.Connect, hello.Props, w)
	}
	say(mqttwire.Packet{Type: mqttwire.CONNACK, Props: (&mqttwire.Properties{TopicAliasMax: 1}).Set(mqttwire.PropTopicAliasMax)})
	if s := hear(mqttwire.SUBSCRIBE); len(s.Filters) != 2 || s.Filters[1].Text != w.Topic || s.Filters[1].QoS != 1 {
		t.Fatalf("%+v", s.Filters)
	}
	say(mqttwire.Packet{Type: mqttwire.SUBACK, ID: 1, Codes: []byte{1, 1}})
	birth := hear(mqttwire.PUBLISH)
	if birth.Topic != w.Topic || birth.QoS != 1 || !birth.Retain || birth.Props.TopicAlias != 1 || string(birth.Payload) != strings.Replace(string(w.Payload), "false", "true", 1) {
		t.Fatalf("%+v %s", birth, birth.Payload)
	}
	say(mqttwire.Packet{Type: mqttwire.PUBACK, ID: birth.ID, Code: mqttwire.NotAuthorised})
	drivertest.Until(t, "the refusal is told", func() bool {
		for _, code := range notes.Codes() {
			if code == "mqttclient.not-host" {
				return true
			}
		}
		return false
	})
	say(mqttwire.Packet{Type: mqttwire.PUBLISH, Topic: w.Topic, Payload: w.Payload, QoS: 1, ID: 9})
	if again := hear(mqttwire.PUBLISH); again.Topic != "" || again.Props.TopicAlias != 1 || string(again.Payload) != string(birth.Payload) {
		t.Fatalf("%+v %s", again, again.Payload)
	}
	hear(mqttwire.PUBACK)
	over := make(chan struct{})
	go func() { defer close(over); stop(t, driver.Driver(d)) }()
	if death := hear(mqttwire.PUBLISH); !strings.HasPrefix(string(death.Payload), `{"online":false,`) {
		t.Fatalf("%s", death.Payload)
	}
	hear(mqttwire.DISCONNECT)
	<-over
}
