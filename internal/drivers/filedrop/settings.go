package filedrop

import (
	"net"
	"path"
	"path/filepath"
	"strings"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
)

// Settings of a folder that is watched.
type Settings struct {
	Folder   string        `yaml:"folder" doc:"folder to take files from; an absolute path, with sftp the path on the server"`
	Depth    int           `yaml:"depth" default:"0" doc:"how many levels of subfolders to look into; 0: none"`
	SFTP     SFTP          `yaml:"sftp"`
	Files    []string      `yaml:"files" doc:"patterns of the names to take, '*' for any letters; all unless told"`
	Complete string        `yaml:"complete" default:"settled" doc:"when a file is whole: settled (it did not change for settle), marker (a file with the ending marker lies beside it), renamed (its writer gives it its name when it is whole)"`
	Settle   time.Duration `yaml:"settle" default:"5s" doc:"how long a file must not have changed"`
	Marker   string        `yaml:"marker" default:".ok" doc:"ending of the file that says that another is whole"`
	Every    time.Duration `yaml:"every" default:"5s" doc:"how often to look"`
	Hours    string        `yaml:"hours" doc:"when to look, such as Mon-Fri 20:00-06:00 or Sat,Sun 00:00-24:00; several with a semicolon; always unless told"`
	Name     string        `yaml:"name" doc:"what the names of files tell, such as {patient}_{serial}_{any}.pdf; of patient, visit, serial, model, time and any; with a / it tells of subfolders too: {patient}/{any}.pdf"`
	Done     string        `yaml:"done" default:"done" doc:"subfolder for files that were taken"`
	Refused  string        `yaml:"refused" default:"refused" doc:"subfolder for files that cannot be taken, each with a report beside"`
	MaxFile  int64         `yaml:"max_file" default:"16MiB" doc:"longest file in bytes; a longer one is refused"`
	Remember time.Duration `yaml:"remember" default:"2160h" doc:"how long a file is known that was taken, so that the same name with the same content counts once"`
}

// SFTP says where the folder is, when it is on another machine.
type SFTP struct {
	Address  string `yaml:"address" doc:"host and port of the SFTP server; empty: the folder is on this machine"`
	User     string `yaml:"user" doc:"name to sign in with"`
	Key      string `yaml:"key" doc:"file with the private key, OpenSSH or PEM, without a passphrase"`
	Password string `yaml:"password" doc:"file whose first line is the password, when there is no key"`
	HostKey  string `yaml:"host_key" doc:"the server's key as ssh-keyscan prints it (ssh-ed25519 AAAA…) or its fingerprint (SHA256:…); another key is refused"`
}

// mostDepth bounds how deep subfolders are looked into.
const mostDepth = 8

// When a file is whole.
const (
	settled = "settled"
	marker  = "marker"
	renamed = "renamed"
)

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	remote := s.SFTP != SFTP{}
	switch {
	case s.Folder == "":
		return invalid("folder", "say which folder the files come in")
	case !remote && !filepath.IsAbs(s.Folder):
		return invalid("folder", "expected an absolute path, such as /srv/lab/in")
	case s.Depth < 0 || s.Depth > mostDepth:
		return invalid("depth", "expected 0 to 8")
	case s.Complete != settled && s.Complete != marker && s.Complete != renamed:
		return invalid("complete", "expected settled, marker or renamed")
	case s.Complete == settled && s.Settle <= 0:
		return invalid("settle", "expected more than 0, such as 5s")
	case s.Complete == marker && (len(s.Marker) < 2 || strings.ContainsAny(s.Marker, "/*")):
		return invalid("marker", "expected an ending such as .ok")
	case s.Every < 100*time.Millisecond:
		return invalid("every", "expected at least 100ms")
	case !plainName(s.Done):
		return invalid("done", "expected the name of a subfolder")
	case !plainName(s.Refused) || s.Refused == s.Done:
		return invalid("refused", "expected the name of a subfolder, another than done")
	case s.MaxFile < 1:
		return invalid("max_file", "expected at least one byte")
	case s.Remember <= 0:
		return invalid("remember", "expected more than 0, such as 2160h")
	}
	for _, p := range s.Files {
		if _, err := path.Match(p, ""); err != nil || p == "" || strings.Contains(p, "/") {
			return invalid("files", "a pattern holds letters of a name, '*' and '?', no '/'")
		}
	}
	if _, err := driver.ParseHours(s.Hours); err != nil {
		return err
	}
	if _, err := parseNames(s.Name); err != nil {
		return err
	}
	if !remote {
		return nil
	}
	return s.SFTP.check()
}

func (s *SFTP) check() error {
	if _, _, err := net.SplitHostPort(s.Address); err != nil {
		return invalid("sftp.address", "expected host:port, such as lab.example:22")
	}
	switch {
	case s.User == "":
		return invalid("sftp.user", "say who signs in")
	case (s.Key == "") == (s.Password == ""):
		return invalid("sftp.key", "give the file of a key, or of a password")
	}
	if _, err := hostKey(s.HostKey); err != nil {
		return err
	}
	return nil
}

// plainName is a name within a folder.
func plainName(s string) bool {
	return s != "" && s != "." && s != ".." && len(s) <= 100 && !strings.ContainsAny(s, "/\\\x00")
}

func invalid(place, text string) error {
	return fault.New(fault.Invalid, "filedrop.setting", "%s", text).At(place)
}
