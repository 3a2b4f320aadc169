// Package intellivue asks Philips IntelliVue patient monitors for what they
// measure, over their Data Export interface: UDP on the network (kind
// "intellivue"), or the serial MIB interface (kind "intellivue-serial"). A monitor
// announces itself or is named in the settings; we associate, hear what it is, and
// poll it.
//
// Nothing is acknowledged in this protocol but the event by which a monitor
// introduces itself: that is confirmed when intake has made it durable. For the
// rest the polls are the brake: a monitor is asked again only when its last answer
// is durable (R23), so that intake that cannot store is not sent more. Waves come
// by themselves for a minute once asked for, and are asked for again only when
// those before are durable.
//
// One goroutine serves one monitor. What an answer refers to goes into its frame:
// see package codec/intellivue.
package intellivue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"

	"thalamus/internal/codec/intellivue"
	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Kind describes this driver.
func Kind() driver.Kind {
	return driver.Kind{
		Name:     "intellivue",
		Doc:      "Asks Philips IntelliVue patient monitors on the network for numbers, waves, alarms and the patient (Data Export interface, UDP).",
		Codecs:   []string{intellivue.Name},
		Settings: &Settings{},
		New:      func(ch model.Channel) (driver.Driver, error) { return New(ch) },
	}
}

// Driver is one channel to monitors of a network.
type Driver struct {
	channel  model.ChannelID
	codec    string
	settings Settings
	networks []netip.Prefix

	host     driver.Host
	notes    driver.Notes
	beacons  *net.UDPConn
	ctx      context.Context // of offers; ends when Stop's patience does
	cancel   context.CancelFunc
	end      chan struct{} // closed when the driver stops
	serving  sync.WaitGroup
	stopping atomic.Bool

	replies, refused atomic.Uint64

	mu       sync.Mutex
	monitors map[string]*monitor           // by address
	memories map[string]*intellivue.Memory // by address; used by the monitor's goroutine while it has one
}

var (
	_ driver.Listener  = (*Driver)(nil)
	_ driver.Reporter  = (*Driver)(nil)
	_ driver.Connected = (*Driver)(nil)
)

// New checks the channel's settings.
func New(ch model.Channel) (*Driver, error) {
	d := &Driver{channel: ch.ID, codec: ch.Codec, end: make(chan struct{}), monitors: map[string]*monitor{}, memories: map[string]*intellivue.Memory{}}
	if d.codec == "" {
		d.codec = intellivue.Name
	}
	if err := conf.Decode(ch.Settings, &d.settings); err != nil {
		return nil, err
	}
	for _, n := range d.settings.Networks {
		d.networks = append(d.networks, netip.MustParsePrefix(n).Masked())
	}
	return d, nil
}

// Start binds the port of announcements and begins to connect.
func (d *Driver) Start(ctx context.Context, host driver.Host) error {
	d.host = host
	d.notes.Begin(host, d.channel)
	if d.settings.Listen != "" {
		pc, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp4", d.settings.Listen)
		if err != nil {
			return fault.Wrap(err, fault.Conflict, "intellivue.listen", "cannot listen on %s; choose a port nobody uses, or stop the program that has it", d.settings.Listen).At("listen")
		}
		d.beacons = pc.(*net.UDPConn)
		if d.settings.Group != "" {
			if err := ipv4.NewPacketConn(d.beacons).JoinGroup(nil, &net.UDPAddr{IP: net.ParseIP(d.settings.Group)}); err != nil {
				d.beacons.Close()
				return fault.Wrap(err, fault.Invalid, "intellivue.listen", "cannot join the group %s", d.settings.Group).At("group")
			}
		}
	}
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.remember()
	for _, address := range d.settings.Monitors {
		d.begin(address, true)
	}
	if d.beacons != nil {
		d.serving.Add(1)
		go d.announced()
	}
	return nil
}

// mostMemories bounds how many monitors are remembered.
const mostMemories = 1024

// remember reads what monitors said before the start, so that alarms which ended
// in the meantime are known to have been.
func (d *Driver) remember() {
	if d.host.Recent == nil {
		return
	}
	d.host.Recent(d.channel, func(e model.Entry) {
		message, _, _ := intellivue.Split(e.Bytes)
		if message == nil {
			return
		}
		if d.memories[e.Peer] == nil {
			if len(d.memories) >= mostMemories {
				return
			}
			d.memories[e.Peer] = &intellivue.Memory{}
		}
		d.memories[e.Peer].Learn(message)
	})
}

