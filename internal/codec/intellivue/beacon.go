package intellivue

import (
	"encoding/hex"
	"net/netip"
	"strings"

	"thalamus/internal/codec/mder"
	"thalamus/internal/fault"
)

// Ports of the network interface: monitors announce themselves to the one and
// talk at the other unless they say another (DEIPG "UDP Port Number").
const (
	BeaconPort = 24005
	DataPort   = 24105
)

// Beacon is how a monitor announces itself (connect indication event).
type Beacon struct {
	Address    netip.Addr // invalid where it names none
	MAC        string     // "0009FB…", empty where it names none
	Port       uint16     // of the Data Export protocol; 0: it offers none over UDP
	Attributes []Attribute
}

// applications and transports of NOM_ATTR_PCOL_SUPPORT.
const (
	protocolDataOut = 5 // AP_ID_DATA_OUT
	transportUDP    = 1 // TP_ID_UDP
)

// ParseBeacon reads a connect indication: the nomenclature's version, then an
// event report without confirmation.
func ParseBeacon(b []byte) (*Beacon, error) {
	r := read(b)
	r.U32("the header") // nomenclature: magic, major and minor version
	a, err := readOperation(r)
	if err != nil {
		return nil, err
	}
	if a.Kind != Invoke || a.Command != CommandEvent {
		return nil, fault.New(fault.Invalid, "intellivue.operation", "a connect indication is no event report")
	}
	e, err := ParseEvent(a.Body)
	if err != nil {
		return nil, err
	}
	if e.Type != EventConnect {
		return nil, fault.New(fault.Invalid, "intellivue.operation", "the event 0x%04X is no connect indication", e.Type)
	}
	in := read(e.Body)
	beacon := &Beacon{Attributes: readAttributes(in, "the monitor's attributes")}
	if err := in.End("the monitor's attributes"); err != nil {
		return nil, err
	}
	if net := find(beacon.Attributes, AttrNetAddress); len(net) >= 14 {
		beacon.MAC = strings.ToUpper(hex.EncodeToString(net[:6]))
		if ip := netip.AddrFrom4([4]byte(net[6:10])); !ip.IsUnspecified() {
			beacon.Address = ip
		}
	}
	p := read(find(beacon.Attributes, AttrProtocols))
	if p.Left() > 0 {
		p.List("the protocols", 8, func(r *mder.Reader) {
			application, transport, port := r.U16("a protocol"), r.U16("a protocol"), r.U16("a protocol")
			r.U16("a protocol")
			if application == protocolDataOut && transport == transportUDP && beacon.Port == 0 {
				beacon.Port = port
			}
		})
	}
	return beacon, p.Err
}

// nomenclature of a connect indication: version 1.0.
const nomenclature = 0x00000100

// BeaconBytes writes a connect indication with these attributes.
func BeaconBytes(attributes []Attribute) []byte {
	list := &mder.Writer{}
	writeAttributes(list, attributes)
	e := Event{Object: Object{Class: 0x0023}, Type: EventConnect, Body: list.B} // NOM_MOC_VMS_MDS_COMPOS_SINGLE_BED
	w := &mder.Writer{}
	w.U32(nomenclature)
	writeOperation(w, &APDU{Kind: Invoke, Command: CommandEvent, Body: e.Bytes()})
	return w.B
}
