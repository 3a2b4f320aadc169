package fhir

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	codec "thalamus/internal/codec/fhir"
	"thalamus/internal/fault"
)

// Settings of a FHIR destination.
type Settings struct {
	BaseURL      string            `yaml:"base_url" doc:"base of the FHIR R4 server, such as https://ehr.example/fhir"`
	Auth         string            `yaml:"auth" default:"none" doc:"how to sign in: none, bearer (token) or basic (user, password)"`
	Token        string            `yaml:"token" secret:"true" doc:"bearer token"`
	User         string            `yaml:"user" doc:"user name for basic"`
	Password     string            `yaml:"password" secret:"true" doc:"password for basic"`
	Headers      map[string]string `yaml:"headers" secret:"true" doc:"further HTTP headers, sent as they are"`
	Timeout      time.Duration     `yaml:"timeout" default:"30s" doc:"longest wait for one answer"`
	Gzip         bool              `yaml:"gzip" doc:"compress what is sent; the server must take Content-Encoding: gzip"`
	PlainHTTP    bool              `yaml:"plain_http" doc:"allow http:// to another machine, where patients' data can be read on the way"`
	CAFile       string            `yaml:"ca_file" doc:"PEM file of authorities to trust beside the system's and our own"`
	CertFile     string            `yaml:"cert_file" doc:"PEM file of our client certificate"`
	KeyFile      string            `yaml:"key_file" doc:"PEM file of its key"`
	ServerName   string            `yaml:"server_name" doc:"name the server's certificate must have, if not the one in base_url"`
	AskFirst     bool              `yaml:"check" default:"true" doc:"read /metadata before the first delivery and stop if the server takes no R4 transactions"`
	MaxEntries   int               `yaml:"max_entries" default:"500" doc:"most entries in one transaction; what is more goes into further ones. 0: no limit"`
	Provenance   string            `yaml:"provenance" default:"auto" doc:"how Provenance is sent: put (needs update-as-create), tag (conditional by tag), none, or auto: put where /metadata allows it, else tag"`
	KeepPatients bool              `yaml:"keep_patients" doc:"never update a Patient or Encounter the server has; ADT then only creates missing ones"`
	KeepDevices  bool              `yaml:"keep_devices" doc:"never update a Device the server has; what is heard later of one then stays here"`
	GatewayID    string            `yaml:"gateway_id" doc:"EUI-64, 16 hexadecimal digits, by which the server knows this installation as the gateway of personal health devices; empty: one made of the channel's id. Set it where several installations with equal channels send to one server"`
	GatewayClock string            `yaml:"gateway_clock" default:"auto" doc:"how the clock of this machine is set, told with personal health devices: ntp, sntp, gps, radio, other, none, or auto: other where the system says that its clock is synchronised, none where it says not"`
	Systems      map[string]string `yaml:"systems" doc:"URI of an assigning authority as senders write it; the key \"\" is for identifiers without one"`
}

// Check implements conf.Checker.
func (s *Settings) Check() error {
	wrong := func(key, text string, args ...any) error {
		return fault.New(fault.Invalid, "fhir.setting", text, args...).At(key)
	}
	if s.BaseURL == "" {
		return wrong("base_url", "the base of the FHIR server is missing: give a URL such as https://ehr.example/fhir")
	}
	u, err := url.Parse(s.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return wrong("base_url", "expected a URL that begins with https:// or http://")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return wrong("base_url", "no user, query or fragment belongs in the base; use auth, user and password to sign in")
	}
	if u.Scheme == "http" && !s.PlainHTTP && !isLoopback(u.Hostname()) {
		return wrong("base_url", "http:// sends patients' data readable over the network; use https://, or set plain_http: true if the way is protected otherwise")
	}
	switch s.Auth {
	case "none":
		if s.Token != "" || s.User != "" || s.Password != "" {
			return wrong("auth", "a token, user or password is given but auth is none; set auth to bearer or basic")
		}
	case "bearer":
		if s.Token == "" || strings.ContainsAny(s.Token, "\r\n") {
			return wrong("token", "auth bearer needs a token of one line")
		}
	case "basic":
		if s.User == "" || strings.Contains(s.User, ":") {
			return wrong("user", "auth basic needs a user without a colon")
		}
	default:
		return wrong("auth", "expected none, bearer or basic")
	}
	if s.Timeout < time.Second || s.Timeout > 10*time.Minute {
		return wrong("timeout", "expected between 1s and 10m")
	}
	if s.MaxEntries != 0 && s.MaxEntries < 6 {
		return wrong("max_entries", "expected 0 or at least 6: a patient, a device, its gateway, how their clocks stand, an observation and its provenance")
	}
	switch s.Provenance {
	case "auto", string(codec.ProvenancePut), string(codec.ProvenanceTag), string(codec.ProvenanceNone):
	default:
		return wrong("provenance", "expected auto, put, tag or none")
	}
	if b, err := hex.DecodeString(s.GatewayID); err != nil || len(b) != 8 && s.GatewayID != "" {
		return wrong("gateway_id", "expected 16 hexadecimal digits, or nothing")
	}
	if _, ok := clockWords[s.GatewayClock]; !ok && s.GatewayClock != "auto" {
		return wrong("gateway_clock", "expected ntp, sntp, gps, radio, other, none or auto")
	}
	for name, uri := range s.Systems {
		if u, err := url.Parse(uri); err != nil || u.Scheme == "" || strings.ContainsAny(uri, " \t\r\n\"") {
			return wrong("systems."+name, "expected a URI such as urn:oid:1.2.3 or https://hospital.example/mrn")
		}
	}
	for name, value := range s.Headers {
		if !isToken(name) || strings.ContainsAny(value, "\r\n\x00") {
			return wrong("headers."+name, "not an HTTP header: names are letters, digits and '-', values one line")
		}
		switch http.CanonicalHeaderKey(name) {
		case "Authorization", "Content-Type", "Content-Encoding", "Content-Length", "Host":
			return wrong("headers."+name, "this header is set by Thalamus; use auth for Authorization")
		}
	}
	if (s.CertFile == "") != (s.KeyFile == "") {
		return wrong("cert_file", "cert_file and key_file belong together: give both or none")
	}
	return nil
}

func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// tlsConfig reads the certificate files.
func (s *Settings) tlsConfig(roots *x509.CertPool) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.ServerName}
	if roots != nil {
		c.RootCAs = roots
	}
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "fhir.setting", "the file of authorities cannot be read").At("ca_file")
		}
		if c.RootCAs != nil {
			c.RootCAs = c.RootCAs.Clone()
		} else if c.RootCAs, err = x509.SystemCertPool(); err != nil {
			c.RootCAs = x509.NewCertPool()
		}
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "fhir.setting", "%s holds no certificate in PEM form", s.CAFile).At("ca_file")
		}
	}
	if s.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "fhir.setting", "certificate and key cannot be used together").At("cert_file")
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
