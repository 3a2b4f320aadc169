package journal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"

	"thalamus/internal/fault"
)

const keySize = 32

func keyIDOf(master []byte) [8]byte {
	sum := sha256.Sum256(append([]byte("thalamus journal master key\x00"), master...))
	return [8]byte(sum[:8])
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// wrapKey puts a new segment key, wrapped by the master key, into the header.
func (h *header) wrapKey(master []byte) (cipher.AEAD, error) {
	wrap, err := gcm(master)
	if err != nil {
		return nil, err
	}
	var key [keySize]byte
	rand.Read(key[:])
	nonce := h.wrapped[:12]
	rand.Read(nonce)
	h.flags |= segEncrypted
	h.keyID = keyIDOf(master)
	wrap.Seal(h.wrapped[:12], nonce, key[:], h.salt[:])
	return gcm(key[:])
}

// unwrapKey finds the segment key with one of the master keys.
func (h *header) unwrapKey(masters [][]byte) (cipher.AEAD, bool) {
	for _, master := range masters {
		if keyIDOf(master) != h.keyID {
			continue
		}
		wrap, err := gcm(master)
		if err != nil {
			continue
		}
		key, err := wrap.Open(nil, h.wrapped[:12], h.wrapped[12:], h.salt[:])
		if err != nil {
			continue
		}
		if aead, err := gcm(key); err == nil {
			return aead, true
		}
	}
	return nil, false
}

func checkKeys(keys [][]byte) error {
	for _, k := range keys {
		if len(k) != keySize {
			return fault.New(fault.Invalid, "journal.key", "a master key has %d bytes; it must have %d", len(k), keySize)
		}
	}
	return nil
}

// cipherOf gives the segment's cipher; nil without an error when the segment
// is not encrypted or its key was destroyed.
func (s *segment) cipherOf(masters [][]byte) (cipher.AEAD, error) {
	if s.head.flags&segEncrypted == 0 || s.head.flags&segDestroyed != 0 {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aead == nil && !s.keyTried {
		s.keyTried = true
		s.aead, _ = s.head.unwrapKey(masters)
	}
	if s.aead == nil {
		return nil, fault.New(fault.Denied, "journal.key", "segment %d is encrypted and no key given opens it; give the master key it was written with", s.id)
	}
	return s.aead, nil
}
