package sparkplug

import (
	"strconv"
	"strings"
)

// Namespace begins the topics of Sparkplug B.
const Namespace = "spBv1.0/"

// Bounds of what is remembered of births.
const (
	maxKeys    = 4096
	maxAliases = 4096 // of one birth
	maxName    = 512
)

// Births remembers what stands for which metric: a birth certificate gives
// each a short number, and messages after it carry nothing else (§6.4.6). A
// link keeps them, so that it can put the names beside each message (see
// Note); reading a message then needs nothing but its entry. The zero value
// is ready; it is not safe for several goroutines.
type Births struct {
	of      map[string]map[uint64]meaning
	session map[string]uint64 // bdSeq of each node's last birth (§5.4)
}

// meaning of an alias.
type meaning struct {
	kind uint64
	unit string
	name string
}

// Noted is what a message tells of aliases.
type Noted struct {
	Properties string // lines for the frame: the names of the aliases in it
	Key        string // whose birth changed, empty: none did
	Aliases    string // what to give to Restore for that key, empty: it is gone
	Unknown    bool   // an alias stands in it that no birth told of: ask for a rebirth
}

// topicOf takes a topic apart: spBv1.0/group/type/node or …/node/device.
func topicOf(topic string) (group, kind, node, device string, ok bool) {
	rest, ok := strings.CutPrefix(topic, Namespace)
	parts := strings.Split(rest, "/")
	if !ok || len(parts) < 3 || len(parts) > 4 {
		return "", "", "", "", false
	}
	if len(parts) == 4 {
		device = parts[3]
	}
	return parts[0], parts[1], parts[2], device, true
}

// Note learns from a birth, and names the aliases of a message.
func (b *Births) Note(topic string, raw []byte) (n Noted) {
	group, kind, node, device, ok := topicOf(topic)
	if !ok {
		return n
	}
	key := group + "/" + node
	switch kind {
	case "NBIRTH", "DBIRTH":
		if device != "" {
			key += "/" + device
		}
		p, err := parse(raw)
		if err != nil {
			return n
		}
		table := map[uint64]meaning{}
		for _, m := range p.metrics {
			if m.aliased && m.name != "" && len(m.name) <= maxName && len(m.unit) <= maxName && len(table) < maxAliases {
				table[m.alias] = meaning{m.kind, plain(m.unit), plain(m.name)}
			}
		}
		b.put(key, table)
		if number, there := p.session(); kind == "NBIRTH" && there {
			b.begin(key, number)
		}
		n.Key, n.Aliases = key, b.written(key)
	case "NDEATH":
		// A will of an earlier connection may come after the birth of the next one:
		// it is to be ignored (§5.4).
		p, err := parse(raw)
		if err != nil {
			return n
		}
		number, there := p.session()
		if is, known := b.session[key]; known && there && is != number {
			n.Properties = stale
		}
	case "NDATA", "DDATA":
		own := b.of[key+"/"+device]
		if device == "" {
			own = nil
		}
		p, err := parse(raw)
		if err != nil {
			return n
		}
		var out strings.Builder
		for _, m := range p.metrics {
			if m.name != "" || !m.aliased {
				continue
			}
			is, known := own[m.alias]
			if !known {
				is, known = b.of[key][m.alias]
			}
			if !known {
				n.Unknown = true
				continue
			}
			out.WriteString("sparkplug.alias." + strconv.FormatUint(m.alias, 10) + ": " + is.text() + "\n")
		}
		n.Properties = out.String()
	}
	return n
}

// stale is written beside a death certificate of an earlier session.
const stale = "sparkplug.stale: true\n"

// session gives the number of the birth or death certificate.
func (p *payload) session() (uint64, bool) {
	for i := range p.metrics {
		if p.metrics[i].name == "bdSeq" {
			return p.metrics[i].bits, !p.metrics[i].null
		}
	}
	return 0, false
}

func (b *Births) begin(node string, number uint64) {
	if b.session == nil {
		b.session = map[string]uint64{}
	}
	if _, there := b.session[node]; there || len(b.session) < maxKeys {
		b.session[node] = number
	}
}

func (b *Births) put(key string, table map[uint64]meaning) {
	if b.of == nil {
		b.of = map[string]map[uint64]meaning{}
	}
	if _, there := b.of[key]; !there && len(b.of) >= maxKeys {
		return
	}
	if len(table) == 0 {
		delete(b.of, key)
		return
	}
	b.of[key] = table
}

// Restore brings back what Note gave before.
func (b *Births) Restore(key, aliases string) {
	table := map[uint64]meaning{}
	for line := range strings.Lines(aliases) {
		number, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if number == "bdSeq" {
			if n, err := strconv.ParseUint(rest, 10, 64); err == nil {
				b.begin(key, n)
			}
			continue
		}
		alias, err := strconv.ParseUint(number, 10, 64)
		if is, good := meaningOf(rest); ok && err == nil && good && len(table) < maxAliases {
			table[alias] = is
		}
	}
	b.put(key, table)
}

// All gives every birth remembered, as Restore takes them.
func (b *Births) All() map[string]string {
	out := make(map[string]string, len(b.of))
	for key := range b.of {
		out[key] = b.written(key)
	}
	for key := range b.session {
		out[key] = b.written(key)
	}
	return out
}

func (b *Births) written(key string) string {
	var out strings.Builder
	for alias, is := range b.of[key] {
		out.WriteString(strconv.FormatUint(alias, 10) + " " + is.text() + "\n")
	}
	if number, there := b.session[key]; there {
		out.WriteString("bdSeq " + strconv.FormatUint(number, 10) + "\n")
	}
	return out.String()
}

// text of a meaning: "9|%|SpO2", type, unit and name.
func (m meaning) text() string {
	return strconv.FormatUint(m.kind, 10) + "|" + strings.ReplaceAll(m.unit, "|", "/") + "|" + m.name
}

func meaningOf(text string) (meaning, bool) {
	parts := strings.SplitN(text, "|", 3)
	if len(parts) < 3 {
		return meaning{}, false
	}
	kind, err := strconv.ParseUint(parts[0], 10, 64)
	return meaning{kind, parts[1], parts[2]}, err == nil
}

// plain replaces what would break a line.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
}

// Rebirth gives the command that asks the node of a topic for its births again
// (§6.4.19): where to send it, and what.
func Rebirth(topic string) (to string, command []byte, ok bool) {
	group, _, node, _, ok := topicOf(topic)
	if !ok {
		return "", nil, false
	}
	const name = "Node Control/Rebirth"
	m := append([]byte{0x0A, byte(len(name))}, name...)
	m = append(m, 0x20, typeBoolean, 0x70, 1)
	return Namespace + group + "/NCMD/" + node, append([]byte{0x12, byte(len(m))}, m...), true
}
