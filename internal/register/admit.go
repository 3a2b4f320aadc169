package register

import (
	"context"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Gatekeeper says which devices may come in and what they may do there. It
// answers from memory; what is revoked ends at once.
type Gatekeeper struct {
	now func() time.Time

	mu    sync.Mutex
	byID  map[string]Credential
	print map[string]string        // certificate's sum → credential
	gone  map[string]chan struct{} // credential|sum → closed when that opens nothing any more
	used  map[string]CredentialUse
}

// CredentialUse is when a credential was last used since the start.
type CredentialUse struct {
	At      time.Time       `json:"at,omitzero"`
	Channel model.ChannelID `json:"channel,omitempty"`
	Peer    string          `json:"peer,omitempty"`
}

// Shown is what a peer shows.
type Shown struct {
	Peer   string // address and port
	Client string // MQTT client id, empty on links that have none
	User   string // user name
	Secret string // password or token
	Print  string // sum of the certificate the peer proved to hold, see SumOf
}

// Admitted is who a peer is and what it may do.
type Admitted struct {
	Credential string
	Device     model.DeviceID
	Publish    []string        // filters of what it may publish, placeholders filled in; never nil
	Subscribe  []string        // filters of what it may subscribe to
	Gone       <-chan struct{} // closed when the peer must go
}

// OpenGatekeeper reads the credentials. now is the clock, nil: time.Now.
func OpenGatekeeper(ctx context.Context, r Reader, now func() time.Time) (*Gatekeeper, error) {
	if now == nil {
		now = time.Now
	}
	g := &Gatekeeper{now: now, byID: map[string]Credential{}, print: map[string]string{}, gone: map[string]chan struct{}{}, used: map[string]CredentialUse{}}
	all, err := Credentials().List(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, v := range all {
		g.put(v.Value)
	}
	return g, nil
}

// Put stores a credential and brings it in force when the transaction
// commits. A certificate opens one credential only.
func (g *Gatekeeper) Put(ctx context.Context, tx Tx, c Credential, expect int64, mark Mark) (Versioned[Credential], error) {
	g.mu.Lock()
	other, taken := g.print[c.Print]
	g.mu.Unlock()
	if c.Print != "" && taken && other != c.ID {
		return Versioned[Credential]{}, fault.New(fault.Conflict, "register.credential-taken", "this certificate belongs to the credential %q already", other).At(c.ID)
	}
	v, err := Credentials().Put(ctx, tx, c, expect, mark)
	if err != nil {
		return v, err
	}
	tx.OnCommit(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.put(c)
		g.sweep()
	})
	return v, nil
}

// put keeps a credential in memory; the caller has the lock.
func (g *Gatekeeper) put(c Credential) {
	if old, ok := g.byID[c.ID]; ok {
		delete(g.print, old.Print)
		delete(g.print, old.Earlier)
	}
	g.byID[c.ID] = c
	if c.Print != "" {
		g.print[c.Print] = c.ID
		if c.Earlier != "" {
			g.print[c.Earlier] = c.ID
		}
	}
}

// sweep sends away who holds what is good no more; the caller has the lock.
func (g *Gatekeeper) sweep() {
	now := g.now()
	for key, gone := range g.gone {
		id, sum, _ := strings.Cut(key, "|")
		if c, ok := g.byID[id]; !ok || !c.good(sum, now) {
			close(gone)
			delete(g.gone, key)
		}
	}
}

// Run sends away whose credential has expired, until ctx ends.
func (g *Gatekeeper) Run(ctx context.Context) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.mu.Lock()
			g.sweep()
			g.mu.Unlock()
		}
	}
}

// errNotAdmitted is the one answer to whatever is wrong, so that it tells
// nothing.
func errNotAdmitted() error {
	return fault.New(fault.Denied, "register.not-admitted", "user name, secret or certificate are not known here, or not any more; make a credential for the device with `thalamus credential create`")
}

// Admit says who a peer is by what it shows, or a fault.Denied that tells
// nothing more.
func (g *Gatekeeper) Admit(channel model.ChannelID, s Shown) (Admitted, error) {
	id, sum := s.User, s.Print
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.Secret != "" || s.Print == "" {
		sum = SumOf([]byte(s.Secret))
		if id == "" {
			id = s.Client
		}
	} else {
		id = g.print[s.Print]
	}
	c, ok := g.byID[id]
	if !ok || !c.good(sum, g.now()) || (s.Secret != "") != (c.Secret != "") {
		return Admitted{}, errNotAdmitted()
	}
	if c.Client != "" && c.Client != s.Client {
		return Admitted{}, fault.New(fault.Denied, "register.not-admitted-here", "the credential %q is for another client id", c.ID)
	}
	if len(c.Channels) > 0 && !slices.Contains(c.Channels, channel) {
		return Admitted{}, fault.New(fault.Denied, "register.not-admitted-here", "the credential %q does not hold on this channel", c.ID)
	}
	key := c.ID + "|" + sum
	gone := g.gone[key]
	if gone == nil {
		gone = make(chan struct{})
		g.gone[key] = gone
	}
	g.used[c.ID] = CredentialUse{At: g.now().UTC(), Channel: channel, Peer: s.Peer}
	return Admitted{Credential: c.ID, Device: c.Device, Gone: gone, Publish: c.filled(c.Publish, s.Client), Subscribe: c.filled(c.Subscribe, s.Client)}, nil
}

// Credential gives a credential in force, or a fault.Absent.
func (g *Gatekeeper) Credential(id string) (Credential, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c, ok := g.byID[id]
	if !ok {
		return c, fault.New(fault.Absent, "register.no-credential", "there is no credential %q; list the credentials to see their ids", clip(id))
	}
	return c, nil
}

// List gives all credentials, sorted by id, and when each was last used.
func (g *Gatekeeper) List() ([]Credential, map[string]CredentialUse) {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]Credential, 0, len(g.byID))
	used := make(map[string]CredentialUse, len(g.used))
	for id, c := range g.byID {
		list = append(list, c)
		if u, ok := g.used[id]; ok {
			used[id] = u
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].ID < list[j].ID })
	return list, used
}
