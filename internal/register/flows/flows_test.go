package flows

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// house is a small ward: a monitor of its own, a gateway with two pumps, and a
// stranger.
func house() *World {
	w := &World{
		Now: noon,
		Devices: []Device{
			{ID: "dev-mon", Name: "Monitor 7", Model: "mdl-mon", Called: []string{"VM-200", "Acme/VM-200"}, Department: "ICU", Place: "ICU^2^7", Peer: "10.1.0.7:50111", Channel: "ward", Adopted: true},
			{ID: "dev-pump1", Model: "mdl-pump", Called: []string{"P1"}, Department: "ICU", Peer: "10.1.0.20:40001", Channel: "pumps", Adopted: true},
			{ID: "dev-pump2", Model: "mdl-pump", Called: []string{"P1"}, Department: "ER", Peer: "10.1.0.20:40002", Channel: "pumps", Adopted: true},
			{ID: "dev-new", Model: "mdl-mon", Called: []string{"VM-200"}, Peer: "[::ffff:10.1.0.99]:4000", Channel: "ward"},
			{ID: "dev-said", Addresses: []string{"10.1.0.50"}, MACs: []string{"00:11:22:33:44:55"}, Model: "mdl-vent", Department: "OR"},
		},
		Segments:     []model.Segment{{ID: "med", Ranges: []string{"10.1.0.0/16"}}, {ID: "icu", Ranges: []string{"10.1.0.0/28"}}, {ID: "six", Ranges: []string{"fd00::/8"}}},
		Channels:     []model.Channel{{ID: "ward"}, {ID: "pumps"}, {ID: "off", Disabled: true}},
		Destinations: []model.Destination{{ID: "ehr"}, {ID: "lab"}},
		Routes:       []model.Route{{ID: "r1", Channels: []model.ChannelID{"ward"}, Models: []string{"Acme/VM-200"}, Destinations: []model.DestinationID{"ehr"}}},
	}
	return w
}

func own(from, channel, encrypted string) model.Flow {
	return model.Flow{From: from, To: "10.1.0.1", Port: 2575, Protocol: "tcp", End: "channel/" + channel, App: "hl7v2", Encrypted: encrypted, First: noon.Add(-time.Hour), Last: noon, Count: 3, Source: model.FromOwn}
}

