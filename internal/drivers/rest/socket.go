package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Protocol is the WebSocket subprotocol. Each message of the sender is a line
// of JSON, {"seq": 1, "type": "application/json"}, and after it the content.
// The sequence counts from 1 within a stream (?stream=NAME), over connections
// and restarts; the server says first which one it acknowledged last, and
// then, each a line of JSON:
//
//	{"hello": {"last": 4, "window": 64, "maxMessage": 8388608}}
//	{"ack": 6}                                  all up to 6 are durable
//	{"refused": 7, "code": …, "detail": …}      never acceptable; go on with 8
//	{"error": {"code": …, "detail": …}}         the connection ends
const Protocol = "thalamus.ingest.v1"

// head is the first line of a message.
type head struct {
	Seq   uint64 `json:"seq"`
	Type  string `json:"type"`
	Topic string `json:"topic"`
}

type hello struct {
	Last       uint64 `json:"last"`
	Window     int    `json:"window"`
	MaxMessage int    `json:"maxMessage"`
}

// reply is a line of ours; one of the fields is there.
type reply struct {
	Hello   *hello   `json:"hello,omitempty"`
	Ack     uint64   `json:"ack,omitempty"`
	Refused uint64   `json:"refused,omitempty"`
	Code    string   `json:"code,omitempty"`
	Place   string   `json:"place,omitempty"`
	Detail  string   `json:"detail,omitempty"`
	Error   *problem `json:"error,omitempty"`
}

// streamSocket is one WebSocket.
type streamSocket struct {
	d       *Driver
	s       *sender
	conn    *websocket.Conn
	name    name
	stream  string
	last    uint64
	coming  chan *message
	cancel  context.CancelCauseFunc
	ended   chan struct{}
	writing sync.Mutex
}

// message is one that came.
type message struct {
	head    head
	format  format
	topic   string
	rows    [][]byte
	refused error
	release func()
}

// open are the streams that have a WebSocket.
type open struct {
	mu sync.Mutex
	of map[name]*streamSocket
}

// maxHead bounds the first line of a message.
const maxHead = 4096

// socket takes a stream.
func (d *Driver) socket(w http.ResponseWriter, r *http.Request, s *sender) error {
	stream := r.URL.Query().Get("stream")
	if stream == "" {
		stream = "default"
	}
	if len(stream) > maxKey || strings.ContainsAny(stream, "\r\n") {
		return fault.New(fault.Invalid, "rest.stream", "a stream has a name of at most %d bytes", maxKey).At("stream")
	}
	if d.sockets.Add(1) > int64(d.settings.Sockets) {
		d.sockets.Add(-1)
		d.notes.Add(s.peer, "rest.sockets", "a WebSocket was refused: there are as many as max_sockets allows", "Raise max_sockets if so many are meant to come.")
		return fault.New(fault.Transient, "rest.sockets", "there are as many WebSockets as the channel takes; come again later")
	}
	defer d.sockets.Add(-1)
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{Protocol}, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return nil // it answered by itself
	}
	defer conn.CloseNow()
	conn.SetReadLimit(int64(d.settings.MaxBody) + maxHead)
	ctx, cancel := context.WithCancelCause(d.ctx)
	defer cancel(nil)
	k := &streamSocket{d: d, s: s, conn: conn, stream: stream, name: nameOf(kindStream, s.who(), stream), coming: make(chan *message, d.settings.Window), cancel: cancel, ended: make(chan struct{})}
	d.open.enter(k)
	defer d.open.leave(k)
	contact := driver.Connection{Peer: s.peer, Local: local(r), Encrypted: d.Encrypted()}
	d.met.see(contact, time.Now(), 1)
	defer func() { d.met.see(contact, time.Now(), -1) }()
	k.run(ctx)
	return nil
}

// enter lets a stream have one WebSocket: the one there was is closed first.
func (o *open) enter(k *streamSocket) {
	for {
		o.mu.Lock()
		old := o.of[k.name]
		if old == nil {
			if o.of == nil {
				o.of = map[name]*streamSocket{}
			}
			o.of[k.name] = k
			o.mu.Unlock()
			return
		}
		o.mu.Unlock()
		old.cancel(fault.New(fault.Conflict, "rest.stream-taken", "another connection goes on with this stream"))
		<-old.ended
	}
}

func (o *open) leave(k *streamSocket) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of[k.name] == k {
		delete(o.of, k.name)
		close(k.ended)
	}
}

