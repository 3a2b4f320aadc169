package mqtt

import (
	"crypto/tls"
	"net"
	"time"

	"thalamus/internal/codec/sparkplug"
	"thalamus/internal/driver"
	"thalamus/internal/fault"
)

// Settings of the broker.
type Settings struct {
	Listen         string        `yaml:"listen" default:"127.0.0.1:8883" doc:"address and TCP port to listen on; port 0 takes a free one"`
	WebSocket      string        `yaml:"websocket" doc:"address and port for MQTT over WebSocket, path /mqtt; empty: none. With TLS where tls.enabled says so"`
	TLS            TLS           `yaml:"tls"`
	Anonymous      bool          `yaml:"anonymous" default:"false" doc:"let in who shows no credential; such a device may publish and not subscribe"`
	MaxPacket      int           `yaml:"max_packet" default:"1MiB" doc:"longest packet in bytes; a longer one ends its connection"`
	MaxConnections int           `yaml:"max_connections" default:"20000" doc:"connections at once; further ones are refused and reported"`
	ReceiveMaximum int           `yaml:"receive_maximum" default:"256" doc:"messages of QoS 1 and 2 a device may have under way at once (MQTT 5)"`
	MaxAlias       int           `yaml:"topic_alias_maximum" default:"64" doc:"topic aliases of a connection, each way (MQTT 5)"`
	SparkplugHost  string        `yaml:"sparkplug_host" doc:"id of a Sparkplug host application: the channel says on spBv1.0/STATE/ and this id that it is there; empty: it does not"`
	MaxQueued      int           `yaml:"max_queued" default:"1000" doc:"messages kept for one subscriber that is away or slow; further ones are not kept, and that is reported"`
	MaxRetained    int           `yaml:"max_retained" default:"10000" doc:"retained messages of the channel"`
	MaxSessions    int           `yaml:"max_sessions" default:"50000" doc:"sessions kept, connected or away"`
	MaxExpiry      time.Duration `yaml:"max_session_expiry" default:"168h" doc:"how long a session is kept for a device that is away"`
	KeepAlive      time.Duration `yaml:"max_keep_alive" default:"1h" doc:"longest keep-alive; MQTT 5 clients with a longer one, or none, are told"`
	StallTimeout   time.Duration `yaml:"stall_timeout" default:"30s" doc:"how long a device may take to begin, pause inside a packet, or leave what we send unread"`
}

// TLS settings of the listeners. They differ from those of other drivers in
// being on unless told otherwise: MQTT carries passwords.
type TLS struct {
	Enabled     bool   `yaml:"enabled" default:"true" doc:"speak TLS; false leaves everything readable on the way, passwords too"`
	Certificate string `yaml:"certificate" doc:"PEM file with the certificate chain; empty: one of the program's own authority"`
	Key         string `yaml:"key" doc:"PEM file with the private key"`
	MinVersion  string `yaml:"min_version" default:"1.3" doc:"1.3, or 1.2 for devices that know no better; 1.2 is reported"`
}

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		return invalid("listen", "expected host:port or :port, such as 0.0.0.0:8883")
	}
	if s.WebSocket != "" {
		if _, _, err := net.SplitHostPort(s.WebSocket); err != nil {
			return invalid("websocket", "expected host:port or :port, such as 0.0.0.0:8443")
		}
	}
	switch {
	case s.MaxPacket < 1024 || s.MaxPacket > 16<<20-1024:
		return invalid("max_packet", "expected 1024 bytes or more, and less than 16 MiB")
	case s.MaxConnections < 1 || s.MaxQueued < 1 || s.MaxSessions < 1 || s.MaxRetained < 0:
		return invalid("max_connections", "the bounds of connections, queues and sessions are at least 1")
	case s.ReceiveMaximum < 1 || s.ReceiveMaximum > 65535:
		return invalid("receive_maximum", "expected 1 to 65535")
	case s.MaxAlias < 0 || s.MaxAlias > 65535:
		return invalid("topic_alias_maximum", "expected 0 to 65535")
	case s.SparkplugHost != "" && !sparkplug.HostID(s.SparkplugHost):
		return invalid("sparkplug_host", "expected one level of a topic, such as hospital-1, without / + and #")
	case s.KeepAlive < time.Second || s.KeepAlive > 65535*time.Second:
		return invalid("max_keep_alive", "expected 1s to 18h")
	case s.MaxExpiry < 0 || s.StallTimeout <= 0:
		return invalid("stall_timeout", "expected more than 0, such as 30s")
	case s.TLS.MinVersion != "1.2" && s.TLS.MinVersion != "1.3":
		return invalid("tls.min_version", "expected 1.3 or 1.2")
	case (s.TLS.Certificate == "") != (s.TLS.Key == ""):
		return invalid("tls.key", "certificate and key are given together or not at all")
	case !s.TLS.Enabled && s.TLS.Certificate != "":
		return invalid("tls.enabled", "a certificate is given, but enabled is false: nothing would be encrypted")
	}
	return nil
}

func invalid(place, text string) error {
	return fault.New(fault.Invalid, "mqtt.setting", "%s", text).At(place)
}

// config gives the TLS configuration. A client certificate is asked for and
// not checked against an authority: its holder proves to have the key, and
// Host.Admit knows the certificates that are let in, each by itself.
func (s *TLS) config(own func(*tls.ClientHelloInfo) (*tls.Certificate, error)) (*tls.Config, error) {
	shared := driver.TLS{Enabled: true, Certificate: s.Certificate, Key: s.Key, MinVersion: s.MinVersion}
	c, err := shared.Config(own)
	if err == nil {
		c.ClientAuth = tls.RequestClientCert
	}
	return c, err
}
