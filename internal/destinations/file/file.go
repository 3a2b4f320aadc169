// Package file writes messages as NDJSON files, one line a message, for
// whoever collects them (R25).
//
// On disk: <folder>/<prefix>-YYYYMMDD-NNN.ndjson, the day in UTC, NNN counting
// from 001; a file is ended when the day does or when it has reached max_size.
// Files before the newest are never touched again and may be taken away. A
// message counts as delivered when its line has been synced to disk. After a
// crash a torn last line is cut off, and lines that are there already are not
// written a second time.
package file

import (
	"context"
	"path/filepath"
	"regexp"
	"time"

	"thalamus/internal/conf"
	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Settings of a file destination.
type Settings struct {
	Folder  string `yaml:"folder" doc:"absolute path of the folder to write to; it must exist"`
	Prefix  string `yaml:"prefix" default:"thalamus" doc:"how file names begin; letters, digits, hyphen and underscore"`
	MaxSize int64  `yaml:"max_size" default:"100MiB" doc:"bytes after which another file is begun"`
}

var prefixes = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	switch {
	case !filepath.IsAbs(s.Folder):
		return invalid("folder", "expected an absolute path, such as /var/lib/thalamus/out")
	case !prefixes.MatchString(s.Prefix):
		return invalid("prefix", "expected letters, digits, hyphens and underscores")
	case s.MaxSize < 1024:
		return invalid("max_size", "expected at least 1024 bytes")
	}
	return nil
}

func invalid(place, text string) error {
	return fault.New(fault.Invalid, "file.setting", "%s", text).At(place)
}

// Kind describes this destination.
func Kind() destination.Kind {
	return destination.Kind{
		Name:        "file",
		Doc:         "Writes messages as NDJSON files, rotated by day and size.",
		Settings:    &Settings{},
		MaxBatch:    200,
		Concurrency: 4,
		New: func(d model.Destination, host destination.Host) (destination.Destination, error) {
			return New(d, host)
		},
	}
}

// Destination is one folder and prefix.
type Destination struct{ log *log }

// New checks the settings. The folder is looked at when the first message
// comes, so that a disk that is not mounted yet delays and does not forbid.
func New(d model.Destination, host destination.Host) (*Destination, error) {
	l := &log{open: openFile, now: time.Now, slog: host.Log}
	if err := conf.Decode(d.Settings, &l.settings); err != nil {
		return nil, err
	}
	return &Destination{l}, nil
}

// Deliver writes the parcels' lines and returns when they are on disk.
func (d *Destination) Deliver(ctx context.Context, parcels []destination.Parcel) (destination.Receipt, error) {
	lines := make([]line, len(parcels))
	for i, p := range parcels {
		text, err := p.AppendLine(nil)
		if err != nil {
			return destination.Receipt{}, fault.Wrap(err, fault.Invalid, "file.encode", "the message cannot be written as JSON")
		}
		lines[i] = line{key(p.ID()), text}
	}
	if err := ctx.Err(); err != nil {
		return destination.Receipt{}, fault.Wrap(err, fault.Transient, "file.stopped", "the delivery was stopped")
	}
	name, err := d.log.add(lines)
	if err != nil {
		return destination.Receipt{}, destination.Down{Err: fault.Wrap(err, fault.Transient, "file.write", "cannot write to %s; see that the folder exists, belongs to this user and has room", d.log.settings.Folder)}
	}
	return destination.Receipt{Text: "in " + name}, nil
}

// Close syncs and closes the file.
func (d *Destination) Close() error { return d.log.close() }

var _ destination.Destination = (*Destination)(nil)
