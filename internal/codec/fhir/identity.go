package fhir

import (
	"crypto/sha256"
	"encoding/binary"

	"thalamus/internal/model"
)

// Identity names one resource for good: it is made of what the sender said,
// never of when or how often it reached us.
type Identity [16]byte

// hasher joins parts into one text with their lengths, so that no two
// different lists of parts give the same bytes, and hashes it.
type hasher struct{ b []byte }

func (h *hasher) start(kind byte) { h.b = append(h.b[:0], kind) }

func (h *hasher) add(s string) {
	h.b = binary.AppendUvarint(h.b, uint64(len(s)))
	h.b = append(h.b, s...)
}

func (h *hasher) raw(b []byte) { h.b = append(h.b, b...) }

func (h *hasher) number(n uint64) { h.b = binary.AppendUvarint(h.b, n) }

// sum is a UUID of version 8 (RFC 9562 §5.8) out of SHA-256.
func (h *hasher) sum() Identity {
	full := sha256.Sum256(h.b)
	var id Identity
	copy(id[:], full[:])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// appendUUID adds the identity as 8-4-4-4-12.
func (id *Identity) appendUUID(b []byte) []byte {
	var text [36]byte
	at := 0
	for i, c := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text[at] = '-'
			at++
		}
		text[at], text[at+1] = hexDigits[c>>4], hexDigits[c&15]
		at += 2
	}
	return append(b, text[:]...)
}

// appendURL adds the fullUrl of the entry with this identity. It differs from
// the identifier in one bit, because servers replace fullUrls wherever they
// find them in a bundle, and the identifier must stay (FHIR R4 §3.1.0.11.2).
func (id Identity) appendURL(b []byte) []byte {
	id[15] ^= 1
	return id.appendUUID(append(b, "urn:uuid:"...))
}

// messageIdentity is the same for the same message sent again. A message that
// names neither a control id nor a time could not be told from the next one
// like it, so its place in the journal counts as well. A patient that was found
// for it counts not: a correction of whose it is must be about the same
// resources (R20, decision 0094).
func (h *hasher) messageIdentity(m *model.Message) Identity {
	h.start('m')
	h.add(m.Sender.Application)
	h.add(m.Sender.ApplicationID)
	h.add(m.Sender.Facility)
	h.add(m.Type)
	h.add(m.ControlID)
	h.add(m.DeviceTime.Original)
	if p := m.Patient; p != nil && len(p.Identifiers) > 0 && !p.FromADT && p.FoundBy == "" {
		h.add(m.Patient.Identifiers[0].System)
		h.add(m.Patient.Identifiers[0].Value)
	}
	if m.ControlID == "" || m.DeviceTime.Original == "" {
		h.number(uint64(m.Ref.Seq))
		h.number(uint64(m.Ref.Part))
		h.number(uint64(m.Arrived.UnixNano()))
	}
	return h.sum()
}

// fieldIdentity names what stands in one field of a message.
func (h *hasher) fieldIdentity(kind byte, message Identity, field, subID, code, time string) Identity {
	h.start(kind)
	h.raw(message[:])
	h.add(field)
	h.add(subID)
	h.add(code)
	h.add(time)
	return h.sum()
}
