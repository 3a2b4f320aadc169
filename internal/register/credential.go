package register

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Credential is what a device shows to be let in: a user name with a secret
// made by us, or a certificate (R41, R43). Of secrets only the SHA-256 is
// kept: they are 256 random bits, so nobody finds them from it.
type Credential struct {
	ID       string            `json:"id"`                 // the user name the device gives
	Device   model.DeviceID    `json:"device,omitempty"`   // whose it is; empty for a gateway
	Note     string            `json:"note,omitempty"`     // what it is for
	Client   string            `json:"client,omitempty"`   // the only MQTT client id it may be used with
	Channels []model.ChannelID `json:"channels,omitempty"` // where it holds; empty: on every channel
	// Publish and Subscribe are filters of the topics it may use; %c stands for
	// the client id, %u for the credential's id, %d for the device's.
	Publish   []string  `json:"publish,omitempty"`
	Subscribe []string  `json:"subscribe,omitempty"`
	Expires   time.Time `json:"expires,omitzero"`
	Revoked   time.Time `json:"revoked,omitzero"`
	// Secret and Print are SHA-256 sums in hexadecimal, of the secret and of
	// the certificate (DER). Earlier is the sum of the secret or certificate
	// before the last rotation, which is good until EarlierUntil.
	Secret       string    `json:"secret,omitempty"`
	Print        string    `json:"print,omitempty"`
	Earlier      string    `json:"earlier,omitempty"`
	EarlierUntil time.Time `json:"earlierUntil,omitzero"`
}

// DefaultTopics is what a credential may use when nothing else is said.
func DefaultTopics() []string { return []string{"devices/%u/#"} }

// Credentials is the set of credentials.
func Credentials() Set[Credential] {
	return Set[Credential]{Kind: "credential", id: func(c Credential) string { return c.ID }, check: checkCredential}
}

// mostTopics bounds the filters of one credential.
const mostTopics = 64

func checkCredential(c Credential) error {
	if (c.Secret == "") == (c.Print == "") {
		return fault.New(fault.Invalid, "register.credential", "a credential has a secret or a certificate").At(c.ID)
	}
	if len(c.Note) > 500 || len(c.Client) > 256 || len(c.Publish) > mostTopics || len(c.Subscribe) > mostTopics {
		return fault.New(fault.Invalid, "register.credential", "note, client id or list of topics is too long (500 and 256 characters, %d filters)", mostTopics).At(c.ID)
	}
	for _, f := range slices.Concat(c.Publish, c.Subscribe) {
		if len(f) > 512 || !model.TopicName(f, true) {
			return fault.New(fault.Invalid, "register.credential", "%q is not a topic filter; expected levels such as ward/+/%%c/#", clip(f)).At(c.ID)
		}
		for i := 0; i < len(f); i++ {
			if f[i] != '%' {
				continue
			}
			if i++; i == len(f) || !strings.ContainsRune("cud%", rune(f[i])) {
				return fault.New(fault.Invalid, "register.credential", "in %q only %%c (client id), %%u (credential), %%d (device) and %%%% may follow a per cent sign", clip(f)).At(c.ID)
			}
		}
	}
	return nil
}

// SecretPrefix begins every secret of a device.
const SecretPrefix = "thd_"

// SecretOf writes 32 random bytes as a secret, and gives its sum.
func SecretOf(random [32]byte) (text, sum string) {
	text = SecretPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	return text, SumOf([]byte(text))
}

// SumOf gives the SHA-256 of a secret or certificate in hexadecimal.
func SumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// good says whether a sum opens the credential at a time.
func (c *Credential) good(sum string, now time.Time) bool {
	current := c.Secret + c.Print
	if !c.Revoked.IsZero() || !c.Expires.IsZero() && !now.Before(c.Expires) {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(sum), []byte(current)) == 1 ||
		c.Earlier != "" && now.Before(c.EarlierUntil) && subtle.ConstantTimeCompare([]byte(sum), []byte(c.Earlier)) == 1
}

// filled gives filters with %c, %u and %d filled in. A filter whose placeholder
// is empty, or would bring in wildcards or levels of its own, is left out.
func (c *Credential) filled(filters []string, client string) []string {
	out := make([]string, 0, len(filters))
	for _, f := range filters {
		ok := true
		use := func(mark, value string) {
			if strings.Contains(f, mark) {
				ok = ok && value != "" && !strings.ContainsAny(value, "+#/$\x00")
			}
		}
		use("%c", client)
		use("%u", c.ID)
		use("%d", string(c.Device))
		if ok {
			out = append(out, strings.NewReplacer("%c", client, "%u", c.ID, "%d", string(c.Device), "%%", "%").Replace(f))
		}
	}
	return out
}
