package extract

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"thalamus/internal/fault"
)

// gather writes what the parts share, each resource once, a file for each
// type, and the manifest of FHIR Bulk Data. The parts' files are sorted, so
// they are merged without holding them.
func gather(dir string, m *Manifest) ([]File, error) {
	var paths []string
	for i := range m.Parts {
		path := filepath.Join(dir, sharedFolder, fmt.Sprintf("%s-%04d", m.Parts[i].Day, m.Parts[i].Number))
		if _, err := os.Stat(path); err == nil { // a part may share nothing
			paths = append(paths, path)
		}
	}
	for round := 1; len(paths) > mergeAtOnce; round++ {
		var merged []string
		for len(paths) > 0 {
			n := min(len(paths), mergeAtOnce)
			name := fmt.Sprintf("%s/merged-%d-%04d", sharedFolder, round, len(merged))
			out, err := begin(dir, name)
			if err != nil {
				return nil, err
			}
			if err = merge(paths[:n], func(s *said) error { return s.write(out) }); err != nil {
				out.drop()
				return nil, err
			}
			if _, err := out.finish(); err != nil {
				return nil, err
			}
			merged, paths = append(merged, filepath.Join(dir, filepath.FromSlash(name))), paths[n:]
		}
		paths = merged
	}
	t := types{dir: dir}
	err := merge(paths, t.put)
	if err == nil {
		err = t.end()
	}
	if err != nil {
		t.drop()
		return nil, err
	}
	f, err := writeOutput(dir, m, t.files)
	if err != nil {
		return nil, err
	}
	return append(t.files, f), nil
}

// mergeAtOnce bounds the files that are open at once.
const mergeAtOnce = 64

// types writes resources that come sorted by type, a file for each.
type types struct {
	dir, kind string
	out       *lines
	files     []File
}

func (t *types) put(s *said) error {
	if kind, _, _ := strings.Cut(s.key, "/"); kind != t.kind || t.out == nil {
		if err := t.end(); err != nil {
			return err
		}
		made, err := begin(t.dir, kind+".ndjson")
		if err != nil {
			return err
		}
		t.out, t.kind = &lines{making: made}, kind
	}
	return t.out.line(s.json)
}

func (t *types) end() error {
	if t.out == nil {
		return nil
	}
	f, err := t.out.finish()
	f.Table, f.Rows = t.kind, t.out.n
	t.files, t.out = append(t.files, f), nil
	return err
}

func (t *types) drop() {
	if t.out != nil {
		t.out.drop()
	}
}

// said is one line of a file of what parts share: "!Patient/<id> {…}", with a
// blank in place of the ! where it is only named.
type said struct {
	told bool
	key  string
	json []byte
}

func (s *said) write(m *making) error {
	mark := byte(' ')
	if s.told {
		mark = '!'
	}
	if _, err := fmt.Fprintf(m, "%c%s %s\n", mark, s.key, s.json); err != nil {
		return diskFault(err, m.path())
	}
	return nil
}

// saidReader reads such a file.
type saidReader struct {
	path string
	f    *os.File
	r    *bufio.Reader
	at   said
	end  bool
}

func (r *saidReader) next() error {
	line, err := r.r.ReadBytes('\n')
	if err == io.EOF && len(line) == 0 {
		r.end = true
		return nil
	}
	if err != nil {
		return diskFault(err, r.path)
	}
	key, text, ok := bytes.Cut(line[1:len(line)-1], []byte{' '})
	if !ok {
		return fault.New(fault.Broken, "extract.damaged", "what the parts of the extract share cannot be read; remove the extract and begin it again").At(r.path)
	}
	r.at = said{line[0] == '!', string(key), text}
	return nil
}

// merge calls each with the best telling of every resource, sorted by key. Of
// what several files tell, a later file is the later telling.
func merge(paths []string, each func(*said) error) error {
	readers := make([]*saidReader, 0, len(paths))
	defer func() {
		for _, r := range readers {
			r.f.Close()
		}
	}()
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return diskFault(err, path)
		}
		r := &saidReader{path: path, f: f, r: bufio.NewReaderSize(f, 32<<10)}
		readers = append(readers, r)
		if err := r.next(); err != nil {
			return err
		}
	}
	for {
		key := ""
		for _, r := range readers {
			if !r.end && (key == "" || r.at.key < key) {
				key = r.at.key
			}
		}
		if key == "" {
			return nil
		}
		var best said
		for _, r := range readers {
			if r.end || r.at.key != key {
				continue
			}
			if best.key == "" || better(best.told, r.at.told) {
				best = r.at
			}
			if err := r.next(); err != nil {
				return err
			}
		}
		if err := each(&best); err != nil {
			return err
		}
	}
}
