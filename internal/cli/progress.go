package cli

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
)

// progress draws one line on the standard error that is written over, when
// people watch: on a terminal, and not with --json.
type progress struct {
	c     *program
	what  string
	on    bool
	drawn time.Time
}

func (c *program) progress(what string) *progress {
	f, ok := c.err.(*os.File)
	return &progress{c: c, what: what, on: ok && !c.json && term.IsTerminal(int(f.Fd()))}
}

const (
	progressWidth  = 30
	progressRhythm = 100 * time.Millisecond
)

// due says whether it is time to draw again.
func (p *progress) due(last bool) bool {
	if !p.on || !last && time.Since(p.drawn) < progressRhythm {
		return false
	}
	p.drawn = time.Now()
	return true
}

// set draws a bar; done runs up to total.
func (p *progress) set(done, total float64) {
	if total <= 0 || !p.due(done >= total) {
		return
	}
	part := min(done/total, 1)
	full := int(part * progressWidth)
	bar := make([]rune, progressWidth)
	for i := range bar {
		bar[i] = '░'
		if i < full {
			bar[i] = '█'
		}
	}
	fmt.Fprintf(p.c.err, "\r%s %s %3.0f %%", p.what, string(bar), 100*part)
}

// count draws a number whose end is not known.
func (p *progress) count(n int64, of string) {
	if p.due(true) {
		fmt.Fprintf(p.c.err, "\r%s: %d %s", p.what, n, of)
	}
}

// end leaves the line; nothing is drawn any more.
func (p *progress) end() {
	if p.on && !p.drawn.IsZero() {
		fmt.Fprintln(p.c.err)
	}
	p.on = false
}
