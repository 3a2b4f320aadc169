package rest

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// uploads are the batches that come in parts. In the folder uploads each has a
// folder with its name: meta.json, and content as far as it came.
type uploads struct {
	d      *Driver
	folder string // empty: there is nowhere to keep them
	used   atomic.Int64
	work   sync.WaitGroup // journaling

	mu  sync.Mutex
	all map[string]*upload
}

// upload is one.
type upload struct {
	us      *uploads
	id      string
	folder  string
	settled chan struct{} // closed when it is journaled, or cannot be

	mu      sync.Mutex
	m       meta
	busy    bool // a part is coming
	started bool
	gone    bool
}

// meta is meta.json: what must be remembered of an upload. Offset is how much
// of the content is safe on the disk.
type meta struct {
	Who      string    `json:"who"`
	Identity string    `json:"identity"`
	Peer     string    `json:"peer"`
	Name     string    `json:"name"`
	Codec    string    `json:"codec"`
	Media    string    `json:"media"`
	Type     string    `json:"type"`
	Encoding string    `json:"encoding"`
	Topic    string    `json:"topic"`
	Key      string    `json:"key"`
	Length   int64     `json:"length"` // -1: not told
	Offset   int64     `json:"offset"`
	Whole    bool      `json:"whole"`
	Changed  time.Time `json:"changed"`

	// As far as it is journaled.
	Rows    int        `json:"rows"`  // looked at
	Spans   []span     `json:"spans"` // entries made of them
	Results []row      `json:"results"`
	Done    bool       `json:"done"`
	Failed  *metaFault `json:"failed"`
}

// finished says whether nothing is to be done for it any more: it is journaled,
// or cannot be.
func (m *meta) finished() bool { return m.Done || m.Failed != nil }

// metaFault is why an upload cannot be journaled.
type metaFault struct {
	Code  string `json:"code"`
	Text  string `json:"text"`
	Place string `json:"place"`
}

func (f *metaFault) fault() error {
	return (&fault.Fault{Kind: fault.Invalid, Code: f.Code, Text: f.Text}).At(f.Place)
}

const (
	metaName    = "meta.json"
	contentName = "content"
	mostUploads = 1000   // unfinished ones
	mostOfOne   = 16     // unfinished ones of one sender
	mostKept    = 10_000 // finished ones whose status is kept
)

func openUploads(d *Driver, folder string) (*uploads, error) {
	us := &uploads{d: d, all: map[string]*upload{}}
	if folder == "" {
		return us, nil
	}
	us.folder = filepath.Join(folder, "uploads")
	if err := os.MkdirAll(us.folder, 0o700); err != nil {
		return nil, uploadFault(err)
	}
	found, err := os.ReadDir(us.folder)
	if err != nil {
		return nil, uploadFault(err)
	}
	for _, e := range found {
		u := &upload{us: us, id: e.Name(), folder: filepath.Join(us.folder, e.Name()), settled: make(chan struct{})}
		text, err := os.ReadFile(filepath.Join(u.folder, metaName))
		if err != nil || json.Unmarshal(text, &u.m) != nil {
			// It was being made when the power went: nobody was told of it.
			if err := os.RemoveAll(u.folder); err != nil {
				return nil, uploadFault(err)
			}
			continue
		}
		if !u.m.Done && u.m.Failed == nil {
			if err := os.Truncate(filepath.Join(u.folder, contentName), u.m.Offset); err != nil {
				return nil, uploadFault(err)
			}
			us.used.Add(u.m.Offset)
		} else {
			close(u.settled)
		}
		us.all[u.id] = u
	}
	return us, nil
}

// limit is Upload-Limit (§4.1.4 of the draft).
func (us *uploads) limit() string {
	return "max-size=" + strconv.FormatInt(us.d.settings.MaxUpload, 10) + ", max-age=" + strconv.Itoa(int(us.d.settings.UploadKeep/time.Second))
}

func (us *uploads) get(id string) *upload {
	us.mu.Lock()
	defer us.mu.Unlock()
	return us.all[id]
}

