package rest

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// answer is every request at /ingest/{channel} and below.
func (d *Driver) answer(w http.ResponseWriter, r *http.Request) {
	d.requests.Add(1)
	if !d.enter() {
		d.refuse(w, fault.New(fault.Transient, "rest.stopping", "the channel is being closed; send again in a moment"))
		return
	}
	defer d.serving.Done()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // of the request before on this connection
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(d.ctx, cancel)()
	s, err := d.admit(ctx, r)
	if err != nil {
		d.refuse(w, err)
		return
	}
	contact := driver.Connection{Peer: r.RemoteAddr, Local: local(r), Encrypted: d.Encrypted()}
	if d.met.see(contact, time.Now(), 0) && d.host.Met != nil {
		d.host.Met(d.channel, contact)
	}
	if err := d.limits.request(s.who(), time.Now()); err != nil {
		d.notes.Add(s.peer, fault.CodeOf(err), "a device sends more than the channel's settings allow, and was asked to wait", "Raise requests_per_second or bytes_per_hour if it is meant to.")
		d.refuse(w, err)
		return
	}
	err = d.route(w, r, s)
	if err != nil {
		d.refuse(w, err)
	}
}

// route finds what a request is for, by its path below the channel and its
// method.
func (d *Driver) route(w http.ResponseWriter, r *http.Request, s *sender) error {
	rest, ok := below(r.URL.Path, string(d.channel))
	if !ok {
		return fault.New(fault.Absent, "rest.absent", "there is nothing at this path; the channel is at /ingest/ and its id")
	}
	switch {
	case rest == "" && r.Method == http.MethodPost && r.Header.Get("Upload-Complete") != "":
		return d.beginUpload(w, r, s)
	case rest == "" && r.Method == http.MethodPost:
		return d.post(w, r, s)
	case rest == "" && r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		return d.socket(w, r, s)
	case rest == "" && (r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions):
		w.Header().Set("Accept-Post", d.acceptPost())
		w.Header().Set("Upload-Limit", d.uploads.limit())
		d.write(w, http.StatusOK, d.describe())
		return nil
	case rest == "":
		w.Header().Set("Allow", "POST, GET, HEAD, OPTIONS")
	case strings.HasPrefix(rest, uploadPrefix):
		return d.upload(w, r, s, rest)
	case r.Method == http.MethodGet:
		return d.progress(w, r, s, rest)
	default:
		w.Header().Set("Allow", "GET")
	}
	return fault.New(fault.Invalid, "rest.method", "this method does nothing here")
}

// below gives the part of the path under the channel.
func below(path, channel string) (string, bool) {
	path, ok := strings.CutPrefix(path, "/ingest/"+channel)
	if !ok || path != "" && path[0] != '/' {
		return "", false
	}
	path = strings.Trim(path, "/")
	return path, !strings.Contains(path, "/")
}

// description is what GET tells of the channel.
type description struct {
	Channel   model.ChannelID `json:"channel"`
	Accept    []string        `json:"accept"`
	Encodings []string        `json:"encodings"`
	MaxBody   int             `json:"maxBody"`
	MaxRows   int             `json:"maxRows"`
	MaxUpload int64           `json:"maxUpload"`
}

func (d *Driver) describe() description {
	return description{d.channel, d.medias(), []string{"gzip", "zstd"}, d.settings.MaxBody, d.settings.MaxRows, d.settings.MaxUpload}
}

// taken is the answer to a request whose content is durable.
type taken struct {
	Receipt  string    `json:"receipt"`
	State    string    `json:"state"` // journaled
	Rows     int       `json:"rows"`
	Accepted int       `json:"accepted"`
	Refused  int       `json:"refused"`
	First    model.Seq `json:"first"`
	Last     model.Seq `json:"last"`
	Results  []row     `json:"results,omitempty"` // of rows there is something to be said of; with Prefer: return=representation of all
}

// maxKey bounds an idempotency key.
const maxKey = 255

