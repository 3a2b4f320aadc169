package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Options of the gate.
type Options struct {
	Now      func() time.Time // nil means time.Now
	Idle     time.Duration    // a session ends after so long without use; 0 means 30 minutes
	Absolute time.Duration    // a session ends after so long in any case; 0 means 12 hours
	Roles    []Role           // beside the built-in ones
}

// Gate knows who is who. Its methods may be called at any time from anywhere;
// those with a Tx change memory when the transaction commits.
type Gate struct {
	store Store
	o     Options
	guess *guesses
	table atomic.Pointer[Table]
	work  chan struct{} // bounds how many passwords are checked at once
	decoy string        // compared when there is no such account, so that it takes as long

	mu       sync.Mutex
	accounts map[model.ActorID]StoredAccount
	byName   map[string]model.ActorID
	tokens   map[[32]byte]*APIToken
	sessions map[[32]byte]*Session
	touched  map[[32]byte]bool // sessions and tokens used since the last flush
}

const (
	mostSessions = 32 // of one account; the one unused for longest ends
	tokenPrefix  = "tha_"
)

// Open reads accounts, tokens and sessions into memory.
func Open(ctx context.Context, store Store, o Options) (*Gate, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Idle <= 0 {
		o.Idle = 30 * time.Minute
	}
	if o.Absolute <= 0 {
		o.Absolute = 12 * time.Hour
	}
	g := &Gate{
		store: store, o: o, guess: newGuesses(o.Now), work: make(chan struct{}, 2),
		accounts: map[model.ActorID]StoredAccount{}, byName: map[string]model.ActorID{},
		tokens: map[[32]byte]*APIToken{}, sessions: map[[32]byte]*Session{}, touched: map[[32]byte]bool{},
	}
	if err := g.SetRoles(o.Roles); err != nil {
		return nil, err
	}
	var err error
	if g.decoy, err = hashPassword(rand.Text()); err != nil {
		return nil, err
	}
	accounts, err := store.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		g.put(a)
	}
	tokens, err := store.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range tokens {
		g.tokens[t.Hash] = &t
	}
	sessions, err := store.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range sessions {
		g.sessions[s.Hash] = &s
		if a, ok := g.accounts[s.Account]; ok {
			g.guess.knew(a.Name, s.Remote, s.Began)
		}
	}
	return g, nil
}

// SetRoles brings roles beside the built-in ones in force.
func (g *Gate) SetRoles(others []Role) error {
	t, err := NewTable(others)
	if err != nil {
		return err
	}
	g.table.Store(t)
	return nil
}

// May says whether the actor may. It asks memory only.
func (g *Gate) May(a Actor, permission string) bool { return g.table.Load().May(a, permission) }

// Roles lists the roles in force.
func (g *Gate) Roles() []Role { return g.table.Load().Roles() }

func (g *Gate) put(a StoredAccount) {
	if old, ok := g.accounts[a.ID]; ok {
		delete(g.byName, strings.ToLower(old.Name))
	}
	g.accounts[a.ID] = a
	g.byName[strings.ToLower(a.Name)] = a.ID
}

// secret makes 256 random bits as text, and its SHA-256.
func secret(prefix string) (text string, hash [32]byte, err error) {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return "", hash, fault.Wrap(err, fault.Broken, "access.random", "the system gives no random numbers")
	}
	text = prefix + base64.RawURLEncoding.EncodeToString(b)
	return text, sha256.Sum256([]byte(text)), nil
}

// newID makes a short random id: "usr-" and 65 bits.
func newID(prefix string) (string, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return "", fault.Wrap(err, fault.Broken, "access.random", "the system gives no random numbers")
	}
	return prefix + strings.ToLower(base32.StdEncoding.EncodeToString(b))[:13], nil
}

func errNoToken() error {
	return fault.New(fault.Denied, "access.token", "the API token is not valid, or not any more")
}

// errNotIn is the one answer to every wrong sign-in, so that it tells nothing.
func errNotIn() error {
	return fault.New(fault.Denied, "access.not-signed-in", "wrong name or password, or the sign-in has ended; sign in again")
}

// CheckPassword says who signs in with name and password from remote, or a
// fault.Denied that tells nothing more. It takes some 30 ms and no
// transaction; Begin then makes the session.
func (g *Gate) CheckPassword(ctx context.Context, name, password, remote string) (Actor, error) {
	name = strings.TrimSpace(name)
	if len(name) > 200 || len(password) > 256 {
		return Actor{}, errNotIn()
	}
	if err := g.guess.try(name, remote); err != nil {
		return Actor{}, err
	}
	select {
	case g.work <- struct{}{}:
		defer func() { <-g.work }()
	case <-ctx.Done():
		return Actor{}, ctx.Err()
	}
	g.mu.Lock()
	a, there := g.accounts[g.byName[strings.ToLower(name)]]
	g.mu.Unlock()
	stored := a.Password
	if !there || stored == "" {
		stored, there = g.decoy, false
	}
	if !matches(stored, password) || !there || a.Disabled {
		return Actor{}, errNotIn()
	}
	g.guess.right(name, remote)
	return a.Actor(), nil
}

