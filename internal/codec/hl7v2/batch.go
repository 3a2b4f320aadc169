package hl7v2

import (
	"bytes"
	"strconv"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Batch is what a text held: a plain message, several, or a file of batches
// (HL7 v2.5.1 §2.10.3). Its slices are views of that text.
type Batch struct {
	Header   []byte   // FHS or BHS segment, the outermost; nil without one
	Messages [][]byte // each from its MSH to before the next header or trailer
	Issues   []model.Issue
}

// SplitBatch finds the messages of a text without reading them. Every byte
// between the first MSH and the trailers belongs to a message. What does not
// fit the batch protocol (counts that are wrong, a trailer that is missing,
// segments outside a message) becomes an issue. A fault says that the text is
// not HL7. An empty batch has no messages.
func SplitBatch(b []byte) (Batch, error) {
	if len(b) > MaxBytes {
		return Batch{}, fault.New(fault.Invalid, codeTooLarge, "the batch has %d bytes, more than %d; send it in parts", len(b), MaxBytes)
	}
	start, id, err := findHeader(b)
	if err != nil {
		return Batch{}, err
	}
	d, _, err := readDelimiters(b[start:], start)
	if err != nil {
		return Batch{}, err
	}
	s := splitter{b: b, sep: d.Field, from: -1, first: start}
	if id == "MSH" {
		s.from = 0 // what stands before MSH stays with the message, which says so
	} else {
		s.Header = line(b[start:])
	}
	nextCR, nextLF := start-1, start-1
	for at := start; at < len(b); {
		if nextCR < at {
			nextCR = seek(b, at, len(b), '\r')
		}
		if nextLF < at {
			nextLF = seek(b, at, len(b), '\n')
		}
		stop := min(nextCR, nextLF)
		s.line(at, stop)
		at = stop + 1
	}
	s.close(len(b))
	s.finish(len(b))
	return s.Batch, nil
}

type splitter struct {
	Batch
	b               []byte
	sep             byte
	first           int // where the first header is
	from            int // start of the open message, -1: none
	files, batches  int // headers without their trailers
	inBatch, ofFile int // messages in the batch, batches in the file
	stray           bool
}

// line looks at one line. Only headers and trailers matter; for them the
// line's own separator counts, since each message may have its own.
func (s *splitter) line(at, stop int) {
	l := s.b[at:stop]
	if len(l) > 0 && (l[0] == ' ' || l[0] == '\t' || l[0] == 0x0b) {
		l = bytes.TrimLeft(l, " \t\x0b")
		at = stop - len(l)
	}
	if len(l) < 3 || len(l) > 3 && !delimiter(l[3]) {
		s.other(l, at)
		return
	}
	switch string(l[:3]) {
	case "MSH":
		if len(l) < 5 {
			s.other(l, at)
			return
		}
		if s.from == 0 && at == s.first {
			s.sep = l[3]
			s.inBatch++
			return
		}
		s.close(at)
		s.from, s.sep = at, l[3]
		s.inBatch++
	case "FHS":
		s.close(at)
		s.files++
		s.ofFile = 0
	case "BHS":
		s.close(at)
		s.batches++
		s.ofFile++
		s.inBatch = 0
	case "BTS":
		s.close(at)
		s.count(l, at, "BTS-1", s.inBatch, s.batches)
		s.batches--
	case "FTS":
		s.close(at)
		s.count(l, at, "FTS-1", s.ofFile, s.files)
		s.files--
	default:
		s.other(l, at)
	}
}

// other notes a line that stands in no message.
func (s *splitter) other(l []byte, at int) {
	if s.from >= 0 || s.stray || len(bytes.Trim(l, " \t\x00\x0b\x1a\x1c")) == 0 || at == s.first {
		return
	}
	s.stray = true
	s.note(codeBatchStray, model.Error, "", at, "a segment of the batch stands in no message; it was not read", "begin each message with MSH")
}

func (s *splitter) close(at int) {
	if s.from >= 0 {
		s.Messages = append(s.Messages, s.b[s.from:at:at])
		s.from = -1
	}
}

// count compares a trailer's number with what was counted.
func (s *splitter) count(l []byte, at int, field string, counted, open int) {
	if open <= 0 {
		s.note(codeBatchOpen, model.Warning, field, at, "a batch trailer without its header", "send FHS or BHS before FTS or BTS")
	}
	if len(l) < 5 {
		return
	}
	said := l[4:]
	if i := bytes.IndexByte(said, l[3]); i >= 0 {
		said = said[:i]
	}
	said = bytes.TrimSpace(said)
	if n, err := strconv.Atoi(string(said)); len(said) > 0 && (err != nil || n != counted) {
		s.note(codeBatchCount, model.Warning, field, at, "the trailer's count is not the number that was received: "+strconv.Itoa(counted), "check that the batch arrived whole")
	}
}

func (s *splitter) finish(end int) {
	if s.files > 0 || s.batches > 0 {
		s.note(codeBatchOpen, model.Warning, "", end, "the batch ends without its trailer", "check that the batch arrived whole; end it with BTS and FTS")
	}
}

func (s *splitter) note(code string, sev model.Severity, field string, at int, text, hint string) {
	if len(s.Issues) < maxIssues {
		s.Issues = append(s.Issues, model.Issue{Code: code, Severity: sev, Field: field, Offset: at, Text: text, Hint: hint})
	}
}

// line is what stands before the first CR or LF.
func line(b []byte) []byte {
	b = b[:seek(b, 0, len(b), '\r')]
	return b[:seek(b, 0, len(b), '\n')]
}
