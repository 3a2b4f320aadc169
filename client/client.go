package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Message is one thing a device said.
type Message struct {
	// Device names who said it, for the order only: messages of one device are
	// sent in the order in which they were put.
	Device string `json:"device,omitempty"`
	Type   string `json:"type"`            // media type, such as application/json, application/fhir+json, text/csv, application/hl7-v2
	Topic  string `json:"topic,omitempty"` // where it is filed, such as ward/3/vitals; may be empty
	Body   []byte `json:"body"`
}

// Stats are how a client is.
type Stats struct {
	Pending     uint64    // messages that wait
	Bytes       int64     // on the disk, sent ones of an unfinished file among them
	Sent        uint64    // acknowledged since Open
	Refused     uint64    // refused for good since Open
	Requests    uint64    // since Open
	Failures    uint64    // requests without an answer that counts, since Open
	Damaged     int       // places in the cache that could not be read
	LastSent    time.Time // when the last batch was acknowledged
	LastFailure string    // why the last request failed; empty when one succeeded since
}

// Client is an open cache and what sends from it. All methods may be called by
// many goroutines.
type Client struct {
	o       Options
	lock    *os.File
	cache   *cache
	http    *http.Client
	wake    chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
	sending sync.WaitGroup

	mu       sync.Mutex
	state    state
	finished uint64 // all before this one are settled, counted and told
	stats    Stats
	waits    []flush
	closed   bool
}

// state is state.json: what was acknowledged, and the batch under way.
type state struct {
	Cursor uint64   `json:"cursor"`         // all before this one are settled
	Done   []uint64 `json:"done,omitempty"` // settled ones from there on
	Plan   *plan    `json:"plan,omitempty"`
}

// plan is a batch that may have been sent: it is sent again as it is until
// there is an answer.
type plan struct {
	Key  string   `json:"key"`
	Seqs []uint64 `json:"seqs"`
}

type flush struct {
	until uint64
	done  chan struct{}
}

const stateName = "state.json"

// Open opens the folder and begins to send what waits in it.
func Open(o Options) (*Client, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Folder, 0o700); err != nil {
		return nil, err
	}
	l, err := lock(o.Folder)
	if err != nil {
		return nil, err
	}
	c := &Client{o: o, lock: l, wake: make(chan struct{}, 1), http: o.http()}
	text, err := os.ReadFile(c.path(stateName))
	switch {
	case errors.Is(err, os.ErrNotExist):
		c.state.Cursor = 1
	case err == nil:
		if err = json.Unmarshal(text, &c.state); err != nil {
			err = fmt.Errorf("client: %s is damaged: %w", c.path(stateName), err)
		}
	}
	if err == nil || errors.Is(err, os.ErrNotExist) {
		c.cache, err = openCache(o.Folder, o.MaxBytes, o.SegmentBytes, c.state.next())
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	c.finished = c.state.Cursor
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.sending.Go(c.run)
	return c, nil
}

// next is a sequence that was never used.
func (s *state) next() uint64 {
	n := s.Cursor
	for _, d := range s.Done {
		n = max(n, d+1)
	}
	if s.Plan != nil {
		for _, d := range s.Plan.Seqs {
			n = max(n, d+1)
		}
	}
	return n
}

func (c *Client) path(name string) string { return filepath.Join(c.o.Folder, name) }

// Put keeps a message and gives its number; it returns nil when the message is
// on the disk. ErrFull: as many bytes wait as may.
func (c *Client) Put(ctx context.Context, m Message) (uint64, error) {
	return c.PutAll(ctx, []Message{m})
}

