package flows

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// MUD is what a MUD file says of a model.
type MUD struct {
	URL          string // where the file will be found; https (RFC 8520 §3.5)
	Manufacturer string
	Model        string
	Release      string
	Info         string // at most 60 characters are kept (RFC 8520 §7, systeminfo)
	Supported    bool
	Updated      time.Time
}

// The file as JSON: the YANG modules ietf-mud (RFC 8520 §7), ietf-acldns
// (RFC 8520 §8) and ietf-access-control-list (RFC 8519 §4).
type (
	mudFile struct {
		MUD  mudBody `json:"ietf-mud:mud"`
		ACLs acls    `json:"ietf-access-control-list:acls"`
	}
	mudBody struct {
		Version   int       `json:"mud-version"`
		URL       string    `json:"mud-url"`
		Updated   string    `json:"last-update"`
		Validity  int       `json:"cache-validity"`
		Supported bool      `json:"is-supported"`
		Info      string    `json:"systeminfo,omitempty"`
		Maker     string    `json:"mfg-name,omitempty"`
		Model     string    `json:"model-name,omitempty"`
		Software  string    `json:"software-rev,omitempty"`
		From      mudPolicy `json:"from-device-policy"`
		To        mudPolicy `json:"to-device-policy"`
	}
	mudPolicy struct {
		Lists struct {
			List []mudName `json:"access-list"`
		} `json:"access-lists"`
	}
	mudName struct {
		Name string `json:"name"`
	}
	acls struct {
		ACL []acl `json:"acl"`
	}
	acl struct {
		Name string `json:"name"`
		Type string `json:"type"` // ipv4-acl-type, ipv6-acl-type
		ACEs struct {
			ACE []ace `json:"ace"`
		} `json:"aces"`
	}
	ace struct {
		Name    string `json:"name"`
		Matches struct {
			IPv4 *ipMatch   `json:"ipv4,omitempty"`
			IPv6 *ipMatch   `json:"ipv6,omitempty"`
			TCP  *portMatch `json:"tcp,omitempty"`
			UDP  *portMatch `json:"udp,omitempty"`
		} `json:"matches"`
		Actions struct {
			Forwarding string `json:"forwarding"`
		} `json:"actions"`
	}
	ipMatch struct {
		Source4   string `json:"source-ipv4-network,omitempty"`
		Dest4     string `json:"destination-ipv4-network,omitempty"`
		Source6   string `json:"source-ipv6-network,omitempty"`
		Dest6     string `json:"destination-ipv6-network,omitempty"`
		SourceDNS string `json:"ietf-acldns:src-dnsname,omitempty"`
		DestDNS   string `json:"ietf-acldns:dst-dnsname,omitempty"`
		Protocol  int    `json:"protocol"`
	}
	portMatch struct {
		Initiated string     `json:"ietf-mud:direction-initiated,omitempty"` // of TCP alone
		Source    *portEqual `json:"source-port,omitempty"`
		Dest      *portEqual `json:"destination-port,omitempty"`
	}
	portEqual struct {
		Operator string `json:"operator"`
		Port     uint16 `json:"port"`
	}
)

// Limits of RFC 8520 §7.
const (
	longestInfo = 60
	validity    = 48 // hours, of 1 to 168
)

