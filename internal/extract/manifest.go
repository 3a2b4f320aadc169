package extract

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// ManifestName is the file that says what an extract is and how far it got.
const ManifestName = "extract.json"

// Manifest of an extract. Everything in it follows from the ask, the record
// and when it began: that of a cut and resumed extract is the same as that of
// one that was not cut.
type Manifest struct {
	ID      string           `json:"id"`
	Version int              `json:"version"` // of the layout: 1
	Made    string           `json:"made"`    // by which release
	By      model.ActorID    `json:"by"`
	Reason  string           `json:"reason"`
	Began   time.Time        `json:"began"`
	Ask     Ask              `json:"ask"`     // From and Until are set: the span is settled
	Through model.MessageRef `json:"through"` // the last message of the record when it began
	Next    time.Time        `json:"next"`    // arrivals before it are done, but for the parts of its day
	Whole   bool             `json:"whole"`   // all of it is there
	Stopped bool             `json:"stopped,omitempty"`
	Rows    int64            `json:"rows"`
	Bytes   int64            `json:"bytes"`
	Parts   []Part           `json:"parts"`
	Files   []File           `json:"files,omitempty"` // of the extract as a whole, made at its end
}

// Part is a run of messages that is done, and its files.
type Part struct {
	Day    string           `json:"day"` // of arrival, UTC: 2026-11-21
	Number int              `json:"number"`
	Last   model.MessageRef `json:"last"` // its last message
	Files  []File           `json:"files"`
}

// File is a finished file of an extract.
type File struct {
	Name   string `json:"name"` // below the extract's folder, with /
	Table  string `json:"table"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Find gives the file of a name.
func (m *Manifest) Find(name string) (File, bool) {
	for _, f := range m.Files {
		if f.Name == name {
			return f, true
		}
	}
	for i := range m.Parts {
		for _, f := range m.Parts[i].Files {
			if f.Name == name {
				return f, true
			}
		}
	}
	return File{}, false
}

// All gives every finished file, in order.
func (m *Manifest) All() []File {
	all := []File{}
	for i := range m.Parts {
		all = append(all, m.Parts[i].Files...)
	}
	return append(all, m.Files...)
}

// Done is how far an extract is, from 0 to 1, by the time its messages arrived.
func (m *Manifest) Done(arrived time.Time) float64 {
	if m.Whole {
		return 1
	}
	span := m.Ask.Until.Sub(m.Ask.From)
	if arrived.Before(m.Next) {
		arrived = m.Next
	}
	if span <= 0 || arrived.Before(m.Ask.From) {
		return 0
	}
	return min(float64(arrived.Sub(m.Ask.From))/float64(span), 1)
}

// ReadManifest reads the manifest of a folder; fault.Absent where there is none.
func ReadManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, ManifestName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Absent, "extract.absent", "there is no such extract")
	}
	if err != nil {
		return nil, diskFault(err, path)
	}
	m := new(Manifest)
	if err := json.Unmarshal(text, m); err != nil || m.Version != 1 {
		return nil, fault.New(fault.Broken, "extract.damaged", "the manifest of the extract cannot be read; remove the extract and begin it again").At(path)
	}
	return m, nil
}

// write puts the manifest in place, wholly or not at all.
func (m *Manifest) write(dir string) error {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return fault.Wrap(err, fault.Broken, "extract.damaged", "the manifest cannot be written as JSON")
	}
	_, err = writeWhole(dir, ManifestName, append(text, '\n'))
	return err
}
