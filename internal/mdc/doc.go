// Package mdc is our table of the ISO/IEEE 11073-10101 terms and LOINC codes
// we know: terms.tsv, loinc.tsv and aliases.tsv. It is no copy of the
// nomenclature, only what was seen or is needed, and every row names its
// evidence: a message, a guide's example or a public table. A wrong code is
// worse than none, so a term nobody could show is not in it.
//
// A refid is the name of a term and wins over its number: senders that give
// two numbers for one refid exist, and numbers have changed between editions
// (aliases.tsv). The package is pure; lookups do not allocate.
package mdc
