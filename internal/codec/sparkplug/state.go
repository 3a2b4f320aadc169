package sparkplug

import (
	"encoding/json"
	"strings"
	"time"
)

// stateTopic begins the topics of host applications (§4.1).
const stateTopic = Namespace + "STATE/"

// hostOf gives the host application of a STATE topic.
func hostOf(topic string) (host string, ok bool) {
	host, ok = strings.CutPrefix(topic, stateTopic)
	return host, HostID(host) && ok
}

// HostID says whether a host application may be called so: it is one level of
// a topic (tck-id-host-topic-phid-birth-topic).
func HostID(id string) bool {
	return id != "" && len(id) <= 256 && !strings.ContainsAny(id, "/+#\x00")
}

// StateTopic is where a host application says whether it is there.
func StateTopic(host string) string { return stateTopic + host }

// State is what it says there; at is when it connected, of a death by its own
// hand when it leaves (tck-id-host-topic-phid-birth-payload and following).
func State(online bool, at time.Time) []byte {
	b, _ := json.Marshal(stated{online, at.UnixMilli()}) // of two plain values: cannot fail
	return b
}

type stated struct {
	Online    bool  `json:"online"`
	Timestamp int64 `json:"timestamp"` // ms since 1970
}

// Offline says whether a STATE message says that its host is not there.
func Offline(payload []byte) bool {
	var s struct{ Online *bool }
	return json.Unmarshal(payload, &s) == nil && s.Online != nil && !*s.Online
}
