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
	Counted      int        `json:"counted,omitempty"`    // entries looked at, where they are not all
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

// Bounds of one answer.
const (
	mostCounted = 2000
	mostIssues  = 200
)

// progress answers how far the entries of a receipt have come.
func (d *Driver) progress(w http.ResponseWriter, r *http.Request, s *sender, name string) error {
	p, ok := parseReceipt(name)
	if !ok {
		return absent()
	}
	out := standing{Receipt: name}
	if err := d.count(r.Context(), s, []span{p}, &out); err != nil {
		return err
	}
	d.write(w, http.StatusOK, out)
	return nil
}

func absent() error {
	return fault.New(fault.Absent, "rest.absent", "there is no such receipt of this sender; a receipt is what 202 answered, and is kept as long as the journal")
}

// count looks at entries. An entry of another sender is as good as absent.
func (d *Driver) count(ctx context.Context, s *sender, spans []span, out *standing) error {
	if d.host.Progress == nil {
		return fault.New(fault.Absent, "rest.no-progress", "this server does not tell how far entries have come")
	}
	seen, foreign := 0, false
	for _, p := range spans {
		out.Entries += p.Count
		left := min(p.Count, mostCounted-seen)
		if left <= 0 {
			continue
		}
		err := d.host.Progress(ctx, d.channel, p.First, func(g driver.Progress) bool {
			if g.Identity != s.identity || g.Seq < p.First || g.Seq >= p.First+model.Seq(p.Count) {
				foreign = g.Identity != s.identity && g.Seq < p.First+model.Seq(p.Count)
				return false
			}
			seen++
			out.add(g, int(g.Seq-p.First)+1, p.Count > 1)
			left--
			return left > 0
		})
		if foreign || fault.KindOf(err) == fault.Absent && err != nil {
			return absent()
		}
		if err != nil {
			return err
		}
	}
	if seen == 0 && out.Entries > 0 {
		return absent()
	}
	if seen < out.Entries {
		out.Counted = seen
	}
	out.State = stateJournaled
	if seen > 0 && out.Recorded == seen {
		out.State = stateRecorded
		if g := out.Deliveries; g.Owed > 0 && g.Delivered == g.Owed {
			out.State = stateDelivered
		}
	}
	return nil
}

func (out *standing) add(g driver.Progress, row int, batch bool) {
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
		o := rowIssue{Entry: g.Seq, Code: i.Code, Severity: string(i.Severity), Place: i.Field, Text: i.Text, Hint: i.Hint, Received: i.Received}
		if batch {
			o.Row = row
		} else if n, ok := rowOfPlace(i.Field); ok {
			o.Row = n
		}
		out.Issues = append(out.Issues, o)
	}
}

// rowOfPlace reads the row of a table or list from a place such as "[3].value".
func rowOfPlace(place string) (int, bool) {
	rest, ok := strings.CutPrefix(place, "[")
	number, _, closed := strings.Cut(rest, "]")
	n, err := strconv.Atoi(number)
	return n + 1, ok && closed && err == nil && n >= 0
}
