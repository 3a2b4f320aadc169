package mqttclient

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"time"

	"thalamus/internal/codec/sparkplug"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Settings of a subscription at an outside broker.
type Settings struct {
	Address   string        `yaml:"address" doc:"host and port of the broker, such as broker.example.org:8883"`
	Topics    []string      `yaml:"topics" doc:"filters to subscribe to, such as ward/+/vitals"`
	QoS       int           `yaml:"qos" default:"1" doc:"0, 1 or 2; with 0 what comes while we are away is lost"`
	Version   string        `yaml:"version" default:"5" doc:"5, or 3.1.1 for brokers that know no better"`
	ClientID  string        `yaml:"client_id" doc:"client id; empty: thalamus- and the channel's id"`
	User      string        `yaml:"user" doc:"user name"`
	Password  string        `yaml:"password" secret:"true" doc:"password"`
	TLS       TLS           `yaml:"tls"`
	KeepAlive time.Duration `yaml:"keep_alive" default:"60s" doc:"how often we show that we are there"`
	Expiry    time.Duration `yaml:"session_expiry" default:"168h" doc:"how long the broker shall keep what comes while we are away (MQTT 5)"`
	Host      string        `yaml:"sparkplug_host" doc:"id of a Sparkplug host application: the channel says on spBv1.0/STATE/ and this id whether it is there, and has a clean session, as the standard asks; empty: it does not"`
	MaxPacket int           `yaml:"max_packet" default:"1MiB" doc:"longest packet taken, in bytes"`
}

// TLS settings towards the broker.
type TLS struct {
	Enabled     bool   `yaml:"enabled" default:"true" doc:"speak TLS; false leaves everything readable on the way, passwords too"`
	CA          string `yaml:"ca" doc:"PEM file with the authorities that may vouch for the broker; empty: those of this machine"`
	Certificate string `yaml:"certificate" doc:"PEM file with our own certificate, where the broker asks for one"`
	Key         string `yaml:"key" doc:"PEM file with its private key"`
	ServerName  string `yaml:"server_name" doc:"name in the broker's certificate; empty: the address's"`
}

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	if host, _, err := net.SplitHostPort(s.Address); err != nil || host == "" {
		return invalid("address", "expected host:port, such as broker.example.org:8883")
	}
	if len(s.Topics) == 0 {
		return invalid("topics", "expected at least one filter, such as ward/+/vitals")
	}
	for _, t := range s.Topics {
		if !model.TopicName(t, true) {
			return invalid("topics", "a filter has levels between slashes, + for one level and # at its end for the rest")
		}
	}
	switch {
	case s.QoS < 0 || s.QoS > 2:
		return invalid("qos", "expected 0, 1 or 2")
	case s.Version != "5" && s.Version != "3.1.1":
		return invalid("version", "expected 5 or 3.1.1")
	case s.Host != "" && !sparkplug.HostID(s.Host):
		return invalid("sparkplug_host", "expected one level of a topic, such as hospital-1, without / + and #")
	case s.KeepAlive < time.Second || s.KeepAlive > 65535*time.Second:
		return invalid("keep_alive", "expected 1s to 18h")
	case s.MaxPacket < 1024 || s.MaxPacket > 16<<20-1024:
		return invalid("max_packet", "expected 1024 bytes or more, and less than 16 MiB")
	case (s.TLS.Certificate == "") != (s.TLS.Key == ""):
		return invalid("tls.key", "certificate and key are given together or not at all")
	case s.Password != "" && s.User == "":
		return invalid("user", "a password needs a user name")
	}
	return nil
}

func invalid(place, text string) error {
	return fault.New(fault.Invalid, "mqttclient.setting", "%s", text).At(place)
}

// config reads the files; nil when TLS is off.
func (s *Settings) config() (*tls.Config, error) {
	if !s.TLS.Enabled {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.TLS.ServerName}
	if c.ServerName == "" {
		c.ServerName, _, _ = net.SplitHostPort(s.Address)
	}
	if s.TLS.CA != "" {
		text, err := os.ReadFile(s.TLS.CA)
		c.RootCAs = x509.NewCertPool()
		if err != nil || !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fault.New(fault.Invalid, "mqttclient.certificate", "the file cannot be read or holds no PEM certificate").At("tls.ca")
		}
	}
	if s.TLS.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(s.TLS.Certificate, s.TLS.Key)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "mqttclient.certificate", "cannot read certificate and key; both must be PEM files that this user may read and belong together").At("tls.certificate")
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
