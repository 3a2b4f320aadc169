package pull

import (
	"net/url"
	"strings"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
)

// Settings of an address that is asked by itself.
type Settings struct {
	URL      string        `yaml:"url" doc:"address to ask, https://…; without user or password in it"`
	Every    time.Duration `yaml:"every" default:"1m" doc:"how often to ask"`
	Hours    string        `yaml:"hours" doc:"when to ask, such as Mon-Fri 20:00-06:00; several with a semicolon; always unless told"`
	Each     string        `yaml:"each" default:"answer" doc:"what an entry is: answer (the whole of it) or line (NDJSON: each line)"`
	Cursor   Cursor        `yaml:"cursor"`
	Accept   string        `yaml:"accept" doc:"media type asked for, such as application/fhir+json"`
	Token    string        `yaml:"token" doc:"file whose first line is a bearer token"`
	User     string        `yaml:"user" doc:"name for HTTP Basic authentication"`
	Password string        `yaml:"password" doc:"file whose first line is the password of user"`
	CA       string        `yaml:"ca" doc:"PEM file with the authorities to believe beside the system's"`
	Timeout  time.Duration `yaml:"timeout" default:"1m" doc:"how long an answer may take"`
	MaxBody  int64         `yaml:"max_body" default:"16MiB" doc:"longest answer in bytes; a longer one is not taken"`
	Pages    int           `yaml:"pages" default:"1000" doc:"how many pages one round follows at most; the next round goes on"`
}

// Cursor says from where on to ask the next time.
type Cursor struct {
	Parameter string        `yaml:"parameter" doc:"query parameter that tells the server from where on, such as since or _lastUpdated"`
	From      string        `yaml:"from" default:"none" doc:"where its next value comes from: none, time (when the last round began), header (one of the answer), json (a member of the answer)"`
	Name      string        `yaml:"name" doc:"the header, or the member with dots between: meta.next"`
	Prefix    string        `yaml:"prefix" doc:"put in front of the value, such as ge for FHIR's _lastUpdated"`
	Overlap   time.Duration `yaml:"overlap" default:"0s" doc:"for time: how far to go back, for what the server files late"`
}

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return invalid("url", "expected an address such as https://gateway.example/results")
	case u.User != nil:
		return invalid("url", "no name or password stands in an address; give user and password, or token")
	case s.Every < 100*time.Millisecond:
		return invalid("every", "expected at least 100ms")
	case s.Each != "answer" && s.Each != "line":
		return invalid("each", "expected answer or line")
	case s.Token != "" && s.User != "":
		return invalid("token", "give a token, or a user with a password, not both")
	case (s.User == "") != (s.Password == ""):
		return invalid("password", "user and password are given together or not at all")
	case s.Timeout <= 0:
		return invalid("timeout", "expected more than 0, such as 1m")
	case s.MaxBody < 1:
		return invalid("max_body", "expected at least one byte")
	case s.Pages < 1:
		return invalid("pages", "expected at least 1")
	case strings.ContainsAny(s.Accept, "\r\n"):
		return invalid("accept", "expected a media type")
	}
	if _, err := driver.ParseHours(s.Hours); err != nil {
		return err
	}
	c := &s.Cursor
	switch {
	case c.From != "none" && c.From != "time" && c.From != "header" && c.From != "json":
		return invalid("cursor.from", "expected none, time, header or json")
	case (c.From == "none") != (c.Parameter == ""):
		return invalid("cursor.parameter", "a cursor has a parameter and says where its value comes from; without one both are left out")
	case (c.From == "header" || c.From == "json") != (c.Name != ""):
		return invalid("cursor.name", "header and json need the name of what holds the value; time and none have none")
	case c.Overlap < 0:
		return invalid("cursor.overlap", "expected 0 or more")
	}
	return nil
}

func invalid(place, text string) error {
	return fault.New(fault.Invalid, "pull.setting", "%s", text).At(place)
}
