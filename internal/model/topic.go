package model

import "strings"

// Topics are written as in MQTT: levels between slashes. A filter may hold +
// for one level and, at its end, # for any number of them (MQTT 5 §4.7).

// TopicMatches says whether a filter matches a topic. Wildcards at the front
// do not match topics that begin with $ (MQTT 5 §4.7.2).
func TopicMatches(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") && !strings.HasPrefix(filter, "$") {
		return false
	}
	for {
		f, restFilter, moreFilter := strings.Cut(filter, "/")
		if f == "#" {
			return true
		}
		t, restTopic, moreTopic := strings.Cut(topic, "/")
		if f != "+" && f != t {
			return false
		}
		if !moreFilter || !moreTopic {
			return moreFilter == moreTopic || moreFilter && restFilter == "#" // "a/#" matches "a"
		}
		filter, topic = restFilter, restTopic
	}
}

// TopicCovers says whether every topic that filter matches is matched by
// pattern too.
func TopicCovers(pattern, filter string) bool {
	if strings.HasPrefix(filter, "$") != strings.HasPrefix(pattern, "$") {
		return false
	}
	for {
		p, restPattern, morePattern := strings.Cut(pattern, "/")
		if p == "#" {
			return true
		}
		f, restFilter, moreFilter := strings.Cut(filter, "/")
		if f == "#" || p != "+" && p != f {
			return false
		}
		if !morePattern || !moreFilter {
			return morePattern == moreFilter || morePattern && restPattern == "#"
		}
		pattern, filter = restPattern, restFilter
	}
}

// TopicName says whether a text can be the topic of a message, or with
// wildcards a filter: not empty, no NUL, + and # alone in their level, # last.
func TopicName(text string, wildcards bool) bool {
	if text == "" || len(text) > MaxSaid || strings.ContainsRune(text, 0) {
		return false
	}
	if !strings.ContainsAny(text, "+#") {
		return true
	}
	if !wildcards {
		return false
	}
	for level := range strings.SplitSeq(text, "/") {
		if len(level) > 1 && strings.ContainsAny(level, "+#") {
			return false
		}
	}
	at := strings.IndexByte(text, '#')
	return at < 0 || at == len(text)-1
}
