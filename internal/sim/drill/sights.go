package drill

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// sights is what a person can see: codes, and states after "device:" and
// "destination:".
type sights map[string]bool

func (s sights) list() []string {
	out := make([]string, 0, len(s))
	for k := range s {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (s sights) any(of []string) bool {
	return len(of) == 0 || slices.ContainsFunc(of, func(want string) bool { return s[want] })
}

// channel looks at a channel, its issues, messages and devices.
func (d *drill) channel(ctx context.Context, id model.ChannelID, deep bool) (sights, error) {
	out := sights{}
	row, err := d.row(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, n := range row.Notes {
		out[n.Code] = true
	}
	if row.Duplicates > 0 {
		out[repeat] = true
	}
	var groups []record.IssueGroup
	if err := d.call(ctx, "issue.list", service.IssueAsk{Channel: id}, &groups); err != nil {
		return nil, err
	}
	for _, g := range groups {
		out[g.Code] = true
	}
	if !deep {
		return out, nil
	}
	return out, d.messages(ctx, id, out)
}

// ofMessages says whether one of them is seen at messages and devices alone,
// which costs more to look at.
func ofMessages(want []string) bool {
	return slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(w, "value:") || strings.HasPrefix(w, "device:") })
}

// messages adds what the messages of a channel and their devices show.
func (d *drill) messages(ctx context.Context, id model.ChannelID, out sights) error {
	var found service.List[record.Summary]
	if err := d.call(ctx, "message.search", service.MessageSearch{Channel: id, Limit: enough}, &found); err != nil {
		return err
	}
	of := map[model.DeviceID]map[model.PatientID]bool{}
	for _, row := range found.Rows {
		if of[row.Device] == nil {
			of[row.Device] = map[model.PatientID]bool{}
		}
		of[row.Device][row.Patient] = true
		var page service.MessagePage
		if err := d.call(ctx, "message.get", service.Ref{Seq: row.Ref.Seq, Part: row.Ref.Part}, &page); err != nil {
			return err
		}
		if page.Message == nil {
			continue
		}
		for i := range page.Message.Observations {
			o := &page.Message.Observations[i]
			out[absent] = out[absent] || o.Absent != ""
			out[simulated] = out[simulated] || o.Simulated
		}
	}
	for device, on := range of {
		if device == "" {
			continue
		}
		out[patients] = out[patients] || len(on) > 1
		var page service.DevicePage
		if err := d.call(ctx, "device.get", service.ID{ID: string(device)}, &page); err != nil {
			return err
		}
		for _, s := range page.States {
			out["device:"+string(s.Kind)] = true
		}
	}
	for k, seen := range out {
		if !seen {
			delete(out, k)
		}
	}
	return nil
}

var inBrackets = regexp.MustCompile(`\[([a-z0-9.-]+)\]`)

// overview adds the codes of what is wrong with the server itself.
func overview(o *service.Overview, out sights) {
	for _, text := range o.Faults {
		if m := inBrackets.FindStringSubmatch(text); m != nil {
			out[m[1]] = true
		}
	}
}

// destination adds how a receiver is that something failed at last.
func destination(rows []service.DestinationRow, id model.DestinationID, out sights) {
	for _, r := range rows {
		if r.ID != id {
			continue
		}
		if r.LastCode == "" {
			continue // what waits a moment shows nothing
		}
		out["destination:"+r.State], out[r.LastCode] = true, true
	}
}

// lost counts what was acknowledged and is in no entry of the channel.
func (d *drill) lost(ctx context.Context, id model.ChannelID, t *told) (int, error) {
	marks, _ := t.all()
	var text strings.Builder
	seen := map[model.Seq]bool{}
	var from model.MessageRef
	for {
		var found service.List[record.Summary]
		if err := d.call(ctx, "message.search", service.MessageSearch{Channel: id, After: from, Limit: 200}, &found); err != nil {
			return 0, err
		}
		for _, row := range found.Rows {
			if seen[row.Ref.Seq] {
				continue
			}
			seen[row.Ref.Seq] = true
			var e service.Received
			if err := d.call(ctx, "entry.get", service.Ref{Seq: row.Ref.Seq}, &e); err != nil {
				return 0, err
			}
			text.Write(e.Bytes)
			text.WriteByte('\n')
		}
		if found.Next == "" {
			break
		}
		if err := from.UnmarshalText([]byte(found.Next)); err != nil {
			return 0, err
		}
	}
	all, lost := text.String(), 0
	for _, m := range marks {
		if !strings.Contains(all, m) {
			lost++
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return lost + max(0, t.count-len(seen)), nil
}
