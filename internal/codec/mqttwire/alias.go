package mqttwire

// Aliases are the topics that numbers stand for on one connection, towards the
// peer (MQTT 5 §3.3.2.3.4). Each topic has one number it may have, and takes it
// from the topic that had it before; so the table is as large as the peer
// allows and no larger, and finding a number costs the same however many there
// are. The zero value gives none.
type Aliases struct {
	topics []string // of alias 1 and following
}

// NewAliases makes room for as many as the peer allows, most at the utmost.
func NewAliases(allowed uint16, most int) Aliases {
	n := min(int(allowed), most)
	if n <= 0 {
		return Aliases{}
	}
	return Aliases{make([]string, n)}
}

// of gives the number of a topic, 0 where there is none, and whether the peer
// knows that it stands for it.
func (a *Aliases) of(topic string) (number uint16, known bool) {
	if len(a.topics) == 0 || len(topic) < 4 { // a number takes three bytes
		return 0, false
	}
	i := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(topic) {
		i = (i ^ uint64(b)) * 1099511628211
	}
	i %= uint64(len(a.topics))
	return uint16(i + 1), a.topics[i] == topic
}

// Append writes a PUBLISH for a connection of MQTT 5, with a number in place of
// its topic where the peer knows it. When it would be longer than limit bytes
// (0: any length), nothing is written and the peer is told nothing.
func (a *Aliases) Append(out []byte, p *Packet, limit int) []byte {
	before, topic := len(out), p.Topic
	number, known := a.of(topic)
	q := *p
	if number > 0 {
		var props Properties
		if p.Props != nil {
			props = *p.Props
		}
		props.TopicAlias = number
		q.Props = props.Set(PropTopicAlias)
		if known {
			q.Topic = ""
		}
	}
	out = Append(out, V5, &q)
	if limit > 0 && len(out)-before > limit {
		return out[:before]
	}
	if number > 0 && !known {
		a.topics[number-1] = topic
	}
	return out
}
