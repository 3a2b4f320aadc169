package wfdb

import "thalamus/internal/fault"

// Record is a record with all its samples.
type Record struct {
	Header  *Header
	Signals []SignalLine // of the record, or of its layout
	Spans   []SpanRead
}

// SpanRead is one segment that is not null.
type SpanRead struct {
	At      int64 // place of its first frame in the record
	Header  *Header
	Samples [][]int32 // of the signals of its header; model.Gap is a missing sample
}

// Read reads a record from its files; read gives a file of a name and bounds
// what it gives. Formats 16, 24, 32, 61, 80, 160 and 212 are read.
func Read(read func(name string) ([]byte, error), record string) (*Record, error) {
	h, err := readHeader(read, record)
	if err != nil {
		return nil, err
	}
	r := &Record{Header: h, Signals: h.Signals}
	if len(h.Segments) == 0 {
		span, err := readSpan(read, h)
		r.Spans = []SpanRead{span}
		return r, err
	}
	at := int64(0)
	for i, s := range h.Segments {
		if s.Samples > 1<<62-at {
			return nil, fault.New(fault.Invalid, "wfdb.header", "the segments are too long").At(record)
		}
		if !s.Null() {
			own, err := readHeader(read, s.Record)
			if err != nil {
				return nil, err
			}
			switch {
			case len(own.Segments) > 0:
				return nil, fault.New(fault.Invalid, "wfdb.header", "a segment has segments itself").At(s.Record)
			case i == 0 && s.Samples == 0:
				r.Signals = own.Signals
				continue
			case own.Samples != s.Samples:
				return nil, fault.New(fault.Invalid, "wfdb.header", "the segment has %d samples, the record says %d", own.Samples, s.Samples).At(s.Record)
			}
			span, err := readSpan(read, own)
			if err != nil {
				return nil, err
			}
			span.At = at
			r.Spans = append(r.Spans, span)
		}
		at += s.Samples
	}
	return r, nil
}

func readHeader(read func(string) ([]byte, error), record string) (*Header, error) {
	b, err := read(record + ".hea")
	if err != nil {
		return nil, err
	}
	return ParseHeader(b)
}

// readSpan reads the samples of a header; signals of one file follow each
// other.
func readSpan(read func(string) ([]byte, error), h *Header) (SpanRead, error) {
	span := SpanRead{Header: h, Samples: make([][]int32, len(h.Signals))}
	for from := 0; from < len(h.Signals); {
		until := from + 1
		for until < len(h.Signals) && h.Signals[until].File == h.Signals[from].File {
			until++
		}
		group := h.Signals[from:until]
		b, err := read(group[0].File)
		if err == nil {
			err = samples(b, h, group, from, span.Samples)
		}
		if err != nil {
			return span, err
		}
		from = until
	}
	return span, nil
}
