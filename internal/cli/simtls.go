package cli

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"thalamus/internal/fault"
)

// simTLS is how simulated devices speak TLS: nil for plain.
func (c *program) simTLS(secure bool) (*tls.Config, error) {
	if !secure {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.authority != "" {
		pem, err := os.ReadFile(c.authority)
		if err != nil {
			return nil, fileFault(err, c.authority)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "api.authority", "the file holds no PEM certificate").At(c.authority)
		}
	}
	return config, nil
}
