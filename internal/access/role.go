package access

import (
	"sort"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Kind of an actor.
type Kind string

const (
	User   Kind = "user"   // a person with an account
	Token  Kind = "token"  // a system with an API token
	Local  Kind = "local"  // somebody on this machine who can read the data folder
	System Kind = "system" // the program itself
)

// Actor is who does something.
type Actor struct {
	ID    model.ActorID `json:"id"`
	Name  string        `json:"name"`
	Roles []string      `json:"roles,omitempty"`
	Kind  Kind          `json:"kind"`
}

// OnThisMachine is the actor of a person with access to the data folder, who
// may do everything anyway.
func OnThisMachine(name string) Actor {
	return Actor{ID: model.ActorID("local:" + name), Name: name, Roles: []string{"administrator"}, Kind: Local}
}

// Itself is the program as an actor: what it does by its own rules.
func Itself() Actor {
	return Actor{ID: "system", Name: "Thalamus", Roles: []string{"administrator"}, Kind: System}
}

// Role is a named list of permissions. A pattern is noun.verb, where either
// may be *; one with a leading ! takes away what others gave.
type Role struct {
	Name string   `json:"name" yaml:"name"`
	Doc  string   `json:"doc,omitempty" yaml:"doc,omitempty"`
	May  []string `json:"may" yaml:"may"`
}

// BuiltIn is the table of the roles every installation has. Each next one may
// what the one before may, up to the administrator's. Nobody but administrators
// reads the audit or handles accounts. Behind them stand the roles in whose
// name people sign what may be used (R32); only who carries one signs for it.
func BuiltIn() []Role {
	viewer := []string{
		"*.list", "*.get", "*.search", "*.watch", "*.stat", "*.history", "*.kinds", "view.*", "device.scan", "device.export", "flow.approvals", "alert.show", "alert.sources", "care.calendar",
		"!audit.*", "!user.*", "!token.*",
	}
	operator := append(viewer[:len(viewer):len(viewer)],
		"entry.replay", "replay.preview", "deadletter.*", "device.adopt", "device.assert", "association.*", "fact.set", "change.undo", "destination.pause", "destination.resume",
		"order.*", "accessory.*", "device.lend", "device.return", "pairing.*",
	)
	engineer := append(operator[:len(operator):len(operator)],
		"channel.*", "route.*", "destination.*", "device.*", "job.*", "fact.*", "model.*", "flow.*", "segment.*", "service.*", "plan.*", "contract.*", "site.*", "credential.*", "profile.*", "label.*", "config.*", "hold.*", "journal.*", "waveform.*", "template.*",
		"acceptance.begin", "acceptance.answer", "acceptance.import", "acceptance.demand", "acceptance.meet", "acceptance.reopen",
	)
	signer := append(viewer[:len(viewer):len(viewer)], "acceptance.*")
	return []Role{
		{Name: "viewer", Doc: "sees devices, messages and patients, changes nothing", May: viewer},
		{Name: "operator", Doc: "also replays, settles dead letters, adopts devices and connects them to patients", May: operator},
		{Name: "engineer", Doc: "also configures channels, routes, destinations and devices, and takes waveforms out as files", May: engineer},
		{Name: "administrator", Doc: "everything, including accounts, tokens and the audit", May: []string{"*.*"}},
		{Name: "biomed", Doc: "signs for biomedical engineering what may be used", May: signer},
		{Name: "it", Doc: "signs for networks and computers", May: signer},
		{Name: "security", Doc: "signs for IT security", May: signer},
		{Name: "privacy", Doc: "signs for data protection", May: signer},
		{Name: "clinical", Doc: "signs for those who use it at the bedside", May: signer},
	}
}

// Table decides by roles. It is unchangeable and safe for all.
type Table struct{ roles map[string]Role }

// NewTable makes a table of the built-in roles and others. Names of built-in
// roles cannot be taken.
func NewTable(others []Role) (*Table, error) {
	t := &Table{roles: map[string]Role{}}
	for _, r := range append(BuiltIn(), others...) {
		if _, ok := t.roles[r.Name]; ok {
			return nil, fault.New(fault.Conflict, "access.role", "there is a role %q already; take another name", r.Name)
		}
		if err := r.Check(); err != nil {
			return nil, err
		}
		t.roles[r.Name] = r
	}
	return t, nil
}

// Check says what is wrong with a role.
func (r Role) Check() error {
	if !plainName(r.Name) {
		return fault.New(fault.Invalid, "access.role", "%q cannot be the name of a role; use up to 64 lower-case letters, digits and -", clip(r.Name))
	}
	for _, p := range r.May {
		noun, verb, ok := strings.Cut(strings.TrimPrefix(p, "!"), ".")
		if !ok || !half(noun) || !half(verb) {
			return fault.New(fault.Invalid, "access.pattern", "%q is not a permission; expected noun.verb, where either may be *", clip(p)).At(r.Name)
		}
	}
	return nil
}

func half(s string) bool { return s == "*" || plainName(s) }

func plainName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// May says whether the actor's roles give the permission. A role takes away
// (!) only what it gave itself, so two roles together may what either may.
func (t *Table) May(a Actor, permission string) bool {
	noun, verb, ok := strings.Cut(permission, ".")
	if !ok {
		return false
	}
	for _, name := range a.Roles {
		if t.roles[name].may(noun, verb) {
			return true
		}
	}
	return false
}

func (r Role) may(noun, verb string) bool {
	given := false
	for _, p := range r.May {
		p, taken := strings.CutPrefix(p, "!")
		n, v, _ := strings.Cut(p, ".")
		if (n == "*" || n == noun) && (v == "*" || v == verb) {
			if taken {
				return false
			}
			given = true
		}
	}
	return given
}

// Roles lists the table, built-in roles in order of power, then the others by
// name.
func (t *Table) Roles() []Role {
	out := BuiltIn()
	var others []Role
	for _, r := range t.roles {
		if !isBuiltIn(r.Name) {
			others = append(others, r)
		}
	}
	sort.Slice(others, func(i, j int) bool { return others[i].Name < others[j].Name })
	return append(out, others...)
}

func isBuiltIn(name string) bool {
	for _, r := range BuiltIn() {
		if r.Name == name {
			return true
		}
	}
	return false
}

// Known refuses names that are no role.
func (t *Table) Known(names []string) error {
	for _, n := range names {
		if _, ok := t.roles[n]; !ok {
			var all []string
			for _, r := range t.Roles() {
				all = append(all, r.Name)
			}
			return fault.New(fault.Invalid, "access.role", "there is no role %q; known: %s", clip(n), strings.Join(all, ", "))
		}
	}
	return nil
}
