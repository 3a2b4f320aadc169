package pcap

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// packet makes an Ethernet frame with IPv4 and TCP or UDP; from and to are the
// last byte of the address.
func packet(protocol, from, to byte, fromPort, toPort uint16, flags byte, payload string) []byte {
	l4 := binary.BigEndian.AppendUint16(nil, fromPort)
	l4 = binary.BigEndian.AppendUint16(l4, toPort)
	if protocol == 6 {
		l4 = append(l4, make([]byte, 16)...)
		l4[12], l4[13] = 5<<4, flags
	} else {
		l4 = append(l4, 0, byte(8+len(payload)), 0, 0)
	}
	l4 = append(l4, payload...)
	ip := make([]byte, 20)
	ip[0], ip[8], ip[9] = 0x45, 64, protocol
	binary.BigEndian.PutUint16(ip[2:], uint16(20+len(l4)))
	copy(ip[12:], []byte{10, 1, 0, from})
	copy(ip[16:], []byte{10, 1, 0, to})
	frame := []byte{0, 0x11, 0x22, 0, 0, to, 0, 0x11, 0x22, 0, 0, from, 8, 0}
	return append(append(frame, ip...), l4...)
}

const syn, ack = 2, 16

// talk is a plain MLLP connection, a TLS one, one that nobody answered, a query
// by name and an ARP packet.
func talk() [][]byte {
	arp := append([]byte{255, 255, 255, 255, 255, 255, 0, 1, 2, 3, 4, 5, 8, 6}, make([]byte, 28)...)
	return [][]byte{
		packet(6, 7, 1, 50123, 2575, syn, ""), packet(6, 1, 7, 2575, 50123, syn|ack, ""), packet(6, 7, 1, 50123, 2575, ack, "\x0bMSH|^~\\&|"), packet(6, 1, 7, 2575, 50123, ack, "\x0bMSH|"),
		packet(6, 7, 1, 50124, 2575, syn, ""), packet(6, 1, 7, 2575, 50124, syn|ack, ""),
		packet(6, 9, 1, 50000, 8443, syn, ""), packet(6, 1, 9, 8443, 50000, syn|ack, ""), packet(6, 9, 1, 50000, 8443, ack, "\x16\x03\x01\x02\x00"),
		packet(6, 66, 1, 1000, 23, syn, ""),
		packet(17, 7, 2, 40000, 53, 0, "query"), packet(17, 2, 7, 53, 40000, 0, "answer"),
		packet(6, 2, 9, 80, 51000, ack, "HTTP/1.1 200 OK"), // from the middle of a connection
		arp,
	}
}

func classicFile(order binary.AppendByteOrder, frames [][]byte) []byte {
	b := order.AppendUint32(nil, microMagic)
	b = order.AppendUint16(order.AppendUint16(b, 2), 4)
	b = append(b, make([]byte, 8)...)
	b = order.AppendUint32(order.AppendUint32(b, 65535), linkEthernet)
	for i, f := range frames {
		b = order.AppendUint32(b, uint32(noon.Unix())+uint32(i))
		b = order.AppendUint32(b, 250_000)
		b = order.AppendUint32(order.AppendUint32(b, uint32(len(f))), uint32(len(f)))
		b = append(b, f...)
	}
	return b
}

func ngFile(order binary.AppendByteOrder, frames [][]byte) []byte {
	block := func(kind uint32, body []byte) []byte {
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		b := order.AppendUint32(order.AppendUint32(nil, kind), uint32(12+len(body)))
		return order.AppendUint32(append(b, body...), uint32(12+len(body)))
	}
	head := order.AppendUint32(nil, ngOrder)
	head = order.AppendUint16(order.AppendUint16(head, 1), 0)
	b := block(ngMagic, append(head, 255, 255, 255, 255, 255, 255, 255, 255))
	link := order.AppendUint32(order.AppendUint16(order.AppendUint16(nil, linkEthernet), 0), 65535)
	link = append(order.AppendUint16(order.AppendUint16(link, 9), 1), 9, 0, 0, 0) // nanoseconds
	b = append(b, block(1, append(link, 0, 0, 0, 0))...)
	b = append(b, block(5, make([]byte, 12))...) // statistics: passed over
	for i, f := range frames {
		ns := uint64(noon.UnixNano()) + uint64(i)*1e9 + 250e6
		body := order.AppendUint32(order.AppendUint32(order.AppendUint32(nil, 0), uint32(ns>>32)), uint32(ns))
		body = order.AppendUint32(order.AppendUint32(body, uint32(len(f))), uint32(len(f)))
		b = append(b, block(6, append(body, f...))...)
	}
	return b
}

