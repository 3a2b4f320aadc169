package recorddb

import (
	"context"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// searchWork bounds the messages one call of Search looks at.
const searchWork = 100_000

// Search finds messages, newest first.
func (d *DB) Search(ctx context.Context, q record.Query) ([]record.Summary, model.MessageRef, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = 50
	}
	limit = min(limit, 1000)
	before := key(1<<63 - 1)
	if q.Before != (model.MessageRef{}) {
		before = keyOf(q.Before)
	}
	d.mu.RLock()
	files := d.filesAfter(keyOf(q.After))
	d.mu.RUnlock()
	var found []record.Summary
	var next model.MessageRef
	work := searchWork
	for n := len(files) - 1; n >= 0 && next == (model.MessageRef{}); n-- {
		err := files[n].read(ctx, func(c *conn) error {
			return c.rows("SELECT body FROM block WHERE ref<? ORDER BY id DESC", func(s *sqlite3.Stmt) (bool, error) {
				msgs, err := decodeBlock(s.ColumnRawBlob(0))
				if err != nil {
					return false, err
				}
				for _, m := range slices.Backward(msgs) {
					k := keyOf(m.Ref)
					if k >= before {
						continue
					}
					if k <= keyOf(q.After) {
						return false, nil
					}
					if matches(q, m) {
						found = append(found, record.Summarise(m))
					}
					if work--; len(found) == limit || work == 0 {
						next = m.Ref
						return false, nil
					}
				}
				return true, nil
			}, int64(before))
		})
		if err != nil {
			return nil, next, err
		}
	}
	return found, next, nil
}

// matches says whether a message is what a query asks for.
func matches(q record.Query, m *model.Message) bool {
	switch {
	case len(q.Patients) > 0 && (m.Patient == nil || !slices.Contains(q.Patients, m.Patient.ID)),
		q.Device != "" && !slices.ContainsFunc(m.Devices, func(d model.Device) bool { return d.ID == q.Device }),
		q.Channel != "" && q.Channel != m.Channel,
		q.Type != "" && q.Type != m.Type && !strings.HasPrefix(m.Type, q.Type+"^"),
		q.ControlText != "" && !strings.Contains(m.ControlID, q.ControlText),
		!q.From.IsZero() && m.Arrived.Before(q.From),
		!q.Until.IsZero() && !m.Arrived.Before(q.Until),
		q.WithIssues && len(m.Issues) == 0,
		q.WithAlerts && len(m.Alerts) == 0,
		q.Refused && !slices.ContainsFunc(m.Routed, func(r model.Decision) bool { return r.Refused != "" }),
		q.Code != "" && !hasCode(m, q.Code):
		return false
	}
	return true
}

func hasCode(m *model.Message, code string) bool {
	for i := range m.Observations {
		if codeIs(m.Observations[i].Code, m.Observations[i].Received, code) {
			return true
		}
	}
	for i := range m.Waveforms {
		if codeIs(m.Waveforms[i].Code, m.Waveforms[i].Received, code) {
			return true
		}
	}
	for i := range m.Alerts {
		if codeIs(m.Alerts[i].Code, m.Alerts[i].Received, code) {
			return true
		}
	}
	return false
}
