package record

import (
	"crypto/sha256"
	"encoding/binary"

	"thalamus/internal/model"
)

// Digest is the SHA-256 of a frame's bytes.
type Digest [sha256.Size]byte

// DigestOf gives the digest of a frame's bytes.
func DigestOf(raw []byte) Digest { return sha256.Sum256(raw) }

// Print is a message's identity for recognising repeats: channel, sender,
// control id and content (R18). A repeat carries the same sender's time, so
// Time keeps prints of one period together on disk. The zero Print is of a
// message without identity, which is never a repeat.
type Print struct {
	Time int64 // Unix seconds of MSH-7, 0 where it is missing or unreadable
	Hash int64
}

// PrintOf gives the identity of a message that came in a frame with this
// digest. A message with neither control id nor time has none: two equal ones
// may both be meant.
func PrintOf(m *model.Message, d Digest) Print {
	var p Print
	if !m.DeviceTime.UTC.IsZero() {
		p.Time = m.DeviceTime.UTC.Unix()
	} else if m.ControlID == "" {
		return p
	}
	b := make([]byte, 0, 256)
	for _, s := range [...]string{string(m.Channel), m.Sender.Application, m.Sender.ApplicationID, m.Sender.Facility, m.ControlID} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.AppendUvarint(b, uint64(m.Ref.Part))
	b = append(b, d[:]...)
	sum := sha256.Sum256(b)
	if p.Hash = int64(binary.LittleEndian.Uint64(sum[:])); p.Hash == 0 {
		p.Hash = 1
	}
	return p
}
