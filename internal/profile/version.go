package profile

import (
	"strings"

	"thalamus/internal/fault"
)

// versionRange is a list of bounds that must all hold: ">=2.1 <3".
type versionRange []bound

type bound struct {
	op      string
	version string
}

func parseRange(s string) (versionRange, *fault.Fault) {
	var out versionRange
	for _, word := range strings.Fields(s) {
		b := bound{op: "="}
		for _, op := range [...]string{">=", "<=", "!=", ">", "<", "="} {
			if rest, ok := strings.CutPrefix(word, op); ok {
				b.op, word = op, rest
				break
			}
		}
		if word == "" || word[0] == '>' || word[0] == '<' || word[0] == '=' {
			return nil, fault.New(fault.Invalid, "profile.range", "%q is no range of versions; write >=2.1 <3, without spaces after the signs", s)
		}
		b.version = word
		out = append(out, b)
	}
	return out, nil
}

// holds tells whether a version lies in the range. An unknown version lies in
// the empty range alone.
func (r versionRange) holds(version string) bool {
	for _, b := range r {
		if version == "" {
			return false
		}
		c := compareVersions(version, b.version)
		switch b.op {
		case ">=":
			if c < 0 {
				return false
			}
		case "<=":
			if c > 0 {
				return false
			}
		case ">":
			if c <= 0 {
				return false
			}
		case "<":
			if c >= 0 {
				return false
			}
		case "!=":
			if c == 0 {
				return false
			}
		default:
			if c != 0 {
				return false
			}
		}
	}
	return true
}

// compareVersions orders versions as their makers write them, A.01.21 or
// 2.10-rc1: runs of digits by their number, other runs by their letters; what
// ends first comes first, and so does a number against a letter.
func compareVersions(a, b string) int {
	a, b = strings.TrimLeft(a, "vV "), strings.TrimLeft(b, "vV ")
	for {
		x, restA := run(a)
		y, restB := run(b)
		if x == "" || y == "" {
			// 2.1 and 2.1.0 are one version.
			return zeros(x, restA) - zeros(y, restB)
		}
		if digits(x) && digits(y) {
			x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			if len(x) != len(y) {
				return sign(len(x) - len(y))
			}
		} else if digits(x) != digits(y) {
			if digits(x) {
				return 1
			}
			return -1
		}
		if c := strings.Compare(strings.ToLower(x), strings.ToLower(y)); c != 0 {
			return c
		}
		a, b = restA, restB
	}
}

// zeros is 0 when the rest of a version is nothing or zeros, else 1.
func zeros(first, rest string) int {
	for first != "" {
		if strings.Trim(first, "0") != "" {
			return 1
		}
		first, rest = run(rest)
	}
	return 0
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func digits(s string) bool { return s[0] >= '0' && s[0] <= '9' }

// run takes the next run of digits or letters, without what separates runs.
func run(s string) (first, rest string) {
	kind := func(c byte) int {
		switch {
		case c >= '0' && c <= '9':
			return 1
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80:
			return 2
		}
		return 0
	}
	i := 0
	for i < len(s) && kind(s[i]) == 0 {
		i++
	}
	j := i
	for j < len(s) && kind(s[j]) == kind(s[i]) {
		j++
	}
	return s[i:j], s[j:]
}

// like matches a text against patterns in which * stands for any text, letters
// counting the same, capital or small. It gives how much the best pattern says,
// 1 and its letters, or 0. It does not allocate.
func (t Texts) like(s string) int {
	best := 0
	for _, pattern := range t {
		if glob(pattern, s) {
			best = max(best, 1+len(pattern)-strings.Count(pattern, "*"))
		}
	}
	return best
}

// glob goes back to the last star only, so it takes at most len(pattern) ×
// len(s) steps.
func glob(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && small(pattern[p]) == small(s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func small(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
