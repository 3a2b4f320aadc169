package audit

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"thalamus/internal/fault"
)

const anchorLine = 20 + 1 + 64 + 1 + 8 + 1 // bytes of a line

// Anchor keeps the head of the chain in a small file beside the database, so
// that records cut off at the end are missed. The file has two lines of fixed
// length, "seq hash crc", written in turn: a write torn by a crash leaves the
// other one. Only the first two writes are forced to the disk, so after a power
// cut the anchor may lie some records behind; it is never ahead of what is
// durable.
type Anchor struct {
	file *os.File
	next int64 // line to write
	sure int   // writes still to be forced to the disk
}

// OpenAnchor opens the file, or makes it when it is not there.
func OpenAnchor(path string) (*Anchor, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Broken, "audit.anchor", "the head of the audit cannot be opened; check that the file belongs to this user").At(path)
	}
	a := &Anchor{file: f}
	_, a.next, err = a.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a.sure = 2
	case err != nil:
		f.Close()
		return nil, err
	}
	return a, nil
}

// Put keeps h.
func (a *Anchor) Put(h Head) error {
	line := fmt.Sprintf("%020d %s", h.Seq, h.Hash)
	line = fmt.Sprintf("%s %08x\n", line, crc32.ChecksumIEEE([]byte(line)))
	_, err := a.file.WriteAt([]byte(line), a.next*anchorLine)
	if err == nil && a.sure > 0 {
		a.sure--
		err = a.file.Sync()
	}
	if err != nil {
		return fault.Wrap(err, fault.Transient, "audit.anchor", "the head of the audit cannot be written; check the disk")
	}
	a.next = 1 - a.next
	return nil
}

// Reset keeps h whatever was kept before.
func (a *Anchor) Reset(h Head) error {
	a.sure = 2
	if err := a.Put(h); err != nil {
		return err
	}
	return a.Put(h)
}

// Get gives the head kept last. ok is false when none can be read.
func (a *Anchor) Get() (h Head, ok bool, err error) {
	h, _, err = a.read()
	if errors.Is(err, fs.ErrNotExist) {
		return Head{}, false, nil
	}
	return h, err == nil, err
}

// read gives the newest head that can be read and the line to write next, or
// fs.ErrNotExist when there is none.
func (a *Anchor) read() (best Head, next int64, err error) {
	b := make([]byte, 2*anchorLine)
	n, err := a.file.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Head{}, 0, fault.Wrap(err, fault.Broken, "audit.anchor", "the head of the audit cannot be read; check the disk")
	}
	found := false
	for i := range int64(2) {
		if int64(n) < (i+1)*anchorLine {
			break
		}
		h, ok := parseLine(string(b[i*anchorLine : (i+1)*anchorLine]))
		if ok && (!found || h.Seq > best.Seq) {
			best, next, found = h, 1-i, true
		}
	}
	if !found {
		return Head{}, 0, fs.ErrNotExist
	}
	return best, next, nil
}

func parseLine(line string) (h Head, ok bool) {
	part := strings.Split(strings.TrimSuffix(line, "\n"), " ")
	if len(part) != 3 || len(part[1]) != 64 {
		return h, false
	}
	seq, err1 := strconv.ParseUint(part[0], 10, 64)
	sum, err2 := strconv.ParseUint(part[2], 16, 32)
	err3 := h.Hash.UnmarshalText([]byte(part[1]))
	h.Seq = seq
	return h, err1 == nil && err2 == nil && err3 == nil && crc32.ChecksumIEEE([]byte(part[0]+" "+part[1])) == uint32(sum)
}

// Close closes the file.
func (a *Anchor) Close() error { return a.file.Close() }
