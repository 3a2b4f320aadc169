// Package nmap reads what nmap wrote with -oX: which ports of which machines
// are open. An open port is a flow from anybody, because anybody who gets there
// may use it.
//
// Evidence: nmap.org/book/nmap-dtd.html: nmaprun/host/address (addrtype ipv4,
// ipv6, mac), ports/port (protocol, portid), state (open), service (name,
// tunnel="ssl", method table or probed).
package nmap

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/imports/flowset"
	"thalamus/internal/model"
)

// host is one machine while it is read.
type host struct {
	Start   string `xml:"starttime,attr"`
	End     string `xml:"endtime,attr"`
	Address []struct {
		Text string `xml:"addr,attr"`
		Kind string `xml:"addrtype,attr"`
	} `xml:"address"`
	Ports []port `xml:"ports>port"`
}

type port struct {
	Protocol string `xml:"protocol,attr"`
	Number   string `xml:"portid,attr"`
	State    struct {
		Text string `xml:"state,attr"`
	} `xml:"state"`
	Service struct {
		Name   string `xml:"name,attr"`
		Tunnel string `xml:"tunnel,attr"`
		Method string `xml:"method,attr"`
	} `xml:"service"`
}

// Read reads a scan. Machines that cannot be read are told of by their place.
// The error is fault.Invalid, code imports.format.
func Read(r io.Reader) (model.FlowFile, error) {
	set := flowset.New(model.FromNmap)
	d := xml.NewDecoder(r)
	var begun time.Time
	run, n := false, 0
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if !run {
				return model.FlowFile{}, noScan()
			}
			set.Bad(n+1, "the XML breaks off or is wrong at byte "+strconv.FormatInt(d.InputOffset(), 10)+"; nothing after it was read")
			break
		}
		e, ok := t.(xml.StartElement)
		switch {
		case !ok:
		case !run:
			if e.Name.Local != "nmaprun" {
				return model.FlowFile{}, noScan()
			}
			run = true
			for _, a := range e.Attr {
				if a.Name.Local == "start" {
					begun, _ = seconds(a.Value) // zero where it is missing: hosts may tell
				}
			}
		case e.Name.Local == "host":
			n++
			var h host
			if err := d.DecodeElement(&h, &e); err != nil {
				set.Bad(n, "the machine cannot be read: the XML breaks off or is wrong")
				continue
			}
			take(set, n, &h, begun)
		default:
			if err := d.Skip(); err != nil {
				set.Bad(n+1, "the XML breaks off or is wrong; nothing after it was read")
				return set.Done(), nil
			}
		}
	}
	if !run {
		return model.FlowFile{}, noScan()
	}
	return set.Done(), nil
}

func noScan() error {
	return fault.New(fault.Invalid, "imports.format", "this is no scan of nmap as XML; make one with nmap -oX").At("file")
}

func seconds(text string) (time.Time, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	return flowset.Unix(n, 0)
}

func take(set *flowset.Set, n int, h *host, begun time.Time) {
	at, ok := seconds(h.End)
	if !ok {
		at, ok = seconds(h.Start)
	}
	if !ok {
		at = begun
	}
	if at.IsZero() {
		set.Bad(n, "neither the machine nor the scan says when it was")
		return
	}
	var addresses []string
	mac := ""
	for _, a := range h.Address {
		if a.Kind == "mac" {
			mac = flowset.MAC(a.Text)
		} else if text, ok := flowset.Address(a.Text); ok {
			addresses = append(addresses, text)
		}
	}
	if len(addresses) == 0 {
		set.Bad(n, "the machine has no address")
		return
	}
	for _, p := range h.Ports {
		if p.State.Text != "open" { // closed and filtered ones let nobody in
			set.File.Ignored++
			continue
		}
		number, err := strconv.ParseUint(p.Number, 10, 16)
		if err != nil || p.Protocol == "" || len(p.Protocol) > 20 {
			set.Bad(n, "a port has no number or protocol")
			continue
		}
		app, encrypted := spoken(&p)
		for i, to := range addresses {
			f := model.Flow{From: model.FlowAny, To: to, Port: uint16(number), Protocol: strings.ToLower(p.Protocol), App: app, Encrypted: encrypted, ToMAC: mac, First: at, Last: at, Count: 1}
			if i == 0 {
				set.Add(f)
			} else {
				set.Widen(f)
			}
		}
	}
}

// spoken says what a port speaks. What was only looked up in nmap's table of
// ports (method table) says nothing of encryption.
func spoken(p *port) (app, encrypted string) {
	app = strings.ToLower(p.Service.Name)
	if len(app) > 40 || app == "unknown" {
		app = ""
	}
	if p.Service.Tunnel == "ssl" {
		return app, "yes"
	}
	if p.Service.Method != "table" {
		encrypted = flowset.Encrypted(app)
	}
	return app, encrypted
}
