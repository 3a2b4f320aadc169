package sparkplug

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// stateTopic begins the topics of host applications (§4.1).
const stateTopic = Namespace + "STATE/"

// StateTopic is where a host application says whether it is online.
func StateTopic(host string) string { return stateTopic + host }

// HostOf gives the host application of a STATE topic.
func HostOf(topic string) (host string, ok bool) {
	host, ok = strings.CutPrefix(topic, stateTopic)
	return host, ok && host != "" && !strings.Contains(host, "/")
}

// HostName says whether a text may name a host application: it is one level of
// a topic (§4.1, tck-id-host-topic-phid-birth-topic).
func HostName(host string) bool {
	return host != "" && len(host) <= 256 && !strings.ContainsAny(host, "/+#\x00")
}

// State writes what a host application says of itself: whether it is online,
// and the time of its CONNECT or, on a clean end, of that
// (tck-id-host-topic-phid-birth-payload, …-death-payload).
func State(online bool, at time.Time) []byte {
	return []byte(`{"online":` + strconv.FormatBool(online) + `,"timestamp":` + strconv.FormatInt(at.UnixMilli(), 10) + `}`)
}

// ReadState reads what a host application says of itself.
func ReadState(raw []byte) (online bool, at time.Time, ok bool) {
	var s struct {
		Online    *bool  `json:"online"`
		Timestamp *int64 `json:"timestamp"`
	}
	if len(raw) > 1024 || json.Unmarshal(raw, &s) != nil || s.Online == nil || s.Timestamp == nil {
		return false, time.Time{}, false
	}
	return *s.Online, time.UnixMilli(*s.Timestamp).UTC(), true
}
