package clinical

import (
	_ "embed"
	"strconv"
	"strings"
)

//go:embed fields.tsv
var fieldText string

// segment says which fields of a segment are read or known to be left.
type segment struct {
	whole bool // the whole segment is left, with a reason
	mask  [2]uint64
	read  [2]uint64
}

func (s *segment) has(n int) bool { return n < 128 && s.mask[n>>6]&(1<<(n&63)) != 0 }

func (s *segment) reads(n int) bool { return n < 128 && s.read[n>>6]&(1<<(n&63)) != 0 }

type fieldTable struct {
	segments map[string]*segment
	obx      segment
}

var table = loadFields()

// loadFields reads fields.tsv: segment, fields ("3", "31-40", "*"), what, where or why.
func loadFields() *fieldTable {
	t := &fieldTable{segments: map[string]*segment{}}
	for line := range strings.Lines(fieldText) {
		p := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "# ") || len(p) != 4 {
			continue
		}
		s := t.segments[p[0]]
		if s == nil {
			s = &segment{}
			t.segments[p[0]] = s
		}
		if p[1] == "*" {
			s.whole = true
			continue
		}
		low, high, isRange := strings.Cut(p[1], "-")
		from, _ := strconv.Atoi(low)
		to := from
		if isRange {
			to, _ = strconv.Atoi(high)
		}
		for n := from; n <= to && n < 128; n++ {
			s.mask[n>>6] |= 1 << (n & 63)
			if p[2] == "read" {
				s.read[n>>6] |= 1 << (n & 63)
			}
		}
	}
	if obx := t.segments["OBX"]; obx != nil {
		t.obx = *obx
	}
	return t
}

// FieldStatus tells what becomes of a field: "read", "left" with a reason in
// fields.tsv, or "" when nobody knows it and an issue says so.
func FieldStatus(id string, n int) string {
	s := table.segments[id]
	switch {
	case s == nil || !s.whole && !s.has(n):
		return ""
	case s.whole || !s.reads(n):
		return "left"
	}
	return "read"
}
