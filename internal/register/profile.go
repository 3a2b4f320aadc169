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
				if size += len(text); strings.ContainsAny(name, `/\`) || strings.HasPrefix(name, ".") || name == "" {
					return fault.New(fault.Invalid, "register.incomplete", "files of a profile lie beside each other; write their names without a path").At("files")
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

const maxProfile = 2 << 20
