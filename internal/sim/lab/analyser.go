package lab

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

const (
	stx, etx, eot, enq, ack, lf, cr, nak, etb = 2, 3, 4, 5, 6, 10, 13, 21, 23

	patience = 20 * time.Second // for one answer: LIS01-A2 gives 15 s
)

// Analyser is a simulated chemistry analyser. It keeps a message until its
// last frame is acknowledged, as LIS01-A2 wants.
type Analyser struct {
	Address string
	Number  int
	Run     string        // makes specimens of this run different from others
	Rhythm  time.Duration // between messages; 0: one after another
	Queries bool          // ask for orders before every tenth message
	Faults  faults.Set    // what goes wrong, by turns; none: nothing
	Outcome *Outcome

	Beds []sim.Bed // whose patients; none: sixteen of the ward SIM

	patients patients
	conn     net.Conn
	r        *bufio.Reader
	turn     int
	plan     *faults.Plan
}

// tests of the analyser: code, unit, decimal places, and where in a sample.
var tests = [Results]struct {
	code, unit string
	digits     int
	of         func(c sim.Chemistry) float64
}{
	{"GLU", "mmol/L", 1, func(c sim.Chemistry) float64 { return c.GlucoseMmolL }},
	{"NA", "mmol/L", 0, func(c sim.Chemistry) float64 { return c.SodiumMmolL }},
	{"K", "mmol/L", 1, func(c sim.Chemistry) float64 { return c.PotassiumMmolL }},
	{"CL", "mmol/L", 0, func(c sim.Chemistry) float64 { return c.ChlorideMmolL }},
	{"CREA", "umol/L", 0, func(c sim.Chemistry) float64 { return c.CreatinineUmolL }},
	{"UREA", "mmol/L", 1, func(c sim.Chemistry) float64 { return c.UreaMmolL }},
	{"CRP", "mg/L", 1, func(c sim.Chemistry) float64 { return c.CRPMgL }},
	{"ALT", "U/L", 0, func(c sim.Chemistry) float64 { return c.ALTUL }},
	{"AST", "U/L", 0, func(c sim.Chemistry) float64 { return c.ASTUL }},
	{"CA", "mmol/L", 2, func(c sim.Chemistry) float64 { return c.CalciumMmolL }},
}

// message is H P O R … L about a specimen, with what is wrong about it.
func (a *Analyser) message(specimen string, turn faults.Turn) []byte {
	at := turn.Clock(time.Now()).Format("20060102150405")
	who := a.patients.at(a.Beds, a.turn)
	sample, mrn := who.blood.Sample(), who.MRN
	if turn.Is(faults.WrongPatient) {
		mrn = "WRONG-" + mrn
	}
	var b strings.Builder
	fmt.Fprintf(&b, "H|\\^&|||SIMLAB^1.0^SN%04d|||||LIS||P|LIS2-A2|%s\r", a.Number, at)
	fmt.Fprintf(&b, "P|1|%s|||%s^%s||%s|%s\r", mrn, who.Family, who.Given, who.Born, who.Sex)
	fmt.Fprintf(&b, "O|1|%s||^^^CHEM|R||%s||||||||||||||||||F\r", specimen, at)
	for n, t := range tests {
		value := fmt.Sprintf("%.*f", t.digits, t.of(sample))
		if n == 0 {
			switch turn {
			case faults.NewLabel:
				t.code = "NOBODY"
			case faults.WrongUnit:
				t.unit = "mm[Hg]"
			case faults.NoNumber:
				value = "----"
			case faults.OutOfRange:
				value = "9999.0"
			}
		}
		fmt.Fprintf(&b, "R|%d|^^^%s|%s|%s||N||F||||%s\r", n+1, t.code, value, t.unit, at)
	}
	b.WriteString("L|1|N\r")
	return []byte(b.String())
}

// Work sends until ctx ends, then waits for what is under way.
func (a *Analyser) Work(ctx context.Context) {
	a.plan = a.Faults.Plan()
	defer a.hangUp()
	for ctx.Err() == nil {
		a.turn++
		specimen := fmt.Sprintf("%s-%d-%d", a.Run, a.Number, a.turn)
		if a.Queries && a.turn%10 == 1 {
			if err := a.ask(ctx, specimen); err != nil {
				a.failed(err)
			}
		}
		turn := a.plan.Next()
		message := a.message(specimen, turn)
		for try := 0; ; try++ {
			a.Outcome.send(try > 0)
			began := time.Now()
			err := a.send(ctx, message, turn, try == 0)
			if err == nil {
				if turn.Again() {
					a.Outcome.send(true)
					if err := a.send(ctx, message, turn, false); err != nil {
						a.failed(err)
					}
				}
				a.Outcome.accept(specimen, time.Since(began))
				break
			}
			a.failed(err)
			if ctx.Err() != nil && try > 3 {
				return
			}
			time.Sleep(min(time.Duration(try+1)*100*time.Millisecond, 2*time.Second))
		}
		if !a.plan.Pause(ctx, a.Rhythm) {
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
	c, err := a.plan.Dial(context.Background(), "tcp", a.Address, nil)
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

// send is one transmission, a record to a frame. What is wrong with how it
// ends is wrong at the first try alone.
func (a *Analyser) send(ctx context.Context, message []byte, turn faults.Turn, first bool) error {
	if err := a.establish(ctx); err != nil {
		return err
	}
	records := bytes.SplitAfter(message, []byte{cr})
	records = records[:len(records)-1]
	for i, r := range records {
		if first && i == len(records)/2 {
			switch turn {
			case faults.Truncated:
				_, _ = a.conn.Write([]byte{eot}) // broken off either way
				return errMisbehaved
			case faults.BegunAnew:
				return a.send(ctx, message, "", false) // over the same link, without having ended it
			}
		}
		if err := a.frame(frame(i+1, r)); err != nil {
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
	a := Analyser{Number: 1}
	return len(a.message("full-1-1", ""))
}
