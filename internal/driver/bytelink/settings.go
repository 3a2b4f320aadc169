package bytelink

import (
	"cmp"
	"net"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Settings of a byte link. Exactly one of Listen, Connect and Port is given.
type Settings struct {
	Listen         string        `yaml:"listen" doc:"address and TCP port to listen on, for instruments and terminal servers that connect by themselves; port 0 takes a free one"`
	Connect        string        `yaml:"connect" doc:"host:port of a terminal server or instrument to connect to"`
	Port           string        `yaml:"port" doc:"serial port: a path such as /dev/serial/by-id/usb-FTDI_FT232R_A600XYZ-if00-port0, or usb:VID:PID or usb:VID:PID:SERIAL"`
	Profile        string        `yaml:"profile" doc:"device profile that says how the line is set, where the five keys below are not given here, such as draeger/evita; with port or telnet: rfc2217"`
	Baud           int           `yaml:"baud" default:"9600" doc:"bits a second of the serial port"`
	DataBits       int           `yaml:"data_bits" default:"8" doc:"5, 6, 7 or 8"`
	Parity         string        `yaml:"parity" default:"none" doc:"none, odd, even, mark or space"`
	StopBits       string        `yaml:"stop_bits" default:"1" doc:"1, 1.5 or 2"`
	Flow           string        `yaml:"flow" default:"none" doc:"flow control: none, rts-cts by wires, or xon-xoff by characters, which suits protocols without bytes 11h and 13h; with port on Linux, or with telnet: rfc2217"`
	Telnet         string        `yaml:"telnet" default:"none" doc:"with connect: none, or rfc2217 for a terminal server that is told the settings of its port"`
	Retry          time.Duration `yaml:"retry" default:"5s" doc:"longest pause before a port or connection that failed is tried again"`
	Stall          time.Duration `yaml:"stall_timeout" default:"30s" doc:"how long a peer may leave what we send unread"`
	MaxConnections int           `yaml:"max_connections" default:"64" doc:"with listen: connections at once; further ones are refused and reported"`
}

// Check says what is wrong; at is the key under which the settings stand.
func (s *Settings) Check(at string) error {
	wrong := func(key, text string) error {
		return fault.New(fault.Invalid, "serial.setting", "%s", text).At(at + "." + key)
	}
	given := 0
	for _, one := range []string{s.Listen, s.Connect, s.Port} {
		if one != "" {
			given++
		}
	}
	key, expected := model.Line{Baud: cmp.Or(s.Baud, -1), DataBits: cmp.Or(s.DataBits, -1), Parity: cmp.Or(s.Parity, "?"), StopBits: cmp.Or(s.StopBits, "?"), Flow: cmp.Or(s.Flow, "?")}.Wrong()
	switch {
	case given != 1:
		return fault.New(fault.Invalid, "serial.setting", "give one of listen, connect and port: where the device is").At(at)
	case s.Listen != "" && !address(s.Listen):
		return wrong("listen", "expected host:port or :port, such as 0.0.0.0:4001")
	case s.Connect != "" && !address(s.Connect):
		return wrong("connect", "expected host:port, such as 192.0.2.7:4001")
	case strings.HasPrefix(s.Port, usbPrefix) && !validUSB(s.Port):
		return wrong("port", "expected usb:VID:PID or usb:VID:PID:SERIAL with four hexadecimal digits each, such as usb:0403:6001")
	case key != "":
		return wrong(key, expected)
	case s.Flow != "none" && s.Port == "" && s.Telnet != "rfc2217":
		return wrong("flow", "flow control needs a port of this machine, or a terminal server that is told of it by telnet: rfc2217")
	case s.Flow != "none" && s.Port != "" && !flowHere:
		return wrong("flow", "flow control of this machine's own ports works on Linux alone; let a terminal server do it")
	case s.Telnet != "none" && s.Telnet != "rfc2217":
		return wrong("telnet", "expected none or rfc2217")
	case s.Telnet == "rfc2217" && s.Connect == "":
		return wrong("telnet", "rfc2217 needs connect: the terminal server is the one that is called")
	case s.Retry <= 0:
		return wrong("retry", "expected more than 0, such as 5s")
	case s.Stall <= 0:
		return wrong("stall_timeout", "expected more than 0, such as 30s")
	case s.MaxConnections < 1:
		return wrong("max_connections", "expected at least 1")
	}
	return nil
}

func address(s string) bool {
	_, _, err := net.SplitHostPort(s)
	return err == nil
}
