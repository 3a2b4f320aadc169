package destination

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"time"
)

// ID is the parcel's identity: the same text for the same message and replay
// however often it is sent, and another text for any other message, also of
// another node or of a data folder begun anew. It is "seq-part-hash" with
// "-rN" for a replay; it is made from no patient's data.
func (p Parcel) ID() string {
	m := p.Message
	var b []byte
	b = append(b, m.Channel...)
	b = append(b, 0)
	b = append(b, m.Peer...)
	b = append(b, 0)
	b = append(b, m.ControlID...)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(m.Arrived.UnixNano()))
	sum := sha256.Sum256(b)
	id := make([]byte, 0, 48)
	id = strconv.AppendUint(id, uint64(m.Ref.Seq), 10)
	id = append(id, '-')
	id = strconv.AppendInt(id, int64(m.Ref.Part), 10)
	id = append(id, '-')
	id = hex.AppendEncode(id, sum[:6])
	if p.Replay > 0 {
		id = append(id, "-r"...)
		id = strconv.AppendUint(id, p.Replay, 10)
	}
	return string(id)
}

// Later wraps an error whose receiver said when to try again (HTTP
// Retry-After): not before After has passed, counted from the answer. It may
// stand inside Down.
type Later struct {
	Err   error
	After time.Duration
}

func (l Later) Error() string { return l.Err.Error() }
func (l Later) Unwrap() error { return l.Err }

// IsDown says whether err concerns the destination as a whole.
func IsDown(err error) bool {
	var d Down
	return errors.As(err, &d)
}

// NotBefore gives the wait the receiver asked for, 0 when it asked for none.
func NotBefore(err error) time.Duration {
	var l Later
	if errors.As(err, &l) {
		return l.After
	}
	return 0
}
