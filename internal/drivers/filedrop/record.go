package filedrop

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"thalamus/internal/codec/wfdb"
	"thalamus/internal/fault"
)

// belongs says whether a file may be the signals of a record whose header is
// there or still to come (WFDB: NAME.dat of NAME.hea).
func belongs(name string, names map[string]bool) bool {
	ext := path.Ext(name)
	return strings.EqualFold(ext, ".dat") || names[strings.TrimSuffix(name, ext)+".hea"]
}

// record puts the files of a WFDB record into one: a tar archive, the header
// first, each file byte for byte.
func (d *Driver) record(name string, header []byte) (b []byte, parts []string, missing string, err error) {
	parts, b = []string{name}, header
	contents := [][]byte{header}
	size := int64(len(header))
	for i := 0; i < len(parts); i++ {
		if !strings.HasSuffix(parts[i], ".hea") {
			continue
		}
		h, err := wfdb.ParseHeader(contents[i])
		if err != nil {
			return nil, nil, "", err
		}
		var need []string
		for _, s := range h.Signals {
			need = append(need, s.File)
		}
		for _, s := range h.Segments {
			if !s.Null() {
				need = append(need, s.Record+".hea")
			}
		}
		for _, one := range need {
			if one == "~" {
				continue
			}
			if !plainName(one) || len(parts) >= mostParts {
				return nil, nil, "", fault.New(fault.Invalid, "filedrop.record", "the header names files that are not taken: their names must be those of the same folder, at most %d", mostParts)
			}
			if one = path.Join(path.Dir(name), one); slices.Contains(parts, one) {
				continue
			}
			f, err := d.place.stat(one)
			if errors.Is(err, fs.ErrNotExist) {
				return b, parts, one, nil
			}
			if errors.Is(err, fs.ErrInvalid) {
				return nil, nil, "", fault.New(fault.Invalid, "filedrop.record", "the header names what is no file: a folder, a link or the like")
			}
			if err != nil {
				return nil, nil, "", err
			}
			if d.settings.Complete == settled && !d.whole(f, nil, time.Now()) {
				return b, parts, one, nil
			}
			content, err := d.place.read(one, d.settings.MaxFile)
			if err != nil {
				return nil, nil, "", err
			}
			if size += int64(len(content)); size > d.settings.MaxFile {
				return nil, nil, "", fault.New(fault.Invalid, "filedrop.oversize", "the record has more than max_file (%d bytes); raise it or send shorter records", d.settings.MaxFile)
			}
			parts, contents = append(parts, one), append(contents, content)
		}
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i, part := range parts {
		if err := w.WriteHeader(&tar.Header{Name: path.Base(part), Size: int64(len(contents[i])), Mode: 0o644, Format: tar.FormatUSTAR}); err != nil {
			return nil, nil, "", fault.New(fault.Invalid, "filedrop.record", "the name of a file of the record cannot be kept: it is too long")
		}
		w.Write(contents[i]) // to memory: cannot fail
	}
	w.Close()
	return out.Bytes(), parts, "", nil
}

const mostParts = 256

// awaitPart waits for a file that a record's header names, and tells of it
// once when it does so for long. A header that was taken already, with its
// files, was left by a crash while they were moved.
func (d *Driver) awaitPart(name string, header []byte, missing string) error {
	if seq, left := d.taken.before(markOf(name, header)); left && seq > 0 {
		if _, err := d.place.stat(missing); errors.Is(err, fs.ErrNotExist) {
			return d.away([]string{name})
		}
	}
	d.tellMissing(name, "a record has waited for an hour for a file that its header names", "Send the missing file, or take the header away.")
	return nil
}

// tellMissing tells once of a file that waits for another for long.
func (d *Driver) tellMissing(name, text, hint string) {
	was := d.looked[name]
	if was.since.IsZero() {
		was.since = time.Now()
	}
	if !was.told && time.Since(was.since) > time.Hour {
		was.told = true
		d.Notes.Add(d.Peer, "filedrop.record", text, hint)
	}
	d.looked[name] = was
}
