package extract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"thalamus/internal/codec/fhir"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// bulk is a part in the form of FHIR Bulk Data: a file of lines for each type
// of resource (FHIR Bulk Data Access IG, "Output files"). What messages have in
// common (patients, visits, devices) is kept aside, the best telling of each,
// and put together at the end of the extract, so that it is there once.
type bulk struct {
	kit
	filter filter
	split  *fhir.Splitter
	files  map[string]*lines
	shared map[string]telling // by type and id
	held   int                // bytes of shared
	lines  int
}

// A part of this form is done at so many lines, or when so much is held of
// what its messages share.
const (
	bulkLines = 500_000
	bulkHeld  = 32 << 20
)

// lines is a file with one resource a line.
type lines struct {
	*making
	n int64
}

// telling is what a message says of something shared.
type telling struct {
	json []byte
	told bool // by an event about it, which knows more
}

func newBulk(f filter, k kit) *bulk {
	return &bulk{kit: k, filter: f, split: fhir.NewSplitter(fhir.Options{}), files: map[string]*lines{}, shared: map[string]telling{}}
}

func (b *bulk) add(m *model.Message) (rows int, err error) {
	if m.Duplicate != (model.MessageRef{}) {
		return 0, nil
	}
	for _, r := range b.split.Resources(b.filter.narrow(m.OnlyNew().Restated())) {
		if r.Shared {
			key := r.Type + "/" + r.ID
			have, ok := b.shared[key]
			if !ok || better(have.told, r.Told) {
				if !bytes.Equal(have.json, r.JSON) {
					b.held += len(r.JSON) - len(have.json)
					have.json = bytes.Clone(r.JSON)
				}
				b.shared[key] = telling{have.json, r.Told}
			}
			continue
		}
		f := b.files[r.Type]
		if f == nil {
			made, err := begin(b.dir, fmt.Sprintf("%s-%s-%04d.ndjson", r.Type, b.day, b.number))
			if err != nil {
				return rows, err
			}
			f = &lines{making: made}
			b.files[r.Type] = f
		}
		if err := f.line(r.JSON); err != nil {
			return rows, err
		}
		rows++
	}
	b.lines += rows
	return rows, nil
}

func (b *bulk) full() bool { return b.lines >= bulkLines || b.held >= bulkHeld }

// better says whether a later telling takes the place of an earlier one: the
// last change wins, and a mere mention never over a change.
func better(haveTold, told bool) bool { return told || !haveTold }

func (l *lines) line(text []byte) error {
	l.n++
	if _, err := l.Write(text); err != nil {
		return diskFault(err, l.path())
	}
	if _, err := l.Write([]byte{'\n'}); err != nil {
		return diskFault(err, l.path())
	}
	return nil
}

// sharedFolder holds what parts say of things they share, until the end.
const sharedFolder = "shared"

func (b *bulk) finish() (files []File, err error) {
	for _, kind := range sorted(b.files) {
		f, err := b.files[kind].finish()
		if err != nil {
			b.drop()
			return nil, err
		}
		f.Table, f.Rows = kind, b.files[kind].n
		files = append(files, f)
	}
	if len(b.shared) == 0 {
		return files, nil
	}
	aside, err := begin(b.dir, fmt.Sprintf("%s/%s-%04d", sharedFolder, b.day, b.number))
	if err != nil {
		return nil, err
	}
	for _, key := range sorted(b.shared) {
		one := said{b.shared[key].told, key, b.shared[key].json}
		if err := one.write(aside); err != nil {
			aside.drop()
			return nil, err
		}
	}
	_, err = aside.finish()
	return files, err
}

func (b *bulk) drop() {
	for _, f := range b.files {
		f.drop()
	}
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// BulkManifestName is the file that FHIR Bulk Data calls the manifest.
const BulkManifestName = "manifest.json"

// bulkManifest is the output format of the FHIR Bulk Data Access IG ("Response
// - Complete Status"). The urls are relative to the manifest's own.
type bulkManifest struct {
	TransactionTime     time.Time    `json:"transactionTime"`
	Request             string       `json:"request"`
	RequiresAccessToken bool         `json:"requiresAccessToken"`
	Output              []bulkOutput `json:"output"`
	Error               []bulkOutput `json:"error"`
}

type bulkOutput struct {
	Type  string `json:"type"`
	URL   string `json:"url"`
	Count int64  `json:"count"`
}

func writeOutput(dir string, m *Manifest, shared []File) (File, error) {
	out := bulkManifest{
		TransactionTime: m.Began, Request: "/api/v1/extract/begin#" + m.ID, RequiresAccessToken: true, Output: []bulkOutput{}, Error: []bulkOutput{},
	}
	for _, f := range append(slices.Clone(shared), m.All()...) {
		out.Output = append(out.Output, bulkOutput{f.Table, f.Name, f.Rows})
	}
	text, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		return File{}, fault.Wrap(err, fault.Broken, "extract.damaged", "the manifest cannot be written as JSON")
	}
	f, err := writeWhole(dir, BulkManifestName, append(text, '\n'))
	f.Table = "manifest"
	return f, err
}
