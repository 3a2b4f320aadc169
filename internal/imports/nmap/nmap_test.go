package nmap

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// A scan of our own making, in the form nmap writes.
const scan = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -sV -oX scan.xml 10.1.0.0/24" start="1763712000" version="7.95">
<scaninfo type="syn" protocol="tcp" numservices="1000" services="1-1024"/>
<host starttime="1763712001" endtime="1763712010"><status state="up" reason="arp-response"/>
<address addr="10.1.0.7" addrtype="ipv4"/><address addr="00:11:22:33:44:55" addrtype="mac" vendor="Acme"/>
<ports><extraports state="closed" count="996"/>
<port protocol="tcp" portid="22"><state state="open"/><service name="ssh" method="probed"/></port>
<port protocol="tcp" portid="23"><state state="open"/><service name="telnet" method="table"/></port>
<port protocol="tcp" portid="443"><state state="open"/><service name="http" tunnel="ssl" method="probed"/></port>
<port protocol="tcp" portid="80"><state state="open"/><service name="http" product="x" method="probed"/></port>
<port protocol="tcp" portid="25"><state state="filtered"/></port>
</ports></host>
<host><status state="down"/><ports/></host>
<host><address addr="10.1.0.8" addrtype="ipv4"/><ports><port protocol="udp" portid="161"><state state="open"/></port><port protocol="udp" portid="x"><state state="open"/></port></ports></host>
<runstats><finished time="1763712030"/></runstats>
</nmaprun>
`

func TestRead(t *testing.T) {
	f, err := Read(strings.NewReader(scan))
	if err != nil {
		t.Fatal(err)
	}
	if f.Rows != 5 || f.Ignored != 1 || f.Wrong != 2 || f.Bad[0].Row != 2 || f.Bad[1].Row != 3 {
		t.Fatalf("%+v", f)
	}
	at := time.Unix(1763712010, 0).UTC()
	flow := func(port uint16, app, encrypted string) model.Flow {
		return model.Flow{From: "*", To: "10.1.0.7", Port: port, Protocol: "tcp", App: app, Encrypted: encrypted, ToMAC: "00:11:22:33:44:55", First: at, Last: at, Count: 1, Source: "nmap"}
	}
	want := []model.Flow{
		{From: "*", To: "10.1.0.8", Port: 161, Protocol: "udp", First: at.Add(-10 * time.Second), Last: at.Add(-10 * time.Second), Count: 1, Source: "nmap"},
		flow(22, "ssh", "yes"), flow(23, "telnet", ""), flow(80, "http", "no"), flow(443, "http", "yes"),
	}
	for i := range want {
		if f.Flows[i] != want[i] {
			t.Errorf("got  %+v\nwant %+v", f.Flows[i], want[i])
		}
	}
}

func TestOther(t *testing.T) {
	for _, text := range []string{"hello", "<a/>", "", "<!DOCTYPE x [<!ENTITY y 'z'>]><nmapru"} {
		if _, err := Read(strings.NewReader(text)); fault.CodeOf(err) != "imports.format" {
			t.Errorf("%q: %v", text, err)
		}
	}
	f, err := Read(strings.NewReader(scan[:900]))
	if err != nil || f.Wrong == 0 {
		t.Errorf("a scan that breaks off: %+v, %v", f, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(scan))
	f.Add([]byte(scan[:700]))
	f.Add([]byte("<nmaprun><host><a><b>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		one, err := Read(bytes.NewReader(b))
		if err != nil && fault.CodeOf(err) != "imports.format" || len(one.Flows) > len(b) {
			t.Error(err)
		}
	})
}
