package file

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// remembered is how many lines written last are known by key, and tailBytes
// how much of the newest files is read for them at start: far more than can
// be under way without having been counted as delivered.
const (
	remembered = 100_000
	tailBytes  = 16 << 20
	tailFiles  = 2
)

// known is the keys of the lines written last.
type known struct {
	set   map[[16]byte]struct{}
	order [][16]byte
	next  int
}

func (k *known) empty() bool { return len(k.set) == 0 }

func (k *known) has(key [16]byte) bool {
	_, ok := k.set[key]
	return ok
}

func (k *known) add(key [16]byte) {
	if k.has(key) {
		return
	}
	if k.set == nil {
		k.set = map[[16]byte]struct{}{}
	}
	if len(k.order) < remembered {
		k.order = append(k.order, key)
	} else {
		delete(k.set, k.order[k.next])
		k.order[k.next] = key
		k.next = (k.next + 1) % remembered
	}
	k.set[key] = struct{}{}
}

var numbered = regexp.MustCompile(`^-\d{8}-\d{3,9}\.ndjson$`)

// names gives our files, oldest first.
func (l *log) names() ([]string, error) {
	entries, err := os.ReadDir(l.settings.Folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		rest, ok := bytes.CutPrefix([]byte(e.Name()), []byte(l.settings.Prefix))
		if ok && numbered.Match(rest) {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		day := len(l.settings.Prefix) + 9
		if a[:day] != b[:day] {
			return bytes.Compare([]byte(a[:day]), []byte(b[:day]))
		}
		if len(a) != len(b) { // beyond 999
			return len(a) - len(b)
		}
		return bytes.Compare([]byte(a), []byte(b))
	})
	return names, nil
}

// remember repairs the newest files and reads the keys of the lines at their
// ends.
func (l *log) remember(names []string) error {
	for _, name := range names[max(0, len(names)-tailFiles):] {
		path := filepath.Join(l.settings.Folder, name)
		if _, err := repair(path, l.slog); err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		text, err := tail(f, tailBytes)
		f.Close()
		if err != nil {
			return err
		}
		for text := range bytes.Lines(text) {
			if id, ok := identity(text); ok {
				l.known.add(key(id))
			}
		}
	}
	return nil
}

// identity reads deliveryId, which our lines begin with. Only a whole line
// has one.
func identity(line []byte) (string, bool) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"deliveryId":"`))
	if !ok || !bytes.HasSuffix(line, []byte("}\n")) {
		return "", false
	}
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		return "", false
	}
	return string(rest[:end]), true
}

// tail reads at most n bytes at the end of a file.
func tail(f *os.File, n int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, info.Size()-n)
	return io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
}

// repair cuts off what a crash left of a last line, and gives the size. A
// power cut can also leave zero bytes where lines were never synced; from the
// first of them on nothing was acknowledged. What remains is synced: after a
// crash of the program alone it may lie in the system's memory only. A file
// that is not there has size 0.
func repair(path string, log *slog.Logger) (int64, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	text, err := tail(f, tailBytes)
	if err != nil {
		return 0, err
	}
	from := info.Size() - int64(len(text))
	good := text
	if zero := bytes.IndexByte(good, 0); zero >= 0 {
		good = good[:zero]
	}
	end := bytes.LastIndexByte(good, '\n') + 1
	if end == len(text) {
		return info.Size(), f.Sync()
	}
	if end == 0 && from > 0 {
		return 0, fmt.Errorf("%s ends with more than %d bytes that are no line; move it away", filepath.Base(path), tailBytes)
	}
	size := from + int64(end)
	if err := f.Truncate(size); err != nil {
		return 0, err
	}
	log.Warn("file destination: a torn line was cut off", "file", filepath.Base(path), "bytes", info.Size()-size)
	return size, f.Sync()
}
