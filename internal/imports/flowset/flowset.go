// Package flowset gathers the flows that a file tells of: what has the same
// ends becomes one, and a file that tells of too many is cut, with its count.
package flowset

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"thalamus/internal/model"
)

// Most is how many flows one file may bring; MostBad how many bad rows are
// told of.
const (
	Most    = 50_000
	MostBad = 50
)

// Set gathers. Its zero value is not ready: use New.
type Set struct {
	File   model.FlowFile
	source string
	at     map[key]int
}

type key struct {
	from, to string
	port     uint16
	protocol string
}

// New makes an empty set of one source.
func New(source string) *Set { return &Set{source: source, at: map[key]int{}} }

// Add takes one flow; it counts as a row.
func (s *Set) Add(f model.Flow) {
	s.File.Rows++
	s.Widen(f)
}

// Widen takes one flow that does not count as a row of its own.
func (s *Set) Widen(f model.Flow) {
	f.Source = s.source
	k := key{f.From, f.To, f.Port, f.Protocol}
	i, ok := s.at[k]
	if !ok {
		if len(s.File.Flows) >= Most {
			s.File.Left++
			return
		}
		s.at[k] = len(s.File.Flows)
		s.File.Flows = append(s.File.Flows, f)
		return
	}
	have := &s.File.Flows[i]
	have.Count += f.Count
	if f.First.Before(have.First) {
		have.First = f.First
	}
	if f.Last.After(have.Last) {
		have.Last = f.Last
	}
	have.App = cmp.Or(have.App, f.App)
	// One connection that can be read on the way is enough.
	if have.Encrypted == "" || f.Encrypted == "no" {
		have.Encrypted = cmp.Or(f.Encrypted, have.Encrypted)
	}
	have.FromMAC, have.ToMAC = cmp.Or(have.FromMAC, f.FromMAC), cmp.Or(have.ToMAC, f.ToMAC)
}

// Bad notes a row that cannot be read.
func (s *Set) Bad(row int, text string) {
	s.File.Wrong++
	if len(s.File.Bad) < MostBad {
		s.File.Bad = append(s.File.Bad, model.BadRow{Row: row, Text: text})
	}
}

// Done gives what was gathered.
func (s *Set) Done() model.FlowFile {
	for i := range s.File.Flows {
		f := &s.File.Flows[i]
		f.First, f.Last = f.First.UTC(), f.Last.UTC()
		if f.Count == 0 {
			f.Count = 1
		}
		if s.File.From.IsZero() || f.First.Before(s.File.From) {
			s.File.From = f.First
		}
		if f.Last.After(s.File.Until) {
			s.File.Until = f.Last
		}
	}
	slices.SortFunc(s.File.Flows, func(a, b model.Flow) int {
		return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol))
	})
	return s.File
}

// Address gives an address in the one form that flows have; false for what is
// none, or no address of one machine.
func Address(text string) (string, bool) {
	a, err := netip.ParseAddr(text)
	if err != nil || a.IsUnspecified() {
		return "", false
	}
	return a.Unmap().WithZone("").String(), true
}

// MAC gives a MAC address as 00:11:22:33:44:55, empty for what is none.
func MAC(text string) string {
	text = strings.ToLower(strings.NewReplacer("-", ":", ".", "").Replace(text))
	if len(text) == 12 {
		text = text[:2] + ":" + text[2:4] + ":" + text[4:6] + ":" + text[6:8] + ":" + text[8:10] + ":" + text[10:]
	}
	if len(text) != 17 || strings.Trim(text, "0123456789abcdef:") != "" {
		return ""
	}
	return text
}

// Protocol names an IP protocol by its number (IANA Protocol Numbers).
func Protocol(n uint8) string {
	switch n {
	case 1:
		return "icmp"
	case 2:
		return "igmp"
	case 6:
		return "tcp"
	case 17:
		return "udp"
	case 47:
		return "gre"
	case 50:
		return "esp"
	case 51:
		return "ah"
	case 58:
		return "icmp6"
	case 132:
		return "sctp"
	}
	return "ip-" + itoa(n)
}

func itoa(n uint8) string {
	var b [3]byte
	i := len(b)
	for {
		i--
		b[i] = '0' + n%10
		if n /= 10; n == 0 {
			return string(b[i:])
		}
	}
}

// Encrypted says whether a protocol is encrypted by what it is: yes, no, or
// empty where both are possible.
func Encrypted(app string) string {
	switch app {
	case "tls", "ssl", "https", "ssh", "quic", "ipsec", "wireguard", "ldaps", "imaps", "pop3s", "smtps", "ftps", "mllps", "dicom-tls", "esp", "dtls":
		return "yes"
	case "http", "ftp", "ftp-data", "telnet", "tftp", "dns", "dhcp", "ntp", "hl7v2", "mllp", "hl7", "dicom", "astm", "mqtt", "modbus", "pop3", "syslog", "snmpv1", "snmpv2", "vnc", "rsh", "rlogin", "finger", "irc":
		return "no"
	}
	return ""
}

// ByPort names what is usually spoken at a port; empty where that says
// nothing. Only protocols that medical devices are met with.
func ByPort(protocol string, port uint16) string {
	switch protocol {
	case "tcp":
		switch port {
		case 21:
			return "ftp"
		case 22:
			return "ssh"
		case 23:
			return "telnet"
		case 80:
			return "http"
		case 104, 11112:
			return "dicom"
		case 443:
			return "https"
		case 445:
			return "smb"
		case 2575:
			return "hl7v2"
		case 2762:
			return "dicom-tls"
		case 1883:
			return "mqtt"
		case 3389:
			return "rdp"
		case 8883:
			return "mqtts"
		}
	case "udp":
		switch port {
		case 53:
			return "dns"
		case 67, 68:
			return "dhcp"
		case 69:
			return "tftp"
		case 123:
			return "ntp"
		case 161, 162:
			return "snmp"
		case 514:
			return "syslog"
		}
	}
	return ""
}

// Serves tells which of two ports is the one that serves, where a source does
// not say who began: the lower one, because senders take high ones. Equal ports
// say nothing, and the sender counts as who began.
func Serves(src, dst uint16) (swap bool) { return src < dst && src != 0 }

// Unix gives the time of seconds and nanoseconds, in a range that can be
// written.
func Unix(sec, nsec int64) (time.Time, bool) {
	if sec <= 0 || sec > 4_102_444_800 { // 2100
		return time.Time{}, false
	}
	return time.Unix(sec, nsec).UTC(), true
}
