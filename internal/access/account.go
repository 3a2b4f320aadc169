package access

import (
	"context"
	"time"

	"thalamus/internal/model"
)

// Account is a person who may sign in. Its text form is what export writes;
// secrets are no part of it.
type Account struct {
	ID       model.ActorID `json:"id" yaml:"id"`
	Name     string        `json:"name" yaml:"name"` // to sign in with; unique whatever the case
	Display  string        `json:"display,omitempty" yaml:"display,omitempty"`
	Roles    []string      `json:"roles" yaml:"roles"`
	Disabled bool          `json:"disabled,omitempty" yaml:"disabled,omitempty"`

	Version         int64         `json:"version" yaml:"-"`
	HasPassword     bool          `json:"hasPassword" yaml:"-"`
	Created         time.Time     `json:"created,omitzero" yaml:"-"`
	CreatedBy       model.ActorID `json:"createdBy,omitempty" yaml:"-"`
	Changed         time.Time     `json:"changed,omitzero" yaml:"-"`
	ChangedBy       model.ActorID `json:"changedBy,omitempty" yaml:"-"`
	PasswordChanged time.Time     `json:"passwordChanged,omitzero" yaml:"-"`
}

// Actor is the account as somebody who acts.
func (a Account) Actor() Actor {
	name := a.Display
	if name == "" {
		name = a.Name
	}
	return Actor{ID: a.ID, Name: name, Roles: a.Roles, Kind: User}
}

// StoredAccount is an account with its password hash, as stores keep it.
type StoredAccount struct {
	Account
	Password string // PHC string, empty: no password
}

// APIToken lets a system in. The secret is shown once and stored as SHA-256.
// A token lives on its own: it ends when it expires or is revoked, not when
// the person who made it leaves.
type APIToken struct {
	ID      string        `json:"id"`
	Name    string        `json:"name"`
	Roles   []string      `json:"roles"`
	Made    time.Time     `json:"made"`
	MadeBy  model.ActorID `json:"madeBy,omitempty"`
	Expires time.Time     `json:"expires,omitzero"`
	Revoked time.Time     `json:"revoked,omitzero"`
	Used    time.Time     `json:"used,omitzero"` // to the minute
	Hash    [32]byte      `json:"-"`             // SHA-256 of the secret
}

// Link signs in once. The secret is stored as SHA-256.
type Link struct {
	Hash    [32]byte
	Account model.ActorID
	Expires time.Time
}

// Session is a person signed in from one place.
type Session struct {
	Hash    [32]byte      `json:"-"` // SHA-256 of the secret in the cookie
	Account model.ActorID `json:"account"`
	Remote  string        `json:"remote,omitempty"`
	Began   time.Time     `json:"began"`
	Seen    time.Time     `json:"seen"`    // to the minute
	Expires time.Time     `json:"expires"` // whatever happens
}

// Store keeps accounts and what goes with them.
type Store interface {
	Accounts(ctx context.Context) ([]StoredAccount, error)
	Tokens(ctx context.Context) ([]APIToken, error)
	Sessions(ctx context.Context) ([]Session, error)
	// Choices gives what an actor chose, in the order of kind, page and name.
	Choices(ctx context.Context, actor model.ActorID) ([]Choice, error)
	// TouchAccess stores Session.Seen and APIToken.Used of those given and
	// drops sessions and links that expired before now, and sessions not seen
	// since idle.
	TouchAccess(ctx context.Context, sessions []Session, tokens []APIToken, now, idle time.Time) error
}

// Tx changes accounts and what goes with them.
type Tx interface {
	// Account gives a stored account by id, or a fault.Absent.
	Account(ctx context.Context, id model.ActorID) (StoredAccount, error)
	// Accounts gives all accounts as this transaction sees them.
	Accounts(ctx context.Context) ([]StoredAccount, error)
	// SaveAccount stores an account; a fault.Conflict when another has the
	// same name.
	SaveAccount(ctx context.Context, a StoredAccount) error
	RemoveAccount(ctx context.Context, id model.ActorID) error
	SaveToken(ctx context.Context, t APIToken) error
	SaveLink(ctx context.Context, l Link) error
	// TakeLink removes a link and gives it, or a fault.Absent: so it is used
	// once.
	TakeLink(ctx context.Context, hash [32]byte) (Link, error)
	SaveSession(ctx context.Context, s Session) error
	RemoveSession(ctx context.Context, hash [32]byte) error
	// SaveChoice keeps a choice in place of the one of the same actor, kind,
	// page and name.
	SaveChoice(ctx context.Context, c Choice) error
	// RemoveChoice forgets one; one that is not there is no fault.
	RemoveChoice(ctx context.Context, c Choice) error
	OnCommit(work func())
}
