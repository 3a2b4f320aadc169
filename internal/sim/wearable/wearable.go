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
	"thalamus/internal/sim"
)

// Ward is a set of wearables, one at each bed.
type Ward struct {
	Address      string
	TLS          *tls.Config // nil: plain TCP
	Name         string      // of the ward; first level of the topics below "ward"
	Beds         int
	Rhythm       time.Duration // between two messages of one device
	User, Secret string        // the credential, empty: none

	mu                         sync.Mutex
	sent, acknowledged, resent int
	last                       error
}

// Counts gives how many messages were made, acknowledged and sent again, and
// the last error.
func (w *Ward) Counts() (sent, acknowledged, resent int, last error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent, w.acknowledged, w.resent, w.last
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
			d := device{w: w, bed: bed, body: bed.Body(), run: fmt.Sprintf("%x", time.Now().UnixNano())}
			defer d.close()
			tick := time.NewTicker(w.Rhythm)
			defer tick.Stop()
			for n := 1; ; n++ {
				d.publish(sending, n)
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
			}
		})
	}
	devices.Wait()
}

type device struct {
	w    *Ward
	bed  sim.Bed
	body *sim.Physiology
	run  string
	conn net.Conn
	r    *bufio.Reader
}

func (d *device) close() {
	if d.conn != nil {
		d.conn.Close()
		d.conn = nil
	}
}

// publish makes a message and sends it until it is acknowledged.
func (d *device) publish(ctx context.Context, n int) {
	v := d.body.Next()
	serial := fmt.Sprintf("W-%s-%d", d.bed.Ward, d.bed.Number)
	payload := fmt.Appendf(nil, `{"maker":"Thalamus","model":"SIM-WEAR","serial":%q,"fw":"1.0","battery":%d,"patient":%q,"ts":%d,"run":%q,"n":%d,"obs":[{"label":"HR","value":%d,"unit":"/min"},{"label":"SpO2","value":%d,"unit":"%%"},{"label":"RR","value":%d,"unit":"/min"},{"label":"Temp","value":%d.%d,"unit":"Cel"}]}`,
		serial, 100-n%90, d.bed.Patient.MRN, time.Now().UnixMilli(), d.run, n, v.PulsePerMin, v.SpO2Percent, v.RespPerMin, v.TempTenthCel/10, v.TempTenthCel%10)
	p := mqttwire.Packet{Type: mqttwire.PUBLISH, Topic: "ward/" + d.bed.Ward + "/" + serial + "/vitals", QoS: 1, ID: uint16(n%65535 + 1), Payload: payload}
	d.w.count(func() { d.w.sent++ })
	for try := 0; ctx.Err() == nil; try++ {
		if try > 0 {
			d.w.count(func() { d.w.resent++ })
			p.Dup = true
			select {
			case <-ctx.Done():
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
		err := d.exchange(ctx, &p)
		if err == nil {
			d.w.count(func() { d.w.acknowledged++ })
			return
		}
		d.close()
		d.w.count(func() { d.w.last = err })
	}
}

func (w *Ward) count(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
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
	c, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", d.w.Address)
	if err != nil {
		return err
	}
	if d.w.TLS != nil {
		c = tls.Client(c, d.w.TLS)
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