func (k *streamSocket) run(ctx context.Context) {
	k.last = k.d.keys.streamAt(k.name)
	if k.say(ctx, reply{Hello: &hello{k.last, k.d.settings.Window, k.d.settings.MaxBody}}) != nil {
		return
	}
	// Reading has a context of its own: one that ends cuts the connection, and
	// the peer shall hear why first.
	link, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(k.coming)
		if err := k.read(ctx, link); err != nil {
			k.cancel(err)
		}
	})
	defer func() {
		k.d.open.leave(k) // it takes nothing any more: who goes on need not wait for the goodbye
		k.end(context.Cause(ctx))
		cut()
		k.conn.CloseNow()
		reading.Wait()
		for m := range k.coming {
			m.release()
		}
	}()
	idle := time.NewTimer(k.d.settings.Idle)
	defer idle.Stop()
	for {
		idle.Reset(k.d.settings.Idle)
		select {
		case <-ctx.Done():
			return
		case <-k.d.ending:
			k.cancel(fault.New(fault.Transient, "rest.stopping", "the channel is being closed; come again in a moment"))
			return
		case <-k.s.ended:
			k.cancel(fault.New(fault.Denied, "rest.denied", "the credential was revoked"))
			return
		case <-idle.C:
			alive, done := context.WithTimeout(ctx, k.d.settings.Stall)
			err := k.conn.Ping(alive)
			done()
			if err != nil {
				k.cancel(nil)
				return
			}
		case m, ok := <-k.coming:
			if !ok {
				return
			}
			if err := k.take(ctx, m); err != nil {
				k.cancel(err)
				return
			}
		}
	}
}

// read reads messages until the connection ends; the window is what the
// channel of those not yet taken holds.
func (k *streamSocket) read(ctx, link context.Context) error {
	for {
		for {
			err := k.d.limits.request(k.s.who(), time.Now())
			var late *tooMany
			if !errors.As(err, &late) {
				break
			}
			// Not reading is how a stream is asked to wait.
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(min(late.wait, time.Second)):
			}
		}
		_, from, err := k.conn.Reader(link)
		if err != nil {
			return nil // the peer's end, or ours
		}
		content, release, err := k.d.gather(from, 0)
		if err != nil {
			if fault.KindOf(err) == fault.Transient {
				return err
			}
			if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
				return fault.New(fault.Invalid, "rest.oversize", "a message is longer than this channel takes (%d bytes)", k.d.settings.MaxBody)
			}
			k.d.notes.Refused(k.s.peer, "rest.half-body", "a WebSocket broke off in the middle of a message; nothing of it was taken", "The sender will send it again.")
			return nil
		}
		k.d.limits.spend(k.s.who(), int64(len(content)), time.Now())
		m, err := k.parse(content)
		m.release = release
		if err != nil {
			release()
			k.d.notes.Add(k.s.peer, fault.CodeOf(err), "a WebSocket was closed: its messages have no head with a sequence", "Have the sender follow the protocol.")
			return err
		}
		select {
		case k.coming <- m:
		case <-ctx.Done():
			release()
			return nil
		}
	}
}

// parse reads a message's head and cuts its content into rows.
func (k *streamSocket) parse(content []byte) (*message, error) {
	m := &message{}
	line, rest, _ := bytes.Cut(content, []byte("\n"))
	if len(line) > maxHead || json.Unmarshal(line, &m.head) != nil || m.head.Seq == 0 {
		return m, fault.New(fault.Invalid, "rest.head", `a message begins with a line such as {"seq": 1, "type": "application/json"}`)
	}
	if m.topic, m.refused = k.s.topic(m.head.Topic); m.refused != nil {
		return m, nil
	}
	if m.head.Type == "" {
		m.head.Type = "application/json"
	}
	if m.format, m.refused = k.d.formatOf(m.head.Type); m.refused != nil {
		return m, nil
	}
	c, err := split(m.format, rest, k.d.settings.MaxRows)
	m.rows, m.refused = c.frames, err
	switch {
	case err != nil:
	case c.count == 0 && len(c.frames) == 0: // a byte order mark and nothing else
		m.refused = fault.New(fault.Invalid, "rest.nothing", "the message is empty")
	case len(c.frames) < c.count && m.format.name == "ndjson":
		// A stream has one answer for each message: all rows or none.
		m.refused = fault.New(fault.Invalid, "rest.not-json", "a row of the message is no JSON; nothing of it was taken")
	}
	return m, nil
}

