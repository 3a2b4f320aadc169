package rest

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// States of what was sent.
const (
	stateReceiving = "receiving" // an upload that is not whole
	stateReceived  = "received"  // a whole upload, durable, on its way to the journal
	stateJournaled = "journaled"
	stateRecorded  = "recorded"
	stateDelivered = "delivered"
)

// receiptID names the entries of a request: "4711-3" are three from 4711 on.
func receiptID(c receipt) string {
	return strconv.FormatUint(uint64(c.first), 10) + "-" + strconv.FormatUint(uint64(c.count), 10)
}

func parseReceipt(s string) (span, bool) {
	first, count, ok := strings.Cut(s, "-")
	f, err := strconv.ParseUint(first, 10, 63)
	n, err2 := strconv.ParseUint(count, 10, 31)
	return span{model.Seq(f), int(n)}, ok && err == nil && err2 == nil && f > 0 && n > 0 && s == receiptID(receipt{first: model.Seq(f), count: uint32(n)})
}

// span are entries one after the other.
type span struct {
	First model.Seq `json:"first"`
	Count int       `json:"count"`
}

// standing is how far what was sent has come.
type standing struct {
	Receipt      string     `json:"receipt"`
	State        string     `json:"state"`
	Entries      int        `json:"entries"`
	Recorded     int        `json:"recorded"`
	Messages     int        `json:"messages"`
	Observations int        `json:"observations"`
	Deliveries   deliveries `json:"deliveries"`
	Issues       []rowIssue `json:"issues,omitempty"`
	MoreIssues   int        `json:"moreIssues,omitempty"` // that are not listed
	Counted      int        `json:"counted,omitempty"`    // entries the counts and issues are of, where they are not all
	Next         int        `json:"next,omitempty"`       // the entry to go on with (?from=), where there are more
	Results      []row      `json:"results,omitempty"`    // rows of an upload there is something to be said of
}

type deliveries struct {
	Owed      int `json:"owed"`
	Delivered int `json:"delivered"`
	Dead      int `json:"dead"`
	Waiting   int `json:"waiting"`
}

// rowIssue is an issue and the row it is of: its entry's, or the one its place
// names in a table.
type rowIssue struct {
	Row      int       `json:"row,omitempty"`
	Entry    model.Seq `json:"entry"`
	Code     string    `json:"code"`
	Severity string    `json:"severity"`
	Place    string    `json:"place,omitempty"`
	Text     string    `json:"text"`
	Hint     string    `json:"hint,omitempty"`
	Received string    `json:"received,omitempty"`
}

// Bounds of one answer: it ends with the entry that reaches one of them.
const (
	mostCounted = 2000
	mostIssues  = 200
)

// fromEntry is from which of its entries on a receipt is asked to count, 1 for
// the first.
func fromEntry(r *http.Request) (int, error) {
	v := r.URL.Query().Get("from")
	if v == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 0, fault.New(fault.Invalid, "rest.from", "from is the number of an entry of this receipt, from 1 on, as next told it").At("from")
	}
	return n, nil
}

// progress answers how far the entries of a receipt have come.
func (d *Driver) progress(w http.ResponseWriter, r *http.Request, s *sender, name string) error {
	p, ok := parseReceipt(name)
	if !ok {
		return absent()
	}
	from, err := fromEntry(r)
	if err != nil {
		return err
	}
	out := standing{Receipt: name}
	if err := d.count(r.Context(), s, []span{p}, from, &out); err != nil {
		return err
	}
	d.write(w, http.StatusOK, out)
	return nil
}

func absent() error {
	return fault.New(fault.Absent, "rest.absent", "there is no such receipt of this sender; a receipt is what 202 answered, and is kept as long as the journal")
}

