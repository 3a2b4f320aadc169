// Package mdc is our table of the ISO/IEEE 11073-10101 terms and LOINC codes
// we know. It is no copy of the nomenclature, only what was seen or is needed,
// and every row names its evidence: a message, a guide's example or a public
// table. A wrong code is worse than none, so a number nobody could show is not
// in it.
//
//	metrics.tsv  what is observed or set: number, unit, LOINC, limits, labels, names
//	terms.tsv    events, attributes, devices, units
//	aliases.tsv  older names and numbers: both generations of alarm attributes
//	loinc.tsv    LOINC codes with unit and limits
//	ages.tsv     limits narrowed by age
//	sources.tsv  what the evidence is and where it can be read
//
// A refid is the name of a term and wins over its number: senders that give
// two numbers for one refid exist, and numbers have changed between editions.
// The package is pure; look-ups do not allocate (Nearest does).
package mdc
