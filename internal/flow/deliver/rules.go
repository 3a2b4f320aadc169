package deliver

import (
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// rules are a destination's DeliveryRules with the defaults filled in.
type rules struct {
	paused      bool
	concurrency int
	batch       int
	timeout     time.Duration
	maxAttempts int // 0: no limit
	maxAge      time.Duration
	hold        bool
	wantsRaw    bool
}

func rulesOf(d model.Destination, k destination.Kind) (rules, error) {
	place := "destination " + string(d.ID) + ": delivery."
	wrong := func(key, want string) error {
		return fault.New(fault.Invalid, "deliver.rules", "expected %s", want).At(place + key)
	}
	given := d.Delivery
	r := rules{paused: d.Disabled, wantsRaw: k.WantsRaw, maxAttempts: given.MaxAttempts}
	if r.concurrency = given.Concurrency; r.concurrency == 0 {
		r.concurrency = max(k.Concurrency, 1)
	}
	if r.concurrency < 1 || r.concurrency > 256 {
		return r, wrong("concurrency", "a number from 1 to 256")
	}
	if given.Batch < 0 || given.Batch > max(k.MaxBatch, 1) {
		return r, wrong("batch", "a number from 1 to the kind's own limit")
	}
	if r.batch = given.Batch; r.batch == 0 {
		r.batch = max(k.MaxBatch, 1)
	}
	if given.TimeoutSeconds < 0 || given.TimeoutSeconds > 3600 {
		return r, wrong("timeout_seconds", "a number from 1 to 3600")
	}
	if r.timeout = time.Duration(given.TimeoutSeconds) * time.Second; r.timeout == 0 {
		r.timeout = time.Minute
	}
	if given.MaxAttempts < 0 {
		return r, wrong("max_attempts", "0 for no limit, or the number of attempts")
	}
	if given.MaxAgeHours < 0 || given.MaxAgeHours > 24*366 {
		return r, wrong("max_age_hours", "a number from 1 to 8784")
	}
	if r.maxAge = time.Duration(given.MaxAgeHours) * time.Hour; r.maxAge == 0 {
		r.maxAge = 7 * 24 * time.Hour
	}
	switch given.OnDead {
	case "", "continue":
	case "hold":
		r.hold = true
	default:
		return r, wrong("on_dead", "continue or hold")
	}
	return r, nil
}
