package mllp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// keys is a small authority with a server and a client certificate, as files.
type keys struct{ ca, cert, key, clientCert, clientKey string }

func makeKeys(t *testing.T) keys {
	t.Helper()
	dir := t.TempDir()
	serial := int64(0)
	issue := func(name string, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		serial++
		c := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name, Organization: []string{"Ward"}},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
		if parent == nil {
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
			parent, by = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		keyDER, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		for file, block := range map[string]*pem.Block{".crt": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: keyDER}} {
			if err := os.WriteFile(filepath.Join(dir, name+file), pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return c, key
	}
	ca, key := issue("authority", nil, nil)
	issue("server", ca, key)
	issue("monitor-7", ca, key)
	f := func(name string) string { return filepath.Join(dir, name) }
	return keys{f("authority.crt"), f("server.crt"), f("server.key"), f("monitor-7.crt"), f("monitor-7.key")}
}

func (k keys) settings(more map[string]any) map[string]any {
	m := map[string]any{"enabled": true, "certificate": k.cert, "key": k.key}
	for key, v := range more {
		m[key] = v
	}
	return map[string]any{"tls": m}
}

func (k keys) client(t *testing.T, withCertificate bool) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	text, err := os.ReadFile(k.ca)
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatal("authority", err)
	}
	c := &tls.Config{RootCAs: pool, ServerName: "localhost"}
	if withCertificate {
		pair, err := tls.LoadX509KeyPair(k.clientCert, k.clientKey)
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
	k := makeKeys(t)
	t.Run("1.3 with the client's name", func(t *testing.T) {
		r := listen(t, k.settings(map[string]any{"client_ca": k.ca, "require_client": true}))
		got, err := exchange(r.Addr, k.client(t, true), msh("1", ""))
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
		r := listen(t, k.settings(map[string]any{"client_ca": k.ca, "require_client": true}))
		if got, err := exchange(r.Addr, k.client(t, false), msh("1", "")); err == nil {
			t.Errorf("answer %q", got)
		}
		drivertest.Until(t, "it was reported", func() bool { return slices.Contains(r.Notes.Codes(), "mllp.tls-handshake") })
	})
	t.Run("client certificate not required", func(t *testing.T) {
		r := listen(t, k.settings(map[string]any{"client_ca": k.ca}))
		if got, err := exchange(r.Addr, k.client(t, false), msh("1", "")); err != nil || r.Intake.Taken()[0].Identity != "" {
			t.Errorf("answer %q, %v", got, err)
		}
	})
	t.Run("1.2 refused", func(t *testing.T) {
		r := listen(t, k.settings(nil))
		c := k.client(t, false)
		c.MaxVersion = tls.VersionTLS12
		if got, err := exchange(r.Addr, c, msh("1", "")); err == nil {
			t.Errorf("answer %q", got)
		}
		drivertest.Until(t, "it was reported", func() bool { return slices.Contains(r.Notes.Codes(), "mllp.tls-handshake") })
	})
	t.Run("1.2 as an exception is said", func(t *testing.T) {
		r := listen(t, k.settings(map[string]any{"min_version": "1.2"}))
		c := k.client(t, false)
		c.MaxVersion = tls.VersionTLS12
		if got, err := exchange(r.Addr, c, msh("1", "")); err != nil {
			t.Errorf("answer %q, %v", got, err)
		}
		if want := []string{"mllp.tls-old", "mllp.tls-old-peer"}; !slices.Equal(r.Notes.Codes(), want) {
			t.Errorf("notes %q, want %q", r.Notes.Codes(), want)
		}
	})
	t.Run("plain text to the TLS port", func(t *testing.T) {
		r := listen(t, k.settings(nil))
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
			pair, err := tls.LoadX509KeyPair(k.cert, k.key)
			return &pair, err
		}
		host := driver.Host{Intake: &drivertest.Intake{}, Log: slog.New(slog.DiscardHandler), Certificate: own}
		if err := d.Start(t.Context(), host); err != nil {
			t.Fatal(err)
		}
		defer d.Stop(t.Context())
		if got, err := exchange(d.Addr().String(), k.client(t, false), string(s.Message(1))); err != nil || !strings.Contains(got, "MSA|AA|1") {
			t.Errorf("answer %q, %v", got, err)
		}
	})
}

// TestUnreadableCertificate: the message a person gets names the setting.
func TestUnreadableCertificate(t *testing.T) {
	k := makeKeys(t)
	for place, settings := range map[string]map[string]any{
		"tls.certificate": {"enabled": true, "certificate": "/no/such.crt", "key": k.key},
		"tls.client_ca":   {"enabled": true, "certificate": k.cert, "key": k.key, "client_ca": k.key},
	} {
		d, err := New(model.Channel{ID: "x", Settings: map[string]any{"listen": "127.0.0.1:0", "tls": settings}})
		if err != nil {
			t.Fatal(err)
		}
		err = d.Start(t.Context(), driver.Host{})
		if fault.CodeOf(err) != "mllp.certificate" || !strings.HasPrefix(err.Error(), place+":") {
			t.Errorf("%s: error %v", place, err)
		}
		if err := d.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestStopCutsHandshakes: half a hello does not hold up the end.
func TestStopCutsHandshakes(t *testing.T) {
	k := makeKeys(t)
	r := listen(t, k.settings(nil))
	p := r.Dial(t)
	p.Write([]byte{0x16, 0x03}) // half a hello and silence
	drivertest.Until(t, "it is served", func() bool { return r.Driver.(*Driver).Status().Peers == 1 })
	if err := r.Driver.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
