package profile

import (
	"strings"

	"thalamus/internal/model"
)

// topics are filters of topics as MQTT has them (MQTT 5 §4.7); with a '*', for
// any letters, they are patterns of names of files.
type topics Texts

// like counts the letters of the best filter that matches the topic, 1 at
// least; 0 when none does.
func (t topics) like(topic string) int {
	best := 0
	for _, filter := range t {
		if strings.Contains(filter, "*") && glob(filter, topic) || model.TopicMatches(filter, topic) {
			best = max(best, 1+len(filter)-strings.Count(filter, "*")-strings.Count(filter, "+"))
		}
	}
	return best
}

// levels takes a topic apart, for paths that begin with $topic.
func levels(topic string) []any {
	if topic == "" {
		return nil
	}
	var out []any
	for level := range strings.SplitSeq(topic, "/") {
		out = append(out, level)
	}
	return out
}
