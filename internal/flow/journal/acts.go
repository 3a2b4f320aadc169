package journal

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"time"

	"thalamus/internal/model"
)

// act is one thing that was done to the journal other than appending. The
// file acts.log keeps them as text, one a line: CRC32C in hexadecimal, a
// space, JSON.
type act struct {
	At      time.Time `json:"at"`
	Act     string    `json:"act"` // open close hold release drop redact redacted destroy cut
	Segment SegmentID `json:"segment,omitempty"`
	Seq     model.Seq `json:"seq,omitempty"`
	Last    model.Seq `json:"last,omitempty"`
	Bytes   int64     `json:"bytes,omitempty"`
	Reason  string    `json:"reason,omitempty"`

	Place int64  `json:"place,omitempty"` // redact: byte in the segment's file
	Head  []byte `json:"head,omitempty"`  // redact: the record's new head
	Hash  []byte `json:"hash,omitempty"`  // redact: SHA-256 of the body that was there; close: chain value of the head

	Spares []SegmentID `json:"spares,omitempty"` // close: segments prepared and never written
}

type acts struct {
	mu   sync.Mutex
	file File
	end  int64
	all  []act
	held map[SegmentID]string

	dropped   map[SegmentID]bool
	destroyed map[SegmentID]bool
}

// spares gives the segments that the last writer left prepared; none unless it
// closed the journal.
func (a *acts) spares() []SegmentID {
	if n := len(a.all); n > 0 && a.all[n-1].Act == "close" {
		return a.all[n-1].Spares
	}
	return nil
}

// openActs reads the acts; a last line that is not whole is cut.
func openActs(files Files, dir string) (*acts, error) {
	path := actsPath(dir)
	f, err := files.Open(path, true)
	if err != nil {
		if f, err = files.Create(path); err != nil {
			return nil, openFault(err, path)
		}
		if err := files.SyncDir(dir); err != nil {
			f.Close()
			return nil, openFault(err, path)
		}
	}
	a, err := readActs(f)
	if err != nil {
		f.Close()
		return nil, openFault(err, path)
	}
	if err := f.Truncate(a.end); err != nil {
		f.Close()
		return nil, openFault(err, path)
	}
	return a, nil
}

func readActs(f File) (*acts, error) {
	a := &acts{file: f, held: map[SegmentID]string{}, dropped: map[SegmentID]bool{}, destroyed: map[SegmentID]bool{}}
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		var sum uint32
		var one act
		body, whole := strings.CutSuffix(line, "\n")
		if !whole || len(body) < 10 {
			break
		}
		if _, err := fmt.Sscanf(body[:8], "%08x", &sum); err != nil || bodyCRC([]byte(body[9:])) != sum {
			a.end += int64(len(line)) // spoiled: what the others say still holds
			continue
		}
		if json.Unmarshal([]byte(body[9:]), &one) == nil {
			a.take(one)
		}
		a.end += int64(len(line))
	}
	return a, nil
}

func (a *acts) take(one act) {
	a.all = append(a.all, one)
	switch one.Act {
	case "hold":
		a.held[one.Segment] = one.Reason
		if one.Reason == "" {
			a.held[one.Segment] = "held"
		}
	case "release":
		delete(a.held, one.Segment)
	case "drop":
		delete(a.held, one.Segment)
		a.dropped[one.Segment] = true
	case "destroy":
		a.destroyed[one.Segment] = true
	}
}

// note makes an act durable.
func (a *acts) note(one act) error {
	one.At = time.Now().UTC()
	body, err := json.Marshal(one)
	if err != nil {
		return err
	}
	line := fmt.Appendf(nil, "%08x %s\n", bodyCRC(body), body)
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.file.WriteAt(line, a.end); err != nil {
		return syncFault(err)
	}
	if err := a.file.Sync(); err != nil {
		return syncFault(err)
	}
	a.end += int64(len(line))
	a.take(one)
	return nil
}

func (a *acts) holds() map[SegmentID]string {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	held := make(map[SegmentID]string, len(a.held))
	maps.Copy(held, a.held)
	return held
}

func (a *acts) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.file.Close()
}
