package dri

import (
	"encoding/binary"
	"fmt"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/bedside"
	"thalamus/internal/sim/faults"
)

// Monitor is one simulated monitor.
type Monitor struct {
	bedside.Wire
	Bed sim.Bed

	body    *sim.Physiology
	vitals  sim.Vitals
	breath  sim.Breathing
	cuff    sim.Vitals
	began   time.Time
	seconds int
	clock   time.Duration
	off     bool

	frame   []byte // that comes in, after its flag
	within  bool
	number  byte
	every   map[byte]time.Duration // subrecord of values → how often
	next    map[byte]time.Time
	alarms  bool // told whenever they change
	told    string
	waves   []wave
	sampled time.Time // until when waves are sent
}

// New makes the monitor of a bed.
func New(bed sim.Bed, set faults.Set) *Monitor {
	m := &Monitor{Bed: bed, body: bed.Body()}
	m.Plan = set.Plan()
	m.live()
	m.cuff = m.vitals
	return m
}

func (m *Monitor) live() {
	m.vitals = m.body.Next()
	m.breath = m.body.Breathing()
}

// Connected implements bedside.Device. What was asked for before is forgotten.
func (m *Monitor) Connected(now time.Time) {
	m.Wire.Connected(now)
	m.began, m.seconds = now, 0
	m.frame, m.within, m.alarms, m.waves, m.told = nil, false, false, nil, ""
	m.every, m.next = map[byte]time.Duration{}, map[byte]time.Time{}
}

// longest is how long a request may be, escaped.
const longest = 3000

// Receive implements bedside.Device.
func (m *Monitor) Receive(now time.Time, b []byte) (out []byte) {
	if m.Quiet(now) {
		return nil
	}
	for _, one := range b {
		switch {
		case one == flag && len(m.frame) == 0:
			m.within = true
		case one == flag:
			if record, ok := unframe(m.frame); ok && len(record) >= headerSize {
				m.Did.Requests++
				out = m.request(now, out, record)
				m.within = false
			} // a wrong sum: this flag may begin the next frame
			m.frame = nil
		case m.within && len(m.frame) < longest:
			m.frame = append(m.frame, one)
		default:
			m.frame, m.within = nil, false
		}
	}
	return out
}

// request takes a record of the computer.
func (m *Monitor) request(now time.Time, out, r []byte) []byte {
	body := r[headerSize:]
	switch binary.LittleEndian.Uint16(r[14:]) {
	case mainValues:
		if len(body) < 9 {
			return out
		}
		kind, interval := body[0], int16(binary.LittleEndian.Uint16(body[1:]))
		if kind == 0 {
			kind = valuesDisplayed
		}
		if kind > valuesTrend60 {
			return out
		}
		delete(m.every, kind)
		switch {
		case interval < 0: // once
			return m.values(now, out, kind)
		case interval > 0:
			m.every[kind], m.next[kind] = time.Duration(max(interval, leastInterval))*time.Second, now
		}
	case mainWaves:
		if len(body) < 12 {
			return out
		}
		if binary.LittleEndian.Uint16(body) == 0 {
			m.start(now, body[4:12])
		} else {
			m.waves = nil
		}
	case mainAlarms:
		if len(body) < 2 {
			return out
		}
		switch binary.LittleEndian.Uint16(body) {
		case 0:
			return m.status(now, out)
		case 2:
			m.alarms, m.told = true, ""
		case 3:
			m.alarms = false
		}
	}
	return out
}

// leastInterval between two records of displayed values, in seconds.
const leastInterval = 5

// Tick implements bedside.Device.
func (m *Monitor) Tick(now time.Time) (out []byte) {
	passed := int(now.Sub(m.began) / time.Second)
	if passed-m.seconds > 60 {
		m.seconds = passed - 60
	}
	for ; m.seconds < passed; m.seconds++ {
		m.live()
		if m.seconds%120 == 0 {
			m.cuff = m.vitals
		}
	}
	if m.Quiet(now) {
		m.sampled = now
		return nil
	}
	for _, kind := range []byte{valuesDisplayed, valuesTrend10, valuesTrend60} {
		if every := m.every[kind]; every > 0 && !now.Before(m.next[kind]) {
			if m.next[kind] = m.next[kind].Add(every); m.next[kind].Before(now) {
				m.next[kind] = now.Add(every)
			}
			out = m.values(now, out, kind)
		}
	}
	if m.alarms && m.shown() != m.told {
		out = m.status(now, out)
	}
	return m.sample(now, out)
}

