package model

import "time"

// Pairing is a device near us that a link could take in, and how far a person's
// consent to that has come.
type Pairing struct {
	ID       string    `json:"id"`                // its address, as it advertises it
	Name     string    `json:"name,omitempty"`    // as it advertises it; devices choose their names themselves
	Services []string  `json:"services"`          // what it offers, by name
	Signal   int       `json:"signal,omitempty"`  // dBm, as last heard
	State    string    `json:"state"`             // waiting accepted confirm pairing bonded refused failed
	Passkey  string    `json:"passkey,omitempty"` // number to compare with the device's display, or to type into the device
	Text     string    `json:"text,omitempty"`    // what a person should do or know
	Since    time.Time `json:"since"`             // of the state
}

// States of a Pairing.
const (
	PairingWaits    = "waiting"  // nobody decided yet
	PairingAccepted = "accepted" // a person agreed; the device is not connected
	PairingRuns     = "pairing"  // keys are being exchanged
	PairingConfirm  = "confirm"  // a person must compare the number, and accept once more
	PairingBonded   = "bonded"   // it is one of ours
	PairingRefused  = "refused"  // a person refused it
	PairingFailed   = "failed"   // it did not work; accept to try again
)
