package hl7v2

import (
	"context"
	"crypto/tls"
	"errors"
	"hash/maphash"
	"io"
	"net"
	"sync"
	"time"

	syntax "thalamus/internal/codec/hl7v2"
	"thalamus/internal/codec/mllpframe"
)

// Client sends messages over one MLLP connection, which it opens when needed
// and again after trouble. Answers are matched by control id, never by order:
// late, repeated and alien ones are passed over. A connection on which an
// answer is missing is closed, so that the answer cannot arrive later and be
// taken for that of another message with the same id.
//
// Send may be called by several goroutines; their messages share the
// connection.
type Client struct {
	Address string
	TLS     *tls.Config // nil: plain
	Connect time.Duration
	Timeout time.Duration

	mu   sync.Mutex
	live *link
}

// Errors of Send, beside those of the network and of the context.
var (
	errConnect  = errors.New("no connection")
	errStranger = errors.New("the receiver asks for a client certificate and none is set")
	errLost     = errors.New("the connection ended before the answer came")
	errTimeout  = errors.New("no answer came in time")
	errGarbled  = errors.New("what came was no acknowledgement")
	errWritten  = errors.New("the message could not be sent whole")
	errInFlight = errors.New("a message with the same control id waits for its answer")
)

// maxAnswer bounds an acknowledgement; maxIDs how many control ids one
// connection remembers before it is replaced.
const (
	maxAnswer = 1 << 20
	maxIDs    = 1 << 16
)

// link is one connection.
type link struct {
	conn    net.Conn
	writing sync.Mutex
	done    chan struct{} // closed when reading ended

	mu      sync.Mutex
	waiting map[string]chan syntax.Answer
	used    map[string]uint64 // control ids sent here, with a hash of the message
	garbled bool              // something came that is no acknowledgement
	broken  error             // what ended the reading, nil for a plain end
	fresh   bool              // nothing was answered here yet
}

var idSeed = maphash.MakeSeed()

// Send sends a message with its control id and gives the first answer for
// which settles says true. It tries once more over a new connection when the
// old one turns out to be dead.
func (c *Client) Send(ctx context.Context, id string, message []byte, settles func(syntax.AckCode) bool) (syntax.Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout+c.Connect, errTimeout)
	defer cancel()
	sum := maphash.Bytes(idSeed, message)
	for again := false; ; again = true {
		l, answers, err := c.expect(ctx, id, sum)
		if err != nil {
			return syntax.Answer{}, err
		}
		old := !l.isFresh()
		a, err := l.exchange(ctx, c.Timeout, message, answers, settles)
		l.forget(id)
		if err == nil {
			return a, nil
		}
		c.drop(l)
		if again || !old || !errors.Is(err, errLost) && !errors.Is(err, errWritten) {
			return a, err
		}
	}
}

// Close ends the connection.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live == nil {
		return nil
	}
	l := c.live
	c.live = nil
	return l.close()
}

// expect gives a connection on which an answer to id can only be meant for
// this message.
func (c *Client) expect(ctx context.Context, id string, sum uint64) (*link, chan syntax.Answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live != nil {
		answers, err := c.live.expect(id, sum)
		if err == nil || errors.Is(err, errInFlight) {
			return c.live, answers, err
		}
		c.live.close()
		c.live = nil
	}
	l, err := c.dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	c.live = l
	answers, err := l.expect(id, sum)
	return l, answers, err
}

func (c *Client) drop(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live == l {
		c.live = nil
	}
	l.close()
}

func (c *Client) dial(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Connect)
	defer cancel()
	d := net.Dialer{KeepAlive: 30 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", c.Address)
	if err != nil {
		return nil, errors.Join(errConnect, err)
	}
	stranger := false
	if c.TLS != nil {
		t := tls.Client(conn, asked(c.TLS, &stranger))
		if err := t.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, errors.Join(errConnect, err)
		}
		conn = t
	}
	l := &link{conn: conn, done: make(chan struct{}), waiting: map[string]chan syntax.Answer{}, used: map[string]uint64{}, fresh: true}
	go l.read()
	if stranger {
		if err := l.refused(ctx); err != nil {
			return nil, errors.Join(errConnect, errStranger, err)
		}
	}
	return l, nil
}

// asked gives a configuration that tells whether the server asked for a
// certificate that we do not have.
func asked(c *tls.Config, stranger *bool) *tls.Config {
	if len(c.Certificates) > 0 {
		return c
	}
	c = c.Clone()
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		*stranger = true
		return new(tls.Certificate), nil // none
	}
	return c
}

// refused waits for what a server says that asked for a certificate in vain.
// With TLS 1.3 it says so after our handshake is done (RFC 8446 §4.4.2.4); had
// we written before, its system might reset the connection and take the alert
// away unread. A server that only wished for one lets lastWords pass in
// silence.
func (l *link) refused(ctx context.Context) error {
	quiet := time.NewTimer(lastWords)
	defer quiet.Stop()
	select {
	case <-quiet.C:
		return nil
	case <-ctx.Done():
		l.close()
		return context.Cause(ctx)
	case <-l.done:
		l.mu.Lock()
		defer l.mu.Unlock()
		return errors.Join(errLost, l.broken)
	}
}