// take offers a message and all that wait behind it together.
func (k *streamSocket) take(ctx context.Context, first *message) error {
	batch := []*message{first}
	size := len(first.rows)
	for more := true; more && len(batch) < k.d.settings.Window && size < 4096; {
		select {
		case m, ok := <-k.coming:
			if more = ok; ok {
				batch = append(batch, m)
				size += len(m.rows)
			}
		default:
			more = false
		}
	}
	defer func() {
		for _, m := range batch {
			m.release()
		}
	}()
	var frames []model.Frame
	last := k.last
	offer := func() error {
		if len(frames) > 0 {
			ticket := k.d.keys.offering()
			_, err := k.d.offer(k.d.ctx, frames)
			if err == nil {
				k.d.keys.acknowledge(k.name, last, time.Now())
			}
			k.d.keys.offered(ticket)
			if err != nil {
				return err
			}
			frames = frames[:0]
		}
		if last > k.last {
			k.last = last
		}
		return nil
	}
	for _, m := range batch {
		switch {
		case m.head.Seq <= last:
			continue // acknowledged before; the acknowledgement below says it again
		case m.head.Seq != last+1:
			if err := offer(); err != nil {
				return err
			}
			return fault.New(fault.Conflict, "rest.sequence", "a message is missing: after %d came %d; go on with the one after the last acknowledged", last, m.head.Seq)
		case m.refused != nil:
			if err := offer(); err != nil {
				return err
			}
			last = m.head.Seq
			k.last = last
			k.d.keys.acknowledge(k.name, last, time.Now()) // it is done with: who goes on, goes on behind it
			k.d.refused.Add(1)
			k.d.notes.Refused(k.s.peer, fault.CodeOf(m.refused), "a message of a stream was refused and not kept: "+textOf(m.refused), "Have the sender correct it; the answer told it the place.")
			if err := k.say(ctx, reply{Refused: last, Code: fault.CodeOf(m.refused), Place: placeOf(m.refused), Detail: textOf(m.refused)}); err != nil {
				return err
			}
			continue
		}
		made := k.d.frames(m.rows, m.format, k.s, m.topic, propStream+": "+k.stream+"\n"+propSequence+": "+uintText(m.head.Seq)+"\n"+propType+": "+m.format.media)
		if bytesOf(frames)+bytesOf(made) > 16<<20 {
			if err := offer(); err != nil {
				return err
			}
		}
		frames = append(frames, made...)
		last = m.head.Seq
	}
	if err := offer(); err != nil {
		return err
	}
	return k.say(ctx, reply{Ack: k.last})
}

func bytesOf(frames []model.Frame) (n int) {
	for i := range frames {
		n += len(frames[i].Bytes) + len(frames[i].Properties) + len(frames[i].Topic)
	}
	return n
}

// say writes a line of ours.
func (k *streamSocket) say(ctx context.Context, r reply) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, k.d.settings.Stall)
	defer cancel()
	k.writing.Lock()
	defer k.writing.Unlock()
	return k.conn.Write(ctx, websocket.MessageText, b)
}

// end says why, where there is a reason, and closes.
func (k *streamSocket) end(why error) {
	var f *fault.Fault
	if why == nil || !errors.As(why, &f) {
		k.close(websocket.StatusNormalClosure, "")
		return
	}
	if f.Kind == fault.Transient {
		k.d.notes.Add(k.s.peer, "rest.not-stored", "messages of a stream could not be stored and its sender was asked to come again: "+f.Text, "See what the fault says.")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = k.say(ctx, reply{Error: &problem{Type: "urn:thalamus:fault:" + f.Code, Title: http.StatusText(statusOf(f)), Status: statusOf(f), Code: f.Code, Detail: f.Text}})
	status := websocket.StatusPolicyViolation
	switch f.Kind {
	case fault.Transient:
		status = websocket.StatusTryAgainLater
	case fault.Broken:
		status = websocket.StatusInternalError
	}
	k.close(status, f.Code)
}

// close says goodbye and waits a moment for the answer: a peer that is gone
// must not hold up the connection that goes on with its stream.
func (k *streamSocket) close(status websocket.StatusCode, why string) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		k.conn.Close(status, why)
	}()
	select {
	case <-said:
	case <-time.After(200 * time.Millisecond):
		k.conn.CloseNow()
		<-said
	}
}

func uintText(n uint64) string { return strconv.FormatUint(n, 10) }
