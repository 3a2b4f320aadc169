package waveform

import (
	"iter"
	"time"
)

// Format is a kind of files that recordings are written as.
type Format struct {
	Name   string // "wfdb"
	Doc    string // one sentence
	Layout Layout
	// Write writes a recording's files. Names begin with the recording's own.
	Write func(dst Folder, r *Recording, a About, blocks iter.Seq2[*Block, error]) error
}

// About is what files say beside the samples.
type About struct {
	Zone *time.Location // of times that formats give without one; nil: UTC
	Who  *Who           // nil: files say nothing of the person
}

// In gives an instant in the zone of the files.
func (a *About) In(t time.Time) time.Time {
	if a.Zone == nil {
		return t.UTC()
	}
	return t.In(a.Zone)
}

// Who is the patient as files may name them, only where that was asked for.
type Who struct {
	Code, Sex, BirthDate, Name string // number; FHIR's word; YYYY-MM-DD; family and given
}
