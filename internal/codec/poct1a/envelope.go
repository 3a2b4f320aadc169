package poct1a

import (
	"strconv"
	"strings"
)

// Envelope is what an observation reviewer needs to know of a document to
// answer it (POCT1-A2 appendix B, the device messaging layer).
type Envelope struct {
	Type      string // "OBS.R01"
	ControlID string // HDR.control_id
	// Of an ACK.R01.
	Acknowledges string // ACK.ack_control_id
	Accepted     bool   // ACK.type_cd is AA
	// Of a DST.R01; -1 where it does not say.
	Observations, Events int
	Topic                string   // of an EOT.R01
	Device               Identity // of a HEL.R01
	Topics, Directives   []string // that the device supports, of a HEL.R01
}

// Kind is the type without its version: "OBS".
func (e *Envelope) Kind() string {
	kind, _, _ := strings.Cut(e.Type, ".")
	return kind
}

// Identity is what a HEL.R01 says of the device, in short.
type Identity struct {
	ID, Vendor, Manufacturer, Model, Name, Serial, Hardware, Software string
}

// ReadEnvelope reads the envelope of a document.
func ReadEnvelope(b []byte) (e Envelope, err error) {
	root, err := Parse(b)
	if err != nil {
		return e, err
	}
	e.Type, e.ControlID = root.Name, root.Kid("HDR").Value("HDR.control_id")
	e.Observations, e.Events = -1, -1
	switch e.Kind() {
	case "ACK":
		ack := root.Kid("ACK")
		e.Acknowledges, e.Accepted = ack.Value("ACK.ack_control_id"), ack.Value("ACK.type_cd") == "AA"
		if e.Acknowledges == "" {
			e.Acknowledges = ack.Value("ACK.control_id")
		}
	case "DST":
		dst := root.Kid("DST")
		e.Observations, e.Events = count(dst, "DST.new_observations_qty"), count(dst, "DST.new_events_qty")
	case "EOT":
		e.Topic = root.Kid("EOT").Value("EOT.topic_cd")
	case "HEL":
		e.Device = identityOf(root.Kid("DEV"))
		dsc := root.Kid("DEV").Kid("DSC")
		if dsc == nil {
			dsc = root.Kid("DSC")
		}
		for _, n := range dsc.All("DSC.topics_supported_cd") {
			e.Topics = append(e.Topics, n.V)
		}
		for _, n := range dsc.All("DSC.directives_supported_cd") {
			e.Directives = append(e.Directives, n.V)
		}
	}
	return e, nil
}

func count(n *Node, name string) int {
	v, err := strconv.Atoi(n.Value(name))
	if err != nil || v < 0 {
		return -1
	}
	return v
}

func identityOf(dev *Node) Identity {
	return Identity{
		ID: dev.Value("DEV.device_id"), Vendor: dev.Value("DEV.vendor_id"), Manufacturer: dev.Value("DEV.manufacturer_name"), Model: dev.Value("DEV.model_id"),
		Name: dev.Value("DEV.device_name"), Serial: dev.Value("DEV.serial_id"), Hardware: dev.Value("DEV.hw_version"), Software: dev.Value("DEV.sw_version"),
	}
}

// said are the names under which a link says an identity, and where it stands.
func (i *Identity) said() []struct {
	name string
	to   *string
} {
	return []struct {
		name string
		to   *string
	}{
		{"poct1a-device", &i.ID}, {"poct1a-vendor", &i.Vendor}, {"poct1a-manufacturer", &i.Manufacturer}, {"poct1a-model", &i.Model},
		{"poct1a-name", &i.Name}, {"poct1a-serial", &i.Serial}, {"poct1a-hardware", &i.Hardware}, {"poct1a-software", &i.Software},
	}
}

// Lines says the identity in lines of Frame.Properties, "poct1a-serial: 4711".
func (i Identity) Lines() (out []string) {
	for _, f := range i.said() {
		if t := clip(strings.Join(strings.Fields(*f.to), " ")); t != "" {
			out = append(out, f.name+": "+t)
		}
	}
	return out
}

// maxWord bounds what is taken over of a device's own words.
const maxWord = 200

func clip(s string) string {
	if len(s) > maxWord {
		return strings.ToValidUTF8(s[:maxWord], "")
	}
	return s
}

// identityIn reads such lines.
func identityIn(properties string) (i Identity) {
	for line := range strings.Lines(properties) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ": ")
		for _, f := range i.said() {
			if f.name == name {
				*f.to = value
			}
		}
	}
	return i
}
