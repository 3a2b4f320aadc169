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
	Channel  model.ChannelID `json:"channel,omitempty" doc:"channel id"`
	From     time.Time       `json:"from,omitzero" doc:"arrived at or after, e.g. -24h"`
	Until    time.Time       `json:"until,omitzero" doc:"arrived before"`
	Messages int             `json:"messages,omitempty" doc:"look at so many messages with issues, the latest first; 500 unless told, at most 5000"`
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
	Label        string           `json:"label"`
	Code         string           `json:"code,omitempty"` // as sent beside the label
	System       string           `json:"system,omitempty"`
	Unit         string           `json:"unit,omitempty"`
	Channel      model.ChannelID  `json:"channel"`
	Manufacturer string           `json:"manufacturer,omitempty"`
	Model        string           `json:"model,omitempty"`
	What         string           `json:"what"`              // what nobody knows: code, unit; or label: it was read by its label alone
	Count        int              `json:"count"`             // observations
	Now          string           `json:"now,omitempty"`     // what it was read as
	Nearest      []LabelCandidate `json:"nearest,omitempty"` // metrics most like it, the best first
	Ref          model.MessageRef `json:"ref"`               // the last message that had it
	Last         time.Time        `json:"last"`
}

// LabelCandidate is a metric that a label may mean.
type LabelCandidate struct {
	Code     string  `json:"code"` // "MDC_PULS_OXIM_SAT_O2"
	Name     string  `json:"name"`
	Label    string  `json:"label"`    // its label that is alike
	Likeness float64 `json:"likeness"` // 1 is the same
}

// MappedLabel is a label in force.
type MappedLabel struct {
	ID           model.LabelID   `json:"id"`
	Label        string          `json:"label"`
	Unit         string          `json:"unit,omitempty"`
	Channel      model.ChannelID `json:"channel,omitempty"`
	Manufacturer string          `json:"manufacturer,omitempty"`
	Model        string          `json:"model,omitempty"`
	Profile      string          `json:"profile,omitempty"`
	Code         string          `json:"code"`
	Name         string          `json:"name,omitempty"` // of what it means
	UCUM         string          `json:"ucum,omitempty"`
	Note         string          `json:"note,omitempty"`
	Version      int64           `json:"version"`
	By           model.ActorID   `json:"by,omitempty"`
	At           time.Time       `json:"at,omitzero"`
}

// MapLabel says what a label means.
type MapLabel struct {
	Label        string          `json:"label" arg:"label" doc:"the label as it was sent: its text or code"`
	Code         string          `json:"code" arg:"code" doc:"what it means: a name or number of the table of terms, or a LOINC code"`
	Unit         string          `json:"unit,omitempty" doc:"only values sent in this unit"`
	Channel      model.ChannelID `json:"channel,omitempty" doc:"only on this channel"`
	Manufacturer string          `json:"manufacturer,omitempty" doc:"only devices of this maker"`
	Model        string          `json:"model,omitempty" doc:"only devices of this model"`
	Profile      string          `json:"profile,omitempty" doc:"only messages read with this device profile, acme/vm200"`
	UCUM         string          `json:"ucum,omitempty" doc:"UCUM unit of values that name none, or one that nobody knows"`
	Note         string          `json:"note,omitempty" doc:"anything the next person should know"`
	Version      int64           `json:"version,omitempty" doc:"refuse when another version is in force"`
	Reason       string          `json:"reason" doc:"why, for the audit"`
}

func labelOps() []Op {
	return []Op{
		define(Reads, "label.list", "List labels that nobody knows, with what is most like them, and labels that somebody mapped.", "--channel icu --from -24h", listLabels),
		define(Reads, "label.get", "Show one mapped label with its version and who made it so.", "lab-0123456789ab", func(ctx context.Context, c *call, r ID) (register.Versioned[model.Label], error) {
			return register.Labels().Get(ctx, c.s.Store, r.ID)
		}),
		define(Reads, "label.history", "List the versions of one mapped label, newest first.", "lab-0123456789ab", func(ctx context.Context, c *call, r ID) ([]register.Versioned[model.Label], error) {
			return register.Labels().History(ctx, c.s.Store, r.ID, 100)
		}),
		define(Acts, "label.map", "Say what a label means; messages that come from now on are read so.", "'Sat 1' MDC_PULS_OXIM_SAT_O2 --channel icu --reason 'manual of the monitor, page 12'", mapLabel),
		define(Acts, "label.unmap", "Take back what a label was said to mean.", "lab-0123456789ab --reason 'it was the pulse'", func(ctx context.Context, c *call, r Remove) (None, error) {
			if strings.TrimSpace(r.Reason) == "" {
				return None{}, fault.New(fault.Invalid, "service.no-reason", "say why, for the audit").At("reason")
			}
			if err := c.bringInForce(ctx); err != nil {
				return None{}, err
			}
			return None{}, register.Labels().Remove(ctx, c.tx, r.ID, expected(r.Version), c.mark())
		}),
	}
}

