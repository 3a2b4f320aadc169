package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/fault"
)

// idleDevices is how many connected devices the memory goal is of (design:
// 10,000 below 400 MiB).
const idleDevices = 10_000

// mqttBench measures acknowledged messages over MQTT, each durable before it
// is acknowledged, beside mosquitto, which writes nothing to the disk; then
// what idle devices cost.
func mqttBench(ctx context.Context, o Options, r *Report) error {
	address, err := freePort()
	if err != nil {
		return err
	}
	s, err := ready(ctx, o, fmt.Sprintf("channels:\n  - {id: iot, driver: mqtt, codec: json, settings: {listen: %q, anonymous: true, tls: {enabled: false}}}\n", address))
	if err != nil {
		return err
	}
	defer s.Kill()
	r.Connections, r.MessageBytes = o.Connections, 512
	if o.Size > 0 {
		r.MessageBytes = o.Size
	}
	other, stop, err := mosquitto(o.Folder)
	if err != nil {
		return err
	}
	defer stop()
	if _, _, err := publishing(ctx, address, o.Connections, 1, 1, r.MessageBytes, warmUp(o), "warm"); err != nil {
		return err
	}
	for _, part := range []struct {
		name       string
		qos        byte
		ahead      int
		comparison bool
	}{{"QoS 1", 1, 1, true}, {"QoS 1, 16 ahead", 1, 16, true}, {"QoS 2", 2, 1, true}} {
		o.Progress(part.name, 0, 1)
		w := watching(s)
		count, all, err := publishing(ctx, address, o.Connections, part.ahead, part.qos, r.MessageBytes, o.For, part.name)
		if err != nil {
			return err
		}
		st := w.stretch(part.name, "messages", count, o.For, r.MessageBytes)
		st.Latency = latencyOf(all)
		r.Stretches = append(r.Stretches, st)
		r.Counts["acknowledged"] += count
		if err := s.recorded(ctx); err != nil {
			return err
		}
		if other == "" {
			continue
		}
		count, all, err = publishing(ctx, other, o.Connections, part.ahead, part.qos, r.MessageBytes, o.For, part.name)
		if err != nil {
			return err
		}
		b := Bare{Stretch: part.name, Bare: "mosquitto, nothing on the disk", PerSec: float64(count) / o.For.Seconds(), Latency: *latencyOf(all)}
		b.Ratio = st.PerSecond / b.PerSec
		r.Bare = append(r.Bare, b)
		r.atLeast(part.name+" against mosquitto without sync", b.Ratio, 0.5, "ratio")
	}
	r.score = r.Stretches[0].PerSecond
	idle := idleDevices
	if o.Connections < usualConnections {
		idle = 10 * o.Connections
	}
	st, err := idling(ctx, s, address, idle, o)
	if err != nil {
		return err
	}
	r.Stretches = append(r.Stretches, st)
	r.below(fmt.Sprintf("resident with %d idle devices", idle), st.ResidentMB, 400, "MiB")
	s.Stop()
	return r.compare(o, r.Stretches[0], o.Connections)
}

// idling connects devices that say nothing and looks at the server's memory.
func idling(ctx context.Context, s *Server, address string, many int, o Options) (Stretch, error) {
	w, began := watching(s), time.Now()
	conns := make([]net.Conn, 0, many)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for n := range many {
		c, _, err := mqttDial(ctx, address, fmt.Sprint("idle-", n))
		if err != nil {
			return Stretch{}, err
		}
		conns = append(conns, c)
		if n%100 == 0 {
			o.Progress("idle devices", float64(n), float64(many))
		}
	}
	return w.stretch(fmt.Sprint(many, " idle devices"), "connections", int64(many), time.Since(began), 0), nil
}

// mosquitto starts Debian's broker on a free port; address is empty where it
// is not installed.
func mosquitto(folder string) (address string, stop func(), err error) {
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		return "", func() {}, nil
	}
	if address, err = freePort(); err != nil {
		return "", nil, err
	}
	_, port, _ := net.SplitHostPort(address) // it was given by the system
	text := "listener " + port + " 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\nset_tcp_nodelay true\n"
	if os.Getuid() == 0 {
		text += "user root\n"
	}
	config := filepath.Join(folder, "mosquitto.conf")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return "", nil, diskFault(err, folder)
	}
	cmd := exec.Command(program, "-c", config)
	if err := cmd.Start(); err != nil {
		return "", nil, fault.Wrap(err, fault.Broken, "bench.mosquitto", "mosquitto is installed and cannot be started")
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	for range 500 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address, stop, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	return "", nil, fault.New(fault.Broken, "bench.mosquitto", "mosquitto does not listen")
}

