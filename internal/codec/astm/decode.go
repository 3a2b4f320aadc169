package astm

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"thalamus/internal/codec"
	"thalamus/internal/fault"
	"thalamus/internal/hl7time"
	"thalamus/internal/model"
)

// Name of the codec, as channels and entries give it.
const Name = "astm"

// Types of messages, in Message.Type.
const (
	TypeResult  = "ASTM^R"
	TypeControl = "ASTM^QC" // results of a control sample: no patient's
	TypeQuery   = "ASTM^Q"
	TypeOrder   = "ASTM^O" // orders without results
	TypeOther   = "ASTM"
)

// Codec reads records. It is stateless; the zero value is ready.
type Codec struct{}

// New gives the codec.
func New() Codec { return Codec{} }

var (
	_ codec.Codec = Codec{}
	_ codec.Parts = Codec{}
)

// Name is "astm".
func (Codec) Name() string { return Name }

// maxMessages bounds the messages of an entry.
const maxMessages = 100_000

// Decode reads the messages of an entry. One that tells of several patients
// becomes one for each, so that nobody is given the values of somebody else;
// control samples become messages of their own, without a patient.
func (Codec) Decode(e model.Entry, _ codec.Context) []model.Message {
	if e.Redacted {
		return []model.Message{refuse(e, model.Issue{Code: "decode.redacted", Severity: model.Warning, Text: "the content of this entry was removed; only its place is left"})}
	}
	raw, damaged := e.Bytes, 0
	if first := bytes.TrimLeft(raw, "\r\n"); len(first) > 0 && (first[0] == STX || first[0] == ENQ) {
		raw, damaged = Unframe(raw)
	}
	all, before, err := Parse(raw)
	if err != nil {
		if m, ok := foreign(e); ok {
			return []model.Message{m}
		}
		return []model.Message{refuse(e, model.Issue{Code: fault.CodeOf(err), Severity: model.Error, Text: textOf(err),
			Hint: "see whether the instrument speaks ASTM (LIS02-A2), and whether the channel has the codec that it needs"})}
	}
	var out []model.Message
	for i := range all {
		d := decoder{entry: &e, source: &all[i], out: out}
		d.read()
		if out = d.out; len(out) > maxMessages {
			break
		}
	}
	first := &out[0]
	if damaged > 0 {
		first.Issues = append(first.Issues, model.Issue{Code: "astm.damaged-frames", Severity: model.Error,
			Text: fmt.Sprintf("%d frames of the capture have a wrong checksum or were cut off; they were left out", damaged), Hint: "capture it again"})
	}
	if before > 0 {
		first.Issues = append(first.Issues, model.Issue{Code: "astm.before-header", Severity: model.Error,
			Text: fmt.Sprintf("%d records stand before the header; they were not read", before), Hint: "the sender must begin each message with H"})
	}
	for i := range out {
		out[i].Ref.Part = i
	}
	return out
}

// Part cuts the records of one message out of an entry that tells of several
// patients, with the header above them: the others are about somebody else.
func (Codec) Part(e model.Entry, number int) []byte {
	raw := e.Bytes
	if first := bytes.TrimLeft(raw, "\r\n"); len(first) > 0 && (first[0] == STX || first[0] == ENQ) {
		raw, _ = Unframe(raw)
	}
	all, _, err := Parse(raw)
	if err != nil {
		return e.Bytes
	}
	for i := range all {
		d := decoder{entry: &e, source: &all[i]}
		d.read()
		if number >= len(d.out) {
			number -= len(d.out)
			continue
		}
		if len(d.out) == 1 && len(all) == 1 {
			return e.Bytes
		}
		records := all[i].Records
		from, to := max(d.froms[number], 1), len(records)
		if number+1 < len(d.out) {
			to = d.froms[number+1]
		}
		cut := Message{Records: append(records[:1:1], records[min(from, to):to]...)}
		return cut.Append(nil)
	}
	return e.Bytes
}

func textOf(err error) string {
	if f, ok := err.(*fault.Fault); ok {
		return f.Text
	}
	return err.Error()
}

func refuse(e model.Entry, issues ...model.Issue) model.Message {
	return model.Message{Ref: model.MessageRef{Seq: e.Seq}, Channel: e.Channel, Codec: Name, Peer: e.Peer, Identity: e.Identity, Topic: e.Topic, Arrived: e.Arrived, Issues: issues}
}

// decoder reads one message.
type decoder struct {
	entry  *model.Entry
	source *Message
	out    []model.Message

	m       *model.Message // being made; a part of out
	header  model.Message  // what H says, copied into each
	mode    string         // H-12
	control bool           // the order above is for a control sample
	patient *model.Patient // P above
	visit   *model.Visit
	notes   *[]string // of the record before
	counts  map[byte]int
	ended   bool
	said    map[string]bool
	at      int   // the record being read
	froms   []int // with which record each message begins
}

func (d *decoder) read() {
	d.counts, d.said = map[byte]int{}, map[string]bool{}
	for i, r := range d.source.Records {
		kind := r.Kind()
		d.at = i
		if kind == 'H' && i > 0 {
			kind = '?' // H and no delimiters
		}
		d.counts[kind]++
		switch kind {
		case 'H':
			d.readHeader(r)
		case 'P':
			d.readPatient(r)
		case 'O':
			d.readOrder(r)
		case 'R':
			d.readResult(r)
		case 'C':
			d.readComment(r)
		case 'Q':
			d.readQuery(r)
		case 'M', 'S':
			d.makers(r)
		case 'L':
			d.readEnd(r)
		default:
			d.issue(r, 1, model.Issue{Code: "astm.record", Severity: model.Error, Received: clip(r.Field(1).Raw, 8),
				Text: "a record of a type that LIS02-A2 does not know; it was kept and not read", Hint: "see the instrument's interface description"})
		}
	}
	if d.m == nil {
		d.begin(TypeOther)
	}
	d.broken()
}

