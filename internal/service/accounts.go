package service

import (
	"context"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/audit"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Account is a person who may sign in.
type Account = access.Account

// UserAdd makes an account.
type UserAdd struct {
	Name     string   `json:"name" arg:"name" doc:"name to sign in with"`
	Display  string   `json:"display,omitempty" doc:"name shown to others"`
	Roles    []string `json:"roles" doc:"viewer, operator, engineer, administrator"`
	Password string   `json:"password,omitempty" secret:"true" doc:"the password; the command line asks for it, or reads it from the standard input"`
	Reason   string   `json:"reason,omitempty" doc:"why, for the audit"`
}

// UserChange changes an account; what is not given stays.
type UserChange struct {
	Name     string   `json:"name" arg:"name" doc:"name or id of the account"`
	Display  string   `json:"display,omitempty" doc:"name shown to others"`
	Roles    []string `json:"roles,omitempty" doc:"the roles it has from now on"`
	Disabled bool     `json:"disabled,omitempty" doc:"shut the account; its sessions end at once"`
	Enabled  bool     `json:"enabled,omitempty" doc:"open a shut account"`
	Reason   string   `json:"reason,omitempty" doc:"why, for the audit"`
}

// UserPassword sets a password.
type UserPassword struct {
	Name     string `json:"name" arg:"name" doc:"name or id of the account"`
	Password string `json:"password" secret:"true" doc:"the password; the command line asks for it, or reads it from the standard input"`
}

// UserName names an account.
type UserName struct {
	Name   string `json:"name" arg:"name" doc:"name or id of the account"`
	Reason string `json:"reason,omitempty" doc:"why, for the audit"`
}

// SignInLink signs in once.
type SignInLink struct {
	Secret  string    `json:"secret"`
	Path    string    `json:"path"` // below the console's address
	Expires time.Time `json:"expires"`
}

// TokenCreate makes an API token.
type TokenCreate struct {
	Name   string         `json:"name" arg:"name" doc:"what it is for"`
	Roles  []string       `json:"roles" doc:"viewer, operator, engineer, administrator"`
	Life   model.Duration `json:"life,omitempty" doc:"how long it lives, e.g. 2160h; 90 days unless told"`
	Reason string         `json:"reason,omitempty" doc:"why, for the audit"`
}

// TokenMade is a new token; its secret is shown this once.
type TokenMade struct {
	Secret string          `json:"secret"`
	Token  access.APIToken `json:"token"`
}

// TokenRevoke ends a token.
type TokenRevoke struct {
	ID     string `json:"id" arg:"id" doc:"id of the token"`
	Reason string `json:"reason,omitempty" doc:"why, for the audit"`
}

const (
	tokenLife = 90 * 24 * time.Hour
	linkLife  = 15 * time.Minute
)

func accountOps() []Op {
	return []Op{
		define(Reads, "user.list", "List the accounts of people.", "", func(_ context.Context, c *call, _ None) ([]access.Account, error) { return c.s.Access.Accounts(), nil }),
		define(Acts, "user.add", "Make an account for a person.", "mona --roles engineer", addUser),
		define(Acts, "user.change", "Change an account's roles or name, shut it or open it.", "mona --roles operator", changeUser),
		define(Acts, "user.password", "Set an account's password; its other sessions end.", "mona", setPassword),
		define(Acts, "user.remove", "Remove an account; its sessions end at once.", "mona --reason 'left the hospital'", removeUser),
		define(Acts, "user.link", "Make a link that signs an account in once, within 15 minutes.", "mona", makeLink),
		define(Reads, "role.list", "List the roles and what each may do.", "", func(_ context.Context, c *call, _ None) ([]access.Role, error) { return c.s.Access.Roles(), nil }),
		define(Reads, "token.list", "List API tokens; their secrets are not kept.", "", func(_ context.Context, c *call, _ None) ([]access.APIToken, error) { return c.s.Access.Tokens(), nil }),
		define(Acts, "token.create", "Make an API token; its secret is shown once.", "dashboard --roles viewer", createToken),
		define(Acts, "token.revoke", "End an API token at once.", "tok-abc --reason 'no longer used'", revokeToken),
	}
}

func addUser(ctx context.Context, c *call, r UserAdd) (access.Account, error) {
	c.object, c.reason = "user "+r.Name, r.Reason
	a, err := c.s.Access.Put(ctx, c.tx, access.Account{Name: r.Name, Display: r.Display, Roles: r.Roles}, 0, c.actor)
	if err != nil {
		return a, err
	}
	if r.Password != "" {
		err = c.s.Access.SetPassword(ctx, c.tx, a.ID, r.Password, c.actor)
	}
	return a, err
}

func changeUser(ctx context.Context, c *call, r UserChange) (access.Account, error) {
	c.object, c.reason = "user "+r.Name, r.Reason
	a, err := c.s.Access.Account(r.Name)
	if err != nil {
		return a, err
	}
	if r.Display != "" {
		a.Display = r.Display
	}
	if r.Roles != nil {
		a.Roles = r.Roles
	}
	if r.Disabled && r.Enabled {
		return a, fault.New(fault.Invalid, "service.argument", "an account is either shut or open").At("disabled")
	}
	a.Disabled = (a.Disabled || r.Disabled) && !r.Enabled
	return c.s.Access.Put(ctx, c.tx, a, a.Version, c.actor)
}

func setPassword(ctx context.Context, c *call, r UserPassword) (None, error) {
	c.object = "user " + r.Name
	a, err := c.s.Access.Account(r.Name)
	if err != nil {
		return None{}, err
	}
	return None{}, c.s.Access.SetPassword(ctx, c.tx, a.ID, r.Password, c.actor)
}

func removeUser(ctx context.Context, c *call, r UserName) (None, error) {
	c.object, c.reason = "user "+r.Name, r.Reason
	a, err := c.s.Access.Account(r.Name)
	if err != nil {
		return None{}, err
	}
	return None{}, c.s.Access.Remove(ctx, c.tx, a.ID, a.Version)
}

func makeLink(ctx context.Context, c *call, r UserName) (SignInLink, error) {
	c.object, c.reason = "user "+r.Name, r.Reason
	a, err := c.s.Access.Account(r.Name)
	if err != nil {
		return SignInLink{}, err
	}
	text, err := c.s.Access.MakeLink(ctx, c.tx, a.ID, linkLife)
	return SignInLink{Secret: text, Path: "/sign-in#" + text, Expires: c.s.now().Add(linkLife)}, err
}

func createToken(ctx context.Context, c *call, r TokenCreate) (TokenMade, error) {
	c.object, c.reason = "token "+r.Name, r.Reason
	if r.Life <= 0 {
		r.Life = model.Duration(tokenLife)
	}
	text, token, err := c.s.Access.IssueToken(ctx, c.tx, r.Name, r.Roles, time.Duration(r.Life), c.actor)
	return TokenMade{text, token}, err
}

func revokeToken(ctx context.Context, c *call, r TokenRevoke) (access.APIToken, error) {
	c.object, c.reason = "token "+r.ID, r.Reason
	return c.s.Access.RevokeToken(ctx, c.tx, r.ID)
}

// SignIn checks a name and password and begins a session; the text goes into
// the cookie. Success and failure are audited.
func (s *Service) SignIn(ctx context.Context, name, password, remote string) (string, error) {
	actor, err := s.Access.CheckPassword(ctx, name, password, remote)
	if err != nil {
		s.logSign(ctx, "session.begin", access.Actor{ID: "unknown"}, remote, err)
		return "", err
	}
	return s.begin(ctx, actor, remote, func(ctx context.Context, tx Tx) (string, error) {
		text, _, err := s.Access.Begin(ctx, tx, actor.ID, remote)
		return text, err
	})
}

// Redeem begins a session with a one-time link's secret.
func (s *Service) Redeem(ctx context.Context, link, remote string) (string, error) {
	var text string
	err := s.Store.Update(ctx, func(tx Tx) error {
		session, _, actor, err := s.Access.Redeem(ctx, tx, link, remote)
		if err != nil {
			return err
		}
		text = session
		_, err = tx.AppendAudit(ctx, s.sign("session.redeem", actor, remote, nil))
		return err
	})
	if err != nil {
		s.logSign(ctx, "session.redeem", access.Actor{ID: "unknown"}, remote, err)
	}
	return text, err
}

func (s *Service) begin(ctx context.Context, actor access.Actor, remote string, work func(ctx context.Context, tx Tx) (string, error)) (string, error) {
	var text string
	err := s.Store.Update(ctx, func(tx Tx) error {
		var err error
		if text, err = work(ctx, tx); err != nil {
			return err
		}
		_, err = tx.AppendAudit(ctx, s.sign("session.begin", actor, remote, nil))
		return err
	})
	return text, err
}

// SignOut ends a session.
func (s *Service) SignOut(ctx context.Context, text, remote string) error {
	actor, session, err := s.Access.BySession(text)
	if err != nil {
		return err
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		if err := s.Access.End(ctx, tx, session); err != nil {
			return err
		}
		_, err := tx.AppendAudit(ctx, s.sign("session.end", actor, remote, nil))
		return err
	})
	if err == nil {
		s.events.publish(Event{Kind: "changed", Name: "session.end"})
	}
	return err
}

