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
	if folded == "" || n <= 0 {
		return nil
	}
	asked := lettersOf(folded)
	best := map[*Term]Candidate{}
	take := func(w *word, score int) {
		if u != nil && !w.term.Fits(u) {
			score /= 2
		}
		if score >= 300 && score > best[w.term].Score {
			best[w.term] = Candidate{w.term, score, w.text}
		}
	}
	// First what is cheap; then the number of changes, where it could still
	// bring a word among the first n.
	for i := range loaded.words {
		w := &loaded.words[i]
		take(w, cheap(folded, &asked, w))
	}
	least := 300
	if found := ranked(best); len(found) >= n {
		least = max(least, found[n-1].Score)
	}
	for i := range loaded.words {
		w := &loaded.words[i]
		long := max(len(folded), len(w.folded))
		if 1000*shared(&asked, &w.letters)/long >= least {
			take(w, 1000*(long-distance(folded, w.folded))/long)
		}
	}
	out := ranked(best)
	return out[:min(n, len(out))]
}

func ranked(best map[*Term]Candidate) []Candidate {
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
	return out
}

// cheap is the part of the likeness that needs no distance.
func cheap(a string, asked *letters, w *word) int {
	b := w.folded
	if a == b {
		return 1000
	}
	score := dice(asked.pairs, w.letters.pairs)
	if short := min(len(a), len(b)); short >= 3 && (strings.Contains(a, b) || strings.Contains(b, a)) {
		score = max(score, 500+500*short/max(len(a), len(b)))
	}
	return score
}

// letters is what a folded label is made of, to compare it quickly.
type letters struct {
	count [32]uint8
	pairs []uint16 // of neighbouring letters, sorted
}

func lettersOf(s string) letters {
	var l letters
	for i := range len(s) {
		l.count[s[i]%32]++
		if i > 0 {
			l.pairs = append(l.pairs, uint16(s[i-1])<<8|uint16(s[i]))
		}
	}
	slices.Sort(l.pairs)
	return l
}

// shared bounds how many letters of two labels can be brought to match.
func shared(a, b *letters) int {
	n := 0
	for i := range a.count {
		n += int(min(a.count[i], b.count[i]))
	}
	return n
}

// dice is Dice's coefficient of the pairs of neighbouring letters.
func dice(a, b []uint16) int {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	both := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			both++
			i++
			j++
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	return 2000 * both / (len(a) + len(b))
}

// distance is the optimal string alignment distance of two folded labels.
func distance(a, b string) int {
	var rows [3][longestLabel + 1]uint8
	before, last, now := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = uint8(j)
	}
	for i := 1; i <= len(a); i++ {
		now[0] = uint8(i)
		for j := 1; j <= len(b); j++ {
			cost := uint8(1)
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
	return int(last[len(b)])
}
