package register

import (
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Profiles is the set of device profiles that this house brought in force
// (R12).
func Profiles() Set[model.DeviceProfile] {
	return Set[model.DeviceProfile]{
		Kind: "profile",
		id:   func(p model.DeviceProfile) string { return string(p.ID) },
		check: func(p model.DeviceProfile) error {
			size := 0
			for name, text := range p.Files {
				if size += len(text); !fileName(name) {
					return fault.New(fault.Invalid, "register.incomplete", "files of a profile lie beside each other, and cases in cases/NAME; write their names so").At("files")
				}
			}
			if p.Files["profile.yaml"] == "" {
				return fault.New(fault.Invalid, "register.incomplete", "a profile needs the file profile.yaml").At("files")
			}
			if size > maxProfile {
				return fault.New(fault.Invalid, "register.incomplete", "the files of a profile may have no more than %d bytes", maxProfile).At("files")
			}
			return nil
		},
	}
}

// fileName says whether a profile may have a file of this name: beside
// profile.yaml, or in a folder of a case.
func fileName(name string) bool {
	parts := strings.Split(name, "/")
	if len(parts) != 1 && (len(parts) != 3 || parts[0] != "cases") {
		return false
	}
	for _, p := range parts {
		if p == "" || p[0] == '.' || strings.Contains(p, `\`) {
			return false
		}
	}
	return true
}

const maxProfile = 2 << 20
