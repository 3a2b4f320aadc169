package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stored is a message with its sequence.
type stored struct {
	seq uint64
	Message
}

// batch is what one request carries.
type batch struct {
	plan
	messages []stored
	size     int
}

// run sends until the client is closed.
func (c *Client) run() {
	failures := 0
	for {
		more, err := c.round()
		switch {
		case c.ctx.Err() != nil:
			return
		case err != nil:
			failures++
			wait := c.pause(failures, err)
			c.o.Log.Warn("sending failed", "error", err, "again", wait)
			if !c.sleep(wait) {
				return
			}
			continue
		}
		failures = 0
		if more {
			continue
		}
		select {
		case <-c.ctx.Done():
			return
		case <-c.wake:
		}
		if !c.sleep(c.o.Linger) {
			return
		}
	}
}

func (c *Client) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c.ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// later is a failure after which the same batch is sent again.
type later struct {
	why   string
	after time.Duration // as the server asked; 0: it did not
}

func (l *later) Error() string { return l.why }

// pause is how long to wait: twice as long each time, by chance half as long
// to as long again, so that a thousand gateways do not come back at once; and
// at least as long as the server asked.
func (c *Client) pause(failures int, err error) time.Duration {
	c.mu.Lock()
	c.stats.Failures++
	c.stats.LastFailure = err.Error()
	c.mu.Unlock()
	d := c.o.MaxBackoff
	if failures < 30 {
		d = min(d, c.o.MinBackoff<<(failures-1))
	}
	d = d/2 + mathrand.N(d)
	var l *later
	if errors.As(err, &l) && l.after > 0 {
		d = max(min(l.after, time.Hour)+mathrand.N(time.Second), min(d, l.after))
	}
	return d
}

// round sends the batch under way, or what waits now; more says that there may
// be more.
func (c *Client) round() (more bool, err error) {
	c.mu.Lock()
	s := c.state
	c.mu.Unlock()
	if s.Plan != nil {
		b, err := c.load(*s.Plan)
		if err != nil {
			return false, err
		}
		return true, c.deliver(b, nil)
	}
	batches, err := c.gather(s)
	if err != nil || len(batches) == 0 {
		return false, err
	}
	if err := c.settle(nil, &batches[0].plan, outcome{}); err != nil {
		return false, err
	}
	for i, b := range batches {
		var next *plan
		if i+1 < len(batches) {
			next = &batches[i+1].plan
		}
		if err := c.deliver(b, next); err != nil {
			return false, err
		}
	}
	return true, nil
}

// load reads the messages of a plan; those that cannot be read any more are
// left out, which the cache has counted as damage.
func (c *Client) load(p plan) (*batch, error) {
	b := &batch{plan: p}
	err := c.cache.read(slices.Min(p.Seqs), func(m Message, seq uint64) bool {
		if slices.Contains(p.Seqs, seq) {
			b.messages = append(b.messages, stored{seq, m})
		}
		return seq < slices.Max(p.Seqs)
	})
	return b, err
}

// gather makes batches of the messages that wait, as many as fit a few
// requests. The order of each device is kept: a message goes into the latest
// batch of its kind, or into a new one, never before one of its device.
func (c *Client) gather(s state) ([]*batch, error) {
	done := map[uint64]bool{}
	for _, seq := range s.Done {
		done[seq] = true
	}
	var all []*batch
	latest := map[string]int{}   // kind → its batch
	ofDevice := map[string]int{} // device → the batch of its last message
	rows, size := 0, 0
	err := c.cache.read(s.Cursor, func(m Message, seq uint64) bool {
		if done[seq] {
			return true
		}
		kind := m.Type + "\n" + m.Topic
		at, ok := latest[kind]
		if !ok || at < ofDevice[m.Device] || len(all[at].messages) >= c.o.BatchRows || all[at].size+len(m.Body) > c.o.BatchBytes || rowsOf(m.Type) == "" {
			all = append(all, &batch{plan: plan{Key: newKey()}})
			at = len(all) - 1
		}
		b := all[at]
		b.messages, b.Seqs, b.size = append(b.messages, stored{seq, m}), append(b.Seqs, seq), b.size+len(m.Body)
		latest[kind], ofDevice[m.Device] = at, at
		rows++
		size += len(m.Body)
		return rows < 4*c.o.BatchRows && size < 4*c.o.BatchBytes
	})
	return all, err
}

func newKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// rowsOf gives the type under which several documents of a type go in one
// request, a line each; empty: they go alone.
func rowsOf(media string) string {
	kind, _, _ := strings.Cut(media, ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "application/json":
		return "application/x-ndjson"
	case "application/fhir+json":
		return "application/fhir+ndjson"
	}
	return ""
}

// deliver sends a batch until there is an answer that counts, and settles it.
func (c *Client) deliver(b *batch, next *plan) error {
	if len(b.messages) == 0 {
		if err := c.settle(b.Seqs, next, outcome{}); err != nil {
			return err
		}
		return c.finish()
	}
	refused, err := c.send(b)
	if err != nil {
		var whole *refusedWhole
		if !errors.As(err, &whole) {
			return err
		}
		if len(b.messages) > 1 {
			return c.oneByOne(b, next)
		}
		refused = []Refusal{whole.refusal}
		refused[0].Seq, refused[0].Message = b.messages[0].seq, b.messages[0].Message
	}
	if err := c.keepRefused(refused); err != nil {
		return err
	}
	if err := c.settle(b.Seqs, next, outcome{len(b.messages) - len(refused), len(refused)}); err != nil {
		return err
	}
	for _, r := range refused {
		c.o.Log.Warn("a message was refused", "seq", r.Seq, "code", r.Code, "place", r.Place)
		if c.o.Refused != nil {
			c.o.Refused(r)
		}
	}
	return c.finish()
}

