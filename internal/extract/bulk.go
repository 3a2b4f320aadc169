package extract

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
}

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
	for _, r := range b.split.Resources(b.filter.narrow(m)) {
		if r.Shared {
			key := r.Type + "/" + r.ID
			have, ok := b.shared[key]
			if better(have, r.Told) || !ok {
				if !bytes.Equal(have.json, r.JSON) {
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
	return rows, nil
}

// better says whether a later telling takes the place of an earlier one: the
// last event wins, and no mere mention over an event.
func better(have telling, told bool) bool { return told || !have.told }

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
		one := b.shared[key]
		mark := byte(' ')
		if one.told {
			mark = '!'
		}
		if _, err := fmt.Fprintf(aside, "%c%s %s\n", mark, key, one.json); err != nil {
			aside.drop()
			return nil, diskFault(err, aside.path())
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

// gather writes the shared resources of all parts, each once, a file for each
// type, and the manifest of FHIR Bulk Data. It holds them all in memory: they
// grow with the patients and devices, not with the messages.
func gather(dir string, m *Manifest) ([]File, error) {
	all := map[string]telling{}
	for i := range m.Parts {
		p := &m.Parts[i]
		if err := readShared(filepath.Join(dir, sharedFolder, fmt.Sprintf("%s-%04d", p.Day, p.Number)), all); err != nil {
			return nil, err
		}
	}
	var files []File
	var out *lines
	kind := ""
	end := func() error {
		if out == nil {
			return nil
		}
		f, err := out.finish()
		f.Table, f.Rows = kind, out.n
		files = append(files, f)
		return err
	}
	for _, key := range sorted(all) {
		if of, _, _ := strings.Cut(key, "/"); of != kind {
			if err := end(); err != nil {
				return nil, err
			}
			made, err := begin(dir, of+".ndjson")
			if err != nil {
				return nil, err
			}
			out, kind = &lines{making: made}, of
		}
		if err := out.line(all[key].json); err != nil {
			out.drop()
			return nil, err
		}
	}
	if err := end(); err != nil {
		return nil, err
	}
	f, err := writeOutput(dir, m, files)
	if err != nil {
		return nil, err
	}
	return append(files, f), nil
}

func readShared(path string, all map[string]telling) error {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil // a part that shares nothing
	}
	if err != nil {
		return diskFault(err, path)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 64<<10)
	for {
		line, err := r.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil {
			return diskFault(err, path)
		}
		key, text, ok := bytes.Cut(line[1:len(line)-1], []byte{' '})
		if !ok {
			return fault.New(fault.Broken, "extract.damaged", "what the parts of the extract share cannot be read; remove the extract and begin it again").At(path)
		}
		told := line[0] == '!'
		if have, ok := all[string(key)]; !ok || better(have, told) {
			all[string(key)] = telling{text, told}
		}
	}
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
