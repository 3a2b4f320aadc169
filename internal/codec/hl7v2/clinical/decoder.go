package clinical

import (
	"strconv"
	"strings"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/model"
)

// keepWhole bounds how large a message may be for its texts to share one
// string; beyond it each text is a copy, so that a small part does not keep
// the whole alive.
const keepWhole = 64 << 10

// decoder reads one message. It is used once.
type decoder struct {
	m     *hl7v2.Message
	entry *model.Entry
	out   *model.Message
	whole string // the message's bytes, shared by all plain texts
	plain bool   // all texts are parts of whole
	d     hl7v2.Delimiters
	f     [maxField + 1]hl7v2.Element // fields of the segment being read
	upTo  int                         // highest field of f in use
	at    int                         // index of the segment being read

	kind     messageKind
	obx      int
	obr      int
	prt      int
	lastNode int         // 1 + index of the device that the OBX before is, 0 for another OBX
	statuses string      // result statuses that were reported, each followed by a blank
	comment  *[]string   // where an NTE belongs
	unread   string      // ids of segments that were reported, each followed by a blank
	spare    model.Issue // takes what is said beyond maxIssues

	hasPID bool // a PID was read
	tree   containment
	waves  []wave
	alerts []alert
	loose  []looseDevice
	event  bool // OBR-4 says that this is an alarm report
	named  alertName

	why string // why the value just read is none (data-absent-reason)
}

// maxField is the highest field that is looked at by number.
const maxField = 60

// messages reads all segments in order, then joins what belongs together.
// It appends to all.
func (d *decoder) messages(all []model.Message) []model.Message {
	if b := d.m.Bytes(); len(b) <= keepWhole {
		d.whole = string(b)
		d.plain = d.whole != "" && d.m.Plain()
	}
	d.d = d.m.Delimiters()
	all = d.begin(all, blank(*d.entry))
	d.out.Issues = append(d.out.Issues, d.m.Issues()...)
	d.structure()
	for i, s := range d.m.Segments() {
		if i > 0 && s.Is("MSH") {
			break // hl7v2 has said that a second message stands inside
		}
		if s.Is("PID") {
			if d.hasPID {
				d.finish()
				all = d.begin(all, d.another())
			}
			d.hasPID = true
		}
		d.at = i
		d.segment(s)
	}
	d.finish()
	return all
}

// structure adds where the message does not keep to the structure of its type.
// Of a repeated patient or visit more is known here: the first begins another
// message of the result, the second has an issue of its own.
func (d *decoder) structure() {
	several := d.m.Find("PID", 2).Present()
	for _, one := range d.m.Structure() {
		if one.Code == "hl7v2.segment-repeated" && (several || one.Field == "PV1[2]") {
			continue
		}
		d.out.Issues = append(d.out.Issues, one)
	}
}

// begin starts a message of the result: the last of all.
func (d *decoder) begin(all []model.Message, m model.Message) []model.Message {
	all = append(all, m)
	d.out = &all[len(all)-1]
	d.comment = &d.out.Notes
	d.tree.init(d.m.Len() - d.at)
	d.waves, d.alerts, d.loose = nil, nil, nil
	d.named, d.lastNode, d.statuses = alertName{}, 0, ""
	return all
}

// another is the message of the next patient: the same header, and the same
// event without what it said of the first patient.
func (d *decoder) another() model.Message {
	m, o := blank(*d.entry), d.out
	m.Type, m.Profile, m.Version, m.ControlID, m.Sender, m.Receiver, m.Test, m.DeviceTime = o.Type, o.Profile, o.Version, o.ControlID, o.Sender, o.Receiver, o.Test, o.DeviceTime
	if o.Event != nil {
		event := *o.Event
		event.Merged = nil
		m.Event = &event
	}
	for _, i := range o.Issues {
		if i.Code == "hl7v2.no-type" { // true of every message of the result
			m.Issues = append(m.Issues, i)
		}
	}
	return m
}

func (d *decoder) finish() {
	if d.kind == adtMessage && d.out.Patient != nil {
		d.eventOf() // many senders leave EVN out; MSH-9 names the event
	}
	d.finishWaves()
	d.finishAlerts()
	d.finishDevices()
}

