package ui

import (
	"context"
	"time"

	"github.com/a-h/templ"

	"thalamus/internal/service"
)

// Thing says what a page is about. Such a page has two tabs more: who changed
// the thing, and the thing as the API gives it.
type Thing struct {
	Kind string // noun of its operations; empty: the page is about no one thing
	Get  string // operation that gives it; empty: Kind.get, where there is one
	// Ask gives the thing's id and the request of Get; nil: the last part of
	// the page's path is both.
	Ask func(v *Visit) (id string, request any, err error)
}

// Tab is one of the tabs of a page.
type Tab struct {
	Name string // in the reader's language
	To   templ.SafeURL
	On   bool
}

// Changed is one act on a thing, with what it changed where that is known.
type Changed struct {
	service.Change
	Version     int64    // it made, 0 for none
	Removed     bool     // it ended the thing
	Differences []string // from the version before
	Back        string   // address of a form that begins with the version, empty for none
	Undoable    bool     // its change can be taken back, where nothing newer stands on it
}

// Raw is a thing as the API gives it.
type Raw struct {
	Operation string // noun.verb
	Request   string // JSON
	Command   string // that asks for the same
	Lines     []CodeLine
	All       int // lines there are; those beyond the page's share are in the file
}

// Address of the operation.
func (r Raw) Address() string {
	noun, verb := r.Operation, ""
	for i := range noun {
		if noun[i] == '.' {
			noun, verb = noun[:i], noun[i+1:]
			break
		}
	}
	return "/api/v1/" + noun + "/" + verb
}

// acted says an act in words: what people see of an operation's name.
func acted(ctx context.Context, c Changed) string {
	text := actWords(c.Action)
	switch {
	case c.Removed && text == N("Made or changed"): // another act ended it
		return T(ctx, "Removed")
	case text != "":
		return T(ctx, text)
	}
	return c.Action
}

func actWords(action string) string {
	switch action {
	case "channel.put", "route.put", "destination.put", "plan.put", "contract.put", "service.put", "template.put", "profile.put", "site.put":
		return N("Made or changed")
	case "channel.enable":
		return N("Opened")
	case "channel.disable":
		return N("Closed")
	case "destination.pause":
		return N("Paused")
	case "destination.resume":
		return N("Resumed")
	case "channel.remove", "route.remove", "destination.remove", "plan.remove", "contract.remove", "profile.remove", "user.remove":
		return N("Removed")
	case "profile.rollback", "channel.restore", "route.restore", "destination.restore", "service.restore", "plan.restore", "contract.restore", "template.restore":
		return N("An earlier version brought back")
	case "config.apply":
		return N("Brought in force as text")
	case "label.map":
		return N("Mapped")
	case "label.unmap":
		return N("Taken back")
	case "device.adopt":
		return N("Adopted")
	case "device.release":
		return N("Released")
	case "device.assert":
		return N("Name or place entered")
	case "device.clock":
		return N("Clock set right")
	case "device.lend":
		return N("Lent")
	case "device.return":
		return N("Returned")
	case "device.dispose":
		return N("Disposed of")
	case "fact.set":
		return N("Fact entered")
	case "fact.decide":
		return N("Fact decided")
	case "association.start":
		return N("Connected to a patient")
	case "association.end":
		return N("Connection ended")
	case "association.attach":
		return N("Attached to a patient afterwards")
	case "order.open":
		return N("Order opened")
	case "order.change":
		return N("Order changed")
	case "order.finish":
		return N("Order finished")
	case "order.cancel":
		return N("Order cancelled")
	case "user.add":
		return N("Account made")
	case "user.change":
		return N("Account changed")
	case "user.password":
		return N("Password set")
	case "user.link":
		return N("One-time link made")
	case "entry.redact":
		return N("Payload removed")
	case "entry.replay":
		return N("Replayed")
	case "job.cancel":
		return N("Stopped")
	case "job.resume":
		return N("Went on")
	case "job.undo", "change.undo":
		return N("Undone")
	}
	return ""
}

// undoable says whether a row offers to take its change back: of the versions of
// a thing only the newest, because the others stand on it.
func undoable(ctx context.Context, c Changed, i int) bool {
	return c.Undoable && c.Change.Change != "" && (i == 0 || c.Version == 0) && May(ctx, "change.undo")
}

// numbered gives a version's number for the reader, empty for none.
func (c Changed) numbered(ctx context.Context) string {
	if c.Version == 0 {
		return ""
	}
	return T(ctx, "version %d", c.Version)
}

// Later sorts changes, the latest first.
func (c Changed) Later(than Changed) int {
	return than.At.Truncate(time.Microsecond).Compare(c.At.Truncate(time.Microsecond))
}
