package astmlink

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"thalamus/internal/codec/astm"
)

// hostName is H-5 of what we send.
const hostName = "Thalamus"

// answer is a message to be sent to the instrument.
type answer struct {
	message []byte
	tries   int
}

// Bounds of sending.
const (
	retries    = 6 // of one frame, then the transmission is given up (LIS01-A2 §6.5.1.1)
	maxTries   = 6 // of a message
	maxAnswers = 100
)

// ask puts the answer to a query among what is to be sent.
func (c *conversation) ask(q astm.Query) {
	if len(c.answers) >= maxAnswers {
		c.link.Note("astmlink.unanswered", "queries were not answered: the instrument asks faster than it takes answers", "Look whether it takes answers at all.")
		return
	}
	found := c.orders.find(q.Specimens, func(err error) {
		c.link.Note("astmlink.orders", "an order file could not be read; the query was answered as if it were not there: "+err.Error(), "Look at the folder of the setting orders and the permissions in it.")
	})
	c.answers = append(c.answers, answer{message: astm.Answer(q, found, hostName, time.Now())})
	c.retryAt = time.Now()
}

// send sends the first answer that waits: establishment, frames, EOT (§6.2 to
// §6.4). What does not go now stays for later; only an error of the link is
// returned.
func (c *conversation) send() error {
	a := &c.answers[0]
	if a.tries++; a.tries > maxTries {
		c.link.Note("astmlink.unanswered", "the instrument asked for orders and did not take the answer", "Look whether it expects answers on this link; it may ask again.")
		c.answers = c.answers[1:]
		return nil
	}
	if err := c.link.Write([]byte{astm.ENQ}); err != nil {
		return err
	}
	char, err := c.reply()
	if err != nil {
		return err
	}
	switch char {
	case astm.ACK:
	case astm.ENQ: // contention: the instrument goes first (§6.2.7)
		c.retryAt = time.Now().Add(c.s.Contention)
		a.tries--
		return nil
	case astm.NAK:
		c.retryAt = time.Now().Add(c.s.Busy)
		return nil
	default: // nobody there
		c.retryAt = time.Now().Add(c.s.Busy)
		return c.link.Write([]byte{astm.EOT})
	}
	done, err := c.frames(astm.Frames(a.message, c.s.SendFrame))
	if err != nil {
		return err
	}
	if done {
		c.answers = c.answers[1:]
	}
	return c.link.Write([]byte{astm.EOT})
}

// frames sends frames, each until it is acknowledged.
func (c *conversation) frames(all [][]byte) (done bool, err error) {
	for i, f := range all {
		for try := 0; ; try++ {
			if try > retries {
				c.retryAt = time.Now().Add(c.s.Busy)
				return false, nil
			}
			if err := c.link.Write(f); err != nil {
				return false, err
			}
			char, err := c.reply()
			if err != nil {
				return false, err
			}
			if char == astm.ACK {
				break
			}
			switch char {
			case astm.EOT: // taken, and the instrument wants to speak (§6.3.4.4): it has 15 s
				c.retryAt = time.Now().Add(c.s.Reply)
				return i == len(all)-1, nil
			case 0:
				c.retryAt = time.Now().Add(c.s.Busy)
				return false, nil
			}
		}
	}
	return true, nil
}

// reply waits for the one character that answers what was sent; 0 when none
// came in time (§6.5.2.4).
func (c *conversation) reply() (byte, error) {
	for until := time.Now().Add(c.s.Reply); ; {
		switch t := c.next(); t.Kind {
		case astm.More:
		case astm.Control:
			return t.Char, nil
		default:
			c.link.Note("astmlink.garbage", "what came in answer is no answer", "Look at what is connected, and at the port's speed and parity.")
			continue
		}
		err := c.read(until)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// orders is the folder with order files: NAME.astm holds the records P, O and
// C for the specimen NAME, in lines.
type orders struct{ folder string }

// maxOrderFile bounds an order file in bytes.
const maxOrderFile = 1 << 20

// find gives the records for specimens, as many as have a file.
func (o *orders) find(specimens []string, failed func(error)) []byte {
	var out []byte
	if o.folder == "" {
		return nil
	}
	for _, id := range specimens {
		if !filepath.IsLocal(id) || filepath.Base(id) != id {
			continue // an id that is a path names no file of ours
		}
		b, err := readBounded(filepath.Join(o.folder, id+".astm"))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			failed(err)
			continue
		}
		out = append(out, astm.OrdersIn(b)...)
	}
	return out
}

func readBounded(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, withoutName(err)
	}
	if st.Size() > maxOrderFile || !st.Mode().IsRegular() {
		return nil, errors.New("it is no file of at most 1 MiB")
	}
	b, err := os.ReadFile(path)
	return b, withoutName(err)
}

// withoutName takes the file's name, a specimen's id, out of an error.
func withoutName(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
