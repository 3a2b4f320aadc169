// Package ucum reads units of the Unified Code for Units of Measure and
// converts between them exactly (R14).
//
// Factors are rational numbers; floating point is never used. Only the
// functions of logarithmic and trigonometric units (pH, dB, Np, prism
// dioptre) have no rational results: they are computed with 320 bits and
// rounded to 15 significant digits, so that the error is at most half a unit
// of the fifteenth digit.
//
// The units are rows of units.tsv, the prefixes rows of prefixes.tsv, and the
// spellings senders use instead of the code are rows of spellings.tsv. The
// package is pure: all tables are read once, when the program starts, and
// never change.
package ucum
