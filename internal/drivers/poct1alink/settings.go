package poct1alink

import (
	"time"

	"thalamus/internal/driver/bytelink"
	"thalamus/internal/fault"
)

// Settings of a POCT1-A link.
type Settings struct {
	Link       bytelink.Settings `yaml:"link"`
	MaxMessage int               `yaml:"max_message" default:"4MiB" doc:"longest document in bytes; a device that sends a longer one is cut off"`
	Continuous bool              `yaml:"continuous" default:"true" doc:"tell devices that can to send further observations by themselves; otherwise the conversation is ended once there is nothing more to ask"`
	SetTime    bool              `yaml:"set_time" default:"false" doc:"set the clock of devices that let it be set"`
	Operators  string            `yaml:"operators" doc:"file with a line id;name;level for each person who may use the devices: sent to those that take operator lists"`
	Idle       time.Duration     `yaml:"idle_timeout" default:"1h" doc:"a connection without a document for so long is closed"`
	Pause      time.Duration     `yaml:"stall_timeout" default:"30s" doc:"how long a device may pause inside a document"`
	Reply      time.Duration     `yaml:"reply_timeout" default:"60s" doc:"how long a device may take to answer a request; then the next one is sent"`
	KeepAlive  time.Duration     `yaml:"keep_alive" default:"0s" doc:"send a keep-alive after so long a silence; 0: never, because not all devices know it"`
	Store      time.Duration     `yaml:"store_wait" default:"8s" doc:"how long an acknowledgement waits for a store that is busy or full before the conversation is broken off"`
}

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	wrong := func(key, text string) error {
		return fault.New(fault.Invalid, "poct1alink.setting", "%s", text).At(key)
	}
	if err := s.Link.Check("link"); err != nil {
		return err
	}
	switch {
	case s.MaxMessage < 4096:
		return wrong("max_message", "expected at least 4096 bytes")
	case s.KeepAlive < 0:
		return wrong("keep_alive", "expected 0 or more")
	}
	for key, d := range map[string]time.Duration{"idle_timeout": s.Idle, "stall_timeout": s.Pause, "reply_timeout": s.Reply, "store_wait": s.Store} {
		if d <= 0 {
			return wrong(key, "expected more than 0, such as 30s")
		}
	}
	return nil
}
