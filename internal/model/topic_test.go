package model

import "testing"

func TestTopicMatches(t *testing.T) {
	for _, c := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/b", "a/b", true}, {"a/b", "a/b/c", false}, {"a/b/c", "a/b", false},
		{"a/+", "a/b", true}, {"a/+", "a", false}, {"a/+", "a/", true}, {"+", "a", true}, {"+", "/a", false}, {"+/+", "/a", true},
		{"a/#", "a", true}, {"a/#", "a/b/c", true}, {"a/#", "ab", false}, {"#", "a/b", true},
		{"#", "$SYS/x", false}, {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true}, {"a/+/c", "a/b/c", true}, {"a/+/c", "a/b/d", false},
	} {
		if got := TopicMatches(c.filter, c.topic); got != c.want {
			t.Errorf("%q matches %q: %v", c.filter, c.topic, got)
		}
	}
}

func TestTopicCovers(t *testing.T) {
	for _, c := range []struct {
		pattern, filter string
		want            bool
	}{
		{"a/#", "a/b", true}, {"a/#", "a/+/c", true}, {"a/#", "a/#", true}, {"a/#", "a", true}, {"a/#", "#", false},
		{"a/+", "a/b", true}, {"a/+", "a/+", true}, {"a/+", "a/#", false}, {"a/b", "a/+", false}, {"a/b", "a/b", true},
		{"+/b", "a/b", true}, {"a/b", "a/b/#", false}, {"#", "$SYS/#", false}, {"a/b/#", "a/b", true}, {"a/b", "a", false},
	} {
		if got := TopicCovers(c.pattern, c.filter); got != c.want {
			t.Errorf("%q covers %q: %v", c.pattern, c.filter, got)
		}
	}
}

func TestTopicName(t *testing.T) {
	for text, want := range map[string][2]bool{
		"": {}, "a": {true, true}, "a/b": {true, true}, "+": {false, true}, "a/#": {false, true}, "#/a": {}, "a+": {}, "a\x00": {}, "a/#/b": {}, "/": {true, true}, "##": {},
	} {
		if TopicName(text, false) != want[0] || TopicName(text, true) != want[1] {
			t.Errorf("%q: name %v, filter %v", text, TopicName(text, false), TopicName(text, true))
		}
	}
}
