package model

import "time"

// EndKind says how the link to a device ended.
type EndKind string

// The ends of a link.
const (
	EndGoodbye EndKind = "goodbye"    // the device ended it (MQTT DISCONNECT); Code is its reason code
	EndLost    EndKind = "lost"       // the connection was cut or closed without a word
	EndSilent  EndKind = "silent"     // nothing came for as long as was agreed (MQTT keep-alive)
	EndWill    EndKind = "will"       // what it left to be said of its loss was said, to Topic
	EndDeath   EndKind = "death"      // the gateway it speaks through said so (Sparkplug NDEATH, DDEATH)
	EndRefused EndKind = "refused"    // it broke the protocol and was cut off
	EndRevoked EndKind = "revoked"    // its credential was revoked or has expired
	EndTaken   EndKind = "taken-over" // another connection took its name
)

// Ending is the end of a link.
type Ending struct {
	How   EndKind `json:"how,omitempty"`
	Topic string  `json:"topic,omitempty"` // to which a will or death certificate went
	Code  int     `json:"code,omitempty"`  // reason code of the device's DISCONNECT (MQTT 5 §3.14.2.1)
	// Below begins the identifiers, of system "sparkplug", of the devices that
	// speak through this one and are gone with it: "icu/gw1/".
	Below string `json:"below,omitempty"`
}

// Polite says whether the device took its leave: nobody need worry.
func (e Ending) Polite() bool { return e.How == EndGoodbye && e.Code == 0 }

// ContactTold is what a link tells of the contact to a device: that it was made,
// or how it ended.
type ContactTold struct {
	Channel ChannelID
	Peer    string    // address and port of the connection
	Client  string    // what the device calls itself on this link; one device keeps it
	Device  DeviceID  // whose credential was shown; empty: not known
	At      time.Time // it was made or ended
	Made    bool
	Ending  // where it ended
}

// Contact is how the link to a device is, as a link or a message told last.
type Contact struct {
	Down   bool      `json:"down,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	Client string    `json:"client,omitempty"` // see ContactTold
	Losses uint64    `json:"losses,omitempty"` // how often it ended without the device taking its leave
	Ending           // the last one
}