func (m *Monitor) stamp(now time.Time) uint32 { return uint32(now.Add(m.clock).Unix()) }

func (m *Monitor) send(now time.Time, out []byte, main uint16, fault string, parts ...part) []byte {
	m.number++
	f := frame(record(m.number, m.stamp(now), main, parts...))
	return m.Send(now, out, f, fault, 2) // a byte of the length
}

// values sends what is displayed or a trend: the class of basic values.
func (m *Monitor) values(now time.Time, out []byte, kind byte) []byte {
	fault := m.Turn()
	switch fault {
	case faults.SensorOff:
		m.off = !m.off
	case faults.ClockJump:
		m.clock -= 26 * time.Hour
	}
	body := binary.LittleEndian.AppendUint32(nil, m.stamp(now))
	body = append(body, m.basic(fault)...)
	body = append(body, 0, 0)
	body = append(body, words(0<<8|int(kind))...)
	return m.send(now, out, mainValues, fault, part{kind, body})
}

// here is the status of a module that is there and measures.
const here = 3

// basic is the class of basic values: 270 bytes. Pressures are in hundredths of
// mmHg or cmH2O, temperatures in hundredths of a degree, shares in hundredths
// of a percent, breaths in tenths of a millilitre.
func (m *Monitor) basic(fault string) (out []byte) {
	v, b := m.vitals, m.breath
	heart := v.HeartPerMin
	switch fault {
	case faults.OutOfRange:
		heart = 999
	case faults.NaN:
		heart = -32763 // above its range
	}
	cmH2O := func(tenthMbar int) int { return tenthMbar * 10 * 10197 / 10000 }
	oximeter := group(here, 0, v.SpO2Percent*100, v.PulsePerMin, b.PerfusionHundredth, missing)
	if m.off {
		oximeter = group(1, 0, missing, missing, missing, missing)
	}
	for _, g := range [][]byte{
		group(here, 0, heart, 10, 20, -10, v.RespPerMin),                            // ECG, ST, impedance
		group(here, 1, v.SysMmHg*100, v.DiaMmHg*100, v.MeanMmHg*100, v.PulsePerMin), // P1: arterial
		absent(4), absent(4), absent(4), // P2 to P4
		group(here, 0, m.cuff.SysMmHg*100, m.cuff.DiaMmHg*100, m.cuff.MeanMmHg*100, m.cuff.PulsePerMin), // cuff
		group(here, 0, v.TempTenthCel*10), absent(1), absent(1), absent(1), // T1 to T4
		oximeter,
		group(here, 0, b.EtCO2TenthMmHg*1000/760, 0, v.RespPerMin, 7600),     // CO2
		group(here, 0, (b.InspiredO2Percent-4)*100, b.InspiredO2Percent*100), // O2
		absent(2), absent(3), // N2O, agent
		group(here, 0, v.RespPerMin, cmH2O(b.PeakTenthMbar), cmH2O(b.PeepTenthMbar), cmH2O(b.PlateauTenthMbar), b.TidalMl*10, b.TidalMl*10, b.ComplianceTenthMlMbar*10*9807/10000, b.MinuteMl/10),
		absent(4), absent(3), // cardiac output, relaxation
		words(heart, missing, missing), absent(1), // ECG extra, SvO2
		absent(4), absent(4), {0, 0}, // P5, P6
	} {
		out = append(out, g...)
	}
	return out
}

// shown is what stands in the monitor's alarm field now.
func (m *Monitor) shown() string {
	switch v := m.vitals; {
	case m.off:
		return "SpO2 probe off"
	case v.SpO2Percent < 94:
		return fmt.Sprintf("SpO2 low %d", v.SpO2Percent)
	case v.HeartPerMin > 100:
		return fmt.Sprintf("HR high %d", v.HeartPerMin)
	case v.HeartPerMin < 50:
		return fmt.Sprintf("HR low %d", v.HeartPerMin)
	}
	return ""
}

