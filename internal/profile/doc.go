// Package profile reads what we know of a device model: a folder with
// profile.yaml, tables and cases is all that a new model needs (R12). A
// profile says which senders it is for, which of their fields are what, which
// of their labels and units mean what, and where they depart from their
// standard, each with its evidence.
//
// The package is pure. Parse checks everything there is to check: keys, paths,
// expressions, codes against the table of terms, units against UCUM. What
// Parse accepts can be applied to any message without an error; what does not
// fit becomes an issue of that message.
//
// A profile is applied to a message in one of two ways:
//
//   - Refine works on a message that its codec understood already (HL7 v2):
//     labels get their codes, quirks are mended, values are derived.
//   - Read makes messages of a document whose form no standard says (JSON,
//     CSV).
package profile
