package netflow

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

var (
	noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	be   = binary.BigEndian
)

// five makes a version 5 packet: a request and its answer.
func five() []byte {
	b := be.AppendUint16(be.AppendUint16(nil, 5), 2)
	b = be.AppendUint32(b, 100_000) // up for 100 s
	b = be.AppendUint32(b, uint32(noon.Unix()))
	b = append(b, make([]byte, 12)...)
	record := func(from, to byte, fromPort, toPort uint16, first, last uint32) {
		r := make([]byte, 48)
		copy(r, []byte{10, 1, 0, from, 10, 1, 0, to})
		be.PutUint32(r[24:], first)
		be.PutUint32(r[28:], last)
		be.PutUint16(r[32:], fromPort)
		be.PutUint16(r[34:], toPort)
		r[38] = 6
		b = append(b, r...)
	}
	record(7, 1, 50123, 2575, 40_000, 90_000)
	record(1, 7, 2575, 50123, 41_000, 91_000)
	return b
}

// set makes a flow set.
func set(id uint16, body ...byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	return append(be.AppendUint16(be.AppendUint16(nil, id), uint16(4+len(body))), body...)
}

func u16(list ...uint16) (b []byte) {
	for _, n := range list {
		b = be.AppendUint16(b, n)
	}
	return b
}

func nine() []byte {
	b := u16(9, 2)
	b = be.AppendUint32(be.AppendUint32(b, 100_000), uint32(noon.Unix()))
	b = be.AppendUint32(be.AppendUint32(b, 1), 77)
	b = append(b, set(0, u16(256, 7, 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 22, 4, 21, 4)...)...)
	b = append(b, set(1, u16(300, 4, 4, 1, 4, 34, 2)...)...) // options: passed over
	r := []byte{10, 1, 0, 9, 192, 0, 2, 1}
	r = append(append(r, u16(50000, 443)...), 6)
	r = be.AppendUint32(be.AppendUint32(r, 99_000), 99_500)
	return append(append(b, set(256, r...)...), set(300, 1, 2, 3, 4, 5, 6)...)
}

func ipfix() []byte {
	body := set(2, append(append(u16(400, 8), u16(27, 16, 28, 16, 7, 2, 11, 2, 4, 1, 152, 8, 0x8001, 4)...), append([]byte{0, 0, 0x72, 0x79}, u16(82, variable)...)...)...)
	r := make([]byte, 32)
	r[0], r[15], r[16], r[31] = 0xfd, 1, 0xfd, 2
	r = append(append(r, u16(40000, 53)...), 17)
	r = be.AppendUint64(r, uint64(noon.UnixMilli()))
	r = append(r, 1, 2, 3, 4)            // of an enterprise
	r = append(r, 4, 'e', 't', 'h', '0') // of variable length
	body = append(body, set(400, r...)...)
	b := u16(10, uint16(16+len(body)))
	b = be.AppendUint32(be.AppendUint32(be.AppendUint32(b, uint32(noon.Unix())), 1), 7)
	return append(b, body...)
}

func TestRead(t *testing.T) {
	file := bytes.Join([][]byte{five(), nine(), ipfix(), nine()}, nil)
	want := []model.Flow{
		{From: "10.1.0.7", To: "10.1.0.1", Port: 2575, Protocol: "tcp", App: "hl7v2", First: noon.Add(-60 * time.Second), Last: noon.Add(-9 * time.Second), Count: 1, Source: "netflow"},
		{From: "10.1.0.9", To: "192.0.2.1", Port: 443, Protocol: "tcp", App: "https", First: noon.Add(-time.Second), Last: noon.Add(-500 * time.Millisecond), Count: 2, Source: "netflow"},
		{From: "fd00::1", To: "fd00::2", Port: 53, Protocol: "udp", App: "dns", First: noon, Last: noon, Count: 1, Source: "netflow"},
	}
	for name, file := range map[string][]byte{"a file of packets": file, "a capture": captured(five(), nine(), ipfix(), nine())} {
		f, err := Read(bytes.NewReader(file))
		if err != nil || f.Wrong > 0 || f.Rows != 5 || len(f.Flows) != len(want) {
			t.Fatalf("%s: %+v, %v", name, f, err)
		}
		for i := range want {
			if f.Flows[i] != want[i] {
				t.Errorf("%s\ngot  %+v\nwant %+v", name, f.Flows[i], want[i])
			}
		}
	}
}

