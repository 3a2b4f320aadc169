package fault

import "strings"

// Nearest gives the known word that a mistyped one most likely means, empty
// when none is near: at most a third of its letters may differ, or one more
// where nothing else is nearer. A text longer than any word is near to none.
func Nearest(word string, known []string) string {
	if len(word) > longestWord {
		return ""
	}
	best, least := "", len(word)/3+1
	for _, k := range known {
		switch d := distance(strings.ToLower(word), strings.ToLower(k)); {
		case d < least, d == least && best == "":
			best, least = k, d
		case strings.HasPrefix(k, word) && best == "" && len(word) > 1:
			best = k
		}
	}
	return best
}

// longestWord bounds the work of a comparison.
const longestWord = 64

// distance is how many letters must be inserted, removed, exchanged or
// swapped with their neighbour to make b of a (optimal string alignment).
func distance(a, b string) int {
	if len(a) > longestWord || len(b) > longestWord {
		return longestWord
	}
	var rows [3][longestWord + 1]int
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
