package driver

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"thalamus/internal/fault"
)

// TLS are the settings of a listener that speaks it; package conf reads them.
type TLS struct {
	Enabled       bool   `yaml:"enabled" default:"false" doc:"speak TLS"`
	Certificate   string `yaml:"certificate" doc:"PEM file with the certificate chain; empty: one of the program's own authority"`
	Key           string `yaml:"key" doc:"PEM file with the private key"`
	ClientCA      string `yaml:"client_ca" doc:"PEM file with the authorities whose client certificates are believed"`
	RequireClient bool   `yaml:"require_client" default:"false" doc:"refuse senders without such a certificate"`
	MinVersion    string `yaml:"min_version" default:"1.3" doc:"1.3, or 1.2 for devices that know no better; 1.2 is reported"`
}

// Check says what is wrong with settings that lie under the key tls.
func (s *TLS) Check() error {
	invalid := func(place, text string) error {
		return fault.New(fault.Invalid, "driver.tls", "%s", text).At(place)
	}
	switch {
	case s.MinVersion != "1.2" && s.MinVersion != "1.3":
		return invalid("tls.min_version", "expected 1.3 or 1.2")
	case (s.Certificate == "") != (s.Key == ""):
		return invalid("tls.key", "certificate and key are given together or not at all")
	case s.RequireClient && s.ClientCA == "":
		return invalid("tls.client_ca", "require_client needs the authorities to believe")
	case !s.Enabled && *s != TLS{MinVersion: s.MinVersion}:
		return invalid("tls.enabled", "other tls settings are given, but enabled is false: nothing would be encrypted")
	}
	return nil
}

// Config reads the files. own gives the certificate of the program's
// authority, nil when there is none (Host.Certificate).
func (s *TLS) Config(own func(*tls.ClientHelloInfo) (*tls.Certificate, error)) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS13}
	if s.MinVersion == "1.2" {
		c.MinVersion = tls.VersionTLS12
	}
	switch {
	case s.Certificate != "":
		pair, err := tls.LoadX509KeyPair(s.Certificate, s.Key)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "driver.certificate", "cannot read certificate and key; both must be PEM files that this user may read and belong together").At("tls.certificate")
		}
		c.Certificates = []tls.Certificate{pair}
	case own != nil:
		c.GetCertificate = own
	default:
		return nil, fault.New(fault.Invalid, "driver.tls", "no certificate is given and the program has no authority of its own").At("tls.certificate")
	}
	if s.ClientCA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(s.ClientCA)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "driver.certificate", "cannot read the client authorities").At("tls.client_ca")
	}
	c.ClientCAs = x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fault.New(fault.Invalid, "driver.certificate", "the file holds no PEM certificate").At("tls.client_ca")
	}
	c.ClientAuth = tls.VerifyClientCertIfGiven
	if s.RequireClient {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}