var dnsName = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.?$`)

// protocols that access lists can name here, with their number.
func protocolNumber(name string) (int, bool) {
	switch name {
	case "tcp":
		return 6, true
	case "udp":
		return 17, true
	case "icmp":
		return 1, true
	case "icmp6":
		return 58, true
	}
	return 0, false
}

// MUDFile writes the MUD file of a model from flows: those that devices of it
// begin, and those that reach devices of it. Ends that are no address and no
// name on the network are left out, as are flows without a peer; left counts
// them. The error is fault.Invalid, code flow.mud.
func MUDFile(m MUD, rows []Row, modelID string) (file []byte, used, left int, err error) {
	u, err := url.Parse(m.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" || len(m.URL) > 255 {
		return nil, 0, 0, fault.New(fault.Invalid, "flow.mud", "a MUD file is found at an address that begins with https:// and has at most 255 characters (RFC 8520); give the one where you will put it").At("url")
	}
	f := mudFile{MUD: mudBody{
		Version: 1, URL: m.URL, Updated: m.Updated.UTC().Format(time.RFC3339), Validity: validity, Supported: m.Supported,
		Info: short(m.Info, longestInfo), Maker: m.Manufacturer, Model: m.Model, Software: m.Release,
	}}
	f.MUD.From.Lists.List, f.MUD.To.Lists.List, f.ACLs.ACL = []mudName{}, []mudName{}, []acl{}
	found := map[rule]bool{}
	for i := range rows {
		r := &rows[i]
		ok := false
		if r.From.AllOf(modelID) {
			if one, is := ruleOf(&r.To, r, true); is {
				found[one], ok = true, true
			}
		}
		if r.To.AllOf(modelID) {
			if one, is := ruleOf(&r.From, r, false); is {
				found[one], ok = true, true
			}
		}
		switch {
		case ok:
			used++
		case r.From.HasModel(modelID) || r.To.HasModel(modelID):
			left++
		}
	}
	rules := make([]rule, 0, len(found))
	for one := range found {
		rules = append(rules, one)
	}
	slices.SortFunc(rules, func(a, b rule) int {
		return cmp.Or(cmp.Compare(a.peer, b.peer), cmp.Compare(a.protocol, b.protocol), cmp.Compare(a.port, b.port), cmp.Compare(yes(a.begins), yes(b.begins)))
	})
	suffix := strings.TrimPrefix(modelID, "mdl-")
	for _, six := range []bool{false, true} {
		for _, toDevice := range []bool{false, true} {
			list := acl{Name: "mud-" + suffix + "-v4fr", Type: "ipv4-acl-type"}
			if six {
				list.Name, list.Type = "mud-"+suffix+"-v6fr", "ipv6-acl-type"
			}
			if toDevice {
				list.Name = strings.TrimSuffix(list.Name, "fr") + "to"
			}
			for _, one := range rules {
				if one.named || one.six == six {
					list.ACEs.ACE = append(list.ACEs.ACE, one.ace(len(list.ACEs.ACE), six, toDevice))
				}
			}
			if len(list.ACEs.ACE) == 0 {
				continue
			}
			f.ACLs.ACL = append(f.ACLs.ACL, list)
			to := &f.MUD.From.Lists.List
			if toDevice {
				to = &f.MUD.To.Lists.List
			}
			*to = append(*to, mudName{list.Name})
		}
	}
	file, err = json.MarshalIndent(f, "", "  ")
	return file, used, left, err
}

// rule is one thing a device may do: both directions of it become entries.
type rule struct {
	peer     string // network or name
	named    bool   // a name, for both versions of IP
	six      bool
	protocol int
	port     uint16
	begins   bool // the device does
}

func ruleOf(peer *End, r *Row, begins bool) (rule, bool) {
	number, ok := protocolNumber(r.Protocol)
	if !ok {
		return rule{}, false
	}
	one := rule{protocol: number, port: r.Port, begins: begins}
	switch {
	case peer.Address == model.FlowAny || peer.Address == model.FlowSelf:
		return rule{}, false
	case peer.netip.IsValid():
		one.six = peer.netip.Is6()
		one.peer = netip.PrefixFrom(peer.netip, peer.netip.BitLen()).String()
	case dnsName.MatchString(peer.Address) && len(peer.Address) <= 253:
		one.peer, one.named = peer.Address, true
	default:
		return rule{}, false
	}
	return one, true
}

// ace writes one direction of a rule. The port is that of who answers, so it
// is the destination's on the way there and the source's on the way back.
func (r rule) ace(n int, six, toDevice bool) ace {
	var a ace
	direction := "frdev"
	if toDevice {
		direction = "todev"
	}
	a.Name = "cl" + strconv.Itoa(n) + "-" + direction
	a.Actions.Forwarding = "accept"
	ip := &ipMatch{Protocol: r.protocol}
	switch {
	case r.named && toDevice:
		ip.SourceDNS = r.peer
	case r.named:
		ip.DestDNS = r.peer
	case six && toDevice:
		ip.Source6 = r.peer
	case six:
		ip.Dest6 = r.peer
	case toDevice:
		ip.Source4 = r.peer
	default:
		ip.Dest4 = r.peer
	}
	if six {
		a.Matches.IPv6 = ip
	} else {
		a.Matches.IPv4 = ip
	}
	if r.protocol != 6 && r.protocol != 17 {
		return a
	}
	p := &portMatch{}
	if r.port != 0 {
		if toDevice == r.begins { // the answer of the peer, or the device's own answer
			p.Source = &portEqual{"eq", r.port}
		} else {
			p.Dest = &portEqual{"eq", r.port}
		}
	}
	if r.protocol == 17 {
		if p.Source != nil || p.Dest != nil {
			a.Matches.UDP = p
		}
		return a
	}
	p.Initiated = "to-device"
	if r.begins {
		p.Initiated = "from-device"
	}
	a.Matches.TCP = p
	return a
}

func yes(is bool) int {
	if is {
		return 1
	}
	return 0
}

func short(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
