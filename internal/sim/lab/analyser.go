package lab

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"
)

const (
	stx, etx, eot, enq, ack, lf, cr, nak, etb = 2, 3, 4, 5, 6, 10, 13, 21, 23

	patience = 20 * time.Second // for one answer: LIS01-A2 gives 15 s
)

// Troubles are the ways in which a simulated analyser misbehaves, by turns.
func Troubles() []string {
	return []string{"wrong-checksum", "half-frame", "repeated-frame", "garbage", "end-in-the-middle", "begin-anew", "slow-drip", "reset"}
}

// ParseTroubles checks a list of them.
func ParseTroubles(names []string) error {
	for _, n := range names {
		if !slices.Contains(Troubles(), n) {
			return fmt.Errorf("there is no trouble %q; there are: %s", n, strings.Join(Troubles(), ", "))
		}
	}
	return nil
}

// Analyser is a simulated chemistry analyser. It keeps a message until its
// last frame is acknowledged, as LIS01-A2 wants.
type Analyser struct {
	Address  string
	Number   int
	Run      string        // makes specimens of this run different from others
	Rhythm   time.Duration // between messages; 0: one after another
	Queries  bool          // ask for orders before every tenth message
	Troubles []string
	Outcome  *Outcome

	rng  *rand.Rand
	conn net.Conn
	r    *bufio.Reader
	turn int
}

// tests of the analyser: code, unit, mean, spread.
var tests = [Results]struct {
	code, unit   string
	mean, spread float64
}{
	{"GLU", "mmol/L", 5.6, 1.2}, {"NA", "mmol/L", 140, 3}, {"K", "mmol/L", 4.2, 0.4}, {"CL", "mmol/L", 103, 3}, {"CREA", "umol/L", 82, 20},
	{"UREA", "mmol/L", 5.5, 1.5}, {"CRP", "mg/L", 9, 8}, {"ALT", "U/L", 28, 12}, {"AST", "U/L", 27, 9}, {"CA", "mmol/L", 2.35, 0.1},
}

// message is H P O R … L about a specimen.
func (a *Analyser) message(specimen string, now time.Time) []byte {
	at := now.Format("20060102150405")
	var b strings.Builder
	fmt.Fprintf(&b, "H|\\^&|||SIMLAB^1.0^SN%04d|||||LIS||P|LIS2-A2|%s\r", a.Number, at)
	fmt.Fprintf(&b, "P|1|SIM%05d|||Muster^Ana||19700102|F\r", 40001+7*(a.turn%16))
	fmt.Fprintf(&b, "O|1|%s||^^^CHEM|R||%s||||||||||||||||||F\r", specimen, at)
	for n, t := range tests {
		fmt.Fprintf(&b, "R|%d|^^^%s|%.1f|%s||N||F||||%s\r", n+1, t.code, max(0, t.mean+a.rng.NormFloat64()*t.spread), t.unit, at)
	}
	b.WriteString("L|1|N\r")
	return []byte(b.String())
}

// Work sends until ctx ends, then waits for what is under way.
func (a *Analyser) Work(ctx context.Context) {
	a.rng = rand.New(rand.NewPCG(uint64(a.Number), 0x1ab))
	defer a.hangUp()
	for ctx.Err() == nil {
		a.turn++
		specimen := fmt.Sprintf("%s-%d-%d", a.Run, a.Number, a.turn)
		if a.Queries && a.turn%10 == 1 {
			if err := a.ask(ctx, specimen); err != nil {
				a.failed(err)
			}
		}
		message := a.message(specimen, time.Now())
		for try := 0; ; try++ {
			a.Outcome.send(try > 0)
			began := time.Now()
			err := a.send(ctx, message, try == 0)
			if err == nil {
				a.Outcome.accept(specimen, time.Since(began))
				break
			}
			a.failed(err)
			if ctx.Err() != nil && try > 3 {
				return
			}
			time.Sleep(min(time.Duration(try+1)*100*time.Millisecond, 2*time.Second))
		}
		if a.Rhythm > 0 && !wait(ctx, a.Rhythm) {
			return
		}
	}
}

func (a *Analyser) failed(err error) {
	a.Outcome.trouble(err)
	a.hangUp()
}

func (a *Analyser) hangUp() {
	if a.conn != nil {
		a.conn.Close()
		a.conn = nil
	}
}

func (a *Analyser) connect() error {
	if a.conn != nil {
		return nil
	}
	c, err := net.DialTimeout("tcp", a.Address, patience)
	if err != nil {
		return err
	}
	a.conn, a.r = c, bufio.NewReader(c)
	return nil
}

// frame is STX number text ETX checksum CR LF.
func frame(number int, text []byte) []byte {
	b := append([]byte{stx, '0' + byte(number%8)}, text...)
	b = append(b, etx)
	var sum byte
	for _, c := range b[1:] {
		sum += c
	}
	return fmt.Appendf(b, "%02X\r\n", sum)
}

