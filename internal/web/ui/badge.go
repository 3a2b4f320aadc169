package ui

import "context"

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
	case "open":
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

// StateWords gives how a channel's, destination's or delivery's state looks
// (see Badge) and what it is called, for who draws it differently.
func StateWords(ctx context.Context, name string) (kind, text string) {
	s := stateOf(name)
	return s.kind, T(ctx, s.text)
}
