package pull

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// remembered is from where on to ask, in a file that is replaced as a whole.
type remembered struct {
	Cursor   string   `json:"cursor,omitempty"`   // value of the parameter
	Next     string   `json:"next,omitempty"`     // page to go on with, when a round was broken off
	ETag     string   `json:"etag,omitempty"`     // of the first page
	Modified string   `json:"modified,omitempty"` // of the first page
	Taken    []string `json:"taken,omitempty"`    // hashes of what was taken last
	// Began is when the first page was asked for, of the round to which Next
	// belongs: a cursor of time goes there and no further.
	Began time.Time `json:"began,omitzero"`

	path  string
	known map[string]bool // Taken again
}

// mostTaken is how many entries are known again when a server sends them again.
const mostTaken = 4096

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// load reads what was remembered. What became durable before it could be
// remembered is found among the channel's last entries.
func load(folder string, recent func(each func(model.Entry))) (*remembered, error) {
	r := &remembered{path: filepath.Join(folder, "cursor.json"), known: map[string]bool{}}
	b, err := os.ReadFile(r.path)
	if err == nil {
		err = json.Unmarshal(b, r)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.Transient, "pull.state", "cannot read from where on to ask").At(r.path)
	}
	for _, hash := range r.Taken {
		r.known[hash] = true
	}
	recent(func(e model.Entry) { r.took(hashOf(e.Bytes)) })
	return r, nil
}

func (r *remembered) took(hash string) {
	if r.known[hash] {
		return
	}
	if len(r.Taken) >= mostTaken {
		for _, old := range r.Taken[:mostTaken/4] {
			delete(r.known, old)
		}
		r.Taken = slices.Delete(r.Taken, 0, mostTaken/4)
	}
	r.Taken = append(r.Taken, hash)
	r.known[hash] = true
}

func (r *remembered) save() error {
	b, err := json.Marshal(r)
	if err == nil {
		err = replace(r.path, b)
	}
	if err != nil {
		return fault.Wrap(err, fault.Transient, "pull.state", "cannot keep from where on to ask; see that the data folder has room and belongs to this user")
	}
	return nil
}

func replace(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// since is the cursor's value for a round that began at an instant.
func since(t time.Time, overlap time.Duration) string {
	return t.Add(-overlap).UTC().Format(time.RFC3339)
}
