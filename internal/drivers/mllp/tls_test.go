package mllp

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/peertest"
)

func tlsSettings(k peertest.Keys, more map[string]any) map[string]any {
	m := map[string]any{"enabled": true, "certificate": k.Cert, "key": k.Key}
	for key, v := range more {
		m[key] = v
	}
	return map[string]any{"tls": m}
}

func tlsClient(t *testing.T, k peertest.Keys, withCertificate bool) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	text, err := os.ReadFile(k.CA)
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatal("authority", err)
	}
	c := &tls.Config{RootCAs: pool, ServerName: "localhost"}
	if withCertificate {
		pair, err := tls.LoadX509KeyPair(k.ClientCert, k.ClientKey)
		if err != nil {
			t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}

// exchange sends one message over TLS and gives the answer.
func exchange(addr string, c *tls.Config, message string) (string, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: drivertest.Patience}, "tcp", addr, c)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(drivertest.Patience))
	if _, err := fmt.Fprintf(conn, "\v%s\x1c\r", message); err != nil {
		return "", err
	}
	if err := conn.CloseWrite(); err != nil {
		return "", err
	}
	b, err := io.ReadAll(conn)
	return strings.Trim(string(b), "\v\x1c\r"), err
}

func TestTLS(t *testing.T) {
	k := peertest.MakeKeys(t)
	t.Run("1.3 with the client's name", func(t *testing.T) {
		r := listen(t, tlsSettings(k, map[string]any{"client_ca": k.CA, "require_client": true}))
		got, err := exchange(r.Addr, tlsClient(t, k, true), msh("1", ""))
		if err != nil || !strings.Contains(got, "MSA|AA|1") {
			t.Fatalf("answer %q, %v", got, err)
		}
		if id := r.Intake.Taken()[0].Identity; id != "CN=monitor-7,O=Ward" {
			t.Errorf("identity %q", id)
		}
		if len(r.Notes.Codes()) > 0 {
			t.Errorf("notes %v", r.Notes.All())
		}
	})
	t.Run("no client certificate", func(t *testing.T) {
		r := listen(t, tlsSettings(k, map[string]any{"client_ca": k.CA, "require_client": true}))
		if got, err := exchange(r.Addr, tlsClient(t, k, false), msh("1", "")); err == nil {
			t.Errorf("answer %q", got)
		}
		drivertest.Until(t, "it was reported", func() bool { return slices.Contains(r.Notes.Codes(), "mllp.tls-handshake") })
	})
	t.Run("client certificate not required", func(t *testing.T) {
		r := listen(t, tlsSettings(k, map[string]any{"client_ca": k.CA}))
		if got, err := exchange(r.Addr, tlsClient(t, k, false), msh("1", "")); err != nil || r.Intake.Taken()[0].Identity != "" {
			t.Errorf("answer %q, %v", got, err)
		}
	})
	t.Run("1.2 refused", func(t *testing.T) {
		r := listen(t, tlsSettings(k, nil))
		c := tlsClient(t, k, false)
		c.MaxVersion = tls.VersionTLS12
		if got, err := exchange(r.Addr, c, msh("1", "")); err == nil {
			t.Errorf("answer %q", got)
		}
		drivertest.Until(t, "it was reported", func() bool { return slices.Contains(r.Notes.Codes(), "mllp.tls-handshake") })
	})
	t.Run("1.2 as an exception is said", func(t *testing.T) {
		r := listen(t, tlsSettings(k, map[string]any{"min_version": "1.2"}))
		c := tlsClient(t, k, false)
		c.MaxVersion = tls.VersionTLS12
		if got, err := exchange(r.Addr, c, msh("1", "")); err != nil {
			t.Errorf("answer %q, %v", got, err)
		}
		if want := []string{"mllp.tls-old", "mllp.tls-old-peer"}; !slices.Equal(r.Notes.Codes(), want) {
			t.Errorf("notes %q, want %q", r.Notes.Codes(), want)
		}
	})
	t.Run("plain text to the TLS port", func(t *testing.T) {
		r := listen(t, tlsSettings(k, nil))
		p := r.Dial(t)
		p.Send(1)
		drivertest.Until(t, "it was reported", func() bool { return slices.Contains(r.Notes.Codes(), "mllp.tls-handshake") })
	})
	t.Run("TLS to the plain port", func(t *testing.T) {
		r := listen(t, nil)
		p := r.Dial(t)
		p.Write([]byte{0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00})
		drivertest.Until(t, "it was reported", func() bool {
			all := r.Notes.All()
			return len(all) > 0 && strings.Contains(all[0].Text, "speaks TLS")
		})
	})
	t.Run("certificate of the program", func(t *testing.T) {
		s := suite()
		d, err := New(model.Channel{ID: "x", Settings: map[string]any{"listen": "127.0.0.1:0", "tls": map[string]any{"enabled": true}}})
		if err != nil {
			t.Fatal(err)
		}
		own := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(k.Cert, k.Key)
			return &pair, err
		}
		host := driver.Host{Intake: &drivertest.Intake{}, Log: slog.New(slog.DiscardHandler), Certificate: own}
		if err := d.Start(t.Context(), host); err != nil {
			t.Fatal(err)
		}
		defer d.Stop(t.Context())
		if got, err := exchange(d.Addr().String(), tlsClient(t, k, false), string(s.Message(1))); err != nil || !strings.Contains(got, "MSA|AA|1") {
			t.Errorf("answer %q, %v", got, err)
		}
	})
}

// TestUnreadableCertificate: the message a person gets names the setting.
func TestUnreadableCertificate(t *testing.T) {
	k := peertest.MakeKeys(t)
	for place, settings := range map[string]map[string]any{
		"tls.certificate": {"enabled": true, "certificate": "/no/such.crt", "key": k.Key},
		"tls.client_ca":   {"enabled": true, "certificate": k.Cert, "key": k.Key, "client_ca": k.Key},
	} {
		d, err := New(model.Channel{ID: "x", Settings: map[string]any{"listen": "127.0.0.1:0", "tls": settings}})
		if err != nil {
			t.Fatal(err)
		}
		err = d.Start(t.Context(), driver.Host{})
		if fault.CodeOf(err) != "driver.certificate" || !strings.HasPrefix(err.Error(), place+":") {
			t.Errorf("%s: error %v", place, err)
		}
		if err := d.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestStopCutsHandshakes: half a hello does not hold up the end.
func TestStopCutsHandshakes(t *testing.T) {
	k := peertest.MakeKeys(t)
	r := listen(t, tlsSettings(k, nil))
	p := r.Dial(t)
	p.Write([]byte{0x16, 0x03}) // half a hello and silence
	drivertest.Until(t, "it is served", func() bool { return r.Driver.(*Driver).Status().Peers == 1 })
	if err := r.Driver.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
