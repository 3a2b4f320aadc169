package ble

import (
	"regexp"
	"strings"
	"time"

	"thalamus/internal/fault"
)

// Settings of a link to Bluetooth LE devices.
type Settings struct {
	Adapter  string        `yaml:"adapter" default:"hci0" doc:"the Bluetooth adapter, as BlueZ names it"`
	Bus      string        `yaml:"bus" default:"system" doc:"where BlueZ is found: system, or the address of a D-Bus"`
	Discover bool          `yaml:"discover" default:"true" doc:"look for devices that offer health services; what is found waits for a person's consent"`
	Records  bool          `yaml:"records" default:"true" doc:"ask glucose meters and continuous glucose monitors for records they stored and we have not"`
	Retry    time.Duration `yaml:"retry" default:"15s" doc:"how long to wait before a device of ours is tried again that could not be connected to"`
	Timeout  time.Duration `yaml:"timeout" default:"40s" doc:"how long BlueZ may take for one thing, such as connecting"`
	Confirm  time.Duration `yaml:"confirm" default:"2m" doc:"how long a person may take to compare the number while a device is being paired"`
	Waiting  int           `yaml:"waiting" default:"10000" doc:"values of a device that are held while they cannot be stored; further ones are lost and reported"`
}

var adapterName = regexp.MustCompile(`^hci[0-9]{1,3}$`)

func invalid(place, text string) error {
	return fault.New(fault.Invalid, "ble.setting", "%s", text).At(place)
}

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	switch {
	case !adapterName.MatchString(s.Adapter):
		return invalid("adapter", "expected a name of BlueZ such as hci0")
	case s.Bus != "system" && !strings.Contains(s.Bus, ":"):
		return invalid("bus", "expected system or the address of a D-Bus")
	case s.Retry <= 0:
		return invalid("retry", "expected more than 0, such as 15s")
	case s.Timeout <= 0:
		return invalid("timeout", "expected more than 0, such as 40s")
	case s.Confirm <= 0:
		return invalid("confirm", "expected more than 0, such as 2m")
	case s.Waiting < 1:
		return invalid("waiting", "expected at least 1")
	}
	return nil
}
