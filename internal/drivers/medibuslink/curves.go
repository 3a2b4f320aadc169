package medibuslink

import (
	"fmt"
	"time"
)

// mostWave bounds the real-time bytes that are kept for one frame.
const mostWave = 16 << 10

// take keeps real-time bytes until they are a frame.
func (c *conversation) take(b []byte) {
	if !c.live {
		c.garbage()
		return
	}
	if len(c.wave) == 0 {
		c.from = time.Now()
	}
	c.heard = time.Now()
	c.wave = append(c.wave, b...)
}

// turn makes a frame of the real-time bytes of a span, and ends a message that
// does not go on.
func (c *conversation) turn(now time.Time) error {
	for len(c.wave) > 0 && (now.Sub(c.from) >= c.s.Span || len(c.wave) > mostWave) {
		// The last group of samples may not be whole: it begins the next frame.
		end := len(c.wave)
		for i := len(c.wave) - 1; i > 0; i-- {
			if c.wave[i]&0xF0 == 0xD0 {
				end = i
				break
			}
		}
		if err := c.offerWave(min(end, mostWave)); err != nil {
			return err
		}
		c.from = now
	}
	switch {
	case !c.scan.Waiting():
		c.began = time.Time{}
	case c.began.IsZero():
		c.began = now
	case now.Sub(c.began) >= c.s.Reply:
		c.half(fmt.Sprintf("nothing came for %s", c.s.Reply))
		c.began = time.Time{}
	}
	return nil
}

func (c *conversation) offerWave(n int) error {
	if n == 0 {
		return nil
	}
	b := c.wave[:n]
	err := c.offer(b, c.beside(0)...)
	c.wave = append([]byte(nil), c.wave[n:]...)
	return err
}

func (c *conversation) half(why string) {
	if n := c.scan.Half(); n > 0 {
		c.link.Refused("medibuslink.half", fmt.Sprintf("a message broke off after %d bytes and was not taken: %s", n, why), "Look at the cable; the device is asked again by itself.")
	}
}
