package fhir

import "thalamus/internal/model"

// ExtensionClock is the extension on a time that was corrected because the
// sender's clock was off (decision 102). Its parts:
//
//	deviceTime   dateTime  what the clock said, in UTC
//	original     string    the time as the sender wrote it
//	offset       Duration  how far the clock was ahead of ours, in s
//	uncertainty  Duration  how far the corrected time may be off, in s
//
// It stands on the dateTime, or on the Period where both ends were corrected
// alike, or on the end of an alert's Period that the report is of.
const ExtensionClock = "urn:id:thalamus-corrected-clock"

// beside writes what goes with a corrected time that was written as member n.
func (w *writer) beside(n string, t *model.Timestamp) {
	if !t.Corrected() {
		return
	}
	w.comma()
	w.b = append(append(append(w.b, '"', '_'), n...), `":{`...)
	w.clock(t)
	w.close('}')
}

// clock writes the member "extension" for a corrected time.
func (w *writer) clock(t *model.Timestamp) {
	w.open("extension", '[')
	w.element()
	w.word("url", ExtensionClock)
	w.open("extension", '[')
	if said := t.Clock(); sane(said) {
		w.element()
		w.word("url", "deviceTime")
		w.instant("valueDateTime", said)
		w.close('}')
	}
	if clean(t.Original) != "" {
		w.element()
		w.word("url", "original")
		w.text("valueString", t.Original)
		w.close('}')
	}
	w.seconds("offset", t.ClockOffsetNS)
	w.seconds("uncertainty", t.UncertaintyNS)
	w.b = append(w.b, "]}]"...)
}

// seconds writes a part that is a Duration, exact to the nanosecond
// (FHIR R4 §2.24.0.7: UCUM, a unit of time).
func (w *writer) seconds(part string, ns int64) {
	w.element()
	w.word("url", part)
	w.open("valueDuration", '{')
	d := model.Decimal{Coef: ns, Exp: -9}
	for d.Exp < 0 && d.Coef%10 == 0 {
		d.Coef, d.Exp = d.Coef/10, d.Exp+1
	}
	w.decimal("value", d)
	w.word("unit", "s")
	w.word("system", systemUCUM)
	w.word("code", "s")
	w.b = append(w.b, "}}"...)
}