// Colours of alarms: none, white, yellow, red.
const (
	colourNone   = 0
	colourWhite  = 1
	colourYellow = 2
)

// status sends the alarm field: five lines of 80 characters (dri_al_msg).
func (m *Monitor) status(now time.Time, out []byte) []byte {
	text := m.shown()
	body := words(0, 1, 0, 0, 0)
	for i := range 5 {
		line, colour := make([]byte, 80), colourNone
		changed := 0
		if i == 0 {
			copy(line, text)
			if text != m.told {
				changed = 1
			}
			switch {
			case m.off:
				colour = colourWhite
			case text != "":
				colour = colourYellow
			}
		}
		body = append(append(body, line...), words(changed, colour, changed, 0, 0, 0, 0, 0, 0)...)
	}
	m.told = text
	return m.send(now, out, mainAlarms, "", part{alarmStatus, append(body, words(0, 0, 0, 0, 0)...)})
}

// wave is one that can be asked for.
type wave struct {
	kind      byte
	perSecond int
	samples   func(p *sim.Physiology, n int) []int
}

// waves at their rates: ECG 300, pressures and pleth 100, airway 25 a second.
// Units: µV, hundredths of mmHg, of percent, of percent CO2, tenths of cmH2O
// and of l/min, hundredths of ohm.
func waves() []wave {
	each := func(raw []int, f func(int) int) []int {
		for i := range raw {
			raw[i] = f(raw[i])
		}
		return raw
	}
	return []wave{
		{1, 300, func(p *sim.Physiology, n int) []int { return p.ECG(n, 300) }},
		{4, 100, func(p *sim.Physiology, n int) []int { return each(p.Artery(n, 100), func(v int) int { return v * 10 }) }},
		{8, 100, func(p *sim.Physiology, n int) []int { return each(p.Pleth(n, 100), func(v int) int { return v * 10 }) }},
		{9, 25, func(p *sim.Physiology, n int) []int {
			return each(p.Airway(n, 25).CO2TenthMmHg, func(v int) int { return v * 1000 / 760 })
		}},
		{13, 25, func(p *sim.Physiology, n int) []int {
			return each(p.Airway(n, 25).PressureHundredthMbar, func(v int) int { return v / 10 })
		}},
		{15, 25, func(p *sim.Physiology, n int) []int {
			return each(p.Impedance(n, 25), func(v int) int { return v / 10 })
		}},
	}
}

// mostPerSecond is how many samples the line carries in a second.
const mostPerSecond = 600

// start takes the waves that are wanted, as many as the line carries.
func (m *Monitor) start(now time.Time, kinds []byte) {
	m.waves, m.sampled = nil, now
	sum := 0
	for _, k := range kinds {
		if k == endOfList {
			return
		}
		for _, w := range waves() {
			if w.kind == k && sum+w.perSecond <= mostPerSecond {
				m.waves, sum = append(m.waves, w), sum+w.perSecond
			}
		}
	}
}

// block is how much of the waves one record carries: a fifth of a second, in
// which every rate has whole samples.
const block = 200 * time.Millisecond

// sample sends the blocks that are due; after a pause the waves have a gap.
func (m *Monitor) sample(now time.Time, out []byte) []byte {
	if len(m.waves) == 0 {
		m.sampled = now
		return out
	}
	gap := 0
	if now.Sub(m.sampled) > 2*time.Second {
		m.sampled, gap = now.Add(-block), 1
	}
	for ; !m.sampled.Add(block).After(now); m.sampled = m.sampled.Add(block) {
		var parts []part
		for _, w := range m.waves {
			n := w.perSecond / 5
			parts = append(parts, part{w.kind, append(words(n, gap, 0), words(w.samples(m.body, n)...)...)})
		}
		gap = 0
		out = m.send(now, out, mainWaves, "", parts...)
	}
	return out
}
