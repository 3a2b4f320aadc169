package access

import (
	"strings"
	"testing"

	"thalamus/internal/fault"
)

func TestPassword(t *testing.T) {
	stored, err := hashPassword("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(stored, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Error(stored)
	}
	if again, _ := hashPassword("correct horse battery"); again == stored {
		t.Error("two hashes of one password are equal: no salt")
	}
	if !matches(stored, "correct horse battery") || matches(stored, "correct horse batterz") || matches(stored, "") {
		t.Error("matches")
	}
	older := "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQxMjM0NTY$"
	for _, bad := range []string{
		"", "x", "$argon2id$v=19$m=64,t=1,p=1$$", older, "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQxMjM0NTY$c29tZXNhbHQxMjM0NTY",
		"$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQxMjM0NTY$c29tZXNhbHQxMjM0NTY",
		"$argon2id$v=19$m=64,t=4294967295,p=1$c29tZXNhbHQxMjM0NTY$c29tZXNhbHQxMjM0NTY",
		"$argon2id$v=19$m=64,t=1,p=0$c29tZXNhbHQxMjM0NTY$c29tZXNhbHQxMjM0NTY",
	} {
		if matches(bad, "correct horse battery") {
			t.Errorf("%q matches", bad)
		}
	}
}

func TestCheckPassword(t *testing.T) {
	for password, ok := range map[string]bool{
		"correct horse":           true,
		"Straße und Brücke":       true,
		"short":                   false,
		"aaaaaaaaaaaaaaaa":        false,
		"monamona123456":          false,
		"Mona-2026-12345":         false,
		"":                        false,
		"\xff\xfe12345678901x":    false,
		strings.Repeat("ab", 200): false,
	} {
		err := CheckPassword("mona", password)
		if (err == nil) != ok {
			t.Errorf("%q: %v", password, err)
		}
		if err != nil && (fault.KindOf(err) != fault.Invalid || password != "" && strings.Contains(err.Error(), password)) {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}
