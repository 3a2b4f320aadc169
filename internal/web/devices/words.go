package devices

import (
	"context"

	"thalamus/internal/model"
	"thalamus/internal/web/ui"
)

// factName is a fact as people call it. What is not here is called as the
// register has it.
func factName(ctx context.Context, fact string) string {
	switch fact {
	case "adoption":
		return ui.T(ctx, "Adoption")
	case "ae":
		return ui.T(ctx, "DICOM AE title")
	case "alias":
		return ui.T(ctx, "Other names")
	case "asset":
		return ui.T(ctx, "Asset number")
	case "blocked":
		return ui.T(ctx, "Blocked")
	case "borrower":
		return ui.T(ctx, "Lent to")
	case "certificate":
		return ui.T(ctx, "Certificate")
	case "class":
		return ui.T(ctx, "Risk class")
	case "clock":
		return ui.T(ctx, "When its clock is off")
	case "contact":
		return ui.T(ctx, "Contact")
	case "critical":
		return ui.T(ctx, "When it stops")
	case "custodian":
		return ui.T(ctx, "Responsible")
	case "department":
		return ui.T(ctx, "Department")
	case "document":
		return ui.T(ctx, "Documents")
	case "emdn":
		return ui.T(ctx, "EMDN code")
	case "fallback":
		return ui.T(ctx, "Fallback")
	case "gmdn":
		return ui.T(ctx, "GMDN code")
	case "hardware":
		return ui.T(ctx, "Hardware")
	case "hl7":
		return ui.T(ctx, "HL7 application")
	case "holds":
		return ui.T(ctx, "Keeps patients' records")
	case "host":
		return ui.T(ctx, "Host name")
	case "identifiers":
		return ui.T(ctx, "Identifiers")
	case "inventory":
		return ui.T(ctx, "Last counted in")
	case "ip":
		return ui.T(ctx, "IP address")
	case "life":
		return ui.T(ctx, "Stage of life")
	case "mac":
		return ui.T(ctx, "MAC address")
	case "manufacturer":
		return ui.T(ctx, "Maker")
	case "merged":
		return ui.T(ctx, "Merged into")
	case "model":
		return ui.T(ctx, "Model")
	case "mqtt":
		return ui.T(ctx, "MQTT client id")
	case "name":
		return ui.T(ctx, "Name")
	case "note":
		return ui.T(ctx, "Note")
	case "owner":
		return ui.T(ctx, "Owner")
	case "patch":
		return ui.T(ctx, "Patch status")
	case "place":
		return ui.T(ctx, "Place")
	case "price":
		return ui.T(ctx, "Price")
	case "profile":
		return ui.T(ctx, "Profile")
	case "purchased":
		return ui.T(ctx, "Bought on")
	case "range":
		return ui.T(ctx, "Software and its profile's range")
	case "release":
		return ui.T(ctx, "Software")
	case "return-by":
		return ui.T(ctx, "To be returned by")
	case "risk":
		return ui.T(ctx, "Risk")
	case "serial":
		return ui.T(ctx, "Serial number")
	case "supplier":
		return ui.T(ctx, "Supplier")
	case "support":
		return ui.T(ctx, "Support")
	case "support-until":
		return ui.T(ctx, "Support ends")
	case "system":
		return ui.T(ctx, "Operating system")
	case "udi":
		return ui.T(ctx, "UDI")
	case "udi-di":
		return ui.T(ctx, "UDI device identifier")
	case "warranty":
		return ui.T(ctx, "Warranty until")
	case "zone":
		return ui.T(ctx, "Zone")
	}
	return fact
}

// groupName is the heading that facts stand under.
func groupName(ctx context.Context, group string) string {
	switch group {
	case "identity":
		return ui.T(ctx, "What it is")
	case "placement":
		return ui.T(ctx, "Where it is")
	case "ownership":
		return ui.T(ctx, "Whose it is")
	case "security":
		return ui.T(ctx, "Security")
	case "support":
		return ui.T(ctx, "Support and documents")
	case "service":
		return ui.T(ctx, "Use")
	}
	return group
}

// choiceName is one of the values of a fact that is a choice.
func choiceName(ctx context.Context, value string) string {
	switch value {
	case "ordered":
		return ui.T(ctx, "ordered")
	case "stored":
		return ui.T(ctx, "stored")
	case "in-use":
		return ui.T(ctx, "in use")
	case "lent":
		return ui.T(ctx, "lent")
	case "in-repair":
		return ui.T(ctx, "in repair")
	case "lost":
		return ui.T(ctx, "lost")
	case "retired":
		return ui.T(ctx, "retired")
	case "disposed":
		return ui.T(ctx, "disposed of")
	case "none":
		return ui.T(ctx, "none")
	case "technical":
		return ui.T(ctx, "technical ones only")
	case "pseudonymous":
		return ui.T(ctx, "under pseudonyms")
	case "personal":
		return ui.T(ctx, "of persons")
	case "current":
		return ui.T(ctx, "up to date")
	case "available":
		return ui.T(ctx, "update available")
	case "deferred":
		return ui.T(ctx, "update put off")
	case "impossible":
		return ui.T(ctx, "cannot be updated")
	case "low":
		return ui.T(ctx, "low")
	case "medium":
		return ui.T(ctx, "medium")
	case "high":
		return ui.T(ctx, "high")
	case "supported":
		return ui.T(ctx, "supported")
	case "limited":
		return ui.T(ctx, "limited")
	case "announced-end":
		return ui.T(ctx, "end announced")
	case "ended":
		return ui.T(ctx, "ended")
	case "life":
		return ui.T(ctx, "life is in danger")
	case "harm":
		return ui.T(ctx, "harm may come")
	case "delay":
		return ui.T(ctx, "work is delayed")
	case "nuisance":
		return ui.T(ctx, "a nuisance")
	}
	return value
}

// valueText is a fact's value as people read it.
func valueText(ctx context.Context, fact, value string) string {
	switch fact {
	case "place":
		return ui.PlaceText(value)
	case "life", "holds", "patch", "risk", "support", "critical":
		return choiceName(ctx, value)
	}
	return decided(ctx, fact, value)
}

// truthName says by which right something is believed.
func truthName(ctx context.Context, truth string) string {
	switch truth {
	case "observed":
		return ui.T(ctx, "Observed")
	case "asserted":
		return ui.T(ctx, "Said")
	case "decided":
		return ui.T(ctx, "Decided")
	}
	return truth
}

// truthKind is how a truth's badge looks.
func truthKind(truth string) string {
	if truth == "decided" {
		return "info"
	}
	return ""
}

// byText says who brought a change about.
func byText(ctx context.Context, by model.ActorID) string {
	if by == "" {
		return ui.T(ctx, "Its own messages")
	}
	return ui.Who(ctx, by)
}
