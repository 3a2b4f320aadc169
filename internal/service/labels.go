package service

import (
	"context"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

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
		forcing(define(Acts, "label.map", "Say what a label means; messages that come from now on are read so.", "'Sat 1' MDC_PULS_OXIM_SAT_O2 --channel icu --reason 'manual of the monitor, page 12'", mapLabel)),
		ofPatients(define(Works, "label.try", "Find the stored messages that hold a mapped label, and say what reading them again would change.", "lab-0123456789ab", tryLabel)),
		define(Reads, "term.find", "Search the table of terms for what a label may mean.", "'heart rate' --unit /min", findTerms),
		forcing(define(Acts, "label.unmap", "Take back what a label was said to mean.", "lab-0123456789ab --reason 'it was the pulse'", func(ctx context.Context, c *call, r Remove) (None, error) {
			if strings.TrimSpace(r.Reason) == "" {
				return None{}, fault.New(fault.Invalid, "service.no-reason", "say why, for the audit").At("reason")
			}
			if err := c.bringInForce(ctx); err != nil {
				return None{}, err
			}
			return None{}, register.Labels().Remove(ctx, c.tx, r.ID, expected(r.Version), c.mark())
		})),
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
