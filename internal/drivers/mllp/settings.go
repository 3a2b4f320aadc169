package mllp

import (
	"net"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
)

// Settings of an MLLP listener.
type Settings struct {
	Listen          string        `yaml:"listen" default:"127.0.0.1:2575" doc:"address and TCP port to listen on; port 0 takes a free one"`
	TLS             driver.TLS    `yaml:"tls"`
	MaxFrame        int           `yaml:"max_frame" default:"16MiB" doc:"longest message in bytes; a longer one is refused with AR"`
	IdleTimeout     time.Duration `yaml:"idle_timeout" default:"1h" doc:"a connection without a message for so long is closed; 0 keeps it"`
	StallTimeout    time.Duration `yaml:"stall_timeout" default:"30s" doc:"how long a sender may pause inside a message, or leave our answers unread"`
	MaxConnections  int           `yaml:"max_connections" default:"1000" doc:"connections at once; further ones are refused and reported"`
	Acknowledgement string        `yaml:"acknowledgement" default:"auto" doc:"auto: as MSH-15/16 ask; original: always AA/AE/AR; enhanced: always CA/CE/CR; never-application: as auto, but MSH-16 is not answered"`
	Charset         string        `yaml:"charset" doc:"MSH-18 of our answers when the sender names no character set, e.g. UNICODE UTF-8"`
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
	}
	if err := s.TLS.Check(); err != nil {
		return err
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
