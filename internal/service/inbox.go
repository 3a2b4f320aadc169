package service

import (
	"context"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

// LabelAsk says where to look for labels nobody knows.
type LabelAsk struct {
	Channel  model.ChannelID  `json:"channel,omitempty" doc:"channel id"`
	Message  model.MessageRef `json:"message,omitzero" doc:"only what this message holds, e.g. 4711.2"`
	From     time.Time        `json:"from,omitzero" doc:"arrived at or after, e.g. -24h"`
	Until    time.Time        `json:"until,omitzero" doc:"arrived before"`
	Messages int              `json:"messages,omitempty" doc:"look at so many messages with issues, the latest first; 500 unless told, at most 5000"`
}

// LabelInbox is what nobody knows, and what somebody said.
type LabelInbox struct {
	Unknown  []UnknownLabel `json:"unknown"`
	Mapped   []MappedLabel  `json:"mapped"`
	Messages int            `json:"messages"`       // looked at
	Since    time.Time      `json:"since,omitzero"` // arrival of the earliest of them
	More     bool           `json:"more,omitempty"` // there are earlier ones that were not looked at
}

// UnknownLabel is a label that brought an issue, as one model on one channel
// sends it in one unit.
type UnknownLabel struct {
	ID           string           `json:"id"` // names it in the inbox; what it is mapped to has another
	Label        string           `json:"label"`
	Code         string           `json:"code,omitempty"` // as sent beside the label
	System       string           `json:"system,omitempty"`
	Unit         string           `json:"unit,omitempty"`
	Channel      model.ChannelID  `json:"channel"`
	Manufacturer string           `json:"manufacturer,omitempty"`
	Model        string           `json:"model,omitempty"`
	Profile      string           `json:"profile,omitempty"`  // what the last message was read with, without its version
	What         string           `json:"what"`               // what nobody knows: code, unit; or label: it was read by its label alone
	Count        int              `json:"count"`              // observations and waveforms
	Devices      int              `json:"devices"`            // that sent it
	Now          string           `json:"now,omitempty"`      // what it was read as
	Examples     []string         `json:"examples,omitempty"` // numbers that came with it, the latest first; texts are left out, they may name somebody
	Nearest      []LabelCandidate `json:"nearest,omitempty"`  // metrics most like it, the best first
	Mapped       model.LabelID    `json:"mapped,omitempty"`   // the label in force that maps it: what was stored before keeps its first reading
	Ref          model.MessageRef `json:"ref"`                // the last message that had it
	First        time.Time        `json:"first"`              // arrival of the earliest message looked at that had it
	Last         time.Time        `json:"last"`
}

// LabelCandidate is a metric that a label may mean.
type LabelCandidate struct {
	Code     string  `json:"code"` // "MDC_PULS_OXIM_SAT_O2"
	Name     string  `json:"name"`
	Label    string  `json:"label"`          // its label that is alike
	Likeness float64 `json:"likeness"`       // 1 is the same
	Unit     string  `json:"unit,omitempty"` // UCUM, preferred
	Fits     string  `json:"fits,omitempty"` // yes, no: whether it can have the unit that was sent; empty where none was, or nobody knows it
	LOINC    string  `json:"loinc,omitempty"`
	Kind     string  `json:"kind,omitempty"`     // numeric, setting, enumeration, waveform
	Range    string  `json:"range,omitempty"`    // what is possible at all, in the preferred unit
	Evidence string  `json:"evidence,omitempty"` // why the table says so
}

// mostLabels bounds how many labels the inbox lists.
const mostLabels = 500

func listLabels(ctx context.Context, c *call, r LabelAsk) (LabelInbox, error) {
	in := LabelInbox{Unknown: []UnknownLabel{}, Mapped: []MappedLabel{}}
	mapped, err := register.Labels().List(ctx, c.s.Store)
	if err != nil {
		return in, err
	}
	var force []normalise.VersionedLabel
	for _, v := range mapped {
		l := v.Value
		force = append(force, normalise.VersionedLabel{Label: l, Version: v.Version})
		code, _, _ := normalise.LabelCode(l.Code)
		in.Mapped = append(in.Mapped, MappedLabel{ID: l.ID, Label: l.Label, Unit: l.Unit, Channel: l.Channel, Manufacturer: l.Manufacturer, Model: l.Model,
			Profile: l.Profile, Code: l.Code, Name: code.Name, UCUM: l.UCUM, Note: l.Note, Version: v.Version, By: v.By, At: v.At})
	}
	found := unknowns{by: map[unknownKey]*unknown{}, labels: normalise.NewLabels(force)}
	if r.Message != (model.MessageRef{}) {
		m, err := c.s.Record.Message(ctx, r.Message)
		if err != nil {
			return in, err
		}
		in.Messages, in.Since = 1, m.Arrived
		found.add(m)
		in.list(found.by)
		return in, nil
	}
	left := r.Messages
	if left <= 0 {
		left = 500
	}
	q := record.Query{Channel: r.Channel, From: r.From, Until: r.Until, WithIssues: true}
	in.More, err = c.s.withIssues(ctx, q, min(left, mostMessages), func(m *model.Message) error {
		in.Messages++
		in.Since = m.Arrived
		found.add(m)
		return nil
	})
	in.list(found.by)
	return in, err
}

// mostMessages is how many messages one look for labels reads.
const mostMessages = 5000

// withIssues gives work the messages that a query finds, newest first; more
// says that there are earlier ones than it looked at.
func (s *Service) withIssues(ctx context.Context, q record.Query, most int, work func(*model.Message) error) (more bool, err error) {
	for left := most; left > 0; left -= q.Limit {
		q.Limit = min(left, 200)
		rows, next, err := s.Record.Search(ctx, q)
		if err != nil {
			return false, err
		}
		for _, row := range rows {
			m, err := s.Record.Message(ctx, row.Ref)
			if fault.KindOf(err) == fault.Absent {
				continue
			}
			if err == nil {
				err = work(m)
			}
			if err != nil {
				return false, err
			}
		}
		if next == (model.MessageRef{}) {
			return false, nil
		}
		q.Before = next
	}
	return true, nil
}

// list puts what was found in order, the most frequent first, with what is
// most like each.
func (in *LabelInbox) list(found map[unknownKey]*unknown) {
	for _, u := range found {
		u.Devices = len(u.devices)
		in.Unknown = append(in.Unknown, u.UnknownLabel)
	}
	slices.SortFunc(in.Unknown, func(a, b UnknownLabel) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Label+"\x00"+a.Unit+"\x00"+string(a.Channel)+a.Model, b.Label+"\x00"+b.Unit+"\x00"+string(b.Channel)+b.Model)
	})
	if len(in.Unknown) > mostLabels {
		in.Unknown, in.More = in.Unknown[:mostLabels], true
	}
	for i := range in.Unknown {
		u := &in.Unknown[i]
		if u.What == normalise.UnknownUnit {
			continue // its code says what it is
		}
		for _, n := range normalise.NearestTo(u.Label, u.Code, u.Unit) {
			u.Nearest = append(u.Nearest, candidate(n, u.Unit))
		}
	}
}

