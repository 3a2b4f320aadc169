package waveform

import (
	"iter"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Survey joins runs into tracks, one for each series, in the order in which
// they first came. Runs of one series come in the order of their starts. most
// bounds the segments of all tracks together.
func Survey(feeds iter.Seq2[Feed, error], most int) ([]Track, error) {
	var tracks []*Track
	joiners := map[Series]*Joiner{}
	total := 0
	for f, err := range feeds {
		if err != nil {
			return nil, err
		}
		j := joiners[f.Series]
		if j == nil {
			t := &Track{Series: f.Series}
			tracks = append(tracks, t)
			j = &Joiner{Ended: func(s Segment) { t.Segments = append(t.Segments, s); total++ }}
			joiners[f.Series] = j
		}
		if j.Add(f.Run); total > most {
			return nil, fault.New(fault.Invalid, "waveform.segments", "the samples of this time lie in more than %d pieces; ask for a shorter time", most)
		}
	}
	out := make([]Track, len(tracks))
	for i, t := range tracks {
		j := joiners[t.Series]
		j.End()
		t.Unusable, t.Unmatched = j.Unusable, j.Unmatched
		out[i] = *t
	}
	return out, nil
}

// Block is some frames of a span. Missing samples are model.Gap. It is valid
// until the next one is given.
type Block struct {
	Span    int
	First   int64     // frame of the span
	Frames  int       // how many
	Samples [][]int32 // of each signal, Per × Frames of them
}

// blockSamples is about how many samples a block holds.
const blockSamples = 1 << 15

// Blocks gives all frames of the recording in order, from the runs that it was
// planned with: the same ones, runs of one series in the order of their starts
// and series mixed by about the same time. It ends with a fault where they are
// not the same.
func (r *Recording) Blocks(feeds iter.Seq2[Feed, error]) iter.Seq2[*Block, error] {
	return func(yield func(*Block, error) bool) {
		p := newPouring(r, yield)
		for f, err := range feeds {
			if err != nil {
				yield(nil, err)
				return
			}
			s := p.streams[f.Series]
			if s == nil {
				continue
			}
			if !p.flush(f.Run.Start.UnixNano() - p.lag) {
				return
			}
			if s.joiner.Add(f.Run); p.changed {
				break
			}
		}
		for _, s := range p.streams {
			s.joiner.End()
			p.changed = p.changed || s.ended != len(s.track.Segments)
		}
		if p.changed {
			yield(nil, fault.New(fault.Conflict, "waveform.changed", "the record of this time changed while it was read; try again"))
			return
		}
		p.flush(1<<63 - 1)
	}
}

// pouring fills blocks.
type pouring struct {
	r       *Recording
	yield   func(*Block, error) bool
	streams map[Series]*stream
	lag     int64 // ns: how much earlier than its run a sample may have its place
	block   Block
	frames  int64 // of a whole block
	later   []poured
	changed bool
}

// stream is one series on its way into the signals made of it.
type stream struct {
	p      *pouring
	track  *Track
	joiner Joiner
	ended  int
	where  [][]spot // of each segment
	made   *resampling
	of     int // segment that made is of
	room   []int32
}

// spot is where a part of a segment lies.
type spot struct {
	signal int
	part   *Part
}

// poured is samples for a place that is not in the block yet.
type poured struct {
	signal, span int
	at           int64
	samples      []int32
}

func newPouring(r *Recording, yield func(*Block, error) bool) *pouring {
	p := &pouring{r: r, yield: yield, streams: map[Series]*stream{}}
	each := 0
	for i := range r.Signals {
		s := &r.Signals[i]
		p.lag = max(p.lag, 4*s.PeriodNS)
		for k := range r.tracks[i].Segments {
			p.lag = max(p.lag, 4*r.tracks[i].Segments[k].PeriodNS)
		}
		each += r.Per[i]
		key := r.tracks[i].Series
		st := p.streams[key]
		if st == nil {
			st = &stream{p: p, track: &r.tracks[i], where: make([][]spot, len(r.tracks[i].Segments)), of: -1}
			st.joiner.Ended, st.joiner.Moved = st.end, st.move
			p.streams[key] = st
		}
		for k := range s.Parts {
			part := &s.Parts[k]
			st.where[part.segment] = append(st.where[part.segment], spot{i, part})
		}
	}
	p.frames = int64(max(1, blockSamples/each))
	p.block.Samples = make([][]int32, len(r.Signals))
	p.clear()
	return p
}

// end checks that a segment is the one that was planned with.
func (s *stream) end(seg Segment) {
	s.p.changed = s.p.changed || s.ended >= len(s.track.Segments) || s.track.Segments[s.ended] != seg
	s.ended++
}

// move takes samples of a segment on to their places.
func (s *stream) move(piece Piece) {
	if piece.Segment >= len(s.where) {
		s.p.changed = true
		return
	}
	seg := &s.track.Segments[piece.Segment]
	samples, from, scale := piece.Samples, piece.From, piece.Scale
	if s.p.r.periodNS > 0 {
		if s.of != piece.Segment {
			s.made, s.of = newResampling(*seg, s.p.r.periodNS), piece.Segment
		}
		k, ok := tens(piece.Scale, seg.Scale)
		if !ok || k < 0 {
			s.p.changed = true
			return
		}
		s.made.factor = power(k)
		from, scale = s.made.made, seg.Scale
		s.room = s.made.take(samples, s.room[:0])
		samples = s.room
	}
	for _, w := range s.where[piece.Segment] {
		lo, hi := max(from, w.part.from), min(from+int64(len(samples)), w.part.from+w.part.Count)
		if lo >= hi {
			continue
		}
		k, ok := tens(scale, s.p.r.Signals[w.signal].Scale)
		if !ok || k < 0 {
			s.p.changed = true
			return
		}
		s.p.put(poured{w.signal, w.part.Span, w.part.At + lo - w.part.from, samples[lo-from : hi-from]}, int32(power(k)), true)
	}
}

// put copies samples into the block, and keeps those that lie behind it. What
// is not its own yet is copied.
func (p *pouring) put(x poured, factor int32, foreign bool) {
	per := int64(p.r.Per[x.signal])
	if x.span == p.block.Span {
		lo, hi := p.block.First*per, (p.block.First+int64(p.block.Frames))*per
		if x.at < lo { // the frames are gone: the runs were not in order
			p.changed = true
			return
		}
		n := min(max(hi-x.at, 0), int64(len(x.samples)))
		for i, v := range x.samples[:n] {
			p.block.Samples[x.signal][x.at-lo+int64(i)] = v * factor
		}
		x.at, x.samples = x.at+n, x.samples[n:]
	}
	if len(x.samples) == 0 {
		return
	}
	if x.span < p.block.Span {
		p.changed = true
		return
	}
	if foreign {
		own := make([]int32, len(x.samples))
		for i, v := range x.samples {
			own[i] = v * factor
		}
		x.samples = own
	}
	p.later = append(p.later, x)
}

// clear makes room for the frames of the block, all of them missing.
func (p *pouring) clear() {
	if p.block.Span >= len(p.r.Spans) {
		return
	}
	p.block.Frames = int(min(p.frames, p.r.Spans[p.block.Span].Frames-p.block.First))
	for i := range p.block.Samples {
		n := p.block.Frames * p.r.Per[i]
		if cap(p.block.Samples[i]) < n {
			p.block.Samples[i] = make([]int32, n)
		}
		p.block.Samples[i] = p.block.Samples[i][:n]
		for k := range p.block.Samples[i] {
			p.block.Samples[i][k] = model.Gap
		}
	}
}

// flush gives the blocks that end before an instant, in Unix ns.
func (p *pouring) flush(until int64) bool {
	for p.block.Span < len(p.r.Spans) {
		span := p.r.Spans[p.block.Span]
		if span.Start.UnixNano()+(p.block.First+int64(p.block.Frames))*p.r.FrameNS > until {
			return true
		}
		if !p.yield(&p.block, nil) {
			return false
		}
		if p.block.First += int64(p.block.Frames); p.block.First >= span.Frames {
			p.block.Span, p.block.First = p.block.Span+1, 0
		}
		p.clear()
		waiting := p.later
		p.later = nil
		for _, x := range waiting {
			p.put(x, 1, false)
		}
	}
	return true
}
