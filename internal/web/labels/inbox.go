package labels

import (
	"context"
	"math"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// inboxPage is what nobody knows, and what somebody said.
type inboxPage struct {
	service.LabelInbox
	Open     []service.UnknownLabel // nobody has said what they mean
	Before   map[model.LabelID]int  // values that were stored before a label was mapped
	Channels []ui.Option
	Message  string // number of the one message that is looked at; empty: the latest
}

func inbox(v *ui.Visit) (ui.View, error) {
	p := inboxPage{Before: map[model.LabelID]int{}, Message: v.Query("message")}
	ask := service.LabelAsk{Channel: model.ChannelID(v.Query("channel"))}
	if p.Message != "" {
		if err := ask.Message.UnmarshalText([]byte(p.Message)); err != nil {
			return ui.View{}, fault.Wrap(err, fault.Invalid, "web.number", "this is no number of a message")
		}
	}
	if err := v.Call("label.list", ask, &p.LabelInbox); err != nil {
		return ui.View{}, err
	}
	for _, u := range p.Unknown {
		if u.Mapped != "" {
			p.Before[u.Mapped] += u.Count
			continue
		}
		p.Open = append(p.Open, u)
	}
	if v.May("channel.list") {
		var channels []service.ChannelRow
		if err := v.Call("channel.list", nil, &channels); err != nil {
			return ui.View{}, err
		}
		p.Channels = []ui.Option{{Text: ui.T(v.Context(), "All channels")}}
		for _, c := range channels {
			p.Channels = append(p.Channels, ui.Option{Value: string(c.ID), Text: called(c.Name, string(c.ID))})
		}
	}
	return ui.View{Styles: styles, Title: ui.T(v.Context(), "Labels"), Body: inboxBody(p)}, nil
}

func called(name, id string) string {
	if name != "" {
		return name
	}
	return id
}

// sender is who sends a label: maker and model, where they are told.
func sender(maker, device string) string { return strings.TrimSpace(maker + " " + device) }

// whatText says what nobody knows of a label.
func whatText(ctx context.Context, what string) string {
	switch what {
	case "unit":
		return ui.T(ctx, "Unknown unit")
	case "label":
		return ui.T(ctx, "Read by its label alone")
	}
	return ui.T(ctx, "Unknown label")
}

// whatWhy says why a label waits for a person.
func whatWhy(ctx context.Context, what string) string {
	switch what {
	case "unit":
		return ui.T(ctx, "The unit is neither UCUM nor in our tables, so that its values are kept as they were sent.")
	case "label":
		return ui.T(ctx, "Its code is not in our tables; it was read by its label alone, which a person should confirm.")
	}
	return ui.T(ctx, "Neither its code nor its label is in our tables or in a mapping, so that nobody knows what it measures.")
}

func whatKind(what string) string {
	if what == "label" {
		return "info"
	}
	return "warn"
}

func percent(likeness float64) int64 { return int64(math.Round(likeness * 100)) }

// address of one unknown label: of the message that is looked at, where it is
// one.
func (p inboxPage) address(u service.UnknownLabel) string {
	to := "/labels/" + u.ID
	if p.Message != "" {
		to += "?message=" + p.Message
	}
	return to
}

// scopeText says for whom a label holds.
func scopeText(ctx context.Context, l service.MappedLabel) []string {
	var out []string
	if s := sender(l.Manufacturer, l.Model); s != "" {
		out = append(out, ui.T(ctx, "devices: %s", s))
	}
	if l.Channel != "" {
		out = append(out, ui.T(ctx, "channel %s", l.Channel))
	}
	if l.Profile != "" {
		out = append(out, ui.T(ctx, "profile %s", l.Profile))
	}
	if len(out) == 0 {
		out = append(out, ui.T(ctx, "everywhere"))
	}
	if l.Unit != "" {
		out = append(out, ui.T(ctx, "only values in %s", l.Unit))
	}
	return out
}