// PutAll keeps messages, all or none, and gives the number of the first; the
// others follow. It costs one sync for all.
func (c *Client) PutAll(ctx context.Context, messages []Message) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	size := 0
	for i := range messages {
		m := &messages[i]
		if m.Type == "" || len(bytes.TrimSpace(m.Body)) == 0 || len(m.Type)+len(m.Device)+len(m.Topic) > 2048 || strings.ContainsAny(m.Type+m.Topic, "\r\n") {
			return 0, fmt.Errorf("client: message %d: Type and Body must be given, and names be short", i)
		}
		size += len(m.Body)
	}
	if len(messages) == 0 || size > maxMessage {
		return 0, fmt.Errorf("client: expected messages of at most %d bytes together", maxMessage)
	}
	first, err := c.cache.put(messages)
	if err != nil {
		return 0, err
	}
	if err := c.cache.sync(first + uint64(len(messages)) - 1); err != nil {
		return 0, err
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return first, nil
}

// Flush waits until everything put before was acknowledged or refused, or ctx
// ends.
func (c *Client) Flush(ctx context.Context) error {
	until := c.cache.end()
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return ErrClosed
	}
	if c.finished >= until {
		c.mu.Unlock()
		return nil
	}
	f := flush{until, make(chan struct{})}
	c.waits = append(c.waits, f)
	c.mu.Unlock()
	select {
	case <-f.done:
		return nil
	case <-c.ctx.Done():
		return ErrClosed
	case <-ctx.Done():
		c.mu.Lock()
		why := c.stats.LastFailure
		c.waits = slices.DeleteFunc(c.waits, func(w flush) bool { return w.done == f.done })
		c.mu.Unlock()
		if why != "" {
			return fmt.Errorf("client: not all was sent: %s: %w", why, ctx.Err())
		}
		return ctx.Err()
	}
}

// Stats tells how the client is.
func (c *Client) Stats() Stats {
	next := c.cache.end()
	c.cache.mu.Lock()
	bytes, damaged := c.cache.bytes, c.cache.damaged
	c.cache.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Pending, s.Bytes, s.Damaged = next-c.state.Cursor-uint64(len(c.state.Done)), bytes, damaged
	return s
}

// Close stops sending. What was not acknowledged stays in the folder and is
// sent when it is opened again.
func (c *Client) Close() error {
	c.mu.Lock()
	again := c.closed
	c.closed = true
	c.mu.Unlock()
	if again {
		return nil
	}
	c.cancel()
	c.sending.Wait()
	return errors.Join(c.cache.close(), c.lock.Close())
}

// save writes the state so that it is there whole after a power cut; c.mu is
// held.
func (c *Client) save(s state) error {
	text, err := json.Marshal(&s)
	if err != nil {
		return err
	}
	part := c.path(stateName + ".new")
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(part, c.path(stateName)); err != nil {
		return err
	}
	return syncFolder(c.o.Folder)
}

// outcome is how many messages of a batch the server has, and how many it
// refused for good.
type outcome struct{ sent, refused int }

// settle notes that messages need not be sent any more, what became of them,
// and which batch comes next.
func (c *Client) settle(seqs []uint64, next *plan, o outcome) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := state{Cursor: c.state.Cursor, Done: append(slices.Clone(c.state.Done), seqs...), Plan: next}
	slices.Sort(s.Done)
	for len(s.Done) > 0 && s.Done[0] <= s.Cursor {
		s.Cursor = max(s.Cursor, s.Done[0]+1)
		s.Done = s.Done[1:]
	}
	if err := c.save(s); err != nil {
		return err
	}
	c.state = s
	if o != (outcome{}) {
		c.stats.Sent += uint64(o.sent)
		c.stats.Refused += uint64(o.refused)
		c.stats.LastSent, c.stats.LastFailure = time.Now(), ""
	}
	return nil
}

// finish ends a batch that was settled: it gives back the files of which all is
// settled, and lets go who waits in Flush. Who comes back from there finds the
// batch in Stats, and was told what was refused.
func (c *Client) finish() error {
	c.mu.Lock()
	cursor := c.state.Cursor
	c.mu.Unlock()
	err := c.cache.drop(cursor)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = cursor
	c.waits = slices.DeleteFunc(c.waits, func(w flush) bool {
		if w.until <= cursor {
			close(w.done)
			return true
		}
		return false
	})
	return err
}
