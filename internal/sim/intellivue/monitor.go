package intellivue

import (
	"cmp"
	"net/netip"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// Packet is a datagram to a client.
type Packet struct {
	To    netip.AddrPort
	Bytes []byte
}

// Monitor is one simulated monitor. Its methods must not be called at once.
type Monitor struct {
	Bed          sim.Bed
	Manufacturer string // "" : Thalamus Simulation
	Model        string // "" : MX800
	Serial       string // "" : made of ward and bed
	Software     string // "" : M.04.01
	Address      netip.AddrPort
	Plan         *faults.Plan // what goes wrong; nil: nothing

	body   *sim.Physiology
	vitals sim.Vitals
	breath sim.Breathing
	booted time.Time
	passed int // seconds of the body's life since it booted
	blocks int // of waves since it booted
	clock  time.Duration
	silent time.Time
	cuff   reading
	alarms []alarm
	turned int // how often alarms changed
	off    bool

	client   netip.AddrPort // of the association; zero: there is none
	asked    asked
	mtu      int
	heard    time.Time
	created  bool      // the client confirmed what the monitor is
	again    time.Time // when the creation is told once more
	told     int       // how often it was
	polls    []*poll
	wanted   []uint32 // waves, by label; nil: all
	Count    Count
	sequence uint16
}

// Count is what a monitor did.
type Count struct {
	Associations int `json:"associations"`
	Refused      int `json:"refused"`
	Requests     int `json:"requests"` // polls, gets and sets of clients
	Results      int `json:"results"`  // datagrams with values
	Aborted      int `json:"aborted"`  // associations that the monitor ended
	Faults       int `json:"faults"`
}

// New makes the monitor of a bed that is switched on now.
func New(bed sim.Bed, now time.Time) *Monitor {
	m := &Monitor{Bed: bed, body: bed.Body()}
	m.boot(now)
	return m
}

func (m *Monitor) boot(now time.Time) {
	m.booted, m.passed, m.blocks = now, 0, 0
	m.live()
}

// live lets a second of the patient's life pass.
func (m *Monitor) live() {
	m.vitals = m.body.Next()
	m.breath = m.body.Breathing()
	m.watch()
}

// ticks is the monitor's relative time: eighths of a millisecond since it was
// switched on.
func (m *Monitor) ticks(now time.Time) uint32 {
	return uint32(now.Sub(m.booted) / (time.Second / ticksSecond))
}

// Serial numbers and identities of a monitor.
func (m *Monitor) serial() string { return cmp.Or(m.Serial, "DE"+m.mac().text) }

type hardware struct {
	bytes []byte
	text  string
}

// mac is an invented address of the hardware: locally administered, made of
// ward and bed.
func (m *Monitor) mac() hardware {
	h := uint32(2166136261)
	for _, c := range m.Bed.Ward {
		h = (h ^ uint32(c)) * 16777619
	}
	b := []byte{0x02, 0x09, byte(h >> 8), byte(h), byte(m.Bed.Number >> 8), byte(m.Bed.Number)}
	const digits = "0123456789ABCDEF"
	var t []byte
	for _, one := range b[2:] {
		t = append(t, digits[one>>4], digits[one&15])
	}
	return hardware{b, string(t)}
}

func (m *Monitor) reply(out []Packet, b []byte) []Packet {
	return append(out, Packet{m.client, b})
}

// Receive takes a datagram of a client and gives what the monitor answers.
func (m *Monitor) Receive(now time.Time, from netip.AddrPort, packet []byte) []Packet {
	if now.Before(m.silent) || len(packet) < 2 {
		return nil
	}
	m.pass(now)
	switch packet[0] {
	case sessionConnect:
		return m.associate(now, from, packet)
	case sessionFinish:
		// a release before the creation is confirmed is not heard: real monitors
		// were seen to do so
		if from != m.client || !m.created {
			return nil
		}
		out := m.reply(nil, releaseResponse)
		m.end()
		return out
	case sessionAbort:
		if from == m.client {
			m.end()
		}
	case sessionExport:
		if from == m.client {
			m.heard = now
			return m.operation(now, packet)
		}
	}
	return nil
}

func (m *Monitor) end() {
	m.client, m.created, m.polls, m.wanted, m.told = netip.AddrPort{}, false, nil, nil, 0
}

// abort ends the association by the monitor's own will.
func (m *Monitor) abort(out []Packet) []Packet {
	out = m.reply(out, abortMessage)
	m.Count.Aborted++
	m.end()
	return out
}

// associate answers an association request: one at a time (PIPG p. 73).
func (m *Monitor) associate(now time.Time, from netip.AddrPort, packet []byte) []Packet {
	a, ok := parseRequest(packet)
	if !ok || m.client.IsValid() && m.client != from {
		m.Count.Refused++
		return []Packet{{from, refuseMessage}}
	}
	m.end()
	m.client, m.asked, m.heard = from, a, now
	m.mtu = int(min(a.mtu, maxTransfer))
	m.Count.Associations++
	return m.create(now, m.reply(nil, acceptance(a, uint32(m.mtu))))
}

// create tells what the monitor is; it is told again until confirmed.
func (m *Monitor) create(now time.Time, out []Packet) []Packet {
	m.told++
	m.again = now.Add(resendCreate)
	info := join(object(classMDS, 0), list(m.identity(now, 0)...))
	return m.reply(out, invoke(1, cmdConfirmedEvent, join(object(classMDS, 0), u32(m.ticks(now)), u16(eventMDSCreate), sized(info))))
}

// As seen of a real monitor: a creation that nobody confirms is told three
// times, 3.1 s apart, then the association is aborted.
const (
	resendCreate = 3100 * time.Millisecond
	mostCreates  = 3
)

// Tick gives what is due.
func (m *Monitor) Tick(now time.Time) (out []Packet) {
	m.pass(now)
	if !m.client.IsValid() || now.Before(m.silent) {
		m.blocks = int(m.ticks(now) / blockTicks)
		return nil
	}
	switch {
	case now.Sub(m.heard) > m.asked.timeout():
		return m.abort(out)
	case !m.created && !now.Before(m.again) && m.told >= mostCreates:
		return m.abort(out)
	case !m.created && !now.Before(m.again):
		out = m.create(now, out)
	}
	return m.due(now, out)
}

// pass lets the patient live until now; after a long pause of the machine what
// was missed is left out.
func (m *Monitor) pass(now time.Time) {
	whole := int(now.Sub(m.booted) / time.Second)
	if whole-m.passed > 60 {
		m.passed = whole - 60
	}
	for ; m.passed < whole; m.passed++ {
		m.live()
		if m.passed%cuffEvery == 0 || m.cuff.values == nil {
			v := m.vitals
			m.cuff = reading{values: []int{v.SysMmHg, v.DiaMmHg, v.MeanMmHg}, at: now.Add(m.clock)}
		}
	}
}

// cuffEvery is how many seconds lie between two measurements with the cuff.
const cuffEvery = 120
