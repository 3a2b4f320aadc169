package intellivue

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"math"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// Messages of clients as published: the association request of PIPG p. 298 to
// 304 and what programs that read real monitors send.
const (
	request = "0DEC050813010016010280001402000 2C1DC3180A0808001010000A280A003000001A4803080020101060452010001308006025101000000003080020102060C" +
		"2A8648CE14020100000001013080060C2A8648CE140201000000020100000000000061803080020101A0806080A180060C2A8648CE14020100000003010000BE" +
		"80288 0060C2A8648CE140201000000010102010281488000000040000000000000008000000020000000000000000001002C0001002880000000000009C40000" +
		"09C4000003E8FFFFFFFF600000000001000CF00100088C0000000000000000000000000000000000000000000000"
	createResult  = "E10000020002001400010001000E0021000000000 00ABD000D060000"
	pollMDS       = "E10000020001001C0000000700160021000000000000000 00C160008000100010021 0000"
	pollNumerics  = "E10000020001001C00000007001600210000000000000000 0C16000800010001 00060000"
	pollPatient   = "E10000020001001C00060007001600210000000000000000 0C16000800050001 002A0807"
	keepAlive     = "E10000020001001C00080007001600210000000000000000 0C16000800070001 00360811"
	extNumerics   = "E1000002000100280003000700220021000000000000000 0F13B00140002000100060000 00010008F13E000400493E00"
	extWave       = "E1000002000100280004000700220021000000000000000 0F13B00140003000100090000 00010008F13E000400493E00"
	extAlerts     = "E1000002000100280005000700220021000000000000000 0F13B00140004000100360801 00010008F13E000400493E00"
	getPriorities = "E1000002000100160000000300100021000000000000000000010002F23A"
	setPriorities = "E10000020001002200000005001C00210000000000000000 0001000E0000F23A0008000100040002 0102"
	release       = "0918C11661803080020101A08062808001000000000000000000"
)