// TestJudge: who stands behind an address, and what approves a flow (R33).
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name      string
		flow      model.Flow
		change    func(w *World)
		approved  string
		why       string
		behind    string
		from, to  string // segments
		encrypted string
	}{
		{"a route approves an adopted device", own("10.1.0.7", "ward", "no"), nil, ByRoute, "", "dev-mon", "icu", "icu", "no"},
		{"nobody adopted it", own("10.1.0.99", "ward", "yes"), nil, ByNone, WhyStranger, "dev-new", "med", "icu", "yes"},
		{"nobody ever sent from there", own("10.1.0.98", "ward", "no"), nil, ByNone, WhyStranger, "", "med", "icu", "no"},
		{"a channel without a route", own("10.1.0.20", "pumps", "no"), nil, ByNone, WhyNoRoute, "dev-pump1 dev-pump2", "med", "icu", "no"},
		{"a route for every device behind a gateway", own("10.1.0.20", "pumps", "no"), func(w *World) {
			w.Routes = append(w.Routes, model.Route{ID: "all", Destinations: []model.DestinationID{"lab"}})
		}, ByRoute, "", "dev-pump1 dev-pump2", "med", "icu", "no"},
		{"one device behind a gateway is a stranger", own("10.1.0.20", "pumps", "no"), func(w *World) {
			w.Routes, w.Devices[2].Adopted = []model.Route{{ID: "all"}}, false
		}, ByNone, WhyStranger, "dev-pump1 dev-pump2", "med", "icu", "no"},
		{"a disabled channel", own("10.1.0.7", "off", "no"), nil, ByNone, WhyDisabled, "", "icu", "icu", "no"},
		{"a disabled route", own("10.1.0.7", "ward", "no"), func(w *World) { w.Routes[0].Disabled = true }, ByNone, WhyNoRoute, "dev-mon", "icu", "icu", "no"},
		{"by hand, the device", own("10.1.0.20", "pumps", "no"), func(w *World) {
			w.Approvals = []model.Approval{{ID: "a", From: "model/mdl-pump", To: "channel/pumps"}}
		}, ByHand, "", "dev-pump1 dev-pump2", "med", "icu", "no"},
		{"by hand, but only one of two behind it", own("10.1.0.20", "pumps", "no"), func(w *World) {
			w.Approvals = []model.Approval{{ID: "a", From: "device/dev-pump1", To: "channel/pumps"}}
		}, ByNone, WhyNoRoute, "dev-pump1 dev-pump2", "med", "icu", "no"},
		{"by hand, but only encrypted", own("10.1.0.99", "ward", "no"), func(w *World) {
			w.Approvals = []model.Approval{{ID: "a", From: "segment/med", To: "*", Encrypted: true}}
		}, ByNone, WhyPlain, "dev-new", "med", "icu", "no"},
		{"by hand, a range", own("10.1.0.99", "ward", "no"), func(w *World) {
			w.Approvals = []model.Approval{{ID: "a", From: "10.1.0.96/29", To: "10.1.0.1", Port: 2575, Protocol: "tcp"}}
		}, ByHand, "", "dev-new", "med", "icu", "no"},
		{"by hand, another port", own("10.1.0.99", "ward", "no"), func(w *World) {
			w.Approvals = []model.Approval{{ID: "a", From: "*", To: "channel/ward", Port: 2576}}
		}, ByNone, WhyStranger, "dev-new", "med", "icu", "no"},
		{"by hand, until yesterday", own("10.1.0.99", "ward", "no"), func(w *World) {
			w.Approvals = []model.Approval{{ID: "a", From: "*", To: "channel/ward", Expires: noon.Add(-24 * time.Hour)}}
		}, ByNone, WhyExpired, "dev-new", "med", "icu", "no"},
		{"an address that somebody said", model.Flow{From: "10.1.0.50", To: "192.0.2.9", Port: 443, Protocol: "tcp", Last: noon, Source: model.FromZeek}, nil, ByNone, "", "dev-said", "med", "", "unknown"},
		{"a MAC address before an address", model.Flow{From: "10.1.0.7", FromMAC: "00:11:22:33:44:55", To: "192.0.2.9", Port: 443, Protocol: "tcp", Last: noon, Source: model.FromZeek}, nil, ByNone, "", "dev-said", "icu", "", "unknown"},
		{"our own destination", model.Flow{From: model.FlowSelf, To: "ehr.example", Port: 443, Protocol: "tcp", End: "destination/ehr", Encrypted: "yes", Last: noon, Source: model.FromOwn}, nil, ByRoute, "", "", "", "", "yes"},
		{"a destination without a route", model.Flow{From: model.FlowSelf, To: "lab.example", Port: 443, Protocol: "tcp", End: "destination/lab", Encrypted: "yes", Last: noon, Source: model.FromOwn}, nil, ByNone, WhyNoRoute, "", "", "", "yes"},
		{"IPv6", model.Flow{From: "fd00::1", To: "fd00::2", Port: 80, Protocol: "tcp", Last: noon, Source: model.FromPcap}, func(w *World) {
			w.Approvals = []model.Approval{{ID: "a", From: "fd00::/64", To: "segment/six"}}
		}, ByHand, "", "", "six", "six", "unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := house()
			if c.change != nil {
				c.change(w)
			}
			r := Judge([]model.Flow{c.flow}, w.Ready())[0]
			var behind []string
			for _, d := range r.From.Devices {
				behind = append(behind, string(d.ID))
			}
			got := fmt.Sprint(r.Approved, "|", r.Why, "|", strings.Join(behind, " "), "|", r.From.Segment, "|", r.To.Segment, "|", r.Encrypted)
			want := fmt.Sprint(c.approved, "|", c.why, "|", c.behind, "|", c.from, "|", c.to, "|", c.encrypted)
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestSourcesJoin: what several sources saw of the same ends is one row; the
// latest that knows says whether it is encrypted; a capture of our own port is
// known as ours.
func TestSourcesJoin(t *testing.T) {
	a := own("10.1.0.7", "ward", "no")
	b := a
	b.Source, b.End, b.Encrypted, b.Count = model.FromPcap, "", "yes", 4
	b.First, b.Last = noon.Add(-48*time.Hour), noon.Add(-47*time.Hour)
	other := b
	other.From, other.Encrypted = "10.1.0.98", ""
	rows := Judge([]model.Flow{b, a, other}, house().Ready())
	if len(rows) != 2 {
		t.Fatalf("%d rows", len(rows))
	}
	r := rows[0]
	if r.Encrypted != "no" || r.Count != 7 || !r.First.Equal(b.First) || !r.Last.Equal(noon) || !slices.Equal(r.Sources, []string{"own", "pcap"}) || r.Approved != ByRoute {
		t.Errorf("joined: %+v", r)
	}
	if rows[1].To.Own != "channel/ward" || rows[1].Why != WhyStranger {
		t.Errorf("a capture of our port: %+v", rows[1])
	}
}

// TestDifference: what was approved and never seen.
func TestDifference(t *testing.T) {
	w := house()
	w.Approvals = []model.Approval{
		{ID: "used", From: "10.1.0.99", To: "channel/ward"},
		{ID: "unused", From: "device/dev-said", To: "192.0.2.1", Port: 443},
		{ID: "over", From: "10.1.0.2", To: "192.0.2.1", Expires: noon.Add(-time.Hour)},
	}
	w.Routes = append(w.Routes, model.Route{ID: "r2", Channels: []model.ChannelID{"pumps"}, Destinations: []model.DestinationID{"lab"}})
	w.Ready()
	rows := Judge([]model.Flow{own("10.1.0.99", "ward", "no"), {From: model.FlowSelf, To: "ehr.example", Port: 443, Protocol: "tcp", End: "destination/ehr", Last: noon, Source: model.FromOwn}}, w)
	var got []string
	for _, e := range Unseen(rows, w) {
		got = append(got, e.By+" "+e.Approval+" "+e.From+" > "+e.To)
	}
	want := []string{"hand unused device/dev-said > 192.0.2.1", "route r2 thalamus > destination/lab", "route r2 * > channel/pumps"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	between, total := Gather(rows, BySegment)
	if total != (Total{Flows: 2, Plain: 1, Unknown: 1}) || len(between) != 2 || between[0].From != "med" || !between[0].ToOwn {
		t.Errorf("%+v %+v", total, between)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		a    model.Approval
		good bool
	}{
		{model.Approval{From: "10.1.0.1", To: "*"}, true},
		{model.Approval{From: "*", To: "*"}, false},
		{model.Approval{From: "", To: "x"}, false},
		{model.Approval{From: "10.1.0.0/16", To: "device/dev-1"}, true},
		{model.Approval{From: "10.1.0.0/99", To: "device/dev-1"}, false},
		{model.Approval{From: "room/7", To: "device/dev-1"}, false},
		{model.Approval{From: "a b", To: "device/dev-1"}, false},
	} {
		if err := CheckApproval(c.a); (err == nil) != c.good || err != nil && fault.CodeOf(err) != "flow.approval" {
			t.Errorf("%+v: %v", c.a, err)
		}
	}
	for text, good := range map[string]bool{"10.1.0.0/16": true, "10.1.0.1/16": false, "10.1.0.1": false, "fd00::/8": true} {
		if err := CheckSegment(model.Segment{ID: "a", Ranges: []string{text}}); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// BenchmarkJudge: 50,000 flows against 10,000 devices.
func BenchmarkJudge(b *testing.B) {
	w := house()
	for i := range 10_000 {
		w.Devices = append(w.Devices, Device{ID: model.DeviceID(fmt.Sprint("dev-", i)), Peer: fmt.Sprintf("10.2.%d.%d:5000", i/250, i%250+1), Channel: "ward", Adopted: true})
	}
	w.Approvals = []model.Approval{{ID: "a", From: "10.3.0.0/16", To: "channel/ward"}, {ID: "b", From: "segment/med", To: "192.0.2.1"}}
	w.Ready()
	var seen []model.Flow
	for i := range 50_000 {
		seen = append(seen, own(fmt.Sprintf("10.2.%d.%d", i%10_000/250, i%250+1), "ward", "no"))
		seen[i].Port = uint16(2575 + i/10_000)
	}
	b.ReportAllocs()
	for b.Loop() {
		Judge(seen, w)
	}
}

// TestMUD: the file has what RFC 8520 asks for.
func TestMUD(t *testing.T) {
	w := house()
	w.Approvals = []model.Approval{{ID: "a", From: "model/mdl-mon", To: "*"}, {ID: "b", From: "192.0.2.44", To: "model/mdl-mon"}}
	flow := func(from, to string, port uint16, protocol string) model.Flow {
		return model.Flow{From: from, To: to, Port: port, Protocol: protocol, Last: noon, Source: model.FromZeek}
	}
	rows := Judge([]model.Flow{
		own("10.1.0.7", "ward", "no"), own("10.1.0.99", "ward", "no"), flow("10.1.0.7", "ntp.example.org", 123, "udp"), flow("10.1.0.7", "fd00::5", 443, "tcp"),
		flow("192.0.2.44", "10.1.0.7", 22, "tcp"), flow("10.1.0.7", "10.1.0.1", 0, "icmp"), flow(model.FlowAny, "10.1.0.7", 23, "tcp"), flow("10.1.0.50", "192.0.2.1", 443, "tcp"),
	}, w.Ready())
	m := MUD{URL: "https://mud.hospital.example/vm-200.json", Manufacturer: "Acme", Model: "VM-200", Info: strings.Repeat("ä", 80), Supported: true, Updated: noon}
	file, used, left, err := MUDFile(m, rows, "mdl-mon")
	if err != nil || used != 6 || left != 1 {
		t.Fatalf("used %d, left %d, %v", used, left, err)
	}
	checkMUD(t, file)
	for _, want := range []string{`"destination-ipv4-network": "10.1.0.1/32"`, `"ietf-acldns:dst-dnsname": "ntp.example.org"`, `"destination-ipv6-network": "fd00::5/128"`, `"ietf-mud:direction-initiated": "to-device"`, `"last-update": "2026-11-21T12:00:00Z"`} {
		if !strings.Contains(string(file), want) {
			t.Errorf("lacks %s in\n%s", want, file)
		}
	}
	if strings.Contains(string(file), "10.1.0.7") || strings.Contains(string(file), `"port": 23`) {
		t.Error("the file names the device's own address, or lets anybody in")
	}
	for _, bad := range []string{"", "http://x.example/a", "https://", "https://x.example/" + strings.Repeat("a", 300)} {
		m.URL = bad
		if _, _, _, err := MUDFile(m, rows, "mdl-mon"); fault.CodeOf(err) != "flow.mud" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	m.URL = "https://x.example/a"
	file, _, _, err = MUDFile(m, nil, "mdl-mon")
	if err != nil {
		t.Fatal(err)
	}
	checkMUD(t, file)
}

// checkMUD holds a file against the YANG modules of RFC 8520 §7 and §8 and of
// RFC 8519 §4: the names of its members, their types and limits, that every
// list named is there and the other way round.
func checkMUD(t *testing.T, file []byte) {
	t.Helper()
	var f map[string]any
	if err := json.Unmarshal(file, &f); err != nil {
		t.Fatal(err)
	}
	only := func(what string, m map[string]any, names ...string) {
		t.Helper()
		for name := range m {
			if !slices.Contains(names, name) {
				t.Errorf("%s has a member %q that the modules do not", what, name)
			}
		}
	}
	member := func(m map[string]any, name string) map[string]any {
		t.Helper()
		v, ok := m[name].(map[string]any)
		if !ok {
			t.Fatalf("no %s", name)
		}
		return v
	}
	only("the file", f, "ietf-mud:mud", "ietf-access-control-list:acls")
	mud := member(f, "ietf-mud:mud")
	only("mud", mud, "mud-version", "mud-url", "last-update", "mud-signature", "cache-validity", "is-supported", "systeminfo", "mfg-name", "model-name", "firmware-rev", "software-rev", "documentation", "extensions", "from-device-policy", "to-device-policy")
	if mud["mud-version"] != 1.0 || !strings.HasPrefix(mud["mud-url"].(string), "https://") {
		t.Error("version or address", mud["mud-version"], mud["mud-url"])
	}
	if _, err := time.Parse(time.RFC3339, mud["last-update"].(string)); err != nil {
		t.Error(err)
	}
	if v := mud["cache-validity"].(float64); v < 1 || v > 168 {
		t.Error("cache-validity", v)
	}
	if _, ok := mud["is-supported"].(bool); !ok {
		t.Error("is-supported is mandatory")
	}
	if s, _ := mud["systeminfo"].(string); len([]rune(s)) > 60 {
		t.Error("systeminfo has more than 60 characters")
	}
	named := map[string]string{}
	for _, policy := range []string{"from-device-policy", "to-device-policy"} {
		lists := member(member(mud, policy), "access-lists")
		for _, l := range lists["access-list"].([]any) {
			named[l.(map[string]any)["name"].(string)] = policy
		}
	}
	list := member(f, "ietf-access-control-list:acls")["acl"].([]any)
	if len(list) != len(named) {
		t.Errorf("%d lists, %d named", len(list), len(named))
	}
	for _, one := range list {
		acl := one.(map[string]any)
		only("acl", acl, "name", "type", "aces")
		policy, ok := named[acl["name"].(string)]
		if !ok {
			t.Errorf("nothing names the list %v", acl["name"])
		}
		ip := map[any]string{"ipv4-acl-type": "ipv4", "ipv6-acl-type": "ipv6"}[acl["type"]]
		seen := map[any]bool{}
		for _, one := range member(acl, "aces")["ace"].([]any) {
			ace := one.(map[string]any)
			only("ace", ace, "name", "matches", "actions")
			if seen[ace["name"]] {
				t.Errorf("two entries are called %v", ace["name"])
			}
			seen[ace["name"]] = true
			if member(ace, "actions")["forwarding"] != "accept" {
				t.Error("an entry of a MUD file accepts")
			}
			matches := member(ace, "matches")
			only("matches", matches, ip, "tcp", "udp")
			l3 := member(matches, ip)
			side := "destination"
			if policy == "to-device-policy" {
				side = "source"
			}
			only(ip, l3, "protocol", side+"-"+ip+"-network", "ietf-acldns:"+map[string]string{"source": "src", "destination": "dst"}[side]+"-dnsname")
			if len(l3) != 2 {
				t.Errorf("an entry names its peer once: %v", l3)
			}
			if tcp, ok := matches["tcp"].(map[string]any); ok {
				if l3["protocol"] != 6.0 {
					t.Error("tcp with protocol", l3["protocol"])
				}
				only("tcp", tcp, "ietf-mud:direction-initiated", "source-port", "destination-port")
			}
			if udp, ok := matches["udp"].(map[string]any); ok {
				if l3["protocol"] != 17.0 {
					t.Error("udp with protocol", l3["protocol"])
				}
				only("udp", udp, "source-port", "destination-port")
			}
		}
	}
}
