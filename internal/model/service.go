package model

// ServiceID names a Service.
type ServiceID string

// Service is what the house does with devices and links: monitoring of a ward,
// dialysis, the feed of an electronic record. It says what it needs and what
// is done when that fails (R30).
type Service struct {
	ID         ServiceID `json:"id" yaml:"id"`
	Name       string    `json:"name" yaml:"name"`
	Department string    `json:"department,omitempty" yaml:"department,omitempty"`
	Owner      string    `json:"owner,omitempty" yaml:"owner,omitempty"`       // who answers for it
	Contact    string    `json:"contact,omitempty" yaml:"contact,omitempty"`   // whom to call
	Critical   string    `json:"critical,omitempty" yaml:"critical,omitempty"` // what happens when it stops: life, harm, delay, nuisance
	Fallback   string    `json:"fallback,omitempty" yaml:"fallback,omitempty"` // what is done then
	Needs      []Need    `json:"needs,omitempty" yaml:"needs,omitempty"`       // all of them
}

// Need is one thing a service cannot be without.
type Need struct {
	Kind string `json:"kind" yaml:"kind"` // device, model, place, channel, route, destination, service
	ID   string `json:"id" yaml:"id"`     // its id; of a place its beginning, ICU^2
	// Least is how many devices of a model or at a place must work; 0 means all
	// that are in use.
	Least int    `json:"least,omitempty" yaml:"least,omitempty"`
	Note  string `json:"note,omitempty" yaml:"note,omitempty"`
}
