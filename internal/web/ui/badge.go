package ui

import (
	"context"
	"strings"
)

func badgeIcon(kind string) string {
	switch kind {
	case "good":
		return "check"
	case "warn":
		return "issue"
	case "bad":
		return "cross"
	case "busy":
		return "clock"
	case "quiet":
		return "pause"
	}
	return "dot"
}

type state struct{ kind, text string }

// stateOf says how a state looks and what it is called.
func stateOf(name string) state {
	switch name {
	case "listening":
		return state{"good", N("Listening")}
	case "connected":
		return state{"good", N("Connected")}
	case "running":
		return state{"good", N("Running")}
	case "down":
		return state{"bad", N("Not reachable")}
	case "failed":
		return state{"bad", N("Failed")}
	case "broken":
		return state{"bad", N("Broken")}
	case "stopped":
		return state{"quiet", N("Stopped")}
	case "disabled":
		return state{"quiet", N("Disabled")}
	case "paused":
		return state{"quiet", N("Paused")}
	case "waiting":
		return state{"busy", N("Waiting")}
	case "trying":
		return state{"busy", N("Trying")}
	case "resting":
		return state{"quiet", N("Outside its hours")}
	case "connecting":
		return state{"busy", N("Connecting")}
	case "queued":
		return state{"busy", N("Queued")}
	case "delivered":
		return state{"good", N("Delivered")}
	case "dead":
		return state{"bad", N("Dead letter")}
	case "discarded":
		return state{"quiet", N("Set aside")}
	case "done":
		return state{"good", N("Done")}
	case "quarantined":
		return state{"warn", N("In quarantine")}
	case "denied":
		return state{"warn", N("Denied")}
	case "active":
		return state{"bad", N("Active")}
	case "":
		return state{"quiet", N("Unknown")}
	}
	return state{"info", name}
}

// StateWhy says what a state of a channel, destination or delivery follows
// from, and what was told last where that explains it.
func StateWhy(ctx context.Context, name, told string) string {
	why := ""
	switch name {
	case "listening":
		return T(ctx, "Its address is open: devices can connect and send.")
	case "connected":
		return T(ctx, "The link is up: the program reached the other side.")
	case "running":
		return T(ctx, "It takes what is owed to it: the last call was answered.")
	case "trying":
		why = T(ctx, "What it looks for is not there, or was not reached yet; it tries again by itself.")
	case "resting":
		return T(ctx, "It does not look at this hour; it goes on by itself.")
	case "connecting":
		why = T(ctx, "The other side has not answered yet; the program keeps trying.")
	case "down":
		why = T(ctx, "The last calls failed, so it is tried again after a pause. What is owed to it waits and is not lost.")
	case "failed":
		why = T(ctx, "The link could not be opened; nobody can send over it.")
	case "broken":
		why = T(ctx, "It stopped because of a fault of its own and takes nothing.")
	case "stopped":
		return T(ctx, "It is not started on this server.")
	case "disabled":
		return T(ctx, "A person closed it; its history says who and why.")
	case "paused":
		return T(ctx, "A person paused it; what is owed to it waits in order.")
	case "waiting", "queued":
		why = T(ctx, "It waits for its turn: what came before it of the same patient or device goes first, or the receiver is not reachable.")
	case "delivered":
		return T(ctx, "The receiver acknowledged it.")
	case "dead":
		why = T(ctx, "The receiver refused it for good, or it was tried as often as allowed. A person decides what becomes of it.")
	case "discarded":
		why = T(ctx, "A person decided that it is not delivered.")
	case "quarantined":
		return T(ctx, "Nobody has adopted or accepted its device; it goes on, in its order, once that is done.")
	case "denied":
		why = T(ctx, "A rule says that it may not go there.")
	case "active":
		return T(ctx, "Its device has reported that it began, and not that it ended.")
	}
	if why != "" && told != "" {
		why += " " + T(ctx, "Told last: %s", told)
	}
	return why
}

// StateWords gives how a channel's, destination's or delivery's state looks
// (see Badge) and what it is called, for who draws it differently.
func StateWords(ctx context.Context, name string) (kind, text string) {
	s := stateOf(name)
	return s.kind, T(ctx, s.text)
}

// OneWord makes an id without blanks: what names ids parts them by blanks.
func OneWord(id string) string { return strings.Join(strings.Fields(id), "-") }
