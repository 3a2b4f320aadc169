package hl7v2

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"time"

	"thalamus/internal/fault"
)

// Settings of an HL7 v2 destination.
type Settings struct {
	Address              string        `yaml:"address" doc:"host:port of the MLLP receiver"`
	TLS                  TLS           `yaml:"tls"`
	Mode                 string        `yaml:"mode" default:"as_received" doc:"as_received: the bytes as they came, only MSH fields named here are changed; rebuilt: ORU written anew with MDC codes, UCUM units and UTC times"`
	Connections          int           `yaml:"connections" default:"4" doc:"connections at most; each has one message under way"`
	ConnectTimeout       time.Duration `yaml:"connect_timeout" default:"10s" doc:"for a connection, TLS included"`
	Timeout              time.Duration `yaml:"timeout" default:"30s" doc:"for the acknowledgement of one message"`
	Acknowledgement      string        `yaml:"acknowledgement" default:"accept" doc:"accept: CA or AA counts as delivered; application: only AA does"`
	SendingApplication   string        `yaml:"sending_application" default:"THALAMUS" doc:"MSH-3 of rebuilt messages"`
	SendingFacility      string        `yaml:"sending_facility" doc:"MSH-4 of rebuilt messages; empty: the sender's"`
	ReceivingApplication string        `yaml:"receiving_application" doc:"MSH-5; empty: as received"`
	ReceivingFacility    string        `yaml:"receiving_facility" doc:"MSH-6; empty: as received"`
}

// TLS settings of the connection (MLLPS).
type TLS struct {
	Enabled     bool   `yaml:"enabled" default:"false" doc:"speak TLS"`
	Roots       string `yaml:"roots" doc:"PEM file with the authorities to believe; empty: the system's and the program's own"`
	Certificate string `yaml:"certificate" doc:"PEM file with our certificate chain, for receivers that ask for one"`
	Key         string `yaml:"key" doc:"PEM file with its private key"`
	ServerName  string `yaml:"server_name" doc:"name the receiver's certificate must bear; empty: the host of the address"`
	MinVersion  string `yaml:"min_version" default:"1.3" doc:"1.3, or 1.2 for receivers that know no better"`
}

const (
	asReceived = "as_received"
	rebuilt    = "rebuilt"

	ackAccept      = "accept"
	ackApplication = "application"
)

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	if host, port, err := net.SplitHostPort(s.Address); err != nil || host == "" || port == "" {
		return invalid("address", "expected host:port, such as ehr.example.org:2575")
	}
	switch {
	case s.Mode != asReceived && s.Mode != rebuilt:
		return invalid("mode", "expected as_received or rebuilt")
	case s.Acknowledgement != ackAccept && s.Acknowledgement != ackApplication:
		return invalid("acknowledgement", "expected accept or application")
	case s.Connections < 1:
		return invalid("connections", "expected at least 1")
	case s.Timeout <= 0:
		return invalid("timeout", "expected more than 0, such as 30s")
	case s.ConnectTimeout <= 0:
		return invalid("connect_timeout", "expected more than 0, such as 10s")
	case s.TLS.MinVersion != "1.2" && s.TLS.MinVersion != "1.3":
		return invalid("tls.min_version", "expected 1.3 or 1.2")
	case (s.TLS.Certificate == "") != (s.TLS.Key == ""):
		return invalid("tls.key", "certificate and key are given together or not at all")
	case !s.TLS.Enabled && s.TLS != TLS{MinVersion: s.TLS.MinVersion}:
		return invalid("tls.enabled", "other tls settings are given, but enabled is false: nothing would be encrypted")
	}
	return nil
}

func invalid(place, text string) error {
	return fault.New(fault.Invalid, "hl7v2dest.setting", "%s", text).At(place)
}

// config reads the files and gives the TLS configuration, nil for plain. own
// is the program's authority beside the system's.
func (s *Settings) config(own *x509.CertPool) (*tls.Config, error) {
	if !s.TLS.Enabled {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: own, ServerName: s.TLS.ServerName}
	if s.TLS.MinVersion == "1.2" {
		c.MinVersion = tls.VersionTLS12
	}
	if c.ServerName == "" {
		c.ServerName, _, _ = net.SplitHostPort(s.Address)
	}
	if s.TLS.Roots != "" {
		pem, err := os.ReadFile(s.TLS.Roots)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "hl7v2dest.certificate", "cannot read the authorities").At("tls.roots")
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "hl7v2dest.certificate", "the file holds no PEM certificate").At("tls.roots")
		}
	}
	if s.TLS.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(s.TLS.Certificate, s.TLS.Key)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "hl7v2dest.certificate", "cannot read certificate and key; both must be PEM files that this user may read and belong together").At("tls.certificate")
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