// BySession gives the door of whoever holds a session.
func (s *Service) BySession(text, remote string) (*Door, error) {
	actor, _, err := s.Access.BySession(text)
	if err != nil {
		return nil, err
	}
	return &Door{s: s, actor: actor, from: Origin{Remote: remote}, secret: text}, nil
}

// ByToken gives the door of whoever holds an API token.
func (s *Service) ByToken(text, remote string) (*Door, error) {
	actor, err := s.Access.ByToken(text)
	if err != nil {
		return nil, err
	}
	return &Door{s: s, actor: actor, from: Origin{Remote: remote}, secret: text}, nil
}

func (s *Service) sign(action string, actor access.Actor, remote string, err error) audit.Record {
	r := audit.Record{At: s.now(), Actor: actor.ID, ActorName: actor.Name, ActorKind: string(actor.Kind), Action: action, Outcome: audit.Done, Remote: remote}
	if err != nil {
		r.Outcome, r.FaultCode = audit.Denied, fault.CodeOf(err)
	}
	return r
}

func (s *Service) logSign(ctx context.Context, action string, actor access.Actor, remote string, err error) {
	failed := s.Store.Update(context.WithoutCancel(ctx), func(tx Tx) error {
		_, e := tx.AppendAudit(ctx, s.sign(action, actor, remote, err))
		return e
	})
	if failed != nil {
		s.Log.Error("audit record not written", "action", action, "error", failed)
	}
}