// say writes and waits for one character.
func (a *Analyser) say(b []byte) (byte, error) {
	if err := a.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	if _, err := a.conn.Write(b); err != nil {
		return 0, err
	}
	return a.r.ReadByte()
}

var errRefused = errors.New("the host refused a frame or a transmission")

// establish says ENQ until it is acknowledged.
func (a *Analyser) establish(ctx context.Context) error {
	if err := a.connect(); err != nil {
		return err
	}
	for range 6 {
		c, err := a.say([]byte{enq})
		if err != nil {
			return err
		}
		if c == ack {
			return nil
		}
		a.Outcome.refuse("ENQ")
		if !wait(ctx, 500*time.Millisecond) {
			return errRefused
		}
	}
	return errRefused
}

// send is one transmission, a record to a frame.
func (a *Analyser) send(ctx context.Context, message []byte, first bool) error {
	if err := a.establish(ctx); err != nil {
		return err
	}
	trouble := ""
	if n := len(a.Troubles); n > 0 && first && a.turn%5 == 0 {
		trouble = a.Troubles[a.turn/5%n]
	}
	records := bytes.SplitAfter(message, []byte{cr})
	records = records[:len(records)-1]
	for i, r := range records {
		f := frame(i+1, r)
		if trouble != "" && i == len(records)/2 {
			if err := a.misbehave(trouble, f); err != nil {
				return err
			}
		}
		if err := a.frame(f); err != nil {
			return err
		}
	}
	_, err := a.conn.Write([]byte{eot})
	return err
}

// frame sends a frame until it is acknowledged, six times again at most.
func (a *Analyser) frame(f []byte) error {
	for range 7 {
		c, err := a.say(f)
		if err != nil {
			return err
		}
		if c == ack {
			return nil
		}
		a.Outcome.refuse("frame")
	}
	_, _ = a.conn.Write([]byte{eot})
	return errRefused
}

var errMisbehaved = errors.New("the transmission was broken off on purpose")

// misbehave does one wrong before frame f is sent; an error says that the
// transmission is over with it.
func (a *Analyser) misbehave(how string, f []byte) error {
	switch how {
	case "wrong-checksum":
		bad := bytes.Clone(f)
		bad[2] ^= 1
		if c, err := a.say(bad); err != nil || c != nak {
			return fmt.Errorf("a frame with a wrong checksum was answered with %#x, %v", c, err)
		}
	case "half-frame":
		_, err := a.conn.Write(f[:len(f)/2])
		return err // the whole one follows
	case "repeated-frame":
		return a.frame(f) // and again, as if the answer had been lost
	case "garbage":
		_, err := a.conn.Write([]byte("\x00\xffnoise"))
		return err
	case "end-in-the-middle":
		_, _ = a.conn.Write([]byte{eot})
		return errMisbehaved
	case "begin-anew":
		return errMisbehaved // the link stays, ENQ comes
	case "slow-drip":
		for _, c := range f[:len(f)-8] {
			if _, err := a.conn.Write([]byte{c}); err != nil {
				return err
			}
			time.Sleep(time.Millisecond)
		}
		if c, err := a.say(f[len(f)-8:]); err != nil || c != ack {
			return fmt.Errorf("a slow frame was answered with %#x, %v", c, err)
		}
	case "reset":
		if t, ok := a.conn.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		a.hangUp()
		return errMisbehaved
	}
	return nil
}

// ask sends a query for a specimen and takes the answer.
func (a *Analyser) ask(ctx context.Context, specimen string) error {
	if err := a.establish(ctx); err != nil {
		return err
	}
	records := []string{"H|\\^&|||SIMLAB\r", "Q|1|^" + specimen + "||ALL||||||||O\r", "L|1|N\r"}
	for i, r := range records {
		if err := a.frame(frame(i+1, []byte(r))); err != nil {
			return err
		}
	}
	if _, err := a.conn.Write([]byte{eot}); err != nil {
		return err
	}
	if c, err := a.r.ReadByte(); err != nil || c != enq {
		return fmt.Errorf("a query was answered with %#x, %v", c, err)
	}
	if _, err := a.conn.Write([]byte{ack}); err != nil {
		return err
	}
	for {
		c, err := a.r.ReadByte()
		if err != nil {
			return err
		}
		if c == eot {
			a.Outcome.answered()
			return nil
		}
		if _, err := a.r.ReadBytes(lf); err != nil {
			return err
		}
		if _, err := a.conn.Write([]byte{ack}); err != nil {
			return err
		}
	}
}

// Results is how many values a message of the analyser holds.
const Results = 10

// Size is how long a message is in bytes, about.
func Size() int {
	a := Analyser{Number: 1, rng: rand.New(rand.NewPCG(1, 1))}
	return len(a.message("full-1-1", time.Unix(0, 0)))
}
