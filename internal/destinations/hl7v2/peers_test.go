package hl7v2

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/destination/destinationtest"
	"thalamus/internal/fault"
	"thalamus/internal/peertest"
)

// TestForeignServers: two foreign HL7 stacks take our messages, plain and over
// TLS 1.3 with our client certificate. node-hl7-server acknowledges all
// earlier messages of a connection again, with an MSH-10 that is always ACK.
func TestForeignServers(t *testing.T) {
	k := peertest.MakeKeys(t)
	for _, c := range []struct {
		name, script, module string
		run, settings        map[string]any
	}{
		{"node-hl7-server", "node-hl7-server.mjs", "node-hl7-server", nil, nil},
		{"node-hl7-server TLS 1.3", "node-hl7-server.mjs", "node-hl7-server",
			map[string]any{"tls": map[string]any{"ca": k.CA, "cert": k.Cert, "key": k.Key}},
			map[string]any{"tls": map[string]any{"enabled": true, "roots": k.CA, "certificate": k.ClientCert, "key": k.ClientKey, "server_name": "localhost"}}},
		{"medplum", "medplum-server.mjs", "@medplum/hl7", nil, nil},
	} {
		for _, mode := range []string{asReceived, rebuilt} {
			t.Run(c.name+" "+mode, func(t *testing.T) {
				run := map[string]any{"port": peertest.FreePort(t)}
				for key, v := range c.run {
					run[key] = v
				}
				server := peertest.Serve(t, c.script, c.module, run)
				settings := map[string]any{"address": fmt.Sprint("127.0.0.1:", run["port"]), "mode": mode, "connections": 1}
				for key, v := range c.settings {
					settings[key] = v
				}
				d := open(t, settings)
				var want []string
				for n := range 5 {
					p := destinationtest.Parcel(n)
					if _, err := one(t, d, p); err != nil {
						t.Fatalf("message %d: %v; the server said %v", n, err, server.Said())
					}
					if mode == rebuilt {
						want = append(want, controlID(p.ID()))
					} else {
						want = append(want, p.Message.ControlID)
					}
				}
				got := ids(t, server)
				for end := time.Now().Add(peertest.Patience); len(got) < len(want) && time.Now().Before(end); got = ids(t, server) {
					time.Sleep(5 * time.Millisecond) // it says so after it answers
				}
				if !slices.Equal(got, want) {
					t.Errorf("the server has %q, want %q", got, want)
				}
			})
		}
	}
}

// ids gives the control ids the server has had. It parses all it has received
// on a connection again for each message; what counts is that each came.
func ids(t *testing.T, server *peertest.Server) []string {
	t.Helper()
	var got []string
	for _, s := range server.Said() {
		if s.Text("error") != "" {
			t.Errorf("the server said %q", s.Text("error"))
		}
		if id := s.Text("id"); id != "" && !slices.Contains(got, id) {
			got = append(got, id)
		}
	}
	return got
}

// TestForeignServerWantsACertificate: without ours the destination is down,
// and the error says where to look.
func TestForeignServerWantsACertificate(t *testing.T) {
	k := peertest.MakeKeys(t)
	port := peertest.FreePort(t)
	peertest.Serve(t, "node-hl7-server.mjs", "node-hl7-server", map[string]any{"port": port, "tls": map[string]any{"ca": k.CA, "cert": k.Cert, "key": k.Key}})
	for name, secure := range map[string]map[string]any{
		"no client certificate": {"enabled": true, "roots": k.CA},
		"unknown authority":     {"enabled": true},
	} {
		_, err := one(t, open(t, map[string]any{"address": fmt.Sprint("127.0.0.1:", port), "tls": secure, "timeout": "5s"}), destinationtest.Parcel(1))
		if fault.CodeOf(err) != "hl7v2dest.connect" || !destination.IsDown(err) || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestForeignRefusal: AR of a foreign server is permanent.
func TestForeignRefusal(t *testing.T) {
	port := peertest.FreePort(t)
	peertest.Serve(t, "medplum-server.mjs", "@medplum/hl7", map[string]any{"port": port, "answer": "AR"})
	_, err := one(t, open(t, map[string]any{"address": fmt.Sprint("127.0.0.1:", port)}), destinationtest.Parcel(1))
	if fault.CodeOf(err) != "hl7v2dest.refused" || fault.KindOf(err) != fault.Invalid {
		t.Errorf("error %v", err)
	}
}
