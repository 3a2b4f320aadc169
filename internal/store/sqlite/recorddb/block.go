package recorddb

import (
	"encoding/json"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

func encodeBlock(msgs []*model.Message) ([]byte, error) { return json.Marshal(msgs) }

func decodeBlock(body []byte) ([]*model.Message, error) {
	var msgs []*model.Message
	if err := json.Unmarshal(body, &msgs); err != nil {
		return nil, fault.Wrap(err, fault.Broken, "record.damaged", "a block of messages cannot be read")
	}
	return msgs, nil
}