// oneByOne sends the messages of a batch that was refused as a whole each for
// itself, to find which is at fault.
func (c *Client) oneByOne(b *batch, next *plan) error {
	single := make([]*batch, len(b.messages))
	for i, m := range b.messages {
		single[i] = &batch{plan: plan{Key: b.Key + "-" + strconv.Itoa(i), Seqs: []uint64{m.seq}}, messages: []stored{m}}
	}
	if err := c.settle(nil, &single[0].plan, outcome{}); err != nil {
		return err
	}
	for i, one := range single {
		after := next
		if i+1 < len(single) {
			after = &single[i+1].plan
		}
		if err := c.deliver(one, after); err != nil {
			return err
		}
	}
	return nil
}

// refusedWhole is an answer that the whole request will never be taken.
type refusedWhole struct{ refusal Refusal }

func (r *refusedWhole) Error() string { return r.refusal.Detail }

// answer is what of the server's answers is needed.
type answer struct {
	Code    string `json:"code"`
	Place   string `json:"place"`
	Detail  string `json:"detail"`
	Results []struct {
		Row    int    `json:"row"`
		State  string `json:"state"`
		Code   string `json:"code"`
		Place  string `json:"place"`
		Detail string `json:"detail"`
	} `json:"results"`
}

// body writes a batch as one request.
func (b *batch) body() (content []byte, media string) {
	first := b.messages[0].Message
	if len(b.messages) == 1 {
		return first.Body, first.Type
	}
	var out bytes.Buffer
	for _, m := range b.messages {
		// A document takes one line; one that is no JSON is sent as it is, for
		// the server to refuse, with its line ends taken out.
		at := out.Len()
		if bytes.IndexByte(m.Body, '\n') < 0 {
			out.Write(m.Body)
		} else if err := json.Compact(&out, m.Body); err != nil {
			out.Truncate(at)
			out.Write(bytes.ReplaceAll(m.Body, []byte("\n"), []byte(" ")))
		}
		out.WriteByte('\n')
	}
	return out.Bytes(), rowsOf(first.Type)
}

// send makes one request. It gives the messages that were refused; all others
// are durable with the server.
func (c *Client) send(b *batch) ([]Refusal, error) {
	content, media := b.body()
	target := c.o.URL
	if topic := b.messages[0].Topic; topic != "" {
		sign := "?"
		if strings.Contains(target, "?") {
			sign = "&"
		}
		target += sign + "topic=" + url.QueryEscape(topic)
	}
	encoding := ""
	if !c.o.Plain && len(content) > 512 {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write(content); err == nil && w.Close() == nil && z.Len() < len(content) {
			content, encoding = z.Bytes(), "gzip"
		}
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.o.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", media)
	r.Header.Set("Idempotency-Key", b.Key)
	r.Header.Set("User-Agent", "thalamus-client/1")
	if encoding != "" {
		r.Header.Set("Content-Encoding", encoding)
	}
	if c.o.Name != "" || c.o.Secret != "" {
		r.SetBasicAuth(c.o.Name, c.o.Secret)
	}
	c.mu.Lock()
	c.stats.Requests++
	c.mu.Unlock()
	a, err := c.http.Do(r)
	if err != nil {
		return nil, &later{why: err.Error()}
	}
	defer a.Body.Close()
	text, err := io.ReadAll(io.LimitReader(a.Body, 16<<20))
	if err != nil {
		return nil, &later{why: "the answer broke off: " + err.Error()}
	}
	var got answer
	parsed := json.Unmarshal(text, &got) == nil
	switch s := a.StatusCode; {
	case s == http.StatusAccepted && parsed:
		var refused []Refusal
		for _, row := range got.Results {
			if row.State == "refused" && row.Row >= 1 && row.Row <= len(b.messages) {
				m := b.messages[row.Row-1]
				refused = append(refused, Refusal{Seq: m.seq, Status: s, Code: row.Code, Place: row.Place, Detail: row.Detail, Message: m.Message})
			}
		}
		return refused, nil
	case parsed && (got.Code == "rest.half-body" || got.Code == "rest.digest" || got.Code == "rest.not-compressed"): // damaged on the way
		return nil, &later{why: got.Detail}
	case parsed && got.Code != "" && (s == http.StatusBadRequest || s == http.StatusRequestEntityTooLarge || s == http.StatusUnsupportedMediaType || s == http.StatusUnprocessableEntity):
		return nil, &refusedWhole{Refusal{Status: s, Code: got.Code, Place: got.Place, Detail: got.Detail}}
	case got.Detail != "":
		return nil, &later{fmt.Sprintf("the server answered %d: %s", s, got.Detail), retryAfter(a.Header)}
	}
	// What is no answer of a channel (a proxy's page, a login, a wrong
	// address) decides nothing.
	return nil, &later{fmt.Sprintf("the server answered %d, and not as a channel does", a.StatusCode), retryAfter(a.Header)}
}

func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// mostRefused bounds refused.ndjson; what does not fit is only told and logged.
const mostRefused = 64 << 20

// keepRefused writes refused messages aside before they are settled.
func (c *Client) keepRefused(list []Refusal) error {
	if len(list) == 0 {
		return nil
	}
	var b []byte
	for _, r := range list {
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		b = append(append(b, line...), '\n')
	}
	f, err := os.OpenFile(c.path("refused.ndjson"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if at, err := f.Stat(); err == nil && at.Size()+int64(len(b)) > mostRefused {
		return f.Close()
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}
