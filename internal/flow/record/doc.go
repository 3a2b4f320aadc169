// Package record is the stage that makes a message part of the record: it
// recognises repeats, asks who the message is about, has its routes decided,
// and commits a batch of messages together with the journal cursor. After a
// crash the work repeats, its effect does not (R18, R20, R23).
//
// The package also holds the words in which the record is read: queries,
// summaries, trends, alerts. What keeps it is behind Store and Reader; the
// suite both must pass is store/storetest.
package record