// expect registers a message. An error means that this connection cannot be
// used for it.
func (l *link) expect(id string, sum uint64) (chan syntax.Answer, error) {
	select {
	case <-l.done:
		return nil, errLost
	default:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.waiting[id]; ok {
		return nil, errInFlight
	}
	if was, ok := l.used[id]; (ok && was != sum || len(l.used) >= maxIDs) && len(l.waiting) == 0 {
		return nil, errLost
	} else if ok && was != sum {
		return nil, errInFlight
	}
	l.used[id] = sum
	answers := make(chan syntax.Answer, 4)
	l.waiting[id] = answers
	return answers, nil
}

func (l *link) forget(id string) {
	l.mu.Lock()
	delete(l.waiting, id)
	l.mu.Unlock()
}

func (l *link) isFresh() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fresh
}

func (l *link) close() error { return l.conn.Close() }

// lastWords is how long is waited for what a receiver says of a connection
// that it ended while we wrote.
const lastWords = time.Second

// exchange writes a message and waits for its answer.
func (l *link) exchange(ctx context.Context, timeout time.Duration, message []byte, answers chan syntax.Answer, settles func(syntax.AckCode) bool) (syntax.Answer, error) {
	stop := context.AfterFunc(ctx, func() { l.conn.SetWriteDeadline(time.Unix(1, 0)) })
	err := l.write(message, timeout)
	stop()
	if err != nil {
		// The answer may be there all the same: a receiver that refuses what is
		// too long answers before it has read everything.
		select {
		case a := <-answers:
			return a, nil
		default:
		}
		if ctx.Err() != nil {
			return syntax.Answer{}, context.Cause(ctx)
		}
		// What the receiver said before it ended the connection lies there still.
		select {
		case <-l.done:
		case <-time.After(lastWords):
		}
		return syntax.Answer{}, l.end(errors.Join(errWritten, err))
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		select {
		case a := <-answers:
			if settles(a.Code) {
				return a, nil
			}
		case <-l.done:
			select {
			case a := <-answers: // it came just before the end
				if settles(a.Code) {
					return a, nil
				}
				continue
			default:
			}
			return syntax.Answer{}, l.end(errLost)
		case <-timer.C:
			return syntax.Answer{}, l.end(errTimeout)
		case <-ctx.Done():
			return syntax.Answer{}, l.end(context.Cause(ctx))
		}
	}
}

// end is why no answer was found: when something else came, that is said too.
func (l *link) end(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.garbled {
		err = errors.Join(err, errGarbled)
	}
	if errors.Is(err, errLost) || errors.Is(err, errWritten) {
		if op := (*net.OpError)(nil); errors.As(l.broken, &op) && op.Op == "remote error" {
			// With TLS 1.3 a server refuses our certificate after the handshake.
			err = errors.Join(errConnect, err)
		}
		err = errors.Join(err, l.broken)
	}
	return err
}

func (l *link) write(message []byte, timeout time.Duration) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	buffers := net.Buffers{{mllpframe.VT}, message, {mllpframe.FS, mllpframe.CR}}
	l.conn.SetWriteDeadline(time.Now().Add(timeout))
	if t, ok := l.conn.(*tls.Conn); ok {
		_, err := t.Write(mllpframe.Append(make([]byte, 0, len(message)+3), message))
		return err
	}
	_, err := buffers.WriteTo(l.conn)
	return err
}

// read hands answers to those who wait for them until the connection ends.
func (l *link) read() {
	defer close(l.done)
	defer l.conn.Close()
	scan := mllpframe.Scanner{Max: maxAnswer}
	buf := make([]byte, 4096)
	start, end := 0, 0
	for {
		if start == end {
			start, end = 0, 0
		}
		if end == len(buf) {
			if start == 0 {
				buf = append(buf, make([]byte, len(buf))...) // the scanner gives up beyond maxAnswer
			}
			end = copy(buf, buf[start:end])
			start = 0
		}
		n, err := l.conn.Read(buf[end:])
		end += n
		for {
			used, t := scan.Next(buf[start:end], err != nil)
			start += used
			if t.Kind == mllpframe.More {
				break
			}
			if t.Kind == mllpframe.Frame {
				l.answer(t.Bytes)
			} else {
				l.garble()
			}
		}
		if err != nil {
			if err != io.EOF {
				l.mu.Lock()
				l.broken = err
				l.mu.Unlock()
			}
			return
		}
	}
}

func (l *link) answer(frame []byte) {
	a, err := syntax.ParseAck(frame)
	if err != nil {
		l.garble()
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fresh = false
	if waiting, ok := l.waiting[a.ControlID]; ok {
		select {
		case waiting <- a:
		default: // one who repeats himself more often than anybody listens
		}
	}
}

func (l *link) garble() {
	l.mu.Lock()
	l.garbled = true
	l.mu.Unlock()
}
