// Package patients knows the patients: which one a message is about, which
// numbers name the same person, and who lay in which bed when (R20).
//
// It promises: a patient has one PatientID, made from the strongest number and
// therefore the same when a message is read again; two devices that bring the
// same new patient at the same moment make one; two patients are never put in
// one record because of contradicting numbers, an issue tells instead. Beds
// follow from the admissions, transfers, discharges and their cancellations in
// the order in which they happened, not in which they came, so a late or
// repeated message never disturbs what is newer. What a message changed is
// durable when Resolve returns; a message of a known patient costs no SQL.
//
// PatientIDs are a keyed hash: without the key in register.db nobody can tell
// a number from an id by trying all numbers.
//
// What it keeps lies in register.db, through the Store it declares.
package patients
