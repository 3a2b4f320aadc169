// Package codec is the contract between bytes and messages. A codec is pure:
// no clock, disk, network, lock, random or log, so that replay, golden tests
// and fuzzing are free, and yesterday's bytes can be read again tomorrow.
package codec

import (
	"time"

	"thalamus/internal/model"
)

// Context is what reading needs to know beside the bytes.
type Context struct {
	Channel *time.Location // zone for times without one; nil: not configured
	Site    *time.Location // zone of the site; nil means UTC
}

// Codec reads the frames of one protocol.
type Codec interface {
	Name() string
	// Decode gives the messages of an entry, at least one. It never fails and
	// never panics: bytes that cannot be read give a message with an Issue of
	// severity Error. Memory is bounded by the input's size.
	Decode(e model.Entry, c Context) []model.Message
}

// Parts is implemented by codecs whose entries may hold several messages.
type Parts interface {
	// Part cuts the message of a number out of an entry, as Decode counts them;
	// the whole entry where there is nothing to cut.
	Part(e model.Entry, number int) []byte
}