// make makes an upload, or gives the one that was made with the same key.
func (us *uploads) make(m meta) (*upload, error) {
	us.mu.Lock()
	defer us.mu.Unlock()
	mine, open := 0, 0
	for _, u := range us.all {
		u.mu.Lock()
		same, unfinished := u.m.Who == m.Who, !u.m.finished()
		again := same && m.Key != "" && u.m.Key == m.Key
		as := u.m.Type == m.Type && u.m.Encoding == m.Encoding && u.m.Topic == m.Topic && u.m.Length == m.Length
		u.mu.Unlock()
		if again && !as {
			return nil, fault.New(fault.Invalid, "rest.key-reused", "this idempotency key came with another upload before; a new one needs a new key").At("Idempotency-Key")
		}
		if again {
			return u, nil
		}
		if unfinished {
			open++
		}
		if same && unfinished {
			mine++
		}
	}
	if mine >= mostOfOne || open >= mostUploads {
		return nil, fault.New(fault.Transient, "rest.upload-space", "too many uploads are unfinished; finish or delete one first")
	}
	if m.Length > 0 && us.used.Load()+m.Length > us.d.settings.UploadSpace {
		return nil, fault.New(fault.Transient, "rest.upload-space", "unfinished uploads take all the disk space they may; come again later")
	}
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	u := &upload{us: us, id: uploadPrefix + hex.EncodeToString(b[:]), m: m, settled: make(chan struct{})}
	u.folder = filepath.Join(us.folder, u.id)
	err := os.Mkdir(u.folder, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(u.folder, contentName), nil, 0o600)
	}
	if err == nil {
		err = u.save()
	}
	if err == nil {
		err = syncFolder(us.folder)
	}
	if err != nil {
		os.RemoveAll(u.folder)
		return nil, uploadFault(err)
	}
	us.all[u.id] = u
	return u, nil
}

// save writes meta.json so that it is there whole after a power cut; u.mu is
// held, or nobody else has u.
func (u *upload) save() error {
	text, err := json.Marshal(&u.m)
	if err != nil {
		return err
	}
	part := filepath.Join(u.folder, metaName+".new")
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(part, filepath.Join(u.folder, metaName))
	}
	if err == nil {
		err = syncFolder(u.folder)
	}
	return err
}

func (u *upload) snapshot() meta {
	u.mu.Lock()
	defer u.mu.Unlock()
	m := u.m
	m.Spans, m.Results = slices.Clone(m.Spans), slices.Clone(m.Results)
	return m
}

func (u *upload) who() string   { return u.snapshot().Who }
func (u *upload) offset() int64 { return u.snapshot().Offset }
func (u *upload) length() int64 { return u.snapshot().Length }
func (u *upload) whole() bool   { return u.snapshot().Whole }

// part is a part that is coming.
type part struct {
	u    *upload
	file *os.File
	at   int64
}

// begin opens an upload for a part; nil when it is whole and nothing is
// missing.
func (u *upload) begin(at int64, last bool) (*part, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.gone:
		return nil, fault.New(fault.Absent, "rest.upload-gone", "the upload was given up")
	case at != u.m.Offset:
		return nil, &wrongOffset{fault.New(fault.Conflict, "rest.upload-offset", "the upload goes on at byte %d", u.m.Offset).At("Upload-Offset"), u.m.Offset}
	case u.m.Whole && last:
		return nil, nil
	case u.m.Whole:
		return nil, fault.New(fault.Conflict, "rest.upload-whole", "the upload is whole already")
	case u.busy:
		return nil, fault.New(fault.Conflict, "rest.upload-busy", "another part of this upload is coming; ask for the offset when it has ended")
	}
	f, err := os.OpenFile(filepath.Join(u.folder, contentName), os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Seek(at, io.SeekStart)
	}
	if err != nil {
		return nil, uploadFault(err)
	}
	u.busy = true
	return &part{u: u, file: f, at: at}, nil
}

// end makes what came safe.
func (p *part) end(whole bool) error {
	err := errors.Join(p.file.Sync(), p.file.Close())
	u := p.u
	u.mu.Lock()
	defer u.mu.Unlock()
	u.busy = false
	if u.gone {
		u.us.used.Add(u.m.Offset - p.at) // what was safe before, giveUp has counted
		return fault.New(fault.Absent, "rest.upload-gone", "the upload was given up")
	}
	if whole && u.m.Length >= 0 && p.at != u.m.Length {
		whole = false
		err = errors.Join(err, fault.New(fault.Invalid, "rest.upload-length", "the upload was said to be complete and has %d of %d bytes", p.at, u.m.Length).At("Upload-Complete"))
	}
	before := u.m
	u.m.Offset, u.m.Whole, u.m.Changed = p.at, whole, time.Now().UTC()
	if failed := u.save(); failed != nil {
		u.us.used.Add(before.Offset - p.at) // it comes again
		u.m = before
		return uploadFault(failed)
	}
	if err != nil && fault.CodeOf(err) == "internal" {
		err = uploadFault(err)
	}
	return err
}

