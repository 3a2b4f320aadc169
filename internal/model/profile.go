package model

// ProfileID names a DeviceProfile: "acme-vm200" for the profile acme/vm200.
type ProfileID string

// DeviceProfile is a device profile that this house brought in force, as the
// text of its files (R12). Versions of it stay: a message is read with the one
// that was in force when it arrived.
type DeviceProfile struct {
	ID    ProfileID         `json:"id" yaml:"id"`
	Files map[string]string `json:"files" yaml:"files"` // profile.yaml and the table it names
}
