// Package clinical reads what HL7 v2 messages mean: IHE PCD-01 (DEC), PCD-04
// (ACM), PCD-10 (IPEC), PCD-15 (MEMDMC), generic ORU^R01 and ADT become
// model messages. It implements codec.Codec under the name "hl7v2".
//
// It says what the sender said and no more: codes, units and times stay as
// they were sent; package normalise finds out what they mean. The one
// exception is where meaning decides the place: a device term makes a device
// and no observation, a sample rate belongs to its waveform, an event phase
// to its alert.
//
// Nothing is lost silently. fields.tsv lists each field that is read and each
// that is left, with the reason; anything else that a message holds gives an
// Issue that names segment, field and byte. No issue holds a patient's data.
package clinical
