package profile

import "strings"

// topics are filters of topics (MQTT 5 §4.7): '+' stands for one level, a '#'
// at the end for all that follow. Within a level '*' stands for any letters,
// for links whose topics are names of files.
type topics Texts

// like counts the letters of the best filter that the topic matches, 1 at
// least; 0 when it matches none.
func (t topics) like(topic string) int {
	best := 0
	for _, filter := range t {
		if within(filter, topic) {
			best = max(best, 1+len(filter)-strings.Count(filter, "*")-strings.Count(filter, "+"))
		}
	}
	return best
}

func within(filter, topic string) bool {
	for {
		want, wants, more := strings.Cut(filter, "/")
		if want == "#" {
			return true
		}
		is, rest, deeper := strings.Cut(topic, "/")
		if want != "+" && !glob(want, is) {
			return false
		}
		switch {
		case !more && !deeper:
			return true
		case !deeper: // "ward/#" is also the parent level itself
			return wants == "#"
		case !more:
			return false
		}
		filter, topic = wants, rest
	}
}
