package pack

import (
	"time"

	"thalamus/internal/model"
)

// A part that is often empty begins with a byte that says so.

func putCoding(b []byte, c model.Coding) []byte {
	if c == (model.Coding{}) {
		return append(b, 0)
	}
	b = append(b, 1)
	b = putText(b, c.Code)
	b = putText(b, c.Text)
	return putText(b, c.System)
}

func (r *reader) coding() (c model.Coding) {
	if r.byte() != 0 {
		c.Code, c.Text, c.System = r.text(), r.text(), r.text()
	}
	return c
}

func putCode(b []byte, c model.Code) []byte {
	if c == (model.Code{}) {
		return append(b, 0)
	}
	b = append(b, 1)
	b = putUint(b, uint64(c.MDC))
	b = putText(b, c.RefID)
	b = putText(b, c.LOINC)
	return putText(b, c.Name)
}

func (r *reader) code() (c model.Code) {
	if r.byte() != 0 {
		c.MDC, c.RefID, c.LOINC, c.Name = uint32(r.uint()), r.text(), r.text(), r.text()
	}
	return c
}

const (
	hasUTC = 1 << iota
	hasOriginal
	isAmbiguous
	isCorrected
	hasFormat
)

func putStamp(b []byte, t model.Timestamp, base int64) []byte {
	if t == (model.Timestamp{}) {
		return append(b, 0)
	}
	var head byte = 0x80
	if !t.UTC.IsZero() {
		head |= hasUTC
	}
	if t.Original != "" {
		head |= hasOriginal
	}
	if t.Ambiguous {
		head |= isAmbiguous
	}
	if t.ClockOffsetNS != 0 || t.UncertaintyNS != 0 {
		head |= isCorrected
	}
	if t.Format != "" {
		head |= hasFormat
	}
	b = append(b, head)
	if head&hasUTC != 0 {
		b = putTime(b, t.UTC, base)
	}
	if head&hasOriginal != 0 {
		b = putText(b, t.Original)
	}
	b = putWord(b, string(t.Precision))
	b = putWord(b, string(t.Zone))
	if head&isCorrected != 0 {
		b = putInt(putInt(b, t.ClockOffsetNS), t.UncertaintyNS)
	}
	if head&hasFormat != 0 {
		b = putWord(b, t.Format)
	}
	return b
}

func (r *reader) stamp(base int64) (t model.Timestamp) {
	head := r.byte()
	if head == 0 {
		return t
	}
	if head&hasUTC != 0 {
		t.UTC = r.time(base)
	}
	if head&hasOriginal != 0 {
		t.Original = r.text()
	}
	t.Ambiguous = head&isAmbiguous != 0
	t.Precision = r.word()
	t.Zone = model.ZoneSource(r.word())
	if head&isCorrected != 0 {
		t.ClockOffsetNS, t.UncertaintyNS = r.int(), r.int()
	}
	if head&hasFormat != 0 {
		t.Format = r.word()
	}
	return t
}

// sameStamp stands in place of a time that equals the one it stands beside.
const sameStamp = 1

func putStampBeside(b []byte, t, other model.Timestamp, base int64) []byte {
	if t == other && t != (model.Timestamp{}) {
		return append(b, sameStamp)
	}
	return putStamp(b, t, base)
}

func (r *reader) stampBeside(other model.Timestamp, base int64) model.Timestamp {
	if len(r.s) > 0 && r.s[0] == sameStamp {
		r.byte()
		return other
	}
	return r.stamp(base)
}

// putOptional writes a bare time that may be zero.
func putOptional(b []byte, t time.Time, base int64) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	return putTime(append(b, 1), t, base)
}

func (r *reader) optional(base int64) time.Time {
	if r.byte() == 0 {
		return time.Time{}
	}
	return r.time(base)
}

func putIdentifier(b []byte, i model.Identifier) []byte {
	b = putText(b, i.Value)
	b = putText(b, i.System)
	return putText(b, i.Type)
}

func (r *reader) identifier() model.Identifier {
	return model.Identifier{Value: r.text(), System: r.text(), Type: r.text()}
}

func putIdentifiers(b []byte, list []model.Identifier) []byte {
	b = putLen(b, len(list), list == nil)
	for _, i := range list {
		b = putIdentifier(b, i)
	}
	return b
}

