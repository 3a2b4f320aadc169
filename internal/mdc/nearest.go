package mdc

import (
	"slices"
	"strings"

	"thalamus/internal/ucum"
)

// Candidate is a metric that a label may mean.
type Candidate struct {
	Term  *Term
	Score int    // likeness in thousandths: 1000 is the same label
	Label string // the name or synonym of the metric that is alike
}

// Nearest gives the n metrics whose names and synonyms are most like the
// label, the best first. The measure: of two folded labels, the largest of
//
//   - 1 − d/m, where d is how many letters must be inserted, removed, exchanged
//     or swapped with their neighbour and m is the length of the longer one;
//   - Dice's coefficient of their pairs of letters: twice the pairs they
//     share, divided by the pairs they have;
//   - ½ + s/2m, where one of at least three letters stands in the other and s
//     is its length.
//
// A metric that cannot have the unit counts half; u may be nil. Candidates
// under 0.3 are left out; equals come in the order of the table. The same
// label gives the same candidates, always.
func Nearest(label string, u *ucum.Unit, n int) []Candidate {
	var buf [longestLabel]byte
	folded := string(buf[:fold(&buf, label)])
	if folded == "" {
		return nil
	}
	best := map[*Term]Candidate{}
	for i := range loaded.words {
		w := &loaded.words[i]
		score := likeness(folded, w.folded)
		if u != nil && !w.term.Fits(u) {
			score /= 2
		}
		if score >= 300 && score > best[w.term].Score {
			best[w.term] = Candidate{w.term, score, w.text}
		}
	}
	out := make([]Candidate, 0, len(best))
	for _, c := range best {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Candidate) int {
		if a.Score != b.Score {
			return b.Score - a.Score
		}
		return strings.Compare(a.Term.RefID, b.Term.RefID)
	})
	return out[:min(n, len(out))]
}

func likeness(a, b string) int {
	if a == b {
		return 1000
	}
	long := max(len(a), len(b))
	score := max(1000*(long-distance(a, b))/long, dice(a, b))
	if short := min(len(a), len(b)); short >= 3 && (strings.Contains(a, b) || strings.Contains(b, a)) {
		score = max(score, 500+500*short/long)
	}
	return score
}

// dice is Dice's coefficient of the pairs of neighbouring letters.
func dice(a, b string) int {
	if len(a) < 2 || len(b) < 2 {
		return 0
	}
	var used [longestLabel]bool
	shared := 0
	for i := range len(a) - 1 {
		for j := range len(b) - 1 {
			if !used[j] && a[i] == b[j] && a[i+1] == b[j+1] {
				used[j] = true
				shared++
				break
			}
		}
	}
	return 2000 * shared / (len(a) + len(b) - 2)
}

// distance is the optimal string alignment distance of two folded labels.
func distance(a, b string) int {
	var rows [3][longestLabel + 1]int
	before, last, now := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}
