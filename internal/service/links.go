package service

import (
	"time"

	"thalamus/internal/model"
)

// LinkStatus tells how a channel's link is.
type LinkStatus struct {
	State   string       `json:"state"` // listening connected trying resting running failed stopped
	Address string       `json:"address,omitempty"`
	Peers   int          `json:"peers"`
	Text    string       `json:"text,omitempty"`   // why it is not as it should be
	Code    string       `json:"code,omitempty"`   // of the fault that Text is, if it is one
	Counts  model.Counts `json:"counts,omitempty"` // of what came since the link began
	Notes   []LinkNote   `json:"notes,omitempty"`
	Why     error        `json:"-"` // why it is not open
}

// LinkNote is something that happened on a link and is no frame: garbage, a
// peer cut off, a refused connection.
type LinkNote struct {
	model.Issue
	Peer  string    `json:"peer,omitempty"` // the last one it happened with
	Count int       `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}
