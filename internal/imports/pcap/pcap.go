// Package pcap reads captures of tcpdump and Wireshark, pcap and pcapng, and
// tells which flows are in them: who began, which port answered, what was
// spoken and whether it was encrypted, as far as the packets show it. It keeps
// nothing of what they carry.
//
// It is a small reader of our own, because a capture is hostile input: its cost
// is bounded whatever lengths a file claims (decision 0115).
package pcap

import (
	"errors"
	"io"
	"net/netip"

	"thalamus/internal/imports/flowset"
	"thalamus/internal/model"
)

// mostConversations bounds what is remembered of single connections.
const mostConversations = 100_000

// conversation is both ways of one connection.
type conversation struct {
	a, b   netip.AddrPort
	number uint8
}

// Packets calls each for every IP packet of a capture. read counts packets,
// ignored those that are not IP; broken says that the file breaks off.
func Packets(r io.Reader, each func(p *Packet)) (read, ignored int, broken bool, err error) {
	var p Packet
	err = frames(r, func(f *frame) {
		read++
		if p.read(f) && !p.At.IsZero() {
			each(&p)
		} else {
			ignored++
		}
	})
	if errors.Is(err, errBroken) {
		return read, ignored, true, nil
	}
	return read, ignored, false, err
}

// Read reads a capture. The error is fault.Invalid, code imports.format.
func Read(r io.Reader) (model.FlowFile, error) {
	set := flowset.New(model.FromPcap)
	began := map[conversation]netip.AddrPort{} // who began, for what was seen from its beginning
	answered := map[conversation]bool{}
	read, ignored, broken, err := Packets(r, func(p *Packet) {
		if p.To.IsMulticast() || p.To == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
			ofGroup(set, p)
			return
		}
		from, to := netip.AddrPortFrom(p.From.Unmap(), p.FromPort), netip.AddrPortFrom(p.To.Unmap(), p.ToPort)
		c := conversation{from, to, p.Protocol}
		if to.Compare(from) < 0 {
			c.a, c.b = to, from
		}
		who, known := began[c]
		fresh := !known
		switch {
		case p.Protocol == 6 && p.SYN && !p.ACK:
			who, fresh = from, !known
		case p.Protocol == 6 && p.SYN:
			who, fresh = to, !known
		case known:
		case flowset.Serves(p.FromPort, p.ToPort):
			who = to
		default:
			who = from
		}
		if fresh && len(began) >= mostConversations {
			fresh = false
		} else if fresh || who != began[c] {
			began[c] = who
		}
		if p.Protocol == 6 && p.SYN && !p.ACK {
			return // an attempt; it becomes a flow when somebody answers
		}
		f := model.Flow{
			From: p.From.Unmap().String(), To: p.To.Unmap().String(), Port: p.ToPort, Protocol: flowset.Protocol(p.Protocol),
			FromMAC: p.FromMAC, ToMAC: p.ToMAC, First: p.At, Last: p.At,
		}
		if who == to && who != from {
			f.From, f.To, f.Port, f.FromMAC, f.ToMAC = f.To, f.From, p.FromPort, p.ToMAC, p.FromMAC
		}
		f.App = spoken(p.Payload)
		f.Encrypted = flowset.Encrypted(f.App)
		if f.App == "" && p.Protocol == 17 {
			f.App = flowset.ByPort("udp", f.Port)
			f.Encrypted = flowset.Encrypted(f.App)
		}
		if !answered[c] {
			if len(answered) < mostConversations {
				answered[c] = true
				f.Count = 1
			}
			set.Add(f)
			return
		}
		set.Widen(f)
	})
	if err != nil {
		return model.FlowFile{}, err
	}
	set.File.Ignored += ignored
	for c := range began {
		if !answered[c] {
			set.File.Unanswered++
		}
	}
	if broken {
		set.Bad(read+1, "the capture breaks off or is damaged; nothing after it was read")
	}
	done := set.Done()
	for i := range done.Flows {
		if f := &done.Flows[i]; f.App == "" {
			f.App = flowset.ByPort(f.Protocol, f.Port) // a guess, which says nothing of encryption
		}
	}
	return done, nil
}

// ofGroup takes what is sent to many.
func ofGroup(set *flowset.Set, p *Packet) {
	app := ""
	if p.Protocol == 17 {
		app = flowset.ByPort("udp", p.ToPort)
	}
	set.Add(model.Flow{
		From: p.From.Unmap().String(), To: p.To.Unmap().String(), Port: p.ToPort, Protocol: flowset.Protocol(p.Protocol), App: app,
		Encrypted: flowset.Encrypted(app), FromMAC: p.FromMAC, First: p.At, Last: p.At, Count: 1,
	})
}