// Addr is the address of announcements; nil where there is none.
func (d *Driver) Addr() net.Addr {
	if d.beacons == nil {
		return nil
	}
	return d.beacons.LocalAddr()
}

// Stop releases every association. When ctx ends first they are cut.
func (d *Driver) Stop(ctx context.Context) error {
	if d.ctx == nil || !d.stopping.CompareAndSwap(false, true) {
		return nil
	}
	close(d.end)
	if d.beacons != nil {
		d.beacons.Close()
	}
	d.each(func(m *monitor) { m.wake() })
	done := make(chan struct{})
	go func() {
		d.serving.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		d.cancel()
		d.each(func(m *monitor) { m.cut() })
		<-done
	}
	d.cancel()
	return nil
}

func (d *Driver) each(do func(*monitor)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.monitors {
		do(m)
	}
}

// Connections lists the associations there are now.
func (d *Driver) Connections() (out []driver.Connection) {
	d.each(func(m *monitor) {
		if local := m.local.Load(); local != nil {
			out = append(out, driver.Connection{Peer: m.address, Local: *local})
		}
	})
	return out
}

// Status says how the link is.
func (d *Driver) Status() driver.Status {
	s := driver.Status{State: "trying"}
	waiting := ""
	d.each(func(m *monitor) {
		if m.local.Load() != nil {
			s.Peers++
		} else if why := m.why.Load(); why != nil {
			waiting = *why
		}
	})
	switch {
	case d.stopping.Load() || d.ctx == nil:
		s.State = "stopped"
	case d.beacons != nil:
		s.State = "listening"
	case s.Peers > 0:
		s.State = "connected"
	}
	s.Counts = model.Counts{{Of: "answers received", N: d.replies.Load()}, {Of: "refused", N: d.refused.Load()}}
	s.Text = waiting
	return s
}

// announced takes announcements and connects to who made them.
func (d *Driver) announced() {
	defer d.serving.Done()
	b := make([]byte, 64<<10)
	for {
		n, from, err := d.beacons.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			d.notes.Add("", "intellivue.announcement", "announcements cannot be received: "+err.Error(), "Look at the network interface.")
			select {
			case <-d.end:
				return
			case <-time.After(time.Second):
			}
			continue
		}
		peer := from.Addr().Unmap()
		beacon, err := intellivue.ParseBeacon(b[:n])
		switch {
		case err != nil:
			d.notes.Add(from.String(), "intellivue.announcement", "what came to the port of announcements is none: "+err.Error(), "Look at what sends to this port.")
		case beacon.Port == 0:
			d.notes.Add(from.String(), "intellivue.no-export", "a monitor announces itself and offers no data export over UDP", "Switch on LAN data export in the monitor's configuration.")
		case !d.mayCome(peer):
			d.notes.Add(from.String(), "intellivue.stranger", "a monitor announces itself from a network that is not among the channel's", "Name its network in networks if it is one of yours.")
		default:
			d.begin(netip.AddrPortFrom(peer, beacon.Port).String(), false)
		}
	}
}

func (d *Driver) mayCome(a netip.Addr) bool {
	return len(d.networks) == 0 || slices.ContainsFunc(d.networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// begin connects to a monitor that is not connected.
func (d *Driver) begin(address string, named bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := d.monitors[address]; m != nil {
		m.heard.Store(time.Now().UnixNano())
		return
	}
	if d.stopping.Load() {
		return
	}
	if len(d.monitors) >= d.settings.MaxMonitors {
		d.notes.Add(address, "intellivue.too-many", fmt.Sprintf("a monitor is not connected: %d are", len(d.monitors)), "Raise max_monitors, or give the network's monitors to several channels.")
		return
	}
	memory := d.memories[address]
	if memory == nil {
		memory = &intellivue.Memory{}
		if len(d.memories) < mostMemories {
			d.memories[address] = memory
		}
	}
	m := &monitor{d: d, address: address, named: named, memory: memory}
	m.heard.Store(time.Now().UnixNano())
	d.monitors[address] = m
	d.serving.Add(1)
	go func() {
		defer d.serving.Done()
		m.run()
		d.mu.Lock()
		delete(d.monitors, address)
		d.mu.Unlock()
	}()
}
