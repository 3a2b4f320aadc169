// Package hl7v2 reads and writes the syntax of HL7 v2 (2.1 to 2.9): segments,
// fields, repetitions, components, sub-components, escapes, character sets,
// batches and acknowledgements. It knows nothing of what a message means;
// the packages below it do.
//
// A Message keeps the bytes it was given and a small index of where each
// segment lies. Everything else is found when it is asked for, so a message
// costs what is read of it, and its bytes come out again exactly as they went
// in. Reset lets one Message read many without allocating.
//
// What devices send is often not quite HL7. What can be understood all the
// same is read, and an issue says what was wrong and where; what cannot be is
// a fault that names segment, field and byte. Neither ever holds a patient's
// data.
//
// Positions count from 1, as in the standard: PID-3 is Field(3), its second
// repetition Rep(2). Segments, which the standard does not number, count from
// 0 like a slice. A Message must not be read while it is Reset; apart from
// that any number of goroutines may read it.
package hl7v2