func TestRead(t *testing.T) {
	for name, file := range map[string][]byte{
		"pcap, little": classicFile(binary.LittleEndian, talk()), "pcap, big": classicFile(binary.BigEndian, talk()),
		"pcapng, little": ngFile(binary.LittleEndian, talk()), "pcapng, big": ngFile(binary.BigEndian, talk()),
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Read(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Flows) != 4 || f.Unanswered != 1 || f.Ignored != 1 || f.Wrong != 0 || f.Rows != 5 {
				t.Fatalf("%+v", f)
			}
			at := func(n int) time.Time { return noon.Add(time.Duration(n)*time.Second + 250*time.Millisecond) }
			want := []model.Flow{
				{From: "10.1.0.7", To: "10.1.0.1", Port: 2575, Protocol: "tcp", App: "hl7v2", Encrypted: "no", First: at(1), Last: at(5), Count: 2},
				{From: "10.1.0.9", To: "10.1.0.1", Port: 8443, Protocol: "tcp", App: "tls", Encrypted: "yes", First: at(7), Last: at(8), Count: 1},
				{From: "10.1.0.7", To: "10.1.0.2", Port: 53, Protocol: "udp", App: "dns", Encrypted: "no", First: at(10), Last: at(11), Count: 1},
				{From: "10.1.0.9", To: "10.1.0.2", Port: 80, Protocol: "tcp", App: "http", Encrypted: "no", First: at(12), Last: at(12), Count: 1},
			}
			for i, w := range want {
				g := f.Flows[i]
				if g.FromMAC != "00:11:22:00:00:0"+w.From[len(w.From)-1:] || g.ToMAC != "00:11:22:00:00:0"+w.To[len(w.To)-1:] {
					t.Errorf("MAC addresses %s %s of %s %s", g.FromMAC, g.ToMAC, g.From, g.To)
				}
				g.FromMAC, g.ToMAC, w.Source = "", "", "pcap"
				g.First, g.Last = g.First.Round(time.Microsecond), g.Last.Round(time.Microsecond) // a double holds no more of nanoseconds
				if g != w {
					t.Errorf("got  %+v\nwant %+v", g, w)
				}
			}
		})
	}
}

// TestHostile: lengths that a file claims cost nothing; what breaks off is
// told of, and what came before counts.
func TestHostile(t *testing.T) {
	whole := classicFile(binary.LittleEndian, talk())
	f, err := Read(bytes.NewReader(whole[:len(whole)-100]))
	if err != nil || f.Wrong != 1 || len(f.Flows) != 4 && len(f.Flows) != 3 {
		t.Errorf("broken off: %+v, %v", f, err)
	}
	huge := bytes.Clone(whole)
	binary.LittleEndian.PutUint32(huge[24+8:], 1<<31)
	if f, err := Read(bytes.NewReader(huge)); err != nil || f.Wrong != 1 || len(f.Flows) != 0 {
		t.Errorf("huge: %+v, %v", f, err)
	}
	if _, err := Read(strings.NewReader("hello, world")); fault.CodeOf(err) != "imports.format" {
		t.Errorf("no capture: %v", err)
	}
}

func TestLinks(t *testing.T) {
	plain := packet(17, 7, 2, 40000, 123, 0, "time")[14:]
	tagged := append([]byte{0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 6, 0x88, 0xa8, 0, 5, 0x81, 0, 0, 7, 8, 0}, plain...)
	six := append([]byte{0x60, 0, 0, 0, 0, 20, 0, 64}, make([]byte, 32)...)
	six[8], six[24], six[23], six[39] = 0xfd, 0xfd, 1, 2
	six = append(six, 17, 0, 0, 0, 0, 0, 0, 0) // hop-by-hop, then UDP
	six = append(six, plain[20:]...)
	for _, c := range []struct {
		link uint16
		data []byte
	}{
		{linkEthernet, tagged}, {linkRaw, plain}, {linkIPv4, plain}, {linkNull, append([]byte{2, 0, 0, 0}, plain...)},
		{linkCooked, append(make([]byte, 16), plain...)}, {linkCooked2, append(make([]byte, 20), plain...)}, {linkIPv6, six},
	} {
		var p Packet
		if !p.read(&frame{at: noon, link: c.link, data: c.data}) || p.ToPort != 123 || string(p.Payload) != "time" {
			t.Errorf("link %d: %+v", c.link, p)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(classicFile(binary.LittleEndian, talk()))
	f.Add(classicFile(binary.BigEndian, talk()))
	f.Add(ngFile(binary.LittleEndian, talk()))
	f.Add(ngFile(binary.BigEndian, talk()))
	f.Fuzz(func(t *testing.T, b []byte) {
		one, err := Read(bytes.NewReader(b))
		if err != nil && fault.CodeOf(err) != "imports.format" || len(one.Flows) > len(b) {
			t.Error(err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	var many [][]byte
	for range 1000 {
		many = append(many, talk()...)
	}
	file := classicFile(binary.LittleEndian, many)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(bytes.NewReader(file)); err != nil {
			b.Fatal(err)
		}
	}
}
