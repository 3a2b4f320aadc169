package rest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
)

// authority signs certificates of a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	a.cert, a.key = a.sign("authority", true)
	return a
}

func (a *authority) sign(name string, ca bool) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	by, with := c, key
	if !ca {
		by, with = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, with)
	if err != nil {
		a.t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		a.t.Fatal(err)
	}
	return c, key
}

func (a *authority) pair(name string) tls.Certificate {
	c, key := a.sign(name, false)
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key}
}

// file writes PEM blocks into the folder of the test.
func (a *authority) file(kind string, der []byte) string {
	a.t.Helper()
	path := filepath.Join(a.t.TempDir(), "it.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// A gateway is let in by a client certificate of an authority that is believed;
// one that a stranger signed opens nothing (R3).
func TestClientCertificates(t *testing.T) {
	ours, strangers := newAuthority(t), newAuthority(t)
	server, key := ours.sign("localhost", false)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, required := range []bool{false, true} {
		r := &rig{t: t, folder: t.TempDir(), intake: &drivertest.Intake{}, notes: &drivertest.Notes{}}
		r.admit = func(c driver.Credentials) (driver.Admission, error) {
			if c.Certificate == nil || c.Certificate.Subject.CommonName != "gateway-7" {
				return driver.Admission{}, fault.New(fault.Denied, "access.device", "nobody knows it")
			}
			return driver.Admission{Identity: "gateway-7"}, nil
		}
		r.start(map[string]any{"tls": map[string]any{"enabled": true, "certificate": ours.file("CERTIFICATE", server.Raw), "key": ours.file("PRIVATE KEY", private),
			"client_ca": ours.file("CERTIFICATE", ours.cert.Raw), "require_client": required}})
		pool := x509.NewCertPool()
		pool.AddCert(ours.cert)
		for _, c := range []struct {
			name  string
			shown []tls.Certificate
			want  int // status; 0: no answer at all
		}{
			{"its own", []tls.Certificate{ours.pair("gateway-7")}, http.StatusAccepted},
			{"one that nobody knows", []tls.Certificate{ours.pair("gateway-8")}, http.StatusUnauthorized},
			{"a stranger's of the same name", []tls.Certificate{strangers.pair("gateway-7")}, 0},
			{"none", nil, map[bool]int{false: http.StatusUnauthorized, true: 0}[required]},
		} {
			transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS13,
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					if len(c.shown) == 0 {
						return &tls.Certificate{}, nil
					}
					return &c.shown[0], nil // also where its authority is not asked for
				}}}
			got := 0
			a, err := (&http.Client{Transport: transport, Timeout: drivertest.Patience}).Post("https://"+r.d.Addr().String()+"/ingest/ward", "application/json", bytes.NewReader(reading(1)))
			if err == nil {
				got = a.StatusCode
				a.Body.Close()
			}
			transport.CloseIdleConnections()
			if got != c.want {
				t.Errorf("required %v, %s: status %d, %v; want %d", required, c.name, got, err, c.want)
			}
		}
		if frames := r.intake.Taken(); len(frames) != 1 || frames[0].Identity != "gateway-7" {
			t.Errorf("required %v: %+v", required, frames)
		}
	}
}
