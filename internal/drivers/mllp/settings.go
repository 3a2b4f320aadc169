package mllp

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"time"

	"thalamus/internal/fault"
)

// Settings of an MLLP listener.
type Settings struct {
	Listen          string        `yaml:"listen" default:"127.0.0.1:2575" doc:"address and TCP port to listen on; port 0 takes a free one"`
	TLS             TLS           `yaml:"tls"`
	MaxFrame        int           `yaml:"max_frame" default:"16MiB" doc:"longest message in bytes; a longer one is refused with AR"`
	IdleTimeout     time.Duration `yaml:"idle_timeout" default:"1h" doc:"a connection without a message for so long is closed; 0 keeps it"`
	StallTimeout    time.Duration `yaml:"stall_timeout" default:"30s" doc:"how long a sender may pause inside a message, or leave our answers unread"`
	MaxConnections  int           `yaml:"max_connections" default:"1000" doc:"connections at once; further ones are refused and reported"`
	Acknowledgement string        `yaml:"acknowledgement" default:"auto" doc:"auto: as MSH-15/16 ask; original: always AA/AE/AR; enhanced: always CA/CE/CR; never-application: as auto, but MSH-16 is not answered"`
	Charset         string        `yaml:"charset" doc:"MSH-18 of our answers when the sender names no character set, e.g. UNICODE UTF-8"`
}

// TLS settings of the listener (MLLPS).
type TLS struct {
	Enabled       bool   `yaml:"enabled" default:"false" doc:"speak TLS"`
	Certificate   string `yaml:"certificate" doc:"PEM file with the certificate chain; empty: one of the program's own authority"`
	Key           string `yaml:"key" doc:"PEM file with the private key"`
	ClientCA      string `yaml:"client_ca" doc:"PEM file with the authorities whose client certificates are believed"`
	RequireClient bool   `yaml:"require_client" default:"false" doc:"refuse senders without such a certificate"`
	MinVersion    string `yaml:"min_version" default:"1.3" doc:"1.3, or 1.2 for devices that know no better; 1.2 is reported"`
}

// Ways of answering.
const (
	ackAuto             = "auto"
	ackOriginal         = "original"
	ackEnhanced         = "enhanced"
	ackNeverApplication = "never-application"
)

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		return invalid("listen", "expected host:port or :port, such as 0.0.0.0:2575")
	}
	switch s.Acknowledgement {
	case ackAuto, ackOriginal, ackEnhanced, ackNeverApplication:
	default:
		return invalid("acknowledgement", "expected auto, original, enhanced or never-application")
	}
	switch {
	case s.MaxFrame < 1024:
		return invalid("max_frame", "expected at least 1024 bytes")
	case s.MaxConnections < 1:
		return invalid("max_connections", "expected at least 1")
	case s.IdleTimeout < 0:
		return invalid("idle_timeout", "expected 0 or more")
	case s.StallTimeout <= 0:
		return invalid("stall_timeout", "expected more than 0, such as 30s")
	case s.TLS.MinVersion != "1.2" && s.TLS.MinVersion != "1.3":
		return invalid("tls.min_version", "expected 1.3 or 1.2")
	case (s.TLS.Certificate == "") != (s.TLS.Key == ""):
		return invalid("tls.key", "certificate and key are given together or not at all")
	case s.TLS.RequireClient && s.TLS.ClientCA == "":
		return invalid("tls.client_ca", "require_client needs the authorities to believe")
	case !s.TLS.Enabled && s.TLS != TLS{MinVersion: s.TLS.MinVersion}:
		return invalid("tls.enabled", "other tls settings are given, but enabled is false: nothing would be encrypted")
	}
	for _, c := range s.Charset {
		if c < ' ' || c > '~' || c == '|' {
			return invalid("charset", "expected a name of HL7 table 0211 such as UNICODE UTF-8 or 8859/1")
		}
	}
	return nil
}

func invalid(place, text string) error {
	return fault.New(fault.Invalid, "mllp.setting", "%s", text).At(place)
}

// config reads the files and gives the TLS configuration. own is the
// certificate of the program's authority, nil when there is none.
func (s *TLS) config(own func(*tls.ClientHelloInfo) (*tls.Certificate, error)) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS13}
	if s.MinVersion == "1.2" {
		c.MinVersion = tls.VersionTLS12
	}
	switch {
	case s.Certificate != "":
		pair, err := tls.LoadX509KeyPair(s.Certificate, s.Key)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "mllp.certificate", "cannot read certificate and key; both must be PEM files that this user may read and belong together").At("tls.certificate")
		}
		c.Certificates = []tls.Certificate{pair}
	case own != nil:
		c.GetCertificate = own
	default:
		return nil, invalid("tls.certificate", "no certificate is given and the program has no authority of its own")
	}
	if s.ClientCA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(s.ClientCA)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "mllp.certificate", "cannot read the client authorities").At("tls.client_ca")
	}
	c.ClientCAs = x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fault.New(fault.Invalid, "mllp.certificate", "the file holds no PEM certificate").At("tls.client_ca")
	}
	c.ClientAuth = tls.VerifyClientCertIfGiven
	if s.RequireClient {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}
