package filedrop

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// taken remembers which files were taken, by name and content, in a text file:
// a line before a file is offered and a line with its number in the journal
// when it is durable. A file is forgotten after a time.
//
//	2026-11-21T10:00:00Z offered 6f1d…e3
//	2026-11-21T10:00:00Z 4711 6f1d…e3
type taken struct {
	path  string
	file  *os.File
	seqs  map[mark]seen
	lines int
	torn  bool // the last line may be half
}

// mark is the SHA-256 of a file's name and content.
type mark [sha256.Size]byte

type seen struct {
	seq model.Seq // 0: it was offered, and what became of it is not known
	at  time.Time
}

func markOf(name string, content []byte) mark {
	h := sha256.New()
	h.Write([]byte(name))
	h.Write([]byte{0})
	h.Write(content)
	return mark(h.Sum(nil))
}

// openTaken reads what was taken since a time. What was offered and may have
// become durable is found among the channel's last entries.
func openTaken(folder string, since time.Time, recent func(each func(model.Entry))) (*taken, error) {
	t := &taken{path: filepath.Join(folder, "taken"), seqs: map[mark]seen{}}
	if err := t.load(since); err != nil {
		return nil, err
	}
	open := 0
	for _, s := range t.seqs {
		if s.seq == 0 {
			open++
		}
	}
	if open > 0 {
		recent(func(e model.Entry) {
			m := markOf(e.Topic, e.Bytes)
			if s, ok := t.seqs[m]; ok && s.seq == 0 {
				t.seqs[m] = seen{e.Seq, s.at}
			}
		})
	}
	for m, s := range t.seqs {
		if s.seq == 0 {
			delete(t.seqs, m) // it never became durable
		}
	}
	return t, t.rewrite()
}

func (t *taken) load(since time.Time) error {
	f, err := os.Open(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return stateFault(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		part := strings.Fields(lines.Text())
		if len(part) != 3 {
			continue // the power failed while it was written: it was not offered
		}
		at, err1 := time.Parse(time.RFC3339, part[0])
		sum, err2 := hex.DecodeString(part[2])
		seq, err3 := strconv.ParseUint(part[1], 10, 64)
		if err1 != nil || err2 != nil || len(sum) != sha256.Size || err3 != nil && part[1] != "offered" || at.Before(since) {
			continue
		}
		if old, ok := t.seqs[mark(sum)]; !ok || old.seq == 0 {
			t.seqs[mark(sum)] = seen{model.Seq(seq), at}
		}
	}
	if err := lines.Err(); err != nil {
		return stateFault(err)
	}
	return nil
}

// rewrite makes the file anew, without what is forgotten.
func (t *taken) rewrite() error {
	next, err := os.OpenFile(t.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return stateFault(err)
	}
	w := bufio.NewWriter(next)
	for m, s := range t.seqs {
		w.WriteString(line(m, s))
	}
	if err := errors.Join(w.Flush(), next.Sync()); err != nil {
		return stateFault(errors.Join(err, next.Close()))
	}
	if err := os.Rename(t.path+".new", t.path); err != nil {
		return stateFault(errors.Join(err, next.Close()))
	}
	if t.file != nil {
		t.file.Close()
	}
	t.file, t.lines, t.torn = next, len(t.seqs), false
	return nil
}

func line(m mark, s seen) string {
	what := "offered"
	if s.seq > 0 {
		what = strconv.FormatUint(uint64(s.seq), 10)
	}
	return s.at.UTC().Format(time.RFC3339) + " " + what + " " + hex.EncodeToString(m[:]) + "\n"
}

// before gives the entry of a file that was taken.
func (t *taken) before(m mark) (model.Seq, bool) {
	s, ok := t.seqs[m]
	return s.seq, ok
}

// offer notes durably that a file is about to be offered.
func (t *taken) offer(m mark, at time.Time) error { return t.add(m, seen{at: at}) }

// took notes that it is durable. When the note itself is lost, the entry is
// found at the next start.
func (t *taken) took(m mark, s seen) error {
	t.seqs[m] = s
	return t.add(m, s)
}

func (t *taken) add(m mark, s seen) error {
	text := line(m, s)
	if t.torn {
		text = "\n" + text
	}
	if _, err := t.file.WriteString(text); err != nil {
		t.torn = true
		return stateFault(err)
	}
	t.torn = false
	t.lines++
	if s.seq == 0 {
		if err := t.file.Sync(); err != nil {
			return stateFault(err)
		}
	}
	return nil
}

// forget drops what is older, and the lines that say nothing new.
func (t *taken) forget(since time.Time) error {
	for m, s := range t.seqs {
		if s.at.Before(since) {
			delete(t.seqs, m)
		}
	}
	if t.lines < 2*len(t.seqs)+1024 {
		return nil
	}
	return t.rewrite()
}

func (t *taken) close() {
	t.file.Sync()
	t.file.Close()
}

func stateFault(err error) error {
	return fault.Wrap(err, fault.Transient, "filedrop.state", "cannot keep which files were taken; see that the data folder has room and belongs to this user")
}