// keyOf reads Idempotency-Key, with or without quotes
// (draft-ietf-httpapi-idempotency-key-header §2.1).
func keyOf(r *http.Request) (string, error) {
	all := r.Header.Values("Idempotency-Key")
	if len(all) == 0 {
		return "", nil
	}
	key := strings.TrimSpace(all[0])
	if len(key) > 1 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	plain := func(c rune) bool { return c > ' ' && c < 0x7f }
	if len(all) > 1 || key == "" || len(key) > maxKey || strings.IndexFunc(key, func(c rune) bool { return !plain(c) }) >= 0 {
		return "", fault.New(fault.Invalid, "rest.key", "expected one key of at most %d printable characters, such as a UUID", maxKey).At("Idempotency-Key")
	}
	return key, nil
}

// post takes a document or a batch.
func (d *Driver) post(w http.ResponseWriter, r *http.Request, s *sender) error {
	f, err := d.formatOf(r.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	topic, err := s.topic(r.URL.Query().Get("topic"))
	if err != nil {
		return err
	}
	key, err := keyOf(r)
	if err != nil {
		return err
	}
	if r.ContentLength == 0 && r.Header.Get("Content-Length") == "" && len(r.TransferEncoding) == 0 && r.ProtoMajor == 1 {
		return fault.New(fault.Invalid, "rest.no-length", "the request has no body: say its length, or send it in chunks").At("Content-Length")
	}
	if key != "" {
		w.Header().Set("Idempotency-Key", key)
	}
	content, release, err := d.body(w, r, s)
	if err != nil {
		return d.broken(s, err)
	}
	defer release()
	c, err := split(f, content, d.settings.MaxRows)
	if err != nil {
		d.notes.Refused(s.peer, fault.CodeOf(err), "a request was refused and not kept: "+textOf(err), "Have the sender correct it; the answer told it the place.")
		return err
	}
	if len(c.frames) == 0 {
		d.notes.Refused(s.peer, "rest.nothing", "a batch was refused: none of its rows can be read", "Have the sender correct it; the answer told it the places.")
		d.refuse(w, fault.New(fault.Invalid, "rest.nothing", "no row of the batch can be taken; each is told below"), told(c.rows, true)...)
		return nil
	}
	got := receipt{digest: digestBody(f, topic, content), count: uint32(len(c.frames)), at: time.Now().Unix()}
	if key != "" {
		n := nameOf(kindKey, s.who(), key)
		first, known, err := d.keys.begin(n, got.digest)
		if err != nil {
			return err
		}
		if known {
			d.accept(w, r, c, first)
			return nil
		}
		ticket := d.keys.offering()
		defer func() {
			if got.first == 0 {
				got.count = 0
			}
			d.keys.done(n, got)
			d.keys.offered(ticket)
		}()
	}
	frames := d.frames(c.frames, f, s, topic, properties(r.Header.Get("Content-Type"), key, got))
	for _, row := range c.rows {
		if row.frame >= 0 && row.Row != row.frame+1 {
			say(&frames[row.frame], propRow, row.Row)
		}
	}
	seqs, err := d.offer(d.ctx, frames)
	if err != nil {
		if fault.KindOf(err) == fault.Transient {
			d.notes.Add(s.peer, "rest.not-stored", "requests could not be stored and were answered with 503: "+textOf(err), "See what the fault says; senders will send again.")
		}
		return err
	}
	got.first = seqs[0]
	d.accept(w, r, c, got)
	return nil
}

func textOf(err error) string {
	if f := (*fault.Fault)(nil); errors.As(err, &f) {
		return f.Text
	}
	return "something went wrong inside"
}

// frames makes frames of rows; what is said of the request stands with the
// first.
func (d *Driver) frames(rows [][]byte, f format, s *sender, topic, said string) []model.Frame {
	now := time.Now()
	frames := make([]model.Frame, len(rows))
	for i, b := range rows {
		frames[i] = model.Frame{Channel: d.channel, Codec: f.codec, Peer: s.peer, Identity: s.identity, Topic: topic, Arrived: now, Bytes: b}
	}
	frames[0].Properties = said
	return frames
}

// Names of properties, as they stand in the journal.
const (
	propType     = "content-type"
	propKey      = "idempotency-key"
	propDigest   = "body-digest"
	propRows     = "entries"
	propStream   = "stream"
	propSequence = "sequence"
	propUpload   = "upload"
	propRow      = "row"       // which row of its batch an entry is, where its place does not say so
	propFirstRow = "first-row" // which row of its table an entry of several begins with
)

func properties(contentType, key string, c receipt) string {
	var b strings.Builder
	line := func(name, value string) { b.WriteString(name + ": " + value + "\n") }
	if len(contentType) < 256 {
		line(propType, contentType)
	}
	if key != "" {
		line(propKey, key)
		line(propDigest, hex.EncodeToString(c.digest[:]))
		line(propRows, strconv.Itoa(int(c.count)))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// say adds a number to what is said of a frame.
func say(f *model.Frame, name string, n int) {
	if f.Properties != "" {
		f.Properties += "\n"
	}
	f.Properties += name + ": " + strconv.Itoa(n)
}

func readProperties(text string) map[string]string {
	m := map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		if n, v, ok := strings.Cut(line, ": "); ok {
			m[n] = v
		}
	}
	return m
}

// remember takes from an entry of the journal what the log of keys may have
// lost in a power cut.
func (d *Driver) remember(e model.Entry) {
	if e.Properties == "" || e.Redacted {
		return
	}
	p := readProperties(e.Properties)
	s := sender{peer: e.Peer, identity: e.Identity}
	if key := p[propKey]; key != "" {
		digestOf, err := hex.DecodeString(p[propDigest])
		count, err2 := strconv.ParseUint(p[propRows], 10, 32)
		if err == nil && err2 == nil && len(digestOf) == len(digest{}) {
			d.keys.done(nameOf(kindKey, s.who(), key), receipt{digest: digest(digestOf), first: e.Seq, count: uint32(count), at: e.Arrived.Unix()})
		}
	}
	if name := p[propStream]; name != "" {
		if last, err := strconv.ParseUint(p[propSequence], 10, 64); err == nil {
			d.keys.acknowledge(nameOf(kindStream, s.who(), name), last, e.Arrived)
		}
	}
	if id := p[propUpload]; id != "" {
		d.uploads.found(id, p, e.Seq)
	}
}

// offer makes frames durable.
func (d *Driver) offer(ctx context.Context, frames []model.Frame) ([]model.Seq, error) {
	seqs, err := d.host.Intake.Offer(ctx, frames)
	if err == nil && len(seqs) != len(frames) {
		err = fault.New(fault.Broken, "rest.intake", "intake took %d frames and numbered %d", len(frames), len(seqs))
	}
	if err == nil {
		d.taken.Add(uint64(len(frames)))
	}
	return seqs, err
}

// accept answers 202: everything told of is durable.
func (d *Driver) accept(w http.ResponseWriter, r *http.Request, c cut, got receipt) {
	out := taken{Receipt: receiptID(got), State: stateJournaled, Rows: c.count, Accepted: c.count, First: got.first, Last: got.first + model.Seq(got.count) - 1}
	for i := range c.rows {
		if c.rows[i].State == rowRefused {
			out.Accepted, out.Refused = out.Accepted-1, out.Refused+1
		} else if c.rows[i].frame >= 0 {
			c.rows[i].Entry = got.first + model.Seq(c.rows[i].frame)
		}
	}
	out.Results = told(c.rows, strings.Contains(r.Header.Get("Prefer"), "return=representation"))
	w.Header().Set("Location", d.at(out.Receipt))
	d.write(w, http.StatusAccepted, out)
}

// at is the path of a resource of the channel.
func (d *Driver) at(name string) string { return "/ingest/" + string(d.channel) + "/" + name }

// told gives the rows there is something to be said of.
func told(rows []row, all bool) []row {
	if all {
		return rows
	}
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.State == rowTaken && r.Code == "" })
}
