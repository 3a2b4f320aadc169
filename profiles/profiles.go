// Package profiles holds the device profiles that come with the program, one
// folder a model: profile.yaml, tables, cases and a README with the evidence.
package profiles

import (
	"embed"
	"io/fs"
	"path"

	"thalamus/internal/profile"
)

//go:embed */*
var files embed.FS

// All reads the profiles that come with the program.
func All() ([]*profile.Profile, error) { return In(files) }

// In reads the profiles of a file system: every folder with a profile.yaml.
func In(from fs.FS) ([]*profile.Profile, error) {
	var out []*profile.Profile
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() != profile.FileName {
			return err
		}
		p, err := profile.Parse(from, path.Dir(name))
		if err == nil {
			out = append(out, p)
		}
		return err
	})
	return out, err
}