// captured is the packets as UDP in a capture of raw IP.
func captured(packets ...[]byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, make([]byte, 16)...)
	b = le.AppendUint32(b, 101)
	for _, p := range packets {
		ip := make([]byte, 20)
		ip[0], ip[9], ip[12], ip[16] = 0x45, 17, 10, 11
		be.PutUint16(ip[2:], uint16(28+len(p)))
		whole := append(append(ip, u16(5000, 2055, uint16(8+len(p)), 0)...), p...)
		b = le.AppendUint32(le.AppendUint32(b, uint32(noon.Unix())), 0)
		b = le.AppendUint32(le.AppendUint32(b, uint32(len(whole))), uint32(len(whole)))
		b = append(b, whole...)
	}
	return b
}

// softflowd counts from when it started and tells that as an option; other
// exporters tell times to the microsecond, before the export, or not at all.
func TestTimesOfIPFIX(t *testing.T) {
	u64 := func(n uint64) []byte { return be.AppendUint64(nil, n) }
	u32 := func(n ...uint32) (b []byte) {
		for _, one := range n {
			b = be.AppendUint32(b, one)
		}
		return b
	}
	message := func(sets ...[]byte) []byte {
		body := bytes.Join(sets, nil)
		b := u16(10, uint16(16+len(body)))
		return append(append(b, u32(uint32(noon.Unix()), 1, 7)...), body...)
	}
	ends := append([]byte{10, 1, 0, 9, 192, 0, 2, 1}, append(u16(50000, 443), 6)...)
	flow := func(fields []uint16, times []byte) []byte {
		head := append(u16(400, uint16(5+len(fields)/2)), u16(8, 4, 12, 4, 7, 2, 11, 2, 4, 1)...)
		return append(set(2, append(head, u16(fields...)...)...), set(400, append(bytes.Clone(ends), times...)...)...)
	}
	started := append(set(3, u16(256, 2, 1, 149, 4, 160, 8)...), set(256, append(u32(7), u64(uint64(noon.Add(-60*24*time.Hour).UnixMilli()))...)...)...)
	day := uint32(24 * time.Hour / time.Millisecond)
	for name, c := range map[string]struct {
		message     []byte
		first, last time.Time
	}{
		"since it started, wrapped": {message(started, flow([]uint16{22, 4, 21, 4}, u32(59*day, 59*day+5000))), noon.Add(-24 * time.Hour), noon.Add(-24*time.Hour + 5*time.Second)},
		"that not told":             {message(flow([]uint16{22, 4, 21, 4}, u32(1000, 2000))), noon, noon},
		"not told at all":           {message(flow(nil, nil)), noon, noon},
		"before the export":         {message(flow([]uint16{158, 4, 159, 4}, u32(3_000_000, 1_000_000))), noon.Add(-3 * time.Second), noon.Add(-time.Second)},
		"microseconds":              {message(flow([]uint16{154, 8, 155, 8}, append(u32(uint32(noon.Unix()+2_208_988_800-2), 1<<31), u32(uint32(noon.Unix()+2_208_988_800-1), 0)...))), noon.Add(-1500 * time.Millisecond), noon.Add(-time.Second)},
	} {
		f, err := Read(bytes.NewReader(c.message))
		if err != nil || f.Wrong > 0 || len(f.Flows) != 1 || !f.Flows[0].First.Equal(c.first) || !f.Flows[0].Last.Equal(c.last) {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

func TestDamage(t *testing.T) {
	if _, err := Read(strings.NewReader("this is no such file at all")); fault.CodeOf(err) != "imports.format" {
		t.Error(err)
	}
	early := nine()
	early = append(early[:20:20], early[20+36+16:]...) // without its templates
	f, err := Read(bytes.NewReader(append(five(), early...)))
	if err != nil || f.Wrong == 0 || len(f.Flows) != 1 {
		t.Errorf("records before their template: %+v, %v", f, err)
	}
	f, err = Read(bytes.NewReader(append(five(), ipfix()[:40]...)))
	if err != nil || f.Wrong == 0 || len(f.Flows) != 1 {
		t.Errorf("broken off: %+v, %v", f, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(five())
	f.Add(nine())
	f.Add(ipfix())
	f.Add(captured(five(), nine(), ipfix()))
	f.Fuzz(func(t *testing.T, b []byte) {
		one, err := Read(bytes.NewReader(b))
		if err != nil && fault.CodeOf(err) != "imports.format" || len(one.Flows) > len(b) {
			t.Error(err)
		}
	})
}