// begin starts a message for the patient and order above.
func (d *decoder) begin(kind string) {
	d.out = append(d.out, d.header)
	d.froms = append(d.froms, d.at)
	d.m = &d.out[len(d.out)-1]
	d.m.Type = kind
	d.m.Devices = append([]model.Device(nil), d.header.Devices...)
	d.header.Issues, d.header.Notes = nil, nil // once is enough
	d.notes = &d.m.Notes
	if kind == TypeControl {
		d.m.Test = true // goes where simulated values may, nowhere else (decision 0156)
		return
	}
	d.m.Patient, d.m.Visit = d.patient, d.visit
}

// message gives the message that a record of the given type belongs to.
func (d *decoder) message(kind string) *model.Message {
	switch {
	case d.m == nil:
		d.begin(kind)
	case d.m.Type == TypeOrder && kind == TypeResult:
		d.m.Type = kind
	case d.m.Type == TypeOther && kind != TypeControl:
		d.m.Type = kind
	}
	return d.m
}

func (d *decoder) place(r Record) string {
	return string(rune(r.Kind())) + "[" + strconv.Itoa(d.counts[r.Kind()]) + "]"
}

// issue adds an issue about field n of a record; one of a code and subject is
// enough for a message.
func (d *decoder) issue(r Record, n int, i model.Issue) {
	if key := i.Code + " " + i.Received; d.said[key] {
		return
	} else if len(d.said) < 64 {
		d.said[key] = true
	} else {
		return
	}
	i.Offset = r.Offset
	i.Field = d.place(r)
	if n > 1 {
		i.Field += "-" + strconv.Itoa(n)
	}
	to := &d.header.Issues
	if d.m != nil {
		to = &d.m.Issues
	}
	*to = append(*to, i)
}

// readHeader reads H (LIS02-A2 §6).
func (d *decoder) readHeader(r Record) {
	h := refuse(*d.entry)
	h.ControlID = r.Field(3).Text()
	h.Sender.Application = joined(r.Field(5))
	h.Receiver.Application = joined(r.Field(10))
	h.Version = r.Field(13).Text()
	h.DeviceTime = d.time(r.Field(14))
	if d.mode = strings.ToUpper(r.Field(12).Component(1).Text()); d.mode == "T" || d.mode == "D" { // training, debugging
		h.Test = true
	}
	if note := joined(r.Field(11)); note != "" {
		h.Notes = append(h.Notes, note)
	}
	if dev := device(r.Field(5), d.entry.Properties); dev.Model != "" || dev.Identifiers != nil {
		h.Devices = []model.Device{dev}
	}
	d.header, d.notes = h, &d.header.Notes
	for _, flaw := range d.source.Flaws {
		i := model.Issue{Code: "astm.delimiters", Severity: model.Warning, Received: clip(r.Field(2).Raw, 8),
			Text: "the header names fewer delimiters than LIS02-A2 wants; the usual ones were taken for those", Hint: `the sender should begin with H|\^&`}
		if flaw == "doubled" {
			i.Text = "the header has its first delimiter twice; it was read once"
		}
		d.issue(r, 2, i)
	}
}

// time reads an LIS02-A2 date and time: YYYYMMDDHHMMSS, as HL7 writes it, with
// or without a zone.
func (d *decoder) time(e Element) model.Timestamp {
	t := e.Component(1).Text()
	if t == "" {
		return model.Timestamp{}
	}
	return model.Timestamp{Original: t, Format: hl7time.FormatHL7}
}

// readEnd reads L (§14).
func (d *decoder) readEnd(r Record) {
	d.ended = true
	switch code := strings.ToUpper(r.Field(3).Text()); code {
	case "", "N", "F", "I":
	case "T", "R", "E", "Q":
		d.issue(r, 3, model.Issue{Code: "astm.ended-early", Severity: model.Warning, Received: code,
			Text: "the sender says that the message did not end normally", Hint: "look at the instrument; it may send the rest again"})
	}
}

// broken says where a message has no end.
func (d *decoder) broken() {
	if d.ended {
		return
	}
	i := model.Issue{Code: "astm.no-end", Severity: model.Warning, Text: "the message has no terminator record, L; all that came was read", Hint: "the sender should end each message with L|1|N"}
	for line := range strings.Lines(d.entry.Properties) {
		switch strings.TrimSpace(line) {
		case GroupOpen:
			return // the rest of the message follows in the next entry
		case GroupCut:
			i = model.Issue{Code: "astm.cut", Severity: model.Error, Text: "the transmission broke off; what had been acknowledged was kept and read", Hint: "the instrument should send the message again; compare the two"}
		}
	}
	d.m.Issues = append(d.m.Issues, i)
}

// What a link says of an entry that is not a whole message, a line of
// Frame.Properties each.
const (
	GroupOpen = "astm: the message goes on in the next entry"
	GroupCut  = "astm: the transmission broke off"
)

// joined is an element as text, its components with ^ between them, blanks and
// empty ends left out.
func joined(e Element) string {
	var reps []string
	for _, rep := range e.Reps() {
		reps = append(reps, parts(rep))
	}
	return strings.Trim(strings.Join(reps, "\\"), "\\")
}

func parts(rep Element) string {
	all := rep.Components()
	texts := make([]string, len(all))
	for i, c := range all {
		texts[i] = c.Text()
	}
	return strings.TrimRight(strings.Join(texts, "^"), "^")
}

func clip(s string, most int) string {
	if s = toUTF8(s); len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
