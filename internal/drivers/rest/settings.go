package rest

import (
	"net"
	"slices"
	"strings"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
)

// Settings of a REST channel.
type Settings struct {
	Listen      string        `yaml:"listen" doc:"address and TCP port of a listener of its own, which also takes client certificates; empty: the program's HTTPS listener, at /ingest/ and the channel's id"`
	TLS         driver.TLS    `yaml:"tls"`
	Formats     []string      `yaml:"formats" default:"json,ndjson,csv,fhir,hl7v2,openmhealth" doc:"what may be sent: json, ndjson, csv, fhir, hl7v2, openmhealth; what the channel's codec reads may always be"`
	MaxBody     int           `yaml:"max_body" default:"8MiB" doc:"longest body of one request in bytes, after decompression; larger batches are uploaded in parts"`
	MaxRows     int           `yaml:"max_rows" default:"10000" doc:"most rows of one request"`
	MaxUpload   int64         `yaml:"max_upload" default:"1GiB" doc:"longest batch uploaded in parts, as it is sent; after decompression it may have eight times as many"`
	UploadSpace int64         `yaml:"upload_space" default:"4GiB" doc:"disk space that unfinished uploads of the channel may take"`
	UploadKeep  time.Duration `yaml:"upload_keep" default:"24h" doc:"an upload to which nothing was added for so long is given up; of a finished one the status is kept so long"`
	Requests    float64       `yaml:"requests_per_second" default:"200" doc:"requests or WebSocket messages a second that one device may send over a while; 0: no limit"`
	Bytes       int64         `yaml:"bytes_per_hour" default:"4GiB" doc:"bytes an hour that one device may send; 0: no limit"`
	Stall       time.Duration `yaml:"stall_timeout" default:"30s" doc:"how long a sender may pause inside a request, or leave our answers unread"`
	Idle        time.Duration `yaml:"idle_timeout" default:"10m" doc:"a WebSocket without a message for so long is asked whether it lives, and closed when it does not answer"`
	Sockets     int           `yaml:"max_sockets" default:"1000" doc:"WebSockets at once"`
	Window      int           `yaml:"window" default:"64" doc:"messages a WebSocket may send before the first is acknowledged"`
	Remember    int           `yaml:"remember" default:"100000" doc:"idempotency keys remembered at most"`
	RememberFor time.Duration `yaml:"remember_for" default:"168h" doc:"how long an idempotency key is remembered"`
}

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	if s.Listen != "" {
		if _, _, err := net.SplitHostPort(s.Listen); err != nil {
			return invalid("listen", "expected host:port or :port, such as 0.0.0.0:8444, or nothing")
		}
	} else if s.TLS.Enabled {
		return invalid("tls.enabled", "without listen the program's HTTPS listener is used, with its own TLS")
	}
	for _, f := range s.Formats {
		if !slices.Contains(formatNames, f) {
			return invalid("formats", "expected some of "+strings.Join(formatNames, ", "))
		}
	}
	switch {
	case s.MaxBody < 1024 || s.MaxBody > 16<<20:
		return invalid("max_body", "expected 1024 bytes to 16 MiB")
	case s.MaxRows < 1 || s.MaxRows > 100_000:
		return invalid("max_rows", "expected 1 to 100000")
	case s.MaxUpload < 0 || s.UploadSpace < 0:
		return invalid("max_upload", "expected 0 bytes or more; 0: no uploads")
	case s.UploadKeep < time.Minute:
		return invalid("upload_keep", "expected a minute or more")
	case s.Requests < 0 || s.Bytes < 0:
		return invalid("requests_per_second", "expected 0 or more")
	case s.Stall <= 0:
		return invalid("stall_timeout", "expected more than 0, such as 30s")
	case s.Idle <= 0:
		return invalid("idle_timeout", "expected more than 0, such as 10m")
	case s.Sockets < 0:
		return invalid("max_sockets", "expected 0 or more")
	case s.Window < 1 || s.Window > 1024:
		return invalid("window", "expected 1 to 1024")
	case s.Remember < 1 || s.Remember > 10_000_000:
		return invalid("remember", "expected 1 to 10000000")
	case s.RememberFor < time.Minute:
		return invalid("remember_for", "expected a minute or more")
	}
	return s.TLS.Check()
}

func invalid(place, text string) error {
	return fault.New(fault.Invalid, "rest.setting", "%s", text).At(place)
}
