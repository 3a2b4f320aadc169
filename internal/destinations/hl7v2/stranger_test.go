package hl7v2

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"thalamus/internal/destination"
	"thalamus/internal/destination/destinationtest"
	"thalamus/internal/fault"
	"thalamus/internal/peertest"
)

// TestStranger: a server asks for a certificate and we have none. One that
// needs it is down, and the error says what is missing; one that only wishes
// for it gets the message.
func TestStranger(t *testing.T) {
	k := peertest.MakeKeys(t)
	pair, err := tls.LoadX509KeyPair(k.Cert, k.Key)
	if err != nil {
		t.Fatal(err)
	}
	for name, auth := range map[string]tls.ClientAuthType{"needed": tls.RequireAnyClientCert, "wished for": tls.RequestClientCert} {
		t.Run(name, func(t *testing.T) {
			r := listen(t, say("AA", ""))
			secure, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { secure.Close() })
			go func() {
				for {
					conn, err := secure.Accept()
					if err != nil {
						return
					}
					go func() {
						// What we send before the alert is read makes the close a reset.
						defer conn.Close()
						s := tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, ClientAuth: auth})
						if s.Handshake() == nil {
							r.serve(s)
						}
					}()
				}
			}()
			_, err = one(t, open(t, map[string]any{"address": secure.Addr().String(), "timeout": "30s", "tls": map[string]any{"enabled": true, "roots": k.CA}}), destinationtest.Parcel(1))
			switch {
			case auth == tls.RequestClientCert && err != nil:
				t.Errorf("error %v", err)
			case auth == tls.RequireAnyClientCert && (fault.CodeOf(err) != "hl7v2dest.connect" || !destination.IsDown(err) || !strings.Contains(err.Error(), "none is set")):
				t.Errorf("error %v", err)
			}
		})
	}
}
