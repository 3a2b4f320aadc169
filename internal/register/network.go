package register

import (
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register/flows"
)

// Segments is the set of parts of the network (R33).
func Segments() Set[model.Segment] {
	return Set[model.Segment]{
		Kind:  "segment",
		id:    func(s model.Segment) string { return s.ID },
		check: flows.CheckSegment,
	}
}

// Approvals is the set of flows approved by hand (R33).
func Approvals() Set[model.Approval] {
	return Set[model.Approval]{
		Kind: "approval",
		id:   func(a model.Approval) string { return a.ID },
		check: func(a model.Approval) error {
			if err := flows.CheckApproval(a); err != nil {
				return err
			}
			if want := flows.ApprovalID(a); a.ID != want {
				return fault.New(fault.Invalid, "register.id", "an approval of this has the id %s", want).At("id")
			}
			return nil
		},
	}
}

// ApprovalIDOf is the id of an approval of these ends, port and protocol.
func ApprovalIDOf(a model.Approval) string { return flows.ApprovalID(a) }
