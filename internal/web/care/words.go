package care

import (
	"context"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

func kindName(ctx context.Context, kind service.WorkKind) string {
	switch kind {
	case "preventive":
		return ui.T(ctx, "Preventive maintenance")
	case "calibration":
		return ui.T(ctx, "Calibration")
	case "electrical-safety":
		return ui.T(ctx, "Electrical safety")
	case "corrective":
		return ui.T(ctx, "Repair")
	case "disposal":
		return ui.T(ctx, "Disposal")
	}
	return string(kind)
}

// orderState gives how a state of an order looks and what it is called.
func orderState(ctx context.Context, s service.OrderState) (kind, text string) {
	switch s {
	case "open":
		return "info", ui.T(ctx, "Not begun")
	case "in-work":
		return "busy", ui.T(ctx, "In work")
	case "waiting":
		return "warn", ui.T(ctx, "Waiting")
	case "done":
		return "good", ui.T(ctx, "Done")
	case "cancelled":
		return "quiet", ui.T(ctx, "Cancelled")
	}
	return "quiet", string(s)
}

// dueText says how far a day is away.
func dueText(ctx context.Context, days int) string {
	switch {
	case days < 0:
		return ui.Plural(ctx, -days, "%s day overdue", "%s days overdue")
	case days == 0:
		return ui.T(ctx, "today")
	}
	return ui.Plural(ctx, days, "in %s day", "in %s days")
}

func dueKind(days int) string {
	switch {
	case days < 0:
		return "bad"
	case days <= 14:
		return "warn"
	}
	return "info"
}

// everyText says how often a plan asks for its work.
func everyText(ctx context.Context, p service.Plan) string {
	switch {
	case p.AfterUse:
		return ui.T(ctx, "after each use")
	case p.Months > 0:
		return ui.Plural(ctx, p.Months, "every month", "every %s months")
	}
	return ui.Plural(ctx, p.Days, "every day", "every %s days")
}

// limitsText writes the limits of a measurement.
func limitsText(m service.Measure) string {
	switch {
	case m.Min != "" && m.Max != "":
		return string(m.Min) + " – " + string(m.Max) + " " + m.UnitUCUM
	case m.Max != "":
		return "≤ " + string(m.Max) + " " + m.UnitUCUM
	case m.Min != "":
		return "≥ " + string(m.Min) + " " + m.UnitUCUM
	}
	return m.UnitUCUM
}