// count looks at entries, those from one on, as many as an answer holds. An
// entry of another sender is as good as absent. The state is that of all of
// them: they are recorded in their order, so the last one tells; they are
// delivered in none, so that is said only where all were looked at.
func (d *Driver) count(ctx context.Context, s *sender, spans []span, from int, out *standing) error {
	if d.host.Progress == nil {
		return fault.New(fault.Absent, "rest.no-progress", "this server does not tell how far entries have come")
	}
	seen := 0
	for _, p := range spans {
		before := out.Entries
		out.Entries += p.Count
		skip := max(0, from-1-before)
		if skip >= p.Count || out.Next > 0 {
			continue
		}
		left := p.Count - skip
		err := d.look(ctx, s, span{p.First + model.Seq(skip), left}, func(g driver.Progress) bool {
			if seen == mostCounted || len(out.Issues) >= mostIssues {
				out.Next = before + p.Count - left + 1
				return false
			}
			seen++
			left--
			out.add(g, before+int(g.Seq-p.First)+1)
			return true
		})
		if err != nil {
			return err
		}
		if left > 0 && out.Next == 0 {
			out.Next = before + p.Count - left + 1
		}
	}
	if seen == 0 {
		return absent()
	}
	out.State = stateJournaled
	if seen == out.Entries {
		if g := out.Deliveries; out.Recorded == seen {
			if out.State = stateRecorded; g.Owed > 0 && g.Delivered == g.Owed {
				out.State = stateDelivered
			}
		}
		return nil
	}
	out.Counted = seen
	last := spans[len(spans)-1]
	return d.look(ctx, s, span{last.First + model.Seq(last.Count-1), 1}, func(g driver.Progress) bool {
		if g.Recorded {
			out.State = stateRecorded
		}
		return true
	})
}

// look goes through the entries of a span until each has enough.
func (d *Driver) look(ctx context.Context, s *sender, p span, each func(g driver.Progress) bool) error {
	foreign := false
	err := d.host.Progress(ctx, d.channel, p.First, func(g driver.Progress) bool {
		if g.Seq >= p.First+model.Seq(p.Count) {
			return false
		}
		if foreign = g.Identity != s.identity; foreign {
			return false
		}
		return each(g) && g.Seq < p.First+model.Seq(p.Count-1)
	})
	if foreign || err != nil && fault.KindOf(err) == fault.Absent {
		return absent()
	}
	return err
}

// add counts an entry, the at-th of its receipt.
func (out *standing) add(g driver.Progress, at int) {
	if g.Recorded {
		out.Recorded++
	}
	out.Messages += g.Messages
	out.Observations += g.Observations
	out.Deliveries.Owed += g.Owed
	out.Deliveries.Delivered += g.Delivered
	out.Deliveries.Dead += g.Dead
	out.Deliveries.Waiting += g.Waiting
	for _, i := range g.Issues {
		if len(out.Issues) >= mostIssues {
			out.MoreIssues++
			continue
		}
		out.Issues = append(out.Issues, rowIssue{Row: rowOf(g, at, out.Entries, i.Field), Entry: g.Seq, Code: i.Code, Severity: string(i.Severity), Place: i.Field, Text: i.Text, Hint: i.Hint, Received: i.Received})
	}
}

// rowOf is the row of what was sent that an issue is of; 0: of no single one.
func rowOf(g driver.Progress, at, entries int, place string) int {
	p := readProperties(g.Properties)
	if n, err := strconv.Atoi(p[propRow]); err == nil {
		return n
	}
	inside, ok := rowOfPlace(place)
	if first, err := strconv.Atoi(p[propFirstRow]); err == nil && ok {
		return first + inside - 1
	} else if err == nil {
		return 0
	}
	if entries > 1 {
		return at
	}
	return inside
}

// rowOfPlace reads the row of a table or list from a place such as "[3].value".
func rowOfPlace(place string) (int, bool) {
	rest, ok := strings.CutPrefix(place, "[")
	number, _, closed := strings.Cut(rest, "]")
	n, err := strconv.Atoi(number)
	if !ok || !closed || err != nil || n < 0 {
		return 0, false
	}
	return n + 1, true
}
