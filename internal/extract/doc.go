// Package extract writes a part of the record as files that others read:
// Parquet, FHIR bulk NDJSON or CSV (R22; docs/extract.md holds the schema).
//
// An extract is a folder. What it holds is settled when it begins: which
// messages (Ask, up to a message that is in the record by then) and in which
// form. It is written in parts, one or more for each UTC day of arrival; a
// part is written under temporary names, synced, renamed, and only then noted
// in extract.json with the hash of each file. So a cut extract goes on after
// its last whole part, a whole part is never written again, and the files of
// an extract that was cut are byte for byte those of one that was not.
//
// Memory is bounded by a row group for each table, or by the patients and
// devices of a part for FHIR, however long the span is.
package extract
