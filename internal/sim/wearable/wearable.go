// Package wearable simulates wearables that publish JSON over MQTT with QoS 1
// (profile thalamus/wearable). Each keeps a message until it is acknowledged
// and sends it again, over a new connection where the old one broke.
package wearable

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/fault"
	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// Ward is a set of wearables, one at each bed.
type Ward struct {
	Address      string
	TLS          *tls.Config // nil: plain TCP
	Name         string      // of the ward; first level of the topics below "ward"
	Beds         int
	Rhythm       time.Duration // between two messages of one device
	User, Secret string        // the credential, empty: none
	Faults       faults.Set    // what goes wrong, by turns; none: nothing
	// Acknowledged, when set, is called with the part of each acknowledged
	// message's payload that no other has; by several goroutines.
	Acknowledged func(id string)

	sim.Account // of messages
}

// Open implements sim.Devices.
func (w *Ward) Open() error {
	if w.Rhythm <= 0 {
		return fault.New(fault.Invalid, "cli.argument", "expected a span above 0").At("--every")
	}
	return nil
}

// Run lets every wearable publish until ctx ends; what is under way then is
// still waited for, at most for grace.
func (w *Ward) Run(ctx context.Context, grace time.Duration) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	defer stop()
	var devices sync.WaitGroup
	for _, bed := range sim.Beds(w.Name, w.Beds) {
		devices.Go(func() {
			d := device{w: w, Wearable: New(bed, fmt.Sprintf("%x", time.Now().UnixNano())), plan: w.Faults.Plan()}
			defer d.close()
			var held func()
			for n := 1; ; n++ {
				turn := d.plan.Next()
				say := d.Says(n, turn)
				if turn.Is(faults.Swapped) && held == nil {
					held = func() { d.publish(sending, say, n) }
				} else {
					d.publish(sending, say, n)
					if turn.Again() {
						d.publish(sending, say, n)
					}
					if held != nil {
						held()
						held = nil
					}
				}
				if !d.plan.Pause(ctx, w.Rhythm) {
					break
				}
			}
			if held != nil {
				held()
			}
		})
	}
	devices.Wait()
}

type device struct {
	*Wearable
	w    *Ward
	conn net.Conn
	r    *bufio.Reader
	plan *faults.Plan
	last string // the message acknowledged last
}

func (d *device) close() {
	if d.conn != nil {
		d.conn.Close()
		d.conn = nil
	}
}

// publish sends the nth message until it is acknowledged.
func (d *device) publish(ctx context.Context, payload []byte, n int) {
	p := mqttwire.Packet{Type: mqttwire.PUBLISH, Topic: "ward/" + d.bed.Ward + "/" + d.serial() + "/vitals", QoS: 1, ID: uint16(n%65535 + 1), Payload: payload}
	id := Mark(d.run, n)
	if again := d.last == id; !again {
		d.w.Note(func(t *sim.Told) { t.Sent++ })
	} else {
		d.w.Note(func(t *sim.Told) { t.Resent++ })
	}
	for try := 0; ctx.Err() == nil; try++ {
		if try > 0 {
			d.w.Note(func(t *sim.Told) { t.Resent++ })
			p.Dup = true
			select {
			case <-ctx.Done():
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
		err := d.exchange(ctx, &p)
		if err == nil {
			if d.last != id {
				d.w.Note(func(t *sim.Told) { t.Acknowledged++ })
				if d.w.Acknowledged != nil {
					d.w.Acknowledged(id)
				}
			}
			d.last = id
			return
		}
		d.close()
		d.w.Note(func(t *sim.Told) { t.Failure = err })
	}
}

// patience is how long an answer is waited for.
const patience = 10 * time.Second

func (d *device) exchange(ctx context.Context, p *mqttwire.Packet) error {
	if d.conn == nil {
		if err := d.connect(ctx); err != nil {
			return err
		}
	}
	d.conn.SetDeadline(time.Now().Add(patience))
	if _, err := d.conn.Write(mqttwire.Append(nil, mqttwire.V311, p)); err != nil {
		return err
	}
	var ack [4]byte
	if _, err := io.ReadFull(d.r, ack[:]); err != nil {
		return err
	}
	if ack[0]>>4 != mqttwire.PUBACK || uint16(ack[2])<<8|uint16(ack[3]) != p.ID {
		return errors.New("the broker answered with something else than PUBACK")
	}
	return nil
}

func (d *device) connect(ctx context.Context) error {
	c, err := d.plan.Dial(ctx, "tcp", d.w.Address, d.w.TLS)
	if err != nil {
		return err
	}
	hello := mqttwire.Packet{Type: mqttwire.CONNECT, Connect: &mqttwire.Connect{Version: mqttwire.V311, Clean: true, ClientID: fmt.Sprintf("wear-%s-%d", d.bed.Ward, d.bed.Number), KeepAlive: 60}}
	if d.w.User != "" {
		hello.Connect.HasUser, hello.Connect.User, hello.Connect.Password = true, d.w.User, []byte(d.w.Secret)
	}
	c.SetDeadline(time.Now().Add(patience))
	var ack [4]byte
	r := bufio.NewReader(c)
	if _, err = c.Write(mqttwire.Append(nil, mqttwire.V311, &hello)); err == nil {
		if _, err = io.ReadFull(r, ack[:]); err == nil && ack[3] != 0 {
			err = fmt.Errorf("the broker does not let the device in: return code %d", ack[3])
		}
	}
	if err != nil {
		c.Close()
		return err
	}
	d.conn, d.r = c, r
	return nil
}
