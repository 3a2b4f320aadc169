// Package driver is the contract between Thalamus and a link to devices. A
// driver moves bytes and knows one link: it turns what arrives into frames,
// hands them to intake, and acknowledges only after intake said that they are
// durable (R23). It may parse the envelope it needs to answer, never clinical
// content. Package drivertest is the suite every driver passes.
package driver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"

	"thalamus/internal/model"
)

// Intake takes frames. Offer returns nil only when every frame given is
// durable; all of them share one commit. An error means none may be
// acknowledged as accepted; its fault.Kind says what to answer: Transient
// (disk full, cannot sync, shutting down: the sender shall try again) or
// Invalid (never acceptable: oversized, empty).
// Offer keeps no reference to the frames' bytes after it returned.
type Intake interface {
	Offer(ctx context.Context, frames []model.Frame) ([]model.Seq, error)
}

// Host is what a running driver is given.
type Host struct {
	Intake Intake
	Log    *slog.Logger // never a patient's data, never a payload
	// Certificate for TLS listeners without one of their own, from the
	// program's authority. Nil when there is none.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Recent gives the channel's latest entries of before the start, oldest
	// first, for drivers that answer a repeat as they answered the first time
	// (R18). It may be nil, and stops early when the journal cannot be read.
	Recent func(channel model.ChannelID, each func(e model.Entry))
	// Since gives the channel's entries after one, oldest first, for drivers that
	// keep a list of what they took: what was journaled after the list was last
	// safe is in it again after a power cut. Head is the last entry of all
	// channels. Both may be nil.
	Since func(channel model.ChannelID, after model.Seq, each func(e model.Entry))
	Head  func() model.Seq
	// Progress tells how far entries of a channel have come, those from first on,
	// until each says false or there is no more. It may be nil. Absent: there is
	// no such entry.
	Progress func(ctx context.Context, channel model.ChannelID, first model.Seq, each func(p Progress) bool) error
	// Folder gives the folder in which a channel's driver keeps what it must
	// remember over a restart: sessions, what was taken already. It is made when
	// it is not there. Nil: the driver remembers nothing.
	Folder func(channel model.ChannelID) (string, error)
	// Admit says who a peer is by what it shows, and what it may do. Denied:
	// refuse it for good; Transient: it cannot be told now, let it try again.
	// Nil: nobody is asked who he is.
	Admit func(ctx context.Context, channel model.ChannelID, shown Credentials) (Admission, error)
	// Note reports what happened on the link but is no frame: garbage between
	// frames, a peer cut off, a refused connection. It becomes an issue of the
	// channel that people see. It must not block.
	Note func(peer string, issue model.Issue)
	// Refused counts a frame that a link refused without offering it to Intake;
	// Notes calls it. It may be nil and must not block.
	Refused func(channel model.ChannelID)
	// Met is told of each connection once it can be used: it is what the map of
	// connections is made of. It may be nil and must not block.
	Met func(channel model.ChannelID, c Connection)
	// Contact is told when the link to one device is made and how it ended, by
	// drivers whose links are kept open; not when the driver stops. It may be nil
	// and must not block.
	Contact func(told model.ContactTold)
}

// Progress is how far one entry has come.
type Progress struct {
	Seq          model.Seq
	Identity     string // who sent it, as admitted
	Properties   string // as the driver gave them with the frame
	Recorded     bool
	Messages     int
	Observations int
	Issues       []model.Issue // of its messages
	Owed         int           // deliveries it leads to, with those below
	Delivered    int
	Dead         int // given up until somebody decides
	Waiting      int // for somebody to adopt the device
}

// Credentials are what a peer shows of itself when it comes.
type Credentials struct {
	Peer        string            // its address and port
	Client      string            // what it calls itself: an MQTT client id
	User        string            // name of the credential
	Secret      []byte            // password or token; never kept
	Certificate *x509.Certificate // of its TLS connection, verified by us; nil without
}

// Admission is who a peer is and what it may do. It holds until Ended.
type Admission struct {
	Identity string         // for model.Frame.Identity: "CN=…" of a certificate, else the credential's name
	Device   model.DeviceID // whose credential it is; empty: not of one device
	Publish  []string       // topic filters it may send to (MQTT 5 §4.7); nil: all of the channel's
	Receive  []string       // topic filters it may listen to; nil: none
	// Ended is closed when the credential was revoked: close the connection.
	Ended <-chan struct{}
}

// Connection is one connection of a link, made by a device.
type Connection struct {
	Peer      string // address and port of the device
	Local     string // address and port of ours it came to
	Encrypted bool
}

// Connected is implemented by drivers that can list the connections they have
// now.
type Connected interface{ Connections() []Connection }

// Driver is one configured link. Its methods are called once each, in order.
type Driver interface {
	// Start claims what the driver needs (binds its port) and returns; an
	// error names the setting at fault. Work goes on until Stop.
	Start(ctx context.Context, host Host) error
	// Stop closes the link: no new frames, answers to those under way are
	// still sent until ctx ends. It returns when all goroutines have.
	Stop(ctx context.Context) error
}

// Listener is implemented by drivers that listen.
type Listener interface{ Addr() net.Addr }

// Mounted is implemented by drivers whose peers come through the program's own
// HTTPS listener, to /ingest/ and the channel's id. Handler answers every
// request at that path and below, the path included; nil: the driver has a
// listener of its own. It is asked after Start and used until Stop.
type Mounted interface{ Handler() http.Handler }

// Status of a link as people see it.
type Status struct {
	State string `json:"state"`          // listening connected trying resting failed stopped
	Peers int    `json:"peers"`          // connections now
	Text  string `json:"text,omitempty"` // why it is not as it should be
	Code  string `json:"code,omitempty"` // of the fault that Text is, if it is one
	// Counts of what came since the link began.
	Counts model.Counts `json:"counts,omitempty"`
}

// Reporter is implemented by drivers that can say how they are.
type Reporter interface{ Status() Status }

// Encrypter is implemented by drivers that know whether what comes over their
// link was encrypted on the way.
type Encrypter interface{ Encrypted() bool }

// Kind describes a driver in the list of what is in the binary.
type Kind struct {
	Name     string
	Doc      string   // one sentence
	Codecs   []string // codecs its frames can be read with, the first is the default
	Settings any      // pointer to a zero settings struct (package conf)
	// New checks the settings and makes the driver. No side effects.
	New func(ch model.Channel) (Driver, error)
}