// Begin makes a session for an account that has just proved itself, and gives
// the secret for its cookie.
func (g *Gate) Begin(ctx context.Context, tx Tx, account model.ActorID, remote string) (string, Session, error) {
	a, err := tx.Account(ctx, account)
	if err != nil || a.Disabled {
		return "", Session{}, errNotIn()
	}
	text, hash, err := secret("")
	if err != nil {
		return "", Session{}, err
	}
	now := g.o.Now().UTC()
	s := Session{Hash: hash, Account: account, Remote: network(remote), Began: now, Seen: now, Expires: now.Add(g.o.Absolute)}
	if err := tx.SaveSession(ctx, s); err != nil {
		return "", Session{}, err
	}
	if old, many := g.oldest(account); many {
		if err := tx.RemoveSession(ctx, old); err != nil {
			return "", Session{}, err
		}
		tx.OnCommit(func() { g.forget(old) })
	}
	tx.OnCommit(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.sessions[hash] = &s
	})
	return text, s, nil
}

// oldest gives the session of an account that is to end for a new one.
func (g *Gate) oldest(account model.ActorID) (hash [32]byte, many bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	var seen time.Time
	for h, s := range g.sessions {
		if s.Account != account {
			continue
		}
		if n == 0 || s.Seen.Before(seen) {
			hash, seen = h, s.Seen
		}
		n++
	}
	return hash, n >= mostSessions
}

func (g *Gate) forget(hash [32]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.sessions, hash)
	delete(g.touched, hash)
}

// BySession says whose session a secret is, and keeps it alive.
func (g *Gate) BySession(text string) (Actor, Session, error) {
	hash := sha256.Sum256([]byte(text))
	now := g.o.Now().UTC()
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.sessions[hash]
	if s == nil || !now.Before(s.Expires) || now.Sub(s.Seen) >= g.o.Idle {
		return Actor{}, Session{}, errNotIn()
	}
	a, ok := g.accounts[s.Account]
	if !ok || a.Disabled {
		return Actor{}, Session{}, errNotIn()
	}
	s.Seen = now
	g.touched[hash] = true
	return a.Actor(), *s, nil
}

// ByToken says which system an API token lets in.
func (g *Gate) ByToken(text string) (Actor, error) {
	if !strings.HasPrefix(text, tokenPrefix) || len(text) > 100 {
		return Actor{}, errNoToken()
	}
	hash := sha256.Sum256([]byte(text))
	now := g.o.Now().UTC()
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tokens[hash]
	switch {
	case t == nil, !t.Revoked.IsZero():
		return Actor{}, errNoToken()
	case !t.Expires.IsZero() && !now.Before(t.Expires):
		return Actor{}, fault.New(fault.Denied, "access.token-expired", "the API token %s has expired; make a new one", t.ID)
	}
	t.Used = now
	g.touched[hash] = true
	return Actor{ID: model.ActorID(t.ID), Name: t.Name, Roles: t.Roles, Kind: Token}, nil
}

// End ends a session.
func (g *Gate) End(ctx context.Context, tx Tx, s Session) error {
	tx.OnCommit(func() { g.forget(s.Hash) })
	return tx.RemoveSession(ctx, s.Hash)
}

// EndAll ends all sessions of an account but those given.
func (g *Gate) EndAll(ctx context.Context, tx Tx, account model.ActorID, except ...[32]byte) error {
	for _, s := range g.sessionsOf(account) {
		keep := false
		for _, h := range except {
			keep = keep || h == s.Hash
		}
		if keep {
			continue
		}
		if err := g.End(ctx, tx, s); err != nil {
			return err
		}
	}
	return nil
}

func (g *Gate) sessionsOf(account model.ActorID) []Session {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []Session
	for _, s := range g.sessions {
		if s.Account == account {
			list = append(list, *s)
		}
	}
	return list
}

// Sessions lists the sessions of an account that have not ended.
func (g *Gate) Sessions(account model.ActorID) []Session {
	now := g.o.Now()
	var list []Session
	for _, s := range g.sessionsOf(account) {
		if now.Before(s.Expires) && now.Sub(s.Seen) < g.o.Idle {
			list = append(list, s)
		}
	}
	return list
}

// Flush stores when sessions and tokens were last used and drops what ended.
func (g *Gate) Flush(ctx context.Context) error {
	now := g.o.Now().UTC()
	g.mu.Lock()
	var sessions []Session
	var tokens []APIToken
	for hash := range g.touched {
		if s := g.sessions[hash]; s != nil {
			sessions = append(sessions, *s)
		}
		if t := g.tokens[hash]; t != nil {
			tokens = append(tokens, *t)
		}
	}
	clear(g.touched)
	for hash, s := range g.sessions {
		if !now.Before(s.Expires) || now.Sub(s.Seen) >= g.o.Idle {
			delete(g.sessions, hash)
		}
	}
	g.mu.Unlock()
	return g.store.TouchAccess(ctx, sessions, tokens, now, now.Add(-g.o.Idle-2*time.Minute))
}

// Run flushes once a minute until ctx ends, then once more.
func (g *Gate) Run(ctx context.Context, report func(error)) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if err := g.Flush(last); err != nil {
				report(err)
			}
			return
		case <-tick.C:
			if err := g.Flush(ctx); err != nil && ctx.Err() == nil {
				report(err)
			}
		}
	}
}
