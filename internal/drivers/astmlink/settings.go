package astmlink

import (
	"time"

	"thalamus/internal/driver/bytelink"
	"thalamus/internal/fault"
)

// Settings of an ASTM link.
type Settings struct {
	Link       bytelink.Settings `yaml:"link"`
	Checksum   string            `yaml:"checksum" default:"check" doc:"check, or none for instruments whose frames have none"`
	Tolerance  string            `yaml:"tolerance" default:"strict" doc:"strict: frame numbers count up and a transmission begins with ENQ, as LIS01-A2 says; lenient: neither need be, for instruments that do otherwise"`
	MaxFrame   int               `yaml:"max_frame" default:"64000" doc:"longest text of a frame in bytes"`
	MaxMessage int               `yaml:"max_message" default:"16MiB" doc:"longest message in bytes; a longer one is refused"`
	SendFrame  int               `yaml:"send_frame" default:"240" doc:"longest text of the frames we send in bytes: 240 by E1381, up to 63993 by LIS01-A2"`
	Orders     string            `yaml:"orders" doc:"folder with an order file NAME.astm for each specimen id; without it queries are answered with 'no information'"`

	Receive    time.Duration `yaml:"receive_timeout" default:"30s" doc:"how long an instrument may pause inside a transmission"`
	Reply      time.Duration `yaml:"reply_timeout" default:"15s" doc:"how long we wait for an answer to what we send"`
	Busy       time.Duration `yaml:"busy_wait" default:"10s" doc:"how long we wait before asking an instrument again that was busy, and refuse transmissions after one could not be stored"`
	Contention time.Duration `yaml:"contention_wait" default:"20s" doc:"how long we wait after both sides asked to send at once: the instrument goes first"`
	Store      time.Duration `yaml:"store_wait" default:"8s" doc:"how long a frame's answer waits for a store that is busy or full before the frame is refused"`
}

const (
	checksumCheck, checksumNone       = "check", "none"
	toleranceStrict, toleranceLenient = "strict", "lenient"
)

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	wrong := func(key, text string) error {
		return fault.New(fault.Invalid, "astmlink.setting", "%s", text).At(key)
	}
	if err := s.Link.Check("link"); err != nil {
		return err
	}
	switch {
	case s.Checksum != checksumCheck && s.Checksum != checksumNone:
		return wrong("checksum", "expected check or none")
	case s.Tolerance != toleranceStrict && s.Tolerance != toleranceLenient:
		return wrong("tolerance", "expected strict or lenient")
	case s.MaxFrame < 240:
		return wrong("max_frame", "expected at least 240 bytes")
	case s.MaxMessage < s.MaxFrame:
		return wrong("max_message", "expected at least as much as max_frame")
	case s.SendFrame < 64 || s.SendFrame > 63993:
		return wrong("send_frame", "expected 64 to 63993 bytes")
	}
	for key, d := range map[string]time.Duration{"receive_timeout": s.Receive, "reply_timeout": s.Reply, "busy_wait": s.Busy, "contention_wait": s.Contention, "store_wait": s.Store} {
		if d <= 0 {
			return wrong(key, "expected more than 0, such as 10s")
		}
	}
	return nil
}
