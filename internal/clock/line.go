package clock

import "time"

// lineBelow gives the line that lies below all bins and nearest to them: the
// edge of their lower hull above the mean of their times. Where the bins span
// too little, or the edge is steeper than a clock can be, it is level through
// the least delay.
func lineBelow(bins []Bin) Line {
	first, last := bins[0], bins[len(bins)-1]
	low := first
	var sum int64
	for _, b := range bins {
		if b.Delay <= low.Delay {
			low = b
		}
		sum += b.At - first.At
	}
	mean := first.At + sum/int64(len(bins))
	l := Line{At: low.At, Delay: low.Delay}
	if last.At-first.At >= int64(leastDriftSpan/time.Second) {
		var room [mostBins]Bin
		a, b := edgeAt(hull(room[:0], bins), mean)
		if slope := (b.Delay - a.Delay) * 1000 / (b.At - a.At); slope <= mostDrift && slope >= -mostDrift {
			l = Line{At: a.At, Delay: a.Delay, Slope: slope, Known: true}
		}
	}
	var above int64
	for _, b := range bins {
		above += max(0, b.Delay-l.at(b.At*1e9))
	}
	l.Jitter = above / int64(len(bins))
	return l
}

// hull adds to h the corners of the lower convex hull, by rising time (A. M.
// Andrew). Times lie at most two weeks apart and delays less than twelve days
// from the line, so that the products fit.
func hull(h, bins []Bin) []Bin {
	for _, c := range bins {
		for len(h) >= 2 {
			a, b := h[len(h)-2], h[len(h)-1]
			if (b.Delay-a.Delay)*(c.At-a.At) < (c.Delay-a.Delay)*(b.At-a.At) {
				break
			}
			h = h[:len(h)-1]
		}
		h = append(h, c)
	}
	return h
}

// edgeAt gives the edge of the hull above a time.
func edgeAt(h []Bin, at int64) (a, b Bin) {
	for i := 1; i < len(h)-1; i++ {
		if h[i].At >= at {
			return h[i-1], h[i]
		}
	}
	return h[len(h)-2], h[len(h)-1]
}
