package sim

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"thalamus/internal/codec/mllpframe"
	"thalamus/internal/fault"
)

// Trouble is a way devices misbehave (R58). Every fifth message has it.
type Trouble struct {
	Name string
	// change alters a message before it is sent; nil leaves it.
	change func(m Message) Message
	// before happens on the link before a message is sent; nil: nothing. What
	// it sends counts as sent by nobody.
	before func(ctx context.Context, l *Link, m Message)
	// again sends the message once more after its acknowledgement.
	again bool
}

// every says how often trouble comes.
const every = 5

var troubles = map[string]Trouble{
	"half-frame": {before: func(ctx context.Context, l *Link, m Message) {
		l.raw(ctx, append([]byte{mllpframe.VT}, m.Bytes[:len(m.Bytes)/2]...))
		l.Close()
	}},
	"dropped": {before: func(ctx context.Context, l *Link, m Message) {
		l.raw(ctx, frameOf(m.Bytes)) // and gone before the answer: it comes again
		l.Close()
	}},
	"silence": {before: func(ctx context.Context, l *Link, m Message) {
		l.raw(ctx, append([]byte{mllpframe.VT}, m.Bytes[:10]...))
		select {
		case <-ctx.Done():
		case <-time.After(2 * time.Second):
		}
		l.Close()
	}},
	"garbage":    {before: func(ctx context.Context, l *Link, m Message) { l.raw(ctx, []byte("\x00\xffGET / HTTP/1.1\r\n\r\n")) }},
	"duplicates": {again: true},
	"unplugged": {change: func(m Message) Message {
		m.Bytes = number.ReplaceAll(m.Bytes, []byte("$1|NM|$2||$4|||||X"))
		return m
	}},
	"wrong-format": {change: func(m Message) Message {
		m.Bytes = number.ReplaceAll(m.Bytes, []byte("$1|NM|$2|---|$4|||||R"))
		return m
	}},
	"clock-jump": {change: func(m Message) Message {
		m.Bytes = year.ReplaceAll(m.Bytes, []byte("${1}1970$2"))
		return m
	}},
	"demo-mode": {change: func(m Message) Message {
		m.Bytes = number.ReplaceAll(m.Bytes, []byte("$1|NM|$2|$3|$4||DEMO|||R"))
		return m
	}},
}

var (
	number = regexp.MustCompile(`(?m)(OBX\|\d+)\|NM\|([^|]*\|[^|]*)\|([^|]*)\|([^|]*)\|\|\|\|\|R`)
	year   = regexp.MustCompile(`(\|)20\d\d(\d{10})`)
)

// Troubles lists the names, sorted.
func Troubles() []string { return slices.Sorted(maps.Keys(troubles)) }

// ParseTroubles finds troubles by their names.
func ParseTroubles(names []string) ([]Trouble, error) {
	var out []Trouble
	for _, name := range names {
		t, ok := troubles[name]
		if !ok {
			meant := "."
			if near := fault.Nearest(name, Troubles()); near != "" {
				meant = fmt.Sprintf("; did you mean %q?", near)
			}
			return nil, fault.New(fault.Invalid, "sim.trouble", "there is no trouble %q%s There are: %s", name, meant, strings.Join(Troubles(), ", ")).At("--trouble")
		}
		t.Name = name
		out = append(out, t)
	}
	return out, nil
}

func frameOf(message []byte) []byte {
	return slices.Concat([]byte{mllpframe.VT}, message, []byte{mllpframe.FS, mllpframe.CR})
}

// raw writes bytes as they are; a connection that fails is the next send's
// business.
func (l *Link) raw(ctx context.Context, b []byte) {
	if l.conn == nil && l.dial(ctx) != nil {
		return
	}
	_ = l.conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = l.conn.Write(bytes.Clone(b))
}

// send sends a message, with trouble where it is due.
func (w *Ward) send(ctx context.Context, link *Link, m Message, count int) error {
	if len(w.Troubles) == 0 || count%every != every-1 {
		return link.Send(ctx, m)
	}
	t := w.Troubles[count/every%len(w.Troubles)]
	if t.change != nil {
		m = t.change(m)
	}
	if t.before != nil {
		t.before(ctx, link, m)
	}
	if err := link.Send(ctx, m); err != nil {
		return err
	}
	if t.again {
		return link.Send(ctx, m)
	}
	return nil
}
