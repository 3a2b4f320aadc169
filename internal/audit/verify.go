package audit

import (
	"context"
	"fmt"
)

// Problem is a place where the chain does not hold.
type Problem struct {
	Seq  uint64 `json:"seq"`  // first record concerned
	Code string `json:"code"` // catalogued: audit.altered audit.removed audit.cut audit.rewritten audit.no-anchor
	Text string `json:"text"`
}

// Report says what Verify found.
type Report struct {
	Records  uint64    `json:"records"`          // read
	Head     Head      `json:"head"`             // of the chain as stored: note it elsewhere to check against later
	Anchor   *Head     `json:"anchor,omitempty"` // what the head file said
	Problems []Problem `json:"problems,omitempty"`
}

// Sound says that nothing was found.
func (r Report) Sound() bool { return len(r.Problems) == 0 }

// mostProblems bounds a report; one altered record is enough to ask why.
const mostProblems = 100

const page = 1000

// Verify reads the whole chain and checks it against itself, against the head
// file, and against heads noted earlier. progress may be nil. An error means
// that the chain could not be read, not that it does not hold.
func Verify(ctx context.Context, s Store, noted []Head, progress func(done, total uint64)) (Report, error) {
	var report Report
	// The anchor is read first: what is appended meanwhile lies behind it.
	anchor, anchored, err := s.AuditAnchor()
	if err != nil {
		return report, err
	}
	end, err := s.AuditHead(ctx)
	if err != nil {
		return report, err
	}
	heads := noted
	if anchored {
		report.Anchor = &anchor
		heads = append(heads[:len(heads):len(heads)], anchor)
	} else if end.Seq > 0 {
		report.add(Problem{0, "audit.no-anchor", "the head file beside the database is missing or cannot be read, so records cut off at the end would not be missed"})
	}
	met := make([]bool, len(heads))
	var last Head
	for {
		records, err := s.AuditAfter(ctx, last.Seq, page)
		if err != nil {
			return report, err
		}
		for _, r := range records {
			if r.Seq != last.Seq+1 {
				report.add(Problem{last.Seq + 1, "audit.removed", fmt.Sprintf("records %d to %d are missing", last.Seq+1, r.Seq-1)})
			} else if Seal(last.Hash, r).Hash != r.Hash {
				report.add(Problem{r.Seq, "audit.altered", fmt.Sprintf("record %d is not what was written: it was altered, or put in another's place", r.Seq)})
			}
			last = Head{r.Seq, r.Hash}
			report.Records++
			for i, h := range heads {
				if h.Seq == r.Seq {
					met[i] = true
					if h.Hash != r.Hash {
						report.add(Problem{r.Seq, "audit.rewritten", fmt.Sprintf("record %d has another chain value than was noted when it was written: the chain was written anew up to here", r.Seq)})
					}
				}
			}
		}
		if progress != nil {
			progress(last.Seq, max(end.Seq, last.Seq))
		}
		if len(records) < page {
			break
		}
	}
	for i, h := range heads {
		if !met[i] && h.Seq > last.Seq {
			report.add(Problem{last.Seq + 1, "audit.cut", fmt.Sprintf("the chain ends at record %d, but record %d was written: its end was cut off", last.Seq, h.Seq)})
		}
	}
	report.Head = last
	return report, nil
}

func (r *Report) add(p Problem) {
	if len(r.Problems) < mostProblems {
		r.Problems = append(r.Problems, p)
	}
}
