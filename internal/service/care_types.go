package service

import "thalamus/internal/register/care"

// Types that callers of the maintenance operations need.
type (
	Order        = care.Order
	OrderFinding = care.Finish
	Result       = care.Result
	Measure      = care.Measure
	Part         = care.Part
	Plan         = care.Plan
	Contract     = care.Contract
	Accessory    = care.Accessory
	Day          = care.Day
	Number       = care.Number
	WorkKind     = care.Kind
	OrderState   = care.State
)