func (d *decoder) segment(s hl7v2.Segment) {
	if s.Is("OBX") {
		d.obx++
		d.load(s, &table.obx)
		d.observation(s)
		return
	}
	id := s.ID()
	known := table.segments[id]
	if known == nil {
		d.unknownSegment(s, id)
		return
	}
	if known.whole {
		return
	}
	d.load(s, known)
	switch id {
	case "MSH":
		d.header()
	case "PID":
		d.patient()
	case "PV1":
		d.visit()
	case "EVN":
		d.eventType()
	case "MRG":
		d.merge()
	case "OBR":
		d.order(s)
	case "NTE":
		d.note()
	case "PRT":
		d.participation()
	}
}

// load puts the fields of a segment into d.f and reports those that nobody
// reads.
func (d *decoder) load(s hl7v2.Segment, known *segment) {
	last := s.FieldsInto(d.f[:])
	if used := min(last, maxField); used < d.upTo {
		clear(d.f[used+1 : d.upTo+1])
	}
	d.upTo = min(last, maxField)
	read := last <= maxField
	for n := 1; read && n <= last; n++ {
		read = !d.f[n].Present() || known.has(n)
	}
	if read {
		return
	}
	reported := 0
	for n, e := range s.Fields() {
		if !known.has(n) && e.Present() {
			if reported++; reported <= 3 {
				d.issueAt(e, "decode.field-unread", model.Warning, "the standard as we read it has no such field here; it was not read", "report it if the field matters")
			}
		}
	}
}

func (d *decoder) unknownSegment(s hl7v2.Segment, id string) {
	if strings.Contains(d.unread, id+" ") {
		return
	}
	if len(d.unread) >= maxUnread*len("OBX ") {
		if len(d.unread) == maxUnread*len("OBX ") {
			d.unread += "."
			d.out.Issues = append(d.out.Issues, model.Issue{Code: "decode.segment-unread", Severity: model.Warning, Offset: s.Offset(),
				Text: "more kinds of segments are not read than are listed", Hint: "look at the message"})
		}
		return
	}
	d.unread += id + " "
	text := "a segment of this kind is not read"
	if id[0] == 'Z' {
		text = "a local segment; only its sender knows what it means"
	}
	d.out.Issues = append(d.out.Issues, model.Issue{Code: "decode.segment-unread", Severity: model.Warning, Field: id, Offset: s.Offset(),
		Text: text, Hint: "report it if it holds what you need"})
}

// Bounds on what is said and made of one message, so that hostile text costs
// no more than its length.
const (
	maxIssues = 500
	maxUnread = 64   // kinds of segments reported one by one
	maxValues = 1000 // repetitions of one OBX-5 that become observations
)

// issueAt adds an issue about an element. Beyond maxIssues one last issue
// says that there were more.
func (d *decoder) issueAt(e hl7v2.Element, code string, sev model.Severity, text, hint string) *model.Issue {
	switch n := len(d.out.Issues); {
	case n > maxIssues:
		return &d.spare
	case n == maxIssues:
		d.out.Issues = append(d.out.Issues, model.Issue{Code: "decode.more-issues", Severity: sev, Offset: e.Offset(),
			Text: "more was wrong with this message than is listed", Hint: "correct the first issues, then look again"})
		return &d.spare
	}
	d.out.Issues = append(d.out.Issues, model.Issue{Code: code, Severity: sev, Field: e.Path(), Offset: e.Offset(), Text: text, Hint: hint})
	return &d.out.Issues[len(d.out.Issues)-1]
}

// text is the element's text without blanks around it; empty for null.
func (d *decoder) text(e hl7v2.Element) string {
	if !e.Present() || e.IsNull() {
		return ""
	}
	raw := e.Raw()
	if d.plain {
		at := e.Offset()
		return trim(d.whole[at : at+len(raw)])
	}
	if d.whole != "" {
		plain := true
		for _, c := range raw {
			if c < ' ' || c >= 0x7f || c == d.d.Escape {
				plain = false
				break
			}
		}
		if plain {
			at := e.Offset()
			return trim(d.whole[at : at+len(raw)])
		}
	}
	return trim(e.Text())
}

// trim is strings.TrimSpace, quick where there is nothing to trim.
func trim(s string) string {
	if n := len(s); n > 0 && s[0] > ' ' && s[0] < 0x80 && s[n-1] > ' ' && s[n-1] < 0x80 {
		return s
	}
	return strings.TrimSpace(s)
}

