// Package ucum reads units of the Unified Code for Units of Measure (case
// sensitive form) and converts between them exactly (R14). Factors are
// rational numbers; floating point is never used.
//
// The units are rows of units.tsv, the prefixes rows of prefixes.tsv, and the
// spellings senders use instead of the code are rows of spellings.tsv. To
// know one more, add a row. The package is pure: all tables are read once,
// when the program starts, and never change.
package ucum
