package sim

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/codec/mllpframe"
)

// Receiver is an HL7 v2 destination: a real MLLP listener that acknowledges
// and keeps count of every control id, on its own.
type Receiver struct {
	// Down makes it drop every connection at once while true.
	Down atomic.Bool
	// LoseAnswers makes it take messages and drop the connection instead of
	// answering, for one message in this many; 0 never.
	LoseAnswers atomic.Int32
	// Delay is how long it takes to answer, in nanoseconds.
	Delay atomic.Int64
	// Reject answers AE to everything while true.
	Reject atomic.Bool

	ln    net.Listener
	work  sync.WaitGroup
	mu    sync.Mutex
	conns map[net.Conn]struct{}
	seen  map[string]int      // control id → how often it came
	order map[string][]string // stream → control ids in the order of their first coming
	taken map[string]time.Time
	total int
}

// Listen starts a receiver. tlsConfig nil means plain.
func Listen(address string, tlsConfig *tls.Config) (*Receiver, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	if tlsConfig != nil {
		ln = tls.NewListener(ln, tlsConfig)
	}
	r := &Receiver{ln: ln, conns: map[net.Conn]struct{}{}, seen: map[string]int{}, order: map[string][]string{}, taken: map[string]time.Time{}}
	r.work.Go(r.accept)
	return r, nil
}

// Address it listens on.
func (r *Receiver) Address() string { return r.ln.Addr().String() }

// Close stops listening and ends all connections.
func (r *Receiver) Close() {
	r.ln.Close()
	r.DropConnections()
	r.work.Wait()
}

// DropConnections ends all connections; new ones are taken.
func (r *Receiver) DropConnections() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.Close()
	}
}

func (r *Receiver) accept() {
	for {
		c, err := r.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if r.Down.Load() {
			c.Close()
			continue
		}
		r.mu.Lock()
		r.conns[c] = struct{}{}
		r.mu.Unlock()
		r.work.Go(func() {
			r.serve(c)
			c.Close()
			r.mu.Lock()
			delete(r.conns, c)
			r.mu.Unlock()
		})
	}
}

func (r *Receiver) serve(c net.Conn) {
	scanner := mllpframe.Scanner{Max: 64 << 20}
	out := bufio.NewWriter(c)
	var in []byte
	buf := make([]byte, 64<<10)
	for {
		n, token := scanner.Next(in, false)
		if token.Kind == mllpframe.Frame {
			if r.Down.Load() {
				return
			}
			answer, ok := r.take(string(token.Bytes))
			if !ok {
				return
			}
			if delay := time.Duration(r.Delay.Load()); delay > 0 {
				time.Sleep(delay)
			}
			fmt.Fprintf(out, "\x0b%s\x1c\r", answer)
		}
		in = append(in[:0], in[n:]...)
		if token.Kind != mllpframe.More {
			continue
		}
		if out.Flush() != nil {
			return
		}
		got, err := c.Read(buf)
		in = append(in, buf[:got]...)
		if err != nil {
			return
		}
	}
}

// take counts a message and makes the answer; not ok: drop the connection
// without one.
func (r *Receiver) take(text string) (answer string, ok bool) {
	head, _, _ := strings.Cut(text, "\r")
	f := strings.Split(head, "|")
	if len(f) < 12 || f[0] != "MSH" {
		return "MSH|^~\\&|||||||ACK|0|P|2.6\rMSA|AR||not HL7\r", true
	}
	control := f[9]
	code := "AA"
	if len(f) > 14 && f[14] == "AL" {
		code = "CA"
	}
	if r.Reject.Load() {
		return answerTo(f, control, code[:1]+"E"), true
	}
	r.mu.Lock()
	r.total++
	r.seen[control]++
	if r.seen[control] == 1 {
		s := streamOf(f[2], text)
		r.order[s] = append(r.order[s], control)
		r.taken[control] = time.Now()
	}
	lose := r.LoseAnswers.Load()
	drop := lose > 0 && r.total%int(lose) == 0
	r.mu.Unlock()
	return answerTo(f, control, code), !drop
}

func answerTo(f []string, control, code string) string {
	return fmt.Sprintf("MSH|^~\\&|%s|%s|%s|%s|%s||ACK|R%s|P|%s\rMSA|%s|%s\r", f[4], f[5], f[2], f[3], stamp(time.Now()), control, f[11], code, control)
}

// streamOf gives PID-3.1 and MSH-3.1.
func streamOf(sender, text string) string {
	sender, _, _ = strings.Cut(sender, "^")
	pid, ok := strings.CutPrefix(text, "PID|")
	if !ok {
		_, pid, ok = strings.Cut(text, "\rPID|")
	}
	if ok {
		pid, _, _ = strings.Cut(pid, "\r")
		if f := strings.Split(pid, "|"); len(f) > 2 {
			id, _, _ := strings.Cut(f[2], "^")
			return id + "/" + sender
		}
	}
	return "/" + sender
}

// Took gives when a message first came, zero when it never did.
func (r *Receiver) Took(control string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.taken[control]
}

// Different gives how many different control ids came.
func (r *Receiver) Different() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

// Total gives how many messages came, repeats included.
func (r *Receiver) Total() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total
}

// Tally compares what reached a receiver with what senders were told is
// acknowledged.
type Tally struct {
	Expected   int `json:"expected"`   // acknowledged to the senders
	Arrived    int `json:"arrived"`    // of them, at the receiver
	Lost       int `json:"lost"`       // acknowledged, never arrived
	Duplicated int `json:"duplicated"` // arrived more than once in effect
	Repeated   int `json:"repeated"`   // arrived again under the same control id: no second effect
	Disordered int `json:"disordered"` // pairs of one patient and device that arrived the wrong way round
}

// Tally compares with a ledger. An HL7 v2 receiver recognises a repeat by its
// control id (HL7 v2.5.1 §2.15.9.10), so a repeat has no second effect.
func (r *Receiver) Tally(l *Ledger) Tally {
	order := l.Order()
	r.mu.Lock()
	defer r.mu.Unlock()
	var t Tally
	for stream, want := range order {
		place := make(map[string]int, len(r.order[stream]))
		for i, c := range r.order[stream] {
			place[c] = i
		}
		last := -1
		for _, c := range want {
			t.Expected++
			at, ok := place[c]
			if !ok {
				t.Lost++
				continue
			}
			t.Arrived++
			if at < last {
				t.Disordered++
			}
			last = at
			if n := r.seen[c]; n > 1 {
				t.Repeated += n - 1
			}
		}
	}
	return t
}