// unknowns are the unknown labels of the messages looked at so far, and the
// labels in force.
type unknowns struct {
	by     map[unknownKey]*unknown
	labels *normalise.Labels
}

// unknown is an unknown label while it is counted.
type unknown struct {
	UnknownLabel
	devices map[model.DeviceID]bool
}

// mostExamples is how many values the inbox shows of a label.
const mostExamples = 3

type unknownKey struct{ what, code, text, system, unit, channel, maker, model string }

// add counts what a message holds of which nobody knows the code or the unit, or
// only the label. Messages come newest first.
func (all unknowns) add(m *model.Message) {
	for _, o := range all.labels.Called(m) {
		if o.Unknown == "" {
			continue
		}
		k := unknownKey{what: o.Unknown, code: o.Received.Code, text: o.Received.Text, system: o.Received.System, unit: o.Unit.Code, channel: string(m.Channel)}
		if k.unit == "" {
			k.unit = o.Unit.Text
		}
		d := whole(m, o.Device)
		if d != nil {
			k.maker, k.model = d.Manufacturer, d.Model
		}
		u := all.by[k]
		if u == nil {
			u = &unknown{devices: map[model.DeviceID]bool{}, UnknownLabel: UnknownLabel{What: o.Unknown, Label: k.text, Code: k.code, System: k.system, Unit: k.unit,
				Channel: m.Channel, Manufacturer: k.maker, Model: k.model, Now: o.Now, Mapped: o.Label, Ref: m.Ref, Last: m.Arrived}}
			u.Profile, _, _ = strings.Cut(m.ReadWith, "@")
			if u.Label == "" {
				u.Label, u.Code = k.code, ""
			}
			id := register.LabelIDOf(model.Label{Label: u.Label + "\x00" + u.Code + "\x00" + o.Unknown, Unit: u.Unit, Channel: u.Channel, Manufacturer: u.Manufacturer, Model: u.Model})
			u.ID = "new-" + strings.TrimPrefix(string(id), "lab-")
			all.by[k] = u
		}
		u.Count++
		u.First = m.Arrived // the latest come first
		if d == nil && len(m.Devices) > 0 {
			d = &m.Devices[0]
		}
		if d != nil && d.ID != "" {
			u.devices[d.ID] = true
		}
		if o.Number != "" && len(u.Examples) < mostExamples && !slices.Contains(u.Examples, o.Number) {
			u.Examples = append(u.Examples, o.Number)
		}
	}
}

// whole is the device of a value that says who made it, nil for none.
func whole(m *model.Message, device int) *model.Device {
	if device < 0 && len(m.Devices) > 0 {
		device = 0
	}
	for range len(m.Devices) {
		if device < 0 || device >= len(m.Devices) {
			return nil
		}
		if d := &m.Devices[device]; d.Model != "" || d.Manufacturer != "" {
			return d
		}
		device = m.Devices[device].Parent
	}
	return nil
}
