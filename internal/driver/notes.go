package driver

import (
	"fmt"
	"net"
	"sync"
	"time"

	"thalamus/internal/model"
)

// Notes passes on what happened on a link, at most one of a kind per peer in
// ten seconds, so that a flood of garbage does not become a flood of issues.
// To is a Host's Note; nil drops all. It is set before the first Add, by Begin
// where a link refuses frames too.
type Notes struct {
	To func(peer string, issue model.Issue)

	refused func() // counts a frame that never came to intake
	mu      sync.Mutex
	last    map[noteKey]*noted
}

type noteKey struct{ host, code string }

type noted struct {
	at     time.Time
	unsaid int
}

const (
	noteEvery = 10 * time.Second
	noteKeys  = 4096
)

// Begin passes on to a host what happens on a channel's link.
func (n *Notes) Begin(host Host, channel model.ChannelID) {
	n.To = host.Note
	if host.Refused != nil {
		n.refused = func() { host.Refused(channel) }
	}
}

// Refused reports a frame that the link did not take and never offered: too long,
// damaged, of somebody who may not send it. It is counted among what the channel
// refused, however often it is said; what intake refuses is counted by intake.
func (n *Notes) Refused(peer, code, text, hint string) {
	if n.refused != nil {
		n.refused()
	}
	n.Add(peer, code, text, hint)
}

// Add reports something of a peer, "192.0.2.7:51234" or what else names it;
// empty for the link as a whole.
func (n *Notes) Add(peer, code, text, hint string) {
	if n.To == nil {
		return
	}
	host, _, err := net.SplitHostPort(peer)
	if err != nil {
		host = peer
	}
	unsaid, now := n.due(noteKey{host, code})
	if !now {
		return
	}
	if unsaid > 0 {
		text = fmt.Sprintf("%s (and %d times before, unreported)", text, unsaid)
	}
	n.To(peer, model.Issue{Code: code, Severity: model.Warning, Text: text, Hint: hint})
}

func (n *Notes) due(k noteKey) (unsaid int, now bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := time.Now()
	if was, ok := n.last[k]; ok {
		if at.Sub(was.at) < noteEvery {
			was.unsaid++
			return 0, false
		}
		unsaid = was.unsaid
	}
	if n.last == nil || len(n.last) >= noteKeys {
		n.last = map[noteKey]*noted{}
	}
	n.last[k] = &noted{at: at}
	return unsaid, true
}
