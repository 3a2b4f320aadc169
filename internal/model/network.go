package model

import "time"

// Flow is that one end spoke to another over the network: who began, over what,
// from when to when, how often. Everything with the same ends, port, protocol
// and source is one flow; the port of who began changes with each connection
// and is not kept (R33).
type Flow struct {
	From      string    `json:"from"`                // address of who began: 10.1.2.3; FlowSelf, FlowAny
	To        string    `json:"to"`                  // address, or the name a destination has in its settings
	Port      uint16    `json:"port"`                // at To; 0 where the protocol has none
	Protocol  string    `json:"protocol"`            // tcp udp icmp …, lower case
	App       string    `json:"app,omitempty"`       // what is spoken: hl7v2 dicom http dns …; empty: not known
	Encrypted string    `json:"encrypted,omitempty"` // yes no; empty: not known
	FromMAC   string    `json:"fromMac,omitempty"`   // 00:11:22:33:44:55, where the source saw it
	ToMAC     string    `json:"toMac,omitempty"`
	End       string    `json:"end,omitempty"` // our own end of it: channel/icu, destination/ehr
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Count     uint64    `json:"count"`  // connections, or what the source counts as one
	Source    string    `json:"source"` // own zeek nmap netflow pcap
}

// Names that stand for an address in a Flow.
const (
	FlowSelf = "thalamus" // this program, for what it begins itself
	FlowAny  = "*"        // anybody: a port that a scan found open
)

// Sources of flows.
const (
	FromOwn     = "own" // our listeners and destinations
	FromZeek    = "zeek"
	FromNmap    = "nmap"
	FromNetFlow = "netflow"
	FromPcap    = "pcap"
)

// Segment is a part of the network: a list of address ranges under one name.
// Where ranges lie in each other the narrowest one counts.
type Segment struct {
	ID     string   `json:"id" yaml:"id"`
	Name   string   `json:"name,omitempty" yaml:"name,omitempty"`
	Ranges []string `json:"ranges" yaml:"ranges"` // CIDR: 10.1.0.0/16, fd00::/8
	Note   string   `json:"note,omitempty" yaml:"note,omitempty"`
}

// Approval is a flow that somebody approved by hand. Each end is an address, a
// range, a name, * for any, or one of device/dev-…, model/mdl-…, segment/icu,
// channel/icu, destination/ehr.
type Approval struct {
	ID        string    `json:"id" yaml:"id"`
	From      string    `json:"from" yaml:"from"`
	To        string    `json:"to" yaml:"to"`
	Port      uint16    `json:"port,omitempty" yaml:"port,omitempty"`           // 0: any
	Protocol  string    `json:"protocol,omitempty" yaml:"protocol,omitempty"`   // empty: any
	Encrypted bool      `json:"encrypted,omitempty" yaml:"encrypted,omitempty"` // only as long as it is encrypted
	Expires   time.Time `json:"expires,omitzero" yaml:"expires,omitempty"`      // zero: never
	Reason    string    `json:"reason,omitempty" yaml:"reason,omitempty"`
}

// FlowFile is what a file of foreign observations holds.
type FlowFile struct {
	Flows      []Flow    `json:"-"`
	Rows       int       `json:"rows"`       // that tell of flows
	Unanswered int       `json:"unanswered"` // of them attempts that nobody answered; they are no flows
	Ignored    int       `json:"ignored"`    // rows, packets or records of other things
	Left       int       `json:"left"`       // beyond what one file may hold
	Wrong      int       `json:"wrong"`      // rows that cannot be read
	Bad        []BadRow  `json:"bad"`        // the first of them
	From       time.Time `json:"from,omitzero"`
	Until      time.Time `json:"until,omitzero"`
}

// BadRow is a row of a file that cannot be read: a line, packet or record,
// counted from 1.
type BadRow struct {
	Row  int    `json:"row"`
	Text string `json:"text"`
}