// joined is the texts of all components (and repetitions) with ^ (and ~)
// between them, whatever the message's own delimiters are.
func (d *decoder) joined(e hl7v2.Element) string {
	if !e.Present() {
		return ""
	}
	single := true
	for _, c := range e.Raw() {
		if c == d.d.Component || c == d.d.Repetition || c == d.d.Sub {
			single = false
			break
		}
	}
	if single {
		return d.text(e)
	}
	var b strings.Builder
	for i, r := range e.Reps() {
		if i > 1 {
			b.WriteByte('~')
		}
		for n, c := range r.Components() {
			if n > 1 {
				b.WriteByte('^')
			}
			for k, sub := range c.Subs() {
				if k > 1 {
					b.WriteByte('&')
				}
				b.WriteString(d.text(sub))
			}
		}
	}
	return b.String()
}

// parts of a field's first repetition by their numbers, as far as 9.
type parts [10]string

// split puts the texts of the components of the first repetition into to,
// which is empty.
func (d *decoder) split(to *parts, e hl7v2.Element) {
	raw := e.Raw()
	if len(raw) == 0 {
		return
	}
	if d.whole == "" || !d.splitPlain(to, raw, e.Offset()) {
		*to = parts{}
		for n, c := range e.Components() {
			if n < len(to) {
				to[n] = d.text(c)
			}
		}
	}
}

// splitPlain is split for what most fields are: ASCII without escapes and
// sub-components. It does not allocate.
func (d *decoder) splitPlain(to *parts, raw []byte, at int) bool {
	whole := d.whole[at : at+len(raw)]
	component, repetition, plain := d.d.Component, d.d.Repetition, d.plain
	n, start := 1, 0
	for i := range len(whole) {
		switch c := whole[i]; {
		case c == component:
			put(to, n, whole[start:i])
			n, start = n+1, i+1
		case c == repetition:
			put(to, n, whole[start:i])
			return true
		case !plain && (c < ' ' || c >= 0x7f || c == d.d.Escape || c == d.d.Sub):
			return false
		}
	}
	put(to, n, whole[start:])
	return true
}

func put(to *parts, n int, t string) {
	if n < len(to) && t != `""` {
		to[n] = trim(t)
	}
}

// coding reads the first triplet of a CE, CWE or CNE.
func (d *decoder) coding(e hl7v2.Element) model.Coding {
	if !e.Present() {
		return model.Coding{}
	}
	var p parts
	d.split(&p, e)
	return model.Coding{Code: p[1], Text: p[2], System: p[3]}
}

// codings reads both triplets of a CWE; a code without text takes the
// original text of component 9.
func (d *decoder) codings(e hl7v2.Element) (first, second model.Coding) {
	d.codingsInto(&first, &second, e)
	return first, second
}

// codingsInto is codings into two that are empty.
func (d *decoder) codingsInto(first, second *model.Coding, e hl7v2.Element) {
	if !e.Present() {
		return
	}
	var p parts
	d.split(&p, e)
	if first.Code, first.Text, first.System = p[1], p[2], p[3]; p[2] == "" {
		first.Text = p[9]
	}
	if p[4] != "" || p[5] != "" || p[6] != "" {
		second.Code, second.Text, second.System = p[4], p[5], p[6]
	}
}

// hd reads a hierarchic designator that is a component: the universal id,
// else the name.
func (d *decoder) hd(e hl7v2.Element) string {
	if id := d.text(e.Sub(2)); id != "" {
		return id
	}
	return d.text(e.Sub(1))
}

// sent is a time as it was sent, with its degree of precision (TS.2) where it
// has one; package normalise reads it.
func (d *decoder) sent(e hl7v2.Element) model.Timestamp {
	return model.Timestamp{Original: d.time(e)}
}

// time is the text of sent.
func (d *decoder) time(e hl7v2.Element) string {
	if !e.Present() {
		return ""
	}
	var p parts
	d.split(&p, e)
	if len(p[2]) == 1 && p[1] != "" {
		p[1] += "^" + p[2]
	}
	return p[1]
}

// place names the n-th segment of a kind: "OBX[3]".
func place(id string, n int) string {
	if id == "OBX" && n < len(obxPlaces) {
		return obxPlaces[n]
	}
	return id + "[" + strconv.Itoa(n) + "]"
}

var obxPlaces = func() (all [65]string) {
	for n := range all {
		all[n] = "OBX[" + strconv.Itoa(n) + "]"
	}
	return all
}()

func (d *decoder) note() {
	if text := d.joined(d.f[3]); text != "" {
		*d.comment = append(*d.comment, text)
	}
}
