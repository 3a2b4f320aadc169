package fhir

import (
	"encoding/base64"
	"strings"

	"thalamus/internal/model"
)

// value writes value[x], or dataAbsentReason where there is none: never both
// (FHIR R4 obs-6).
func (b *builder) value(o *model.Observation, v *vital) {
	w := &b.w
	if o.Absent != "" {
		b.absent(o.Absent)
		return
	}
	switch o.Value.Kind {
	case model.ValueNumber:
		w.open("valueQuantity", '{')
		if v != nil {
			b.vitalQuantity(o, v)
		} else {
			b.quantity(o.Value.Number, o.Value.Comparator, o)
		}
		w.close('}')
	case model.ValueRange:
		w.open("valueRange", '{')
		w.open("low", '{')
		b.quantity(o.Value.Number, "", o)
		w.close('}')
		w.open("high", '{')
		b.quantity(o.Value.High, "", o)
		w.close('}')
		w.close('}')
	case model.ValueRatio:
		w.open("valueRatio", '{')
		w.open("numerator", '{')
		b.quantity(o.Value.Number, o.Value.Comparator, o)
		w.close('}')
		w.open("denominator", '{')
		w.decimal("value", o.Value.High)
		w.close('}')
		w.close('}')
	case model.ValueText:
		if clean(o.Value.Text) == "" {
			b.absent("unknown")
			return
		}
		w.text("valueString", o.Value.Text)
	case model.ValueCoded:
		if o.Value.Code.Key() == "" && clean(o.Value.Coding.Code) == "" && clean(o.Value.Coding.Text) == "" {
			b.absent("unknown")
			return
		}
		w.open("valueCodeableConcept", '{')
		b.meaning(o.Value.Code, o.Value.Coding, model.Coding{})
		w.close('}')
	case model.ValueTime:
		at := o.Value.Timestamp()
		if at.UTC.IsZero() || !sane(at.UTC) {
			if clean(at.Original) == "" {
				b.absent("unknown")
				return
			}
			w.text("valueString", at.Original)
			return
		}
		w.dateTime("valueDateTime", at)
	case model.ValueBinary:
		reason := "unsupported" // the content is in the Media it is derived from
		if _, ok := content(o.Value.Text); !ok {
			reason = "error"
		}
		b.absent(reason)
	default:
		b.absent("unknown")
	}
}

// absent writes dataAbsentReason; a reason that R4 does not have is "unknown".
func (b *builder) absent(reason string) {
	switch reason {
	case "unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked", "not-applicable",
		"unsupported", "as-text", "error", "not-a-number", "negative-infinity", "positive-infinity",
		"not-performed", "not-permitted":
	default:
		reason = "unknown"
	}
	w := &b.w
	w.open("dataAbsentReason", '{')
	w.open("coding", '[')
	w.element()
	w.word("system", systemAbsent)
	w.word("code", reason)
	w.b = append(w.b, "}]}"...)
}

// quantity writes the members of a Quantity in the observation's unit: UCUM
// where it is known, else the sender's code with its system, else its text.
func (b *builder) quantity(d model.Decimal, comparator string, o *model.Observation) {
	w := &b.w
	w.decimal("value", d)
	switch comparator {
	case "<", "<=", ">=", ">":
		w.word("comparator", comparator)
	}
	b.inUnit(o.UnitUCUM, o.UnitSent)
}

func (b *builder) inUnit(ucum string, sent model.Coding) {
	w := &b.w
	shown := sent.Text
	if system := b.codeSystem(sent.System); clean(shown) == "" || system == systemMDC || strings.HasPrefix(shown, "MDC_DIM") {
		shown = ucum
	}
	if ucum != "" {
		w.text("unit", shown)
		w.word("system", systemUCUM)
		w.code("code", ucum)
		return
	}
	if clean(shown) == "" {
		shown = sent.Text
	}
	code, system := codeText(clean(sent.Code)), b.codeSystem(sent.System)
	if clean(shown) == "" {
		shown = code
	}
	if system == systemMDC && !isDigits(code) || system == systemUCUM {
		system = "" // not a code of that system, or normalise would have known it
	}
	w.text("unit", shown)
	if code != "" && system != "" {
		w.text("system", system)
		w.code("code", code)
	}
}

// media writes the content of an ED value as Media, because R4's
// Observation.value[x] has no Attachment. It says false when the content is
// not base64; the Observation then stands alone.
func (b *builder) media(of Identity, o *model.Observation) (Identity, bool) {
	text, ok := content(o.Value.Text)
	if !ok {
		return Identity{}, false
	}
	b.h.start('b')
	b.h.raw(of[:])
	id := b.h.sum()
	if !b.entry(id, "Media") {
		return id, true
	}
	w := &b.w
	b.meta("", o.Simulated || b.spoken.m.Test)
	b.ownIdentifier(id)
	w.word("status", "completed")
	if b.spoken.hasWho {
		b.reference("subject", b.spoken.patient)
	}
	w.dateTime("createdDateTime", b.timeOfObservation(o))
	w.open("content", '{')
	w.code("contentType", mediaType(o.Value.Coding.Code))
	w.word("data", text)
	w.close('}')
	b.requestByID(id, "Media", b.o.Replace)
	b.said = append(b.said, id)
	return id, true
}

// content takes line ends and blanks out of base64; false when it is none.
func content(s string) (string, bool) {
	if strings.ContainsAny(s, " \r\n") {
		s = strings.Map(func(r rune) rune {
			if r == '\r' || r == '\n' || r == ' ' {
				return -1
			}
			return r
		}, s)
	}
	if s == "" {
		return "", false
	}
	_, err := base64.StdEncoding.DecodeString(s)
	return s, err == nil
}

// mediaType keeps what looks like type/subtype.
func mediaType(s string) string {
	if kind, sub, ok := strings.Cut(s, "/"); ok && kind != "" && sub != "" && printable(s) {
		return s
	}
	return ""
}
