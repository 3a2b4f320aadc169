package app_test

import (
	"bufio"
	"encoding/hex"
	"net"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/model"
	"thalamus/internal/register/state"
	"thalamus/internal/service"
)

// gateway is a Sparkplug node with one device behind it.
type gateway struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

// enterGateway connects with a death certificate as will (Sparkplug 3.0.0
// §5.2) and gives births with a session number.
func enterGateway(t *testing.T, address string, session byte) *gateway {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(60 * time.Second))
	g := &gateway{t, c, bufio.NewReader(c)}
	metric := append([]byte{0x0A, 5}, "bdSeq"...)
	metric = append(metric, 0x20, 4, 0x58, session) // Int64, long_value
	seq := append([]byte{0x12, byte(len(metric))}, metric...)
	g.say(mqttwire.Packet{Type: mqttwire.CONNECT, Connect: &mqttwire.Connect{Version: mqttwire.V311, Clean: true, ClientID: "gw1", KeepAlive: 60,
		Will: &mqttwire.Will{Topic: "spBv1.0/icu/NDEATH/gw1", Payload: seq, QoS: 1}}})
	g.hear(mqttwire.CONNACK)
	g.publish("spBv1.0/icu/NBIRTH/gw1", seq, 1)
	birth, err := hex.DecodeString("0880c0b5abaa33122d0a0948656172745261746510011880c0b5abaa3320034a130a07656e67556e69741208080c42042f6d696e504812210a0453704f32100220094a100a07656e67556e69741205080c420125650000c342")
	if err != nil {
		t.Fatal(err)
	}
	g.publish("spBv1.0/icu/DBIRTH/gw1/m7", birth, 2)
	return g
}

func (g *gateway) say(p mqttwire.Packet) {
	g.t.Helper()
	if _, err := g.Write(mqttwire.Append(nil, mqttwire.V311, &p)); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gateway) hear(kind byte) {
	g.t.Helper()
	b := make([]byte, 2)
	if _, err := g.r.Read(b[:1]); err != nil || b[0]>>4 != kind {
		g.t.Fatalf("packet %x, %v", b, err)
	}
	n, err := g.r.ReadByte()
	if err == nil {
		_, err = g.r.Discard(int(n))
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *gateway) publish(topic string, payload []byte, id uint16) {
	g.t.Helper()
	g.say(mqttwire.Packet{Type: mqttwire.PUBLISH, Topic: topic, Payload: payload, QoS: 1, ID: id})
	g.hear(mqttwire.PUBACK)
}

// R2, R29: on the running program, a gateway that is cut off takes its devices
// with it; the reason is its will, and a connection brings them back.
func TestGatewayIsLostAndBack(t *testing.T) {
	h := apptest.Start(t)
	h.Call("channel.put", service.Put[model.Channel]{Value: model.Channel{ID: "iot", Driver: "mqtt", Codec: "sparkplug", Settings: map[string]any{
		"listen": "127.0.0.1:0", "anonymous": true, "tls": map[string]any{"enabled": false}}}}, nil)
	var address string
	h.Until("the broker listens", func() bool {
		address = h.App.ChannelAddress("iot")
		return address != ""
	})
	speaks := func(kind state.Kind, how model.EndKind, n int) func() bool {
		return func() bool {
			var page service.List[service.DeviceRow]
			h.Call("device.list", service.DeviceAsk{}, &page)
			found := 0
			for _, d := range page.Rows {
				if len(d.States) > 0 && d.States[0].Kind == kind && d.States[0].Why.How == how {
					found++
				}
			}
			return found == n
		}
	}
	g := enterGateway(t, address, 0)
	h.Until("the node and its device are there", speaks(state.Online, "", 2))
	g.Close()
	h.Until("both are lost", speaks(state.Offline, model.EndWill, 2))
	g = enterGateway(t, address, 1)
	h.Until("both are back", speaks(state.Online, "", 2))
	g.say(mqttwire.Packet{Type: mqttwire.DISCONNECT})
	h.Until("both took their leave", speaks(state.Offline, model.EndGoodbye, 2))
}
