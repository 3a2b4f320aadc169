package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"thalamus/internal/fault"
)

// Authority is the program's own certificate authority (R41). It lies in the
// data folder under tls/: authority.pem to hand out to whoever shall trust
// us, authority.key readable by the owner alone. Server certificates live 90
// days and are renewed when a third of that is left.
type Authority struct {
	dir   string
	names []string

	root *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool

	mu   sync.Mutex
	leaf *tls.Certificate
}

const (
	rootYears = 10
	leafDays  = 90
)

// OpenAuthority opens or makes the authority in dir. Its server certificate
// is for the given names and addresses.
func OpenAuthority(dir string, names []string) (*Authority, error) {
	a := &Authority{dir: dir, names: names}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Broken, "app.authority", "cannot make the folder of the certificate authority").At(dir)
	}
	err := a.load()
	if errors.Is(err, fs.ErrNotExist) {
		err = a.create()
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Broken, "app.authority", "cannot open the own certificate authority; restore its files from a backup, or remove both so that a new one is made and hand that out").At(dir)
	}
	a.pool = x509.NewCertPool()
	a.pool.AddCert(a.root)
	return a, nil
}

// CertificateFile is the path of the authority's certificate.
func (a *Authority) CertificateFile() string { return filepath.Join(a.dir, "authority.pem") }

func (a *Authority) keyFile() string { return filepath.Join(a.dir, "authority.key") }

// Pool holds the authority's certificate.
func (a *Authority) Pool() *x509.CertPool { return a.pool }

func (a *Authority) load() error {
	pair, err := tls.LoadX509KeyPair(a.CertificateFile(), a.keyFile())
	if err != nil {
		return err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("authority.key is not an ECDSA key")
	}
	a.root, a.key = pair.Leaf, key
	return nil
}

func (a *Authority) create() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	host, _ := os.Hostname()
	now := time.Now()
	root := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Thalamus authority " + host, Organization: []string{"Thalamus"}},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(rootYears, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if root.SerialNumber, err = serial(); err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(a.keyFile(), "EC PRIVATE KEY", secret, 0o600); err != nil {
		return err
	}
	if err := writePEM(a.CertificateFile(), "CERTIFICATE", der, 0o644); err != nil {
		return err
	}
	return a.load()
}

// writePEM writes a new file whole or not at all.
func writePEM(path, kind string, der []byte, mode fs.FileMode) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	err = pem.Encode(f, &pem.Block{Type: kind, Bytes: der})
	return errors.Join(err, f.Sync(), f.Close(), os.Rename(tmp, path))
}

func serial() (*big.Int, error) { return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) }

// Issue makes a certificate for names, for servers or for clients (RFC 5280
// §4.2.1.12), with a fresh key held in memory only.
func (a *Authority) Issue(names []string, usage x509.ExtKeyUsage) (*tls.Certificate, error) {
	return a.issue(names, usage, leafDays*24*time.Hour)
}

// IssueClient makes a client certificate for a device: the certificate with
// the authority's behind it and its key as PEM, and its DER. The key is kept
// nowhere.
func (a *Authority) IssueClient(name string, life time.Duration) (cert, key, der []byte, err error) {
	made, err := a.issue([]string{name}, x509.ExtKeyUsageClientAuth, life)
	if err != nil {
		return nil, nil, nil, fault.Wrap(err, fault.Broken, "app.authority", "the own certificate authority could not issue a certificate")
	}
	secret, err := x509.MarshalECPrivateKey(made.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		return nil, nil, nil, fault.Wrap(err, fault.Broken, "app.authority", "the own certificate authority could not issue a certificate")
	}
	for _, one := range made.Certificate {
		cert = append(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one})...)
	}
	return cert, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}), made.Certificate[0], nil
}

func (a *Authority) issue(names []string, usage x509.ExtKeyUsage, life time.Duration) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	leaf := &x509.Certificate{
		Subject:     pkix.Name{CommonName: names[0], Organization: []string{"Thalamus"}},
		NotBefore:   now.Add(-time.Hour),
		NotAfter:    now.Add(life),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else if usage == x509.ExtKeyUsageServerAuth {
			leaf.DNSNames = append(leaf.DNSNames, n)
		}
	}
	if leaf.SerialNumber, err = serial(); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, a.root, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.root.Raw}, PrivateKey: key, Leaf: parsed}, nil
}

// ServerCertificate is for tls.Config.GetCertificate.
func (a *Authority) ServerCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leaf == nil || time.Until(a.leaf.Leaf.NotAfter) < leafDays*24*time.Hour/3 {
		leaf, err := a.Issue(slices.Clone(a.names), x509.ExtKeyUsageServerAuth)
		if err != nil {
			return nil, err
		}
		a.leaf = leaf
	}
	return a.leaf, nil
}
