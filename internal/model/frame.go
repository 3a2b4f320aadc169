package model

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Seq numbers journal entries: 1, 2, 3 … without a gap, in order of arrival.
// 0 means "none".
type Seq uint64

// Typed identifiers. All are opaque text, safe in a URL path.
type (
	ChannelID     string
	DeviceID      string
	PatientID     string
	VisitID       string
	RouteID       string
	DestinationID string
	ActorID       string
)

// Frame is what a driver received, byte for byte, before anybody looked
// inside (R23). Bytes excludes the link's own envelope (for MLLP: without
// VT and FS CR).
type Frame struct {
	Channel  ChannelID
	Codec    string // name of the codec that reads it, e.g. "hl7v2"
	Peer     string // remote address, "192.0.2.7:51234"
	Identity string // TLS identity of the peer ("CN=…") or the credential it showed; empty without either
	Arrived  time.Time
	Bytes    []byte

	// What the link said beside the bytes, at most MaxSaid bytes each; empty
	// where a link has no such thing. Like the bytes they may tell of patients.
	Topic      string // where the sender filed it: MQTT topic, name of a file, path of a resource
	Properties string // "name: value" a line: content type, user properties
}

// MaxSaid bounds a frame's Topic and its Properties, in bytes. Intake refuses
// longer ones.
const MaxSaid = 65535

// Entry is a durable frame with its place in the journal.
type Entry struct {
	Seq Seq
	Frame
	Hash     [32]byte // SHA-256 chain value of the entry
	Redacted bool     // the payload was removed; hash and place stay
}

// MessageRef names one message: the entry it came in and its place there
// (a batch file holds several; a plain frame has part 0).
type MessageRef struct {
	Seq  Seq
	Part int
}

// MarshalText writes "4711.0".
func (r MessageRef) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%d", r.Seq, r.Part), nil
}

// UnmarshalText reads "4711.0" or "4711".
func (r *MessageRef) UnmarshalText(text []byte) error {
	seq, part, ok := strings.Cut(string(text), ".")
	if !ok {
		part = "0"
	}
	s, err := strconv.ParseUint(seq, 10, 64)
	if err != nil {
		return errors.New(`a message is named by its entry's number, "4711", or with its part, "4711.0"`)
	}
	p, err := strconv.ParseUint(part, 10, 31)
	if err != nil {
		return errors.New(`a message is named by its entry's number, "4711", or with its part, "4711.0"`)
	}
	r.Seq, r.Part = Seq(s), int(p)
	return nil
}
