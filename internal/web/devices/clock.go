package devices

import (
	"context"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// clockOff is the difference from which a clock is called off: less is what
// networks and buffers make of any clock.
const clockOff = 5 * time.Second

// state is how something of a device is, and why we think so.
type state struct {
	Kind, Text, Why string
}

// clockState says how a device's clock is, and why we think so (R16).
func clockState(ctx context.Context, p devicePage) state {
	e := p.Clock
	if e == nil || e.Samples == 0 {
		return state{"quiet", ui.T(ctx, "Not known"), ui.T(ctx, "It has sent no time yet that could be compared with ours.")}
	}
	offset := time.Duration(e.OffsetNS)
	why := ui.T(ctx, "Compared with ours by %s, give or take %s.", ui.Plural(ctx, int(min(e.Samples, 1<<31)), "%s message", "%s messages"), ui.Span(ctx, time.Duration(e.UncertaintyNS)))
	switch {
	case e.Unset:
		return state{"bad", ui.T(ctx, "Not set"), ui.T(ctx, "It says a time that cannot be, such as 1970. The time of arrival is used.")}
	case e.Zone:
		return state{"warn", ui.T(ctx, "In another zone?"), why + " " + ui.T(ctx, "It is off by whole quarters of an hour: %s. Its zone is probably wrong, not its clock.", offText(ctx, offset))}
	case offset.Abs() > clockOff:
		return state{"warn", offText(ctx, offset), why}
	}
	return state{"good", ui.T(ctx, "Right"), why}
}

// offText says how far a clock is off.
func offText(ctx context.Context, offset time.Duration) string {
	if offset < 0 {
		return ui.T(ctx, "%s behind", ui.Span(ctx, -offset))
	}
	return ui.T(ctx, "%s ahead", ui.Span(ctx, offset))
}

func ruleOptions(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Value: "", Text: ui.T(ctx, "As its channel does")},
		{Value: "offset", Text: ui.T(ctx, "Correct its times by the difference")},
		{Value: "none", Text: ui.T(ctx, "Leave its times as they are")},
	}
}

func ruleText(ctx context.Context, rule string) string {
	for _, o := range ruleOptions(ctx) {
		if o.Value == rule {
			return o.Text
		}
	}
	return rule
}

func setClock(v *ui.Visit) (ui.Done, error) {
	ask := service.DeviceClock{DeviceAct: deviceAct(v), Zone: v.Typed("zone"), Rule: v.Typed("clock")}
	version, ok := versionOf(v.Typed("version"))
	if !ok {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "the form is damaged; open the page again").At("version")
	}
	ask.Version = version
	if err := v.Call("device.clock", ask, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: to(v), Toast: &ui.Toast{Text: ui.T(v.Context(), "What is done about its clock is kept.")}}, nil
}
