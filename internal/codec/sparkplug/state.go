package sparkplug

import "strings"

// stateTopic begins the topics of host applications (§4.1).
const stateTopic = Namespace + "STATE/"

// hostOf gives the host application of a STATE topic.
func hostOf(topic string) (host string, ok bool) {
	host, ok = strings.CutPrefix(topic, stateTopic)
	return host, ok && host != "" && !strings.Contains(host, "/")
}