func packet(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	client = netip.MustParseAddrPort("192.0.2.9:30001")
	other  = netip.MustParseAddrPort("192.0.2.10:30001")
	began  = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

// seen is what a client of our own reads out of a result.
type seen struct {
	class, group uint16
	sequence     uint16
	linked       bool
	objects      map[uint16]map[uint16][]byte // handle → attribute → value
	ticks        uint32
}

// read takes a result apart by the structures of PIPG p. 43 to 62, checking
// every length.
func read(t *testing.T, b []byte) (s seen) {
	t.Helper()
	r := reader{b: b}
	if r.u16() != 0xE100 || r.u16() != 2 {
		t.Fatalf("no session: %x", b)
	}
	kind := r.u16()
	if int(r.u16()) != len(r.b) {
		t.Fatalf("length of the operation: %x", b)
	}
	if kind == roLinked {
		s.linked = true
		r.u16()
	}
	r.u16()
	if command := r.u16(); command != cmdAction || int(r.u16()) != len(r.b) {
		t.Fatalf("command %d or its length: %x", command, b)
	}
	r.take(6)
	action := r.u16()
	if int(r.u16()) != len(r.b) {
		t.Fatalf("length of the action: %x", b)
	}
	r.u16()
	if action == actionPollExt {
		s.sequence = r.u16()
	}
	s.ticks = r.u32()
	if !bytes.Equal(r.take(8), bytes.Repeat([]byte{0xFF}, 8)) || r.u16() != partObject {
		t.Fatalf("time or partition: %x", b)
	}
	s.class, s.group = r.u16(), r.u16()
	s.objects = map[uint16]map[uint16][]byte{}
	contexts := r.u16()
	if int(r.u16()) != len(r.b) || contexts != 1 {
		t.Fatalf("length of the contexts: %x", b)
	}
	r.u16()
	count := r.u16()
	if int(r.u16()) != len(r.b) {
		t.Fatalf("length of the observations: %x", b)
	}
	for range count {
		handle := r.u16()
		s.objects[handle] = r.attributes()
	}
	if r.bad || len(r.b) != 0 {
		t.Fatalf("%d bytes too many or few: %x", len(r.b), b)
	}
	return s
}

func number32(b []byte) float64 {
	v := binary.BigEndian.Uint32(b)
	if v == notANumber {
		return math.NaN()
	}
	return float64(int32(v<<8)>>8) * math.Pow10(int(int8(v>>24)))
}

func words(b []byte) string {
	var u []uint16
	for b = b[2:]; len(b) > 2; b = b[2:] {
		u = append(u, binary.BigEndian.Uint16(b))
	}
	return string(utf16.Decode(u))
}

// associated gives a monitor whose client has an association.
func associated(t *testing.T, names ...string) *Monitor {
	t.Helper()
	m := New(sim.Beds("ICU", 2)[1], began)
	m.Plan = faults.Set(names).Plan()
	out := m.Receive(began, client, packet(t, request))
	if len(out) != 2 || out[0].Bytes[0] != sessionAccept || out[0].To != client {
		t.Fatalf("no acceptance: %x", out)
	}
	m.Receive(began, client, packet(t, createResult))
	return m
}

func TestAssociation(t *testing.T) {
	m := New(sim.Beds("ICU", 2)[1], began)
	out := m.Receive(began, client, packet(t, request))
	if len(out) != 2 {
		t.Fatal(len(out))
	}
	accept := out[0].Bytes
	if accept[0] != 0x0E || int(accept[1]) != len(accept)-2 && accept[1] != 0xFF {
		t.Errorf("header %x", accept[:4])
	}
	at := bytes.Index(accept, []byte{0xBE, 0x80, 0x28, 0x80, 0x02, 0x01, 0x02, 0x81}) // PIPG p. 73
	if at < 0 || !bytes.Equal(accept[len(accept)-16:], make([]byte, 16)) {
		t.Fatalf("neither begin nor end of the user's part: %x", accept)
	}
	user := accept[at+8 : len(accept)-16]
	if user[0] == 0x81 {
		user = user[1:]
	}
	if int(user[0]) != len(user)-1 {
		t.Errorf("ASN length %d of %d", user[0], len(user)-1)
	}
	if !bytes.Contains(user, packet(t, "F00100088800000000000000")) {
		t.Errorf("waves are not granted: %x", user)
	}
	create := reader{b: out[1].Bytes}
	create.take(4)
	if kind, length := create.u16(), int(create.u16()); kind != roInvoke || length != len(create.b) {
		t.Fatalf("creation: %x", out[1].Bytes)
	}
	create.u16()
	if create.u16() != cmdConfirmedEvent || int(create.u16()) != len(create.b) {
		t.Fatalf("creation: %x", out[1].Bytes)
	}
	create.take(10)
	if create.u16() != eventMDSCreate || int(create.u16()) != len(create.b) {
		t.Fatalf("creation: %x", out[1].Bytes)
	}
	create.take(6)
	about := create.attributes()
	if create.bad || len(create.b) != 0 || words(about[attrBedLabel]) != "ICU 2" || !bytes.Equal(about[attrTimeAbs], packet(t, "2026112112000000")) {
		t.Errorf("%x", about)
	}
	if !strings.Contains(string(about[attrModel]), "Thalamus Simulation\x00") || !strings.Contains(string(about[attrProduction]), "DE") {
		t.Errorf("model %q, production %q", about[attrModel], about[attrProduction])
	}
	if out := m.Receive(began, other, packet(t, request)); len(out) != 1 || out[0].Bytes[0] != sessionRefuse || out[0].To != other {
		t.Errorf("a second client got %x", out)
	}
	if out := m.Receive(began, client, packet(t, release)); out != nil {
		t.Errorf("a release before the creation was confirmed got %x", out)
	}
	m.Receive(began, client, packet(t, createResult))
	if out := m.Receive(began, client, packet(t, release)); len(out) != 1 || hex.EncodeToString(out[0].Bytes) != "0a18c11661803080020101a08063808001000000000000000000" {
		t.Errorf("release got %x", out)
	}
	if out := m.Receive(began, other, packet(t, request)); len(out) != 2 {
		t.Errorf("after the release: %x", out)
	}
}

func TestBeacon(t *testing.T) {
	m := New(sim.Beds("ICU", 1)[0], began)
	m.Address = netip.MustParseAddrPort("192.0.2.44:24105")
	r := reader{b: m.Beacon(began)}
	if r.u32() != 0x00000100 || r.u16() != roInvoke || int(r.u16()) != len(r.b) {
		t.Fatalf("%x", m.Beacon(began))
	}
	r.u16()
	if r.u16() != cmdEvent || int(r.u16()) != len(r.b) {
		t.Fatal("event")
	}
	r.take(10)
	if r.u16() != eventConnect || int(r.u16()) != len(r.b) {
		t.Fatal("connect indication")
	}
	about := r.attributes()
	if !bytes.Equal(about[attrProtocols], packet(t, "00020010 000100015E290000 000500015E290000")) || !bytes.Equal(about[attrNetAddress][6:10], []byte{192, 0, 2, 44}) {
		t.Errorf("%x", about)
	}
}

func TestSinglePolls(t *testing.T) {
	m := associated(t)
	now := began.Add(5 * time.Second)
	s := seen{objects: map[uint16]map[uint16][]byte{}}
	out := m.Receive(now, client, packet(t, pollNumerics))
	for i, p := range out {
		if len(p.Bytes) > 1000 {
			t.Errorf("%d bytes, 1000 agreed", len(p.Bytes))
		}
		one := read(t, p.Bytes)
		if one.linked != (i < len(out)-1) {
			t.Errorf("part %d of %d: linked %v", i, len(out), one.linked)
		}
		for h, a := range one.objects {
			s.objects[h] = a
		}
	}
	heart := s.objects[0x0101]
	if v := number32(heart[attrNumeric][6:]); v != float64(m.vitals.HeartPerMin) || !bytes.Equal(heart[attrNumeric][:6], packet(t, "4182 0000 0AA0")) {
		t.Errorf("heart rate %v: %x", v, heart[attrNumeric])
	}
	if !bytes.Equal(heart[attrLabel], packet(t, "00024182")) || words(heart[attrLabelString]) != "HR" {
		t.Errorf("%x", heart)
	}
	pressure := s.objects[0x0106][attrCompound]
	if !bytes.HasPrefix(pressure, packet(t, "0003001E4A15")) || number32(pressure[10:]) != float64(m.vitals.SysMmHg) {
		t.Errorf("pressure %x", pressure)
	}
	if v := number32(s.objects[0x0108][attrNumeric][6:]); math.Abs(v-float64(m.vitals.TempTenthCel)/10) > 1e-9 {
		t.Errorf("temperature %v", v)
	}
	who := read(t, m.Receive(now, client, packet(t, pollPatient))[0].Bytes).objects[0x0301]
	if words(who[attrPatFamily]) != m.Bed.Patient.Family || words(who[attrPatID]) != m.Bed.Patient.MRN || !bytes.Equal(who[attrPatSex], []byte{0, 1}) || !bytes.Equal(who[attrPatState], []byte{0, 2}) {
		t.Errorf("%x", who)
	}
	if itself := read(t, m.Receive(now, client, packet(t, pollMDS))[0].Bytes).objects[0]; binary.BigEndian.Uint32(itself[attrTimeRel]) != 5*ticksSecond {
		t.Errorf("%x", itself)
	}
	if alive := read(t, m.Receive(now, client, packet(t, keepAlive))[0].Bytes).objects[0x0401]; alive == nil || alive[attrPAlarms] != nil {
		t.Errorf("%x", alive)
	}
	wrong := packet(t, pollNumerics)
	wrong[len(wrong)-3] = 0x07
	if out := m.Receive(now, client, wrong); len(out) != 1 || binary.BigEndian.Uint16(out[0].Bytes[4:]) != roError {
		t.Errorf("an unknown class got %x", out)
	}
}

func TestExtendedPolls(t *testing.T) {
	m := associated(t)
	blocks := map[uint16]int{}
	var sequence, alerts, values int
	context := map[uint16]bool{}
	last := uint32(0)
	take := func(out []Packet) {
		for _, p := range out {
			s := read(t, p.Bytes)
			switch s.class {
			case classAlerts:
				alerts++
			case classNumeric:
				values++
			case classWave:
				if int(s.sequence) != sequence {
					t.Errorf("sequence %d after %d", s.sequence, sequence)
				}
				sequence++
				for h, a := range s.objects {
					if raw := a[attrSamples]; raw != nil {
						blocks[h] += int(binary.BigEndian.Uint16(raw[4:])) / 2
						if last != 0 && s.ticks != last+blockTicks {
							t.Errorf("block at %d after %d", s.ticks, last)
						}
					}
					if a[attrScale] != nil {
						context[h] = true
					}
				}
				if s.sequence > 0 {
					last = s.ticks
				}
			}
		}
	}
	for _, poll := range []string{extWave, extNumerics, extAlerts} {
		take(m.Receive(began, client, packet(t, poll)))
	}
	for at := began; at.Before(began.Add(30 * time.Second)); at = at.Add(20 * time.Millisecond) {
		take(m.Tick(at))
		if at.Sub(began)%(5*time.Second) == 0 {
			m.Receive(at, client, packet(t, keepAlive))
		}
	}
	if blocks[0x0201] < 29*500 || blocks[0x0202] < 29*125 || blocks[0x0204] < 29*62 || alerts < 29 || values < 29 || len(context) != 4 {
		t.Errorf("samples %v, alerts %d, numerics %d, contexts %v", blocks, alerts, values, context)
	}
	if out := m.Receive(began.Add(30*time.Second), client, packet(t, setPriorities)); len(out) != 1 || !bytes.HasSuffix(out[0].Bytes, packet(t, "F23A 0008 0001 0004 00020102")) {
		t.Errorf("priorities: %x", out)
	}
	blocks = map[uint16]int{}
	take(m.Tick(began.Add(31 * time.Second)))
	if blocks[0x0201] == 0 || blocks[0x0202] != 0 {
		t.Errorf("only lead II was wanted: %v", blocks)
	}
	if out := m.Receive(began.Add(31*time.Second), client, packet(t, getPriorities)); !bytes.HasSuffix(out[0].Bytes, packet(t, "00020102")) {
		t.Errorf("priorities: %x", out)
	}
}

func TestAbortsWhoSaysNothing(t *testing.T) {
	m := associated(t)
	if out := m.Tick(began.Add(9 * time.Second)); out != nil {
		t.Errorf("after 9 s: %x", out)
	}
	if out := m.Tick(began.Add(11 * time.Second)); len(out) != 1 || out[0].Bytes[0] != sessionAbort {
		t.Errorf("after 11 s: %x", out)
	}
	m = New(sim.Beds("ICU", 1)[0], began)
	m.Receive(began, client, packet(t, request))
	told, aborted := 0, false
	for at := began; at.Before(began.Add(12 * time.Second)); at = at.Add(100 * time.Millisecond) {
		for _, p := range m.Tick(at) {
			told, aborted = told+1, p.Bytes[0] == sessionAbort
		}
	}
	if told != 3 || !aborted {
		t.Errorf("an unconfirmed creation: told %d times more, aborted %v", told, aborted)
	}
}

func TestFaultsAreSeen(t *testing.T) {
	kind, ok := faults.KindOf("intellivue")
	if !ok {
		t.Fatal("the kind is not in the list of faults")
	}
	for _, name := range kind.All() {
		m := associated(t, name)
		var sent [][]byte
		nan, high, invalid, sensor := false, false, false, false
		for i := range 12 {
			at := began.Add(time.Duration(i) * 300 * time.Millisecond)
			for _, p := range m.Receive(at, client, packet(t, strings.Replace(pollNumerics, "00060000", "00060803", 1))) {
				sent = append(sent, p.Bytes)
				if name == faults.HalfFrame || name == faults.Garbage || p.Bytes[0] == sessionAbort {
					continue
				}
				s := read(t, p.Bytes)
				v := number32(s.objects[0x0101][attrNumeric][6:])
				nan, high = nan || math.IsNaN(v), high || v == 999
				invalid = invalid || s.objects[0x0103][attrNumeric][2] == 0x80
			}
			for _, a := range m.alarms {
				sensor = sensor || a.code == alertSensorOff
			}
		}
		if m.Count.Faults == 0 {
			t.Errorf("%s: never", name)
		}
		ok := true
		switch name {
		case faults.SensorOff:
			ok = invalid && sensor
		case faults.HalfFrame:
			ok = len(sent[4]) < len(sent[3])*2/3
		case faults.Garbage, faults.Duplicate:
			ok = len(sent) == 14
		case faults.Dropped:
			ok = len(sent) == 10
		case faults.Unplugged:
			ok = len(sent) == 4
		case faults.Reset, faults.BegunAnew:
			ok = len(sent) == 6 && sent[5][0] == sessionAbort
		case faults.NaN:
			ok = nan
		case faults.OutOfRange:
			ok = high
		case faults.ClockJump:
			ok = m.clock < 0
		}
		if !ok {
			t.Errorf("%s is not seen in %d datagrams", name, len(sent))
		}
	}
}

func TestWardOverSockets(t *testing.T) {
	beacons, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer beacons.Close()
	w := &Ward{Listen: "127.0.0.1:0", Beacon: beacons.LocalAddr().String(), Beds: 2}
	if err := w.Open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { w.Run(ctx, 0); close(done) }()
	defer func() { cancel(); <-done }()
	buffer := make([]byte, 2000)
	_ = beacons.SetReadDeadline(time.Now().Add(60 * time.Second))
	if n, _, err := beacons.ReadFrom(buffer); err != nil || !bytes.HasPrefix(buffer[:n], []byte{0, 0, 1, 0, 0, 1}) {
		t.Fatalf("beacon %x: %v", buffer[:n], err)
	}
	conn, err := net.Dial("udp", w.Addresses()[1].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(60 * time.Second))
	ask := func(text string) byte {
		if _, err := conn.Write(packet(t, text)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buffer)
		if err != nil || n == 0 {
			t.Fatal(err)
		}
		return buffer[0]
	}
	if got := ask(request); got != sessionAccept {
		t.Fatalf("%x", got)
	}
	if n, err := conn.Read(buffer); err != nil || buffer[0] != sessionExport {
		t.Fatalf("%x: %v", buffer[:n], err)
	}
	if _, err := conn.Write(packet(t, createResult)); err != nil {
		t.Fatal(err)
	}
	if got := ask(pollMDS); got != sessionExport {
		t.Errorf("%x", got)
	}
	if got := ask(release); got != sessionDisconnect {
		t.Errorf("%x", got)
	}
	if c := w.Count(); c.Associations != 1 || c.Results == 0 {
		t.Errorf("%+v", c)
	}
}

func TestWardRefusesAnAddressThatIsNone(t *testing.T) {
	if err := (&Ward{Listen: "nowhere", Beds: 1}).Open(); err == nil {
		t.Error("an address that is none was taken")
	}
}

func FuzzReceive(f *testing.F) {
	for _, text := range []string{request, createResult, pollMDS, pollNumerics, extWave, getPriorities, setPriorities, release} {
		b, _ := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		f.Add(b)
	}
	req, _ := hex.DecodeString(strings.ReplaceAll(request, " ", ""))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := New(sim.Beds("ICU", 1)[0], began)
		m.Receive(began, client, req)
		for _, p := range m.Receive(began, client, b) {
			if len(p.Bytes) > maxTransfer {
				t.Errorf("%d bytes", len(p.Bytes))
			}
		}
		m.Tick(began.Add(time.Second))
	})
}
