package ui

import (
	"encoding/base64"
	"encoding/json"
)

// Kept is a choice that the reader's browser keeps for 400 days, in a cookie of
// its own: never a secret, never a patient. Where the browser keeps none, the
// page is as it is for everybody.
type Kept struct {
	Name  string // short, of letters and "-"
	Value any    // written as JSON, at most KeptBytes of it
}

// KeptBytes bounds a kept choice, as browsers bound cookies.
const KeptBytes = 2500

// KeptCookie is the name of the cookie of a choice.
func KeptCookie(name string) string { return "__Host-thalamus-keeps-" + name }

// Text is the choice as the cookie holds it; false when it is too big.
func (k Kept) Text() (string, bool) {
	raw, err := json.Marshal(k.Value)
	return base64.RawURLEncoding.EncodeToString(raw), err == nil && len(raw) <= KeptBytes
}

// Kept reads a choice into value; false when there is none, or none that can
// be read.
func (v *Visit) Kept(name string, value any) bool {
	c, err := v.Request.Cookie(KeptCookie(name))
	if err != nil {
		return false
	}
	raw, err := base64.RawURLEncoding.DecodeString(c.Value)
	return err == nil && json.Unmarshal(raw, value) == nil
}