// mqttDial connects and waits for CONNACK.
func mqttDial(ctx context.Context, address, id string) (net.Conn, *bufio.Reader, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Broken, "bench.mqtt", "a device cannot connect")
	}
	hello := mqttwire.Packet{Type: mqttwire.CONNECT, Connect: &mqttwire.Connect{Version: mqttwire.V311, Clean: true, ClientID: id}}
	r := bufio.NewReaderSize(c, 256)
	if _, err = c.Write(mqttwire.Append(nil, mqttwire.V311, &hello)); err == nil {
		var b [4]byte
		if _, err = io.ReadFull(r, b[:]); err == nil && b[3] != 0 {
			err = fmt.Errorf("not let in: return code %d", b[3])
		}
	}
	if err != nil {
		c.Close()
		return nil, nil, fault.Wrap(err, fault.Broken, "bench.mqtt", "a device was not let in")
	}
	return c, r, nil
}

// publishing lets devices publish for a while, so many messages ahead each.
func publishing(ctx context.Context, address string, connections, ahead int, qos byte, size int, length time.Duration, run string) (count int64, all []time.Duration, err error) {
	var mu sync.Mutex
	var work sync.WaitGroup
	devices := make([]*publisher, connections)
	for n := range devices {
		c, r, err := mqttDial(ctx, address, fmt.Sprintf("bench-%s-%d-%d", run, ahead, n))
		if err != nil {
			return 0, nil, err
		}
		defer c.Close()
		devices[n] = &publisher{conn: c, r: r, qos: qos, ahead: ahead, topic: fmt.Sprintf("ward/%d/vitals", n), payload: fmt.Appendf(nil, `{"device":"bench-%d","n":"%s"}`, n, bytes.Repeat([]byte("x"), max(size-40, 1)))}
	}
	end := time.Now().Add(length)
	for _, d := range devices {
		work.Go(func() {
			n, took, e := d.run(ctx, end)
			mu.Lock()
			defer mu.Unlock()
			count += n
			all = append(all, took...)
			err = errors.Join(err, e)
		})
	}
	work.Wait()
	if err != nil {
		return 0, nil, fault.Wrap(err, fault.Broken, "bench.mqtt", "a device was cut off")
	}
	return count, all, nil
}

// publisher is one device.
type publisher struct {
	conn    net.Conn
	r       *bufio.Reader
	qos     byte
	ahead   int
	topic   string
	payload []byte
	id      uint16
}

func (p *publisher) run(ctx context.Context, end time.Time) (count int64, took []time.Duration, err error) {
	var out []byte
	for time.Now().Before(end) && ctx.Err() == nil {
		began := time.Now()
		out = out[:0]
		first := p.id
		for range p.ahead {
			if p.id++; p.id == 0 {
				p.id = 1
			}
			out = mqttwire.Append(out, mqttwire.V311, &mqttwire.Packet{Type: mqttwire.PUBLISH, Topic: p.topic, QoS: p.qos, ID: p.id, Payload: p.payload})
		}
		if err := p.turn(out); err != nil {
			return count, took, err
		}
		if p.qos == 2 {
			out = out[:0]
			for id := first; id != p.id; {
				if id++; id == 0 {
					id = 1
				}
				out = mqttwire.Append(out, mqttwire.V311, &mqttwire.Packet{Type: mqttwire.PUBREL, ID: id})
			}
			if err := p.turn(out); err != nil {
				return count, took, err
			}
		}
		count += int64(p.ahead)
		took = append(took, time.Since(began))
	}
	return count, took, nil
}

// turn writes packets and reads as many answers, of four bytes each.
func (p *publisher) turn(out []byte) error {
	if _, err := p.conn.Write(out); err != nil {
		return err
	}
	var b [4]byte
	for range p.ahead {
		if _, err := io.ReadFull(p.r, b[:]); err != nil {
			return err
		}
	}
	return nil
}
