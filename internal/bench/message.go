package bench

import (
	"bytes"
	"fmt"
	"time"

	"thalamus/internal/codec/mllpframe"
	"thalamus/internal/mdc"
	"thalamus/internal/sim"
)

// template is a message of a simulated monitor, framed, in which the control
// id and the times are overwritten in place, so that the devices cost next to
// nothing beside the server they load.
type template struct {
	wire     []byte // VT … FS CR
	name     string // of the control id, before its number
	controls []int  // where the digits of the control id stand
	stamps   []int  // where times stand
	stream   string
}

const (
	controlDigits = 9
	stampForm     = "20060102150405.000"
	stampRoom     = len(stampForm) + 6 // nanoseconds are written before they are cut
)

// distinct is how many different messages a monitor has: values must change
// as they do in life, or the record would compress what it never meets.
const distinct = 32

// templates makes the messages of one monitor. size 0: 20 observations; else
// as many as fit in, and a note that fills up what is left. With edit, that
// changes the messages first.
func templates(bed sim.Bed, terms sim.Terms, size int, edit func(text []byte) []byte) []*template {
	m := sim.NewMonitor(bed, terms, "B", 1)
	m.Waveforms = false
	m.Padding = usualValues
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	all := make([]*template, distinct)
	for i := range all {
		msg := m.Message(at)
		digits := make([]byte, controlDigits)
		for k := range digits {
			digits[k] = '~'
		}
		name := m.Name() + "-B-"
		text := bytes.ReplaceAll(msg.Bytes, []byte(msg.ControlID), append([]byte(name), digits...))
		// The time of the whole report (OBR-7) holds for its values.
		text = bytes.ReplaceAll(text, []byte("|||||R|||"+at.Format(stampForm)+"+0000\r"), []byte("|||||R\r"))
		if edit != nil {
			text = edit(text)
		}
		text = fit(text, size)
		t := &template{wire: mllpframe.Append(nil, text), name: name, stream: msg.Stream}
		t.controls = places(t.wire, digits)
		t.stamps = places(t.wire, []byte(at.Format(stampForm)))
		all[i] = t
	}
	return all
}

// spread gives each of the numbers that fill up a monitor's message (sim,
// Monitor.Padding), which are one code over and over, a code of its own.
func spread(terms sim.Terms) func(text []byte) []byte {
	const padding = "MDC_PULS_OXIM_SAT_O2"
	var codes []string
	for _, t := range mdc.Terms() {
		if t.Kind == mdc.Numeric && t.Code != 0 && t.UCUM == "%" && t.RefID != padding {
			codes = append(codes, terms[t.RefID])
		}
	}
	padded := []byte("|" + terms[padding] + "|1.5.")
	return func(text []byte) []byte {
		for _, code := range codes {
			text = bytes.Replace(text, padded, []byte("|"+code+"|1.5."), 1)
		}
		return text
	}
}

// fit makes a message of size bytes: whole OBX are taken off its end, or a
// note is put there.
func fit(text []byte, size int) []byte {
	if size == 0 {
		return text
	}
	for len(text) > size {
		cut := bytes.LastIndexByte(text[:len(text)-1], '\r')
		if !bytes.HasPrefix(text[cut+1:], []byte("OBX|")) {
			break
		}
		text = text[:cut+1]
	}
	const note = "NTE|1|L|"
	if left := size - len(text) - len(note) - 1; left > 0 {
		text = append(text, note...)
		text = append(text, bytes.Repeat([]byte("x"), left)...)
		text = append(text, '\r')
	}
	return text
}

func places(text, what []byte) []int {
	var at []int
	for from := 0; ; {
		i := bytes.Index(text[from:], what)
		if i < 0 {
			return at
		}
		at = append(at, from+i)
		from += i + len(what)
	}
}

// appendTo appends the message with its number and time, framed, and gives
// where the digits of its control id stand in it.
func (t *template) appendTo(out []byte, number int64, now time.Time) (framed, control []byte) {
	from := len(out)
	out = append(out, t.wire...)
	msg := out[from:]
	var digits [controlDigits]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + number%10)
		number /= 10
	}
	for _, at := range t.controls {
		copy(msg[at:], digits[:])
	}
	var room [stampRoom]byte
	stamp := now.UTC().AppendFormat(room[:0], stampForm)
	for _, at := range t.stamps {
		copy(msg[at:], stamp)
	}
	at := t.controls[0]
	return out, msg[at : at+controlDigits : at+controlDigits]
}

// measured sets the times within a framed message, but for that of the message
// itself, which comes first.
func (t *template) measured(framed []byte, at time.Time) {
	var room [stampRoom]byte
	stamp := at.UTC().AppendFormat(room[:0], stampForm)
	for _, place := range t.stamps[1:] {
		copy(framed[place:], stamp)
	}
}

// message gives the message as the simulators hand it on.
func (t *template) message(number int64, now time.Time) sim.Message {
	framed, control := t.appendTo(nil, number, now)
	return sim.Message{ControlID: t.name + string(control), Stream: t.stream, Bytes: framed[1 : len(framed)-2]}
}

// bytes is the size of the message without its frame.
func (t *template) bytes() int { return len(t.wire) - 3 }

// observations counts the OBX with a value: numbers, and the monitor's model.
func (t *template) observations() int {
	return bytes.Count(t.wire, []byte("|NM|")) + bytes.Count(t.wire, []byte("|ST|"))
}

// beds gives as many beds as monitors, over wards of 50.
func beds(n int) []sim.Bed {
	var all []sim.Bed
	for ward := 0; len(all) < n; ward++ {
		all = append(all, sim.Beds(fmt.Sprintf("B%02d", ward), min(50, n-len(all)))...)
	}
	return all
}
