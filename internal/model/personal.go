package model

import (
	"crypto/sha256"
	"strings"
	"time"
)

// Personal is what a personal health device tells of itself beside what every
// device does (IEEE 11073-20601 §6.3.2; the Bluetooth device information
// service). Numbers of terms are context-free codes of IEEE 11073-10101.
type Personal struct {
	Specialisations []Specialisation `json:"specialisations,omitempty"` // what it follows of the 104xx
	Versions        []DeviceVersion  `json:"versions,omitempty"`        // one of each kind it tells
	Clock           ClockReading     `json:"clock,omitzero"`            // what its clock said, and when we heard it
	TimeBits        uint16           `json:"timeBits,omitempty"`        // mds-time-cap-state, bit 0 the most significant; 0: not told
	TimeSync        uint32           `json:"timeSync,omitempty"`        // MDC_TIME_SYNC_…, 0: not told
	TimeAccuracyUS  int64            `json:"timeAccuracyUs,omitempty"`  // of that synchronisation, in µs; 0: not told
	ResolutionUS    [3]int64         `json:"resolutionUs,omitzero"`     // of absolute, relative and high-resolution time, in µs; 0: not told
	Certified       []uint16         `json:"certified,omitempty"`       // interfaces certified by Continua, as it numbers them
	Regulated       string           `json:"regulated,omitempty"`       // yes, no; empty: not told
}

// Specialisation is one of the 11073-104xx that a device follows.
type Specialisation struct {
	Code    uint32 `json:"code"` // MDC_DEV_SPEC_PROFILE_…
	Version string `json:"version"`
}

// DeviceVersion is the version of a part of a device.
type DeviceVersion struct {
	Kind  uint32 `json:"kind"` // MDC_ID_PROD_SPEC_HW, …_SW, …_FW, MDC_REG_CERT_DATA_CONTINUA_VERSION …
	Value string `json:"value"`
}

// ClockReading is what a device's clock said at an instant of ours: a wall clock
// Said, or a counter Ticks.
type ClockReading struct {
	Kind    uint32    `json:"kind,omitempty"`    // MDC_ATTR_TIME_ABS, …_REL, …_HI_RES_REL; 0: no reading
	Said    Timestamp `json:"said,omitzero"`     // as the device said it, never corrected
	TicksUS int64     `json:"ticksUs,omitempty"` // in µs
	Heard   time.Time `json:"heard,omitzero"`    // when it reached us, UTC
}

// SystemID is the EUI-64 by which the personal devices of a channel and the
// receivers of their values know us: of our own making, locally administered, the
// same for a channel at every start.
func (c ChannelID) SystemID() (id [8]byte) {
	sum := sha256.Sum256([]byte("thalamus " + c))
	copy(id[:], sum[:])
	id[0] = id[0]&^1 | 2
	return id
}

// supplemental begins the note that carries a supplemental type.
const supplemental = "supplemental type "

// SupplementalNote is the note for a supplemental type of a value that is
// neither its body site nor its method; code is a context-free term of MDC.
func SupplementalNote(code string) string { return supplemental + code }

// span begins the note that tells how long a measurement took.
const span = "measured over "

// SpanNote is the note for how long a value was measured, from its time on.
func SpanNote(d time.Duration) string { return span + d.String() }

// NoteSpan gives the time that such a note tells.
func NoteSpan(note string) (time.Duration, bool) {
	text, ok := strings.CutPrefix(note, span)
	d, err := time.ParseDuration(text)
	return d, ok && err == nil && d > 0
}

// What begins and ends the notes that tell how near a value is to the truth.
const (
	accuracy   = "accurate to "
	confidence = "by 95 % between "
	between    = " and "
	asSent     = " in the unit sent"
)

// AccuracyNote is the note for how far a value may be off at most, in the unit
// that was sent.
func AccuracyNote(d Decimal) string { return accuracy + d.String() + asSent }

// NoteAccuracy gives what such a note tells.
func NoteAccuracy(note string) (Decimal, bool) {
	text, ok := strings.CutPrefix(note, accuracy)
	text, whole := strings.CutSuffix(text, asSent)
	d, err := ParseDecimal(text)
	return d, ok && whole && err == nil
}

// ConfidenceNote is the note for where a value lies by 95 %, in the unit that was
// sent.
func ConfidenceNote(low, high Decimal) string {
	return confidence + low.String() + between + high.String() + asSent
}

// NoteConfidence gives what such a note tells.
func NoteConfidence(note string) (low, high Decimal, ok bool) {
	text, ok := strings.CutPrefix(note, confidence)
	text, whole := strings.CutSuffix(text, asSent)
	from, to, both := strings.Cut(text, between)
	low, err := ParseDecimal(from)
	high, err2 := ParseDecimal(to)
	return low, high, ok && whole && both && err == nil && err2 == nil
}

// NoteSupplemental gives the term that such a note carries.
func NoteSupplemental(note string) (code string, ok bool) {
	return strings.CutPrefix(note, supplemental)
}