func mapLabel(ctx context.Context, c *call, r MapLabel) (register.Versioned[model.Label], error) {
	l := model.Label{Label: strings.TrimSpace(r.Label), Code: strings.TrimSpace(r.Code), Unit: strings.TrimSpace(r.Unit), Channel: r.Channel,
		Manufacturer: strings.TrimSpace(r.Manufacturer), Model: strings.TrimSpace(r.Model), Profile: strings.TrimSpace(r.Profile), UCUM: strings.TrimSpace(r.UCUM), Note: strings.TrimSpace(r.Note)}
	l.ID = register.LabelIDOf(l)
	c.object = "label " + string(l.ID)
	if strings.TrimSpace(r.Reason) == "" {
		return register.Versioned[model.Label]{}, fault.New(fault.Invalid, "service.no-reason", "say why, for the audit").At("reason")
	}
	if err := checkLabel(l); err != nil {
		return register.Versioned[model.Label]{}, err
	}
	if l.Channel != "" {
		if _, err := register.Channels().Get(ctx, c.tx, string(l.Channel)); err != nil {
			return register.Versioned[model.Label]{}, err
		}
	}
	if err := c.bringInForce(ctx); err != nil {
		return register.Versioned[model.Label]{}, err
	}
	return register.Labels().Put(ctx, c.tx, l, expected(r.Version), c.mark())
}

func checkLabel(l model.Label) error {
	return first(register.Labels().Check(l), normalise.CheckLabel(l))
}

// mostLabels bounds how many labels the inbox lists.
const mostLabels = 500

func listLabels(ctx context.Context, c *call, r LabelAsk) (LabelInbox, error) {
	in := LabelInbox{Unknown: []UnknownLabel{}, Mapped: []MappedLabel{}}
	mapped, err := register.Labels().List(ctx, c.s.Store)
	if err != nil {
		return in, err
	}
	for _, v := range mapped {
		l := v.Value
		code, _, _ := normalise.LabelCode(l.Code)
		in.Mapped = append(in.Mapped, MappedLabel{ID: l.ID, Label: l.Label, Unit: l.Unit, Channel: l.Channel, Manufacturer: l.Manufacturer, Model: l.Model,
			Profile: l.Profile, Code: l.Code, Name: code.Name, UCUM: l.UCUM, Note: l.Note, Version: v.Version, By: v.By, At: v.At})
	}
	left := r.Messages
	if left <= 0 {
		left = 500
	}
	left = min(left, 5000)
	found := map[unknownKey]*UnknownLabel{}
	q := record.Query{Channel: r.Channel, From: r.From, Until: r.Until, WithIssues: true}
	for left > 0 {
		q.Limit = min(left, 200)
		rows, next, err := c.s.Record.Search(ctx, q)
		if err != nil {
			return in, err
		}
		for _, row := range rows {
			m, err := c.s.Record.Message(ctx, row.Ref)
			if fault.KindOf(err) == fault.Absent {
				continue
			}
			if err != nil {
				return in, err
			}
			in.Messages++
			in.Since = m.Arrived
			unknownLabels(m, found)
		}
		left -= q.Limit
		if next == (model.MessageRef{}) {
			break
		}
		q.Before, in.More = next, left <= 0
	}
	for _, u := range found {
		in.Unknown = append(in.Unknown, *u)
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
			u.Nearest = append(u.Nearest, LabelCandidate{n.Term.RefID, n.Term.Name, n.Label, float64(n.Score) / 1000})
		}
	}
	return in, nil
}

type unknownKey struct{ what, code, text, system, unit, channel, maker, model string }

// unknownLabels counts the observations of a message of which nobody knows the
// code or the unit, or only the label.
func unknownLabels(m *model.Message, found map[unknownKey]*UnknownLabel) {
	for i := range m.Observations {
		o := &m.Observations[i]
		what := normalise.Unknown(o)
		if what == "" {
			continue
		}
		k := unknownKey{what: what, code: o.Received.Code, text: o.Received.Text, system: o.Received.System, unit: o.UnitSent.Code, channel: string(m.Channel)}
		if k.unit == "" {
			k.unit = o.UnitSent.Text
		}
		if d := whole(m, o.Device); d != nil {
			k.maker, k.model = d.Manufacturer, d.Model
		}
		u := found[k]
		if u == nil {
			u = &UnknownLabel{What: what, Label: k.text, Code: k.code, System: k.system, Unit: k.unit, Channel: m.Channel, Manufacturer: k.maker, Model: k.model, Now: o.Code.RefID, Ref: m.Ref, Last: m.Arrived}
			if u.Label == "" {
				u.Label, u.Code = k.code, ""
			}
			found[k] = u
		}
		u.Count++
	}
}

// whole is the device of an observation that says who made it, nil for none.
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