// giveUp forgets an upload that is not whole.
func (us *uploads) giveUp(u *upload) error {
	u.mu.Lock()
	if u.gone {
		u.mu.Unlock()
		return fault.New(fault.Absent, "rest.upload-gone", "the upload was given up")
	}
	if u.m.Whole && !u.m.finished() {
		u.mu.Unlock()
		return fault.New(fault.Conflict, "rest.upload-whole", "the upload is whole and on its way to the journal; it cannot be given up any more")
	}
	open := !u.m.finished()
	u.gone = true
	size := u.m.Offset
	u.mu.Unlock()
	us.mu.Lock()
	delete(us.all, u.id)
	us.mu.Unlock()
	if open {
		us.used.Add(-size)
	}
	if err := os.RemoveAll(u.folder); err != nil {
		return uploadFault(err)
	}
	return nil
}

// expire gives up what nobody has added to for long, and of those finished the
// oldest beyond what is kept.
func (us *uploads) expire(now time.Time) {
	type ended struct {
		u  *upload
		at time.Time
	}
	us.mu.Lock()
	var old []*upload
	var kept []ended
	for _, u := range us.all {
		u.mu.Lock()
		switch {
		case u.busy || u.gone || u.m.Whole && !u.m.finished():
		case now.Sub(u.m.Changed) > us.d.settings.UploadKeep:
			old = append(old, u)
		case u.m.finished():
			kept = append(kept, ended{u, u.m.Changed})
		}
		u.mu.Unlock()
	}
	us.mu.Unlock()
	if over := len(kept) - mostKept; over > 0 {
		slices.SortFunc(kept, func(a, b ended) int { return a.at.Compare(b.at) })
		for _, one := range kept[:over] {
			old = append(old, one.u)
		}
	}
	for _, u := range old {
		if !u.whole() {
			us.d.notes.Add(u.snapshot().Peer, "rest.upload-expired", "an upload was given up: nothing was added to it for long", "Have the sender finish what it begins, or raise upload_keep.")
		}
		if err := us.giveUp(u); err != nil {
			us.d.notes.Add("", "rest.upload-disk", "an old upload cannot be removed: "+err.Error(), "Look at the channel's folder.")
		}
	}
}

// found is told of an entry of the journal that was made of an upload.
func (us *uploads) found(id string, p map[string]string, seq model.Seq) {
	u := us.get(id)
	rows, err := strconv.Atoi(p["rows"])
	count, err2 := strconv.Atoi(p[propRows])
	if u == nil || err != nil || err2 != nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if rows > u.m.Rows {
		u.m.Rows = rows
		u.addSpan(span{seq, count})
	}
}

// addSpan adds entries, to the last span where they follow it; u.mu is held.
func (u *upload) addSpan(s span) {
	if n := len(u.m.Spans); n > 0 && u.m.Spans[n-1].First+model.Seq(u.m.Spans[n-1].Count) == s.First {
		u.m.Spans[n-1].Count += s.Count
		return
	}
	u.m.Spans = append(u.m.Spans, s)
}

// goOn journals what was whole when the program ended.
func (us *uploads) goOn() {
	us.mu.Lock()
	defer us.mu.Unlock()
	for _, u := range us.all {
		if u.m.Whole && !u.m.Done && u.m.Failed == nil {
			us.startLocked(u)
		}
	}
}

func (us *uploads) start(u *upload) {
	us.mu.Lock()
	defer us.mu.Unlock()
	us.startLocked(u)
}

func (us *uploads) startLocked(u *upload) {
	u.mu.Lock()
	again := u.started
	u.started = true
	u.mu.Unlock()
	if !again {
		us.work.Go(func() { us.journal(u) })
	}
}

func (us *uploads) wait() { us.work.Wait() }

func shortOf(s string) string {
	if len(s) > 200 {
		return strings.ToValidUTF8(s[:200], "")
	}
	return s
}
