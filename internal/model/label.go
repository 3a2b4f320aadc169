package model

// LabelID names a Label.
type LabelID string

// Label says what a sender means by a label that the tables do not know
// (R15). Scope fields that are empty hold for everything; where several
// labels fit an observation, the one with more of them counts.
type Label struct {
	ID           LabelID   `json:"id" yaml:"id"`
	Label        string    `json:"label" yaml:"label"`                                   // as sent, code or text; only letters and digits are compared
	Unit         string    `json:"unit,omitempty" yaml:"unit,omitempty"`                 // only values sent in this unit
	Channel      ChannelID `json:"channel,omitempty" yaml:"channel,omitempty"`           // scope
	Manufacturer string    `json:"manufacturer,omitempty" yaml:"manufacturer,omitempty"` // scope
	Model        string    `json:"model,omitempty" yaml:"model,omitempty"`               // scope
	Profile      string    `json:"profile,omitempty" yaml:"profile,omitempty"`           // scope: the device profile a message is read with, "acme/vm200"
	Code         string    `json:"code" yaml:"code"`                                     // "MDC_PULS_OXIM_SAT_O2" or LOINC "59408-5"
	UCUM         string    `json:"ucum,omitempty" yaml:"ucum,omitempty"`                 // unit of values that name none, or one that nobody knows
	Note         string    `json:"note,omitempty" yaml:"note,omitempty"`
}
