package model

import (
	"maps"
	"slices"
)

// Line is how a serial line is set. A field that is empty or 0 says nothing. A
// profile tells how its device's line is set when it leaves its maker.
type Line struct {
	Baud     int    `yaml:"baud" json:"baud,omitempty" doc:"bits a second"`
	DataBits int    `yaml:"data_bits" json:"dataBits,omitempty" doc:"5, 6, 7 or 8"`
	Parity   string `yaml:"parity" json:"parity,omitempty" doc:"none, odd, even, mark or space"`
	StopBits string `yaml:"stop_bits" json:"stopBits,omitempty" doc:"1, 1.5 or 2"`
	Flow     string `yaml:"flow" json:"flow,omitempty" doc:"none, rts-cts or xon-xoff"`
}

// Parities of a serial line, in the order of RFC 2217 §3 (1, 2, 3 …).
func Parities() []string { return []string{"none", "odd", "even", "mark", "space"} }

// StopBits of a serial line, in the order of RFC 2217 §3.
func StopBits() []string { return []string{"1", "2", "1.5"} }

// Flows are the kinds of flow control, in the order of RFC 2217 §3.
func Flows() []string { return []string{"none", "xon-xoff", "rts-cts"} }

// Wrong gives the first setting that no line has, by its key, and what was
// expected; empty where all can be.
func (l Line) Wrong() (key, expected string) {
	among := func(list []string, one string) bool { return one == "" || slices.Contains(list, one) }
	switch {
	case l.Baud != 0 && (l.Baud < 50 || l.Baud > 4_000_000):
		return "baud", "expected bits a second from 50 to 4000000"
	case l.DataBits != 0 && (l.DataBits < 5 || l.DataBits > 8):
		return "data_bits", "expected 5, 6, 7 or 8"
	case !among(Parities(), l.Parity):
		return "parity", "expected none, odd, even, mark or space"
	case !among(StopBits(), l.StopBits):
		return "stop_bits", "expected 1, 1.5 or 2"
	case !among(Flows(), l.Flow):
		return "flow", "expected none, rts-cts or xon-xoff"
	}
	return "", ""
}

// Keys are the settings that are given, by the keys of a channel's link.
func (l Line) Keys() map[string]any {
	out := map[string]any{}
	for key, value := range map[string]string{"parity": l.Parity, "stop_bits": l.StopBits, "flow": l.Flow} {
		if value != "" {
			out[key] = value
		}
	}
	for key, value := range map[string]int{"baud": l.Baud, "data_bits": l.DataBits} {
		if value != 0 {
			out[key] = value
		}
	}
	return out
}

// LineProfile is the name of the profile that tells how the serial line of a
// channel is set (link.profile); empty where it names none.
func (c *Channel) LineProfile() string {
	link, _ := c.Settings["link"].(map[string]any)
	name, _ := link["profile"].(string)
	return name
}

// WithLine is a channel with what the profile it names says of its line, where
// its own settings do not say it, and where there is a line to be set: a port of
// this machine, or one of a terminal server that is told by RFC 2217. It names
// no profile any more.
func (c Channel) WithLine(l Line) Channel {
	link, _ := c.Settings["link"].(map[string]any)
	whole := map[string]any{}
	if port, _ := link["port"].(string); port != "" || link["telnet"] == "rfc2217" {
		whole = l.Keys()
	}
	maps.Copy(whole, link)
	delete(whole, "profile")
	c.Settings = maps.Clone(c.Settings)
	c.Settings["link"] = whole
	return c
}
