package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"thalamus/internal/fault"
)

// Cost of argon2id, as OWASP's password storage guide asks at least: 19 MiB,
// two passes, one lane. The cost stands in each stored hash, so that it can be
// raised later and older hashes still hold.
type cost struct {
	memoryKiB uint32
	passes    uint32
	lanes     uint8
}

const (
	hashMemoryKiB = 19 * 1024
	hashPasses    = 2
	hashLanes     = 1
	hashLength    = 32
	saltLength    = 16
)

// CheckPassword refuses passwords that are easy to guess: shorter than 12
// characters, longer than 256 bytes, the account's name, one character
// repeated.
func CheckPassword(name, password string) error {
	short := utf8.RuneCountInString(password) < 12
	long := len(password) > 256
	folded := strings.ToLower(password)
	trivial := password != "" && (strings.Trim(password, password[:1]) == "" || name != "" && strings.Trim(strings.ReplaceAll(folded, strings.ToLower(name), ""), "0123456789!.-_ ") == "")
	if short || long || trivial || !utf8.ValidString(password) {
		return fault.New(fault.Invalid, "access.password", "choose another password: 12 characters or more (at most 256 bytes), not the account's name, not one character repeated")
	}
	return nil
}

// hashPassword gives "$argon2id$v=19$m=…,t=…,p=…$salt$hash".
func hashPassword(password string) (string, error) {
	salt := make([]byte, saltLength)
	if _, err := rand.Read(salt); err != nil {
		return "", fault.Wrap(err, fault.Broken, "access.random", "the system gives no random numbers")
	}
	c := cost{hashMemoryKiB, hashPasses, hashLanes}
	sum := argon2.IDKey([]byte(password), salt, c.passes, c.memoryKiB, c.lanes, hashLength)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memoryKiB, c.passes, c.lanes, b64.EncodeToString(salt), b64.EncodeToString(sum)), nil
}

// matches compares a password with a stored hash in constant time. A hash that
// cannot be read, or whose cost is absurd, matches nothing.
func matches(stored, password string) bool {
	part := strings.Split(stored, "$")
	if len(part) != 6 || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return false
	}
	var c cost
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &c.memoryKiB, &c.passes, &c.lanes); err != nil {
		return false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(part[4])
	want, err2 := base64.RawStdEncoding.DecodeString(part[5])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(want) < 16 || len(want) > 128 ||
		c.memoryKiB < 8 || c.memoryKiB > 256*1024 || c.passes < 1 || c.passes > 16 || c.lanes < 1 || c.lanes > 16 {
		return false
	}
	have := argon2.IDKey([]byte(password), salt, c.passes, c.memoryKiB, c.lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(have, want) == 1
}
