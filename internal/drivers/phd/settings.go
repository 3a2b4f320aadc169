package phd

import (
	"encoding/hex"
	"net"
	"strings"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
)

// Settings of a manager of personal health devices.
type Settings struct {
	Listen             string        `yaml:"listen" default:"127.0.0.1:6024" doc:"address and TCP port to which agents connect; port 0 takes a free one"`
	TLS                driver.TLS    `yaml:"tls"`
	Credentials        bool          `yaml:"credentials" default:"false" doc:"let in only devices with the client certificate of a credential (TLS); the protocol itself has no secret to show"`
	Devices            []string      `yaml:"devices" doc:"system ids (EUI-64 in hexadecimal digits) of the devices that may come; all when empty. A device says its own, so this keeps out strangers, not liars"`
	MaxConnections     int           `yaml:"max_connections" default:"200" doc:"connections at once; further ones are refused and reported"`
	AssociationTimeout time.Duration `yaml:"association_timeout" default:"10s" doc:"a peer that does not ask for an association for so long is cut off"`
	ConfigTimeout      time.Duration `yaml:"config_timeout" default:"10s" doc:"how long a device may take to send its configuration once it was asked"`
	ResponseTimeout    time.Duration `yaml:"response_timeout" default:"3s" doc:"how long a device may take to answer"`
	TransferTimeout    time.Duration `yaml:"transfer_timeout" default:"1m" doc:"longest silence while a stored segment is transferred"`
	ReleaseTimeout     time.Duration `yaml:"release_timeout" default:"10s" doc:"how long a device may take to answer that the association ends"`
	StallTimeout       time.Duration `yaml:"stall_timeout" default:"30s" doc:"how long a peer may pause inside a message, or leave our answers unread"`
	IdleTimeout        time.Duration `yaml:"idle_timeout" default:"0s" doc:"an association without a message for so long is aborted; 0 keeps it, as devices may measure once a day"`
	SetTime            bool          `yaml:"set_time" default:"true" doc:"set the clock of devices that ask for it"`
	Transfer           bool          `yaml:"transfer" default:"true" doc:"take what devices have stored in PM-stores when they connect"`
	Clear              bool          `yaml:"clear" default:"false" doc:"delete a stored segment on the device once all of it is durable here; without it the device keeps it and sends it again at its next connection"`
	RememberConfigs    bool          `yaml:"remember_configs" default:"true" doc:"keep configurations that devices sent, so that they need not send them at each connection"`
}

func invalid(place, text string) error {
	return fault.New(fault.Invalid, "phd.setting", "%s", text).At(place)
}

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		return invalid("listen", "expected host:port or :port, such as 0.0.0.0:6024")
	}
	if s.MaxConnections < 1 {
		return invalid("max_connections", "expected at least 1")
	}
	for place, d := range map[string]time.Duration{"association_timeout": s.AssociationTimeout, "config_timeout": s.ConfigTimeout, "response_timeout": s.ResponseTimeout,
		"transfer_timeout": s.TransferTimeout, "release_timeout": s.ReleaseTimeout, "stall_timeout": s.StallTimeout} {
		if d <= 0 {
			return invalid(place, "expected more than 0, such as 10s")
		}
	}
	for i, id := range s.Devices {
		b, err := hex.DecodeString(strings.NewReplacer("-", "", ":", "").Replace(id))
		if err != nil || len(b) == 0 {
			return invalid("devices", "expected system ids such as 0012EE0102030405")
		}
		s.Devices[i] = strings.ToUpper(hex.EncodeToString(b))
	}
	if s.IdleTimeout < 0 {
		return invalid("idle_timeout", "expected 0 or more")
	}
	return s.TLS.Check()
}
