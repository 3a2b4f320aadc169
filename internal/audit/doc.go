// Package audit keeps the record of every act and of every look at a
// patient's data (R44): a chain in which each record holds the SHA-256 of all
// before it. It is appended in the transaction of the work it tells of, so
// neither is there without the other.
//
// It promises that an altered, removed, inserted or reordered record is found
// by Verify, and so is a chain whose end was cut off, as long as the head file
// beside the database (or a head noted elsewhere) was not falsified as well.
//
// The records lie in register.db, table audit; the head lies in audit.head, a
// text file of two lines written in turn.
package audit
