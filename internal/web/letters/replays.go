package letters

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// replayView is the list of replays and the form of another one.
type replayView struct {
	List         []service.Replay
	Next         string
	Channels     []ui.Option
	Destinations []service.DestinationRow
	Count        *service.ReplayCount // of what the form asks for
	Open         bool
}

const pageOfReplays = 30

func replays(v *ui.Visit) (ui.View, error) {
	p := replayView{Open: v.Form != nil || v.Query("device") != ""}
	if err := p.fill(v); err != nil {
		return ui.View{}, err
	}
	return replayPage(v, p), nil
}

func (p *replayView) fill(v *ui.Visit) error {
	after, _ := strconv.ParseUint(v.Query("after"), 10, 64) // not a number: the first page
	if err := v.Call("replay.list", service.ReplayListAsk{After: after, Limit: pageOfReplays}, &p.List); err != nil {
		return err
	}
	if len(p.List) == pageOfReplays {
		p.Next = strconv.FormatUint(p.List[len(p.List)-1].ID, 10)
	}
	var channels []service.ChannelRow
	if err := v.Call("channel.list", nil, &channels); err != nil {
		return err
	}
	p.Channels = []ui.Option{{Value: "", Text: ui.T(v.Context(), "every channel")}}
	for _, c := range channels {
		name := c.Name
		if name == "" {
			name = string(c.ID)
		}
		p.Channels = append(p.Channels, ui.Option{Value: string(c.ID), Text: name})
	}
	return v.Call("destination.list", nil, &p.Destinations)
}

func replayPage(v *ui.Visit, p replayView) ui.View {
	return ui.View{Styles: styles, Title: ui.T(v.Context(), "Replays"), Body: replaysPage(p)}
}

// typedReplay reads the form. Times are in the reader's zone.
func typedReplay(v *ui.Visit) (service.ReplayAsk, error) {
	ask := service.ReplayAsk{
		Device: model.DeviceID(v.Typed("device")), Channel: model.ChannelID(v.Typed("channel")), Reason: v.Typed("reason"),
	}
	for name, into := range map[string]*time.Time{"from": &ask.From, "until": &ask.Until} {
		text := v.Typed(name)
		if text == "" {
			continue
		}
		t, err := service.ParseTime(text, v.Now.In(v.Zone))
		if err != nil {
			return ask, fault.New(fault.Invalid, "service.argument", `expected a time such as 14:30, 2026-11-21 14:30 or -2h`).At(name)
		}
		*into = t
	}
	for _, id := range v.Form["destination"] {
		ask.Destinations = append(ask.Destinations, model.DestinationID(id))
	}
	if ask.From.IsZero() && ask.Device == "" {
		return ask, fault.New(fault.Invalid, "deliver.replay-what", "say from when, or of which device").At("from")
	}
	if !ask.Until.IsZero() && !ask.From.Before(ask.Until) {
		return ask, fault.New(fault.Invalid, "deliver.replay-what", "this is not after the beginning").At("until")
	}
	return ask, nil
}

// countReplay tells how much a replay would be about, and asks for the reason.
func countReplay(v *ui.Visit) (ui.Done, error) {
	ask, err := typedReplay(v)
	if err != nil {
		return ui.Done{}, err
	}
	var n service.ReplayCount
	if err := v.Call("replay.preview", ask, &n); err != nil {
		return ui.Done{}, err
	}
	p := replayView{Open: true, Count: &n}
	if err := p.fill(v); err != nil {
		return ui.Done{}, err
	}
	view := replayPage(v, p)
	return ui.Done{View: &view}, nil
}

func startReplay(v *ui.Visit) (ui.Done, error) {
	ask, err := typedReplay(v)
	if err != nil {
		return ui.Done{}, err
	}
	var made service.ReplayMade
	if err := v.Call("entry.replay", ask, &made); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/replays", Toast: &ui.Toast{Text: ui.T(v.Context(), "Replay %d has begun.", made.Replay)}}, nil
}

// span says in words what a replay is about.
func span(ctx context.Context, r service.Replay) string {
	var parts []string
	s := r.Span
	if n := len(s.Refs); n > 0 {
		parts = append(parts, ui.Plural(ctx, n, "%s message by number", "%s messages by number"))
	}
	if !s.From.IsZero() || len(s.Refs) == 0 {
		from := ui.T(ctx, "the beginning")
		if !s.From.IsZero() {
			from = ui.Clock(ctx, s.From)
		}
		parts = append(parts, ui.T(ctx, "%s to %s", from, ui.Clock(ctx, s.Until)))
	}
	if s.Device != "" {
		parts = append(parts, ui.T(ctx, "device %s", s.Device))
	}
	if s.Channel != "" {
		parts = append(parts, ui.T(ctx, "channel %s", s.Channel))
	}
	if s.Reread {
		parts = append(parts, ui.T(ctx, "read again"))
	}
	return strings.Join(parts, ", ")
}

// nameOf is a destination as people call it.
func nameOf(p deadView, id model.DestinationID) string {
	if name := p.Names[id]; name != "" {
		return name
	}
	return string(id)
}

func ticked(v *ui.Visit, name, value string) bool { return slices.Contains(v.Form[name], value) }
