package app

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"

	"thalamus/internal/fault"
)

func TestAuthoritySurvivesRestartAndServesTLS13(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	first, err := OpenAuthority(dir, []string{"localhost", "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	a, err := OpenAuthority(dir, []string{"localhost", "127.0.0.1"})
	if err != nil || !a.root.Equal(first.root) {
		t.Fatal("the authority changed over a restart", err)
	}
	if st, _ := os.Stat(filepath.Join(dir, "authority.key")); st.Mode().Perm() != 0o600 {
		t.Errorf("key file mode %v", st.Mode())
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: a.ServerCertificate, MinVersion: tls.VersionTLS13,
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool()})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err == nil {
			c.Write([]byte("x"))
			c.Close()
		}
	}()
	mine, err := a.Issue([]string{"monitor 7"}, x509.ExtKeyUsageClientAuth)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	c, err := tls.Dial("tcp", "localhost:"+port, &tls.Config{RootCAs: first.Pool(), Certificates: []tls.Certificate{*mine}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}

func TestAuthorityDamagedIsSaid(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenAuthority(dir, []string{"localhost"}); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "authority.key"), []byte("x"), 0o600)
	if _, err := OpenAuthority(dir, nil); fault.CodeOf(err) != "app.authority" {
		t.Error(err)
	}
}
