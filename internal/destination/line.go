package destination

import (
	"encoding/json"

	"thalamus/internal/model"
)

// AppendLine adds the parcel as one line of NDJSON: the message in its stable
// JSON form (docs/reference) with two keys more, deliveryId (see ID), by which
// a receiver knows a repeat, and replay where somebody asked again. The line
// ends with LF.
func (p Parcel) AppendLine(b []byte) ([]byte, error) {
	line, err := json.Marshal(struct {
		ID     string `json:"deliveryId"`
		Replay uint64 `json:"replay,omitempty"`
		*model.Message
	}{p.ID(), p.Replay, p.Message})
	if err != nil {
		return b, err
	}
	b = append(b, line...)
	return append(b, '\n'), nil
}