func (r *reader) identifiers() []model.Identifier {
	n, isNil := r.len()
	if isNil {
		return nil
	}
	list := make([]model.Identifier, n)
	for i := range list {
		list[i] = r.identifier()
	}
	return list
}

func putPlace(b []byte, p model.Place) []byte {
	if p == (model.Place{}) {
		return append(b, 0)
	}
	b = append(b, 1)
	b = putText(b, p.PointOfCare)
	b = putText(b, p.Room)
	b = putText(b, p.Bed)
	return putText(b, p.Facility)
}

func (r *reader) place() (p model.Place) {
	if r.byte() != 0 {
		p.PointOfCare, p.Room, p.Bed, p.Facility = r.text(), r.text(), r.text(), r.text()
	}
	return p
}

func putParty(b []byte, p model.Party) []byte {
	b = putText(b, p.Application)
	b = putText(b, p.ApplicationID)
	return putText(b, p.Facility)
}

func (r *reader) party() model.Party {
	return model.Party{Application: r.text(), ApplicationID: r.text(), Facility: r.text()}
}

const (
	hasNumber = 1 << iota
	hasHigh
	hasComparator
	hasText
	hasCoding
	hasCode
	hasTime
)

// putValue writes a value but its Kind. A plain number takes one byte beside
// its digits.
func putValue(b []byte, v *model.Value, base int64) []byte {
	var head byte
	if v.Number != (model.Decimal{}) {
		head |= hasNumber
	}
	if v.High != (model.Decimal{}) {
		head |= hasHigh
	}
	if v.Comparator != "" {
		head |= hasComparator
	}
	if v.Text != "" {
		head |= hasText
	}
	if v.Coding != (model.Coding{}) {
		head |= hasCoding
	}
	if v.Code != (model.Code{}) {
		head |= hasCode
	}
	if v.Timestamp() != (model.Timestamp{}) {
		head |= hasTime
	}
	if head == hasNumber && v.Number.Exp >= -4 && v.Number.Exp <= 3 {
		b = append(b, 0x80|byte(v.Number.Exp+4))
		return putInt(b, v.Number.Coef)
	}
	b = append(b, head)
	if head&hasNumber != 0 {
		b = putDecimal(b, v.Number)
	}
	if head&hasHigh != 0 {
		b = putDecimal(b, v.High)
	}
	if head&hasComparator != 0 {
		b = putText(b, v.Comparator)
	}
	if head&hasText != 0 {
		b = putText(b, v.Text)
	}
	if head&hasCoding != 0 {
		b = putCoding(b, v.Coding)
	}
	if head&hasCode != 0 {
		b = putCode(b, v.Code)
	}
	if head&hasTime != 0 {
		b = putStamp(b, *v.Time, base)
	}
	return b
}

func (r *reader) value(v *model.Value, base int64) {
	head := r.byte()
	if head&0x80 != 0 {
		v.Number = model.Decimal{Exp: int8(head&0x7f) - 4, Coef: r.int()}
		return
	}
	if head&hasNumber != 0 {
		v.Number = r.decimal()
	}
	if head&hasHigh != 0 {
		v.High = r.decimal()
	}
	if head&hasComparator != 0 {
		v.Comparator = r.text()
	}
	if head&hasText != 0 {
		v.Text = r.text()
	}
	if head&hasCoding != 0 {
		v.Coding = r.coding()
	}
	if head&hasCode != 0 {
		v.Code = r.code()
	}
	if head&hasTime != 0 {
		at := r.stamp(base)
		v.Time = &at
	}
}

// words are texts with few values, written as their place in this list; it
// only grows at its end.
var words = [...]string{
	"", "year", "month", "day", "hour", "minute", "second", "fraction",
	"message", "device", "channel", "site",
	"final", "preliminary", "registered", "corrected", "cancelled", "entered-in-error", "unknown",
	"number", "range", "ratio", "text", "coded", "time", "binary",
	"warning", "error", "note",
}

func putWord(b []byte, s string) []byte {
	for i := range words {
		if words[i] == s {
			return append(b, byte(i))
		}
	}
	return putText(append(b, 0xff), s)
}

func (r *reader) word() string {
	i := r.byte()
	if int(i) < len(words) {
		return words[i]
	}
	if i != 0xff {
		r.fail()
		return ""
	}
	return r.text()
}
