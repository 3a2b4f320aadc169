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
	if s.head.flags&segEncrypted == 0 || s.destroyed.Load() {
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

// Destroy makes the payloads of an encrypted segment unreadable for good by
// destroying its key; numbers, origins, times and hashes stay, and the chain
// still verifies. Faults: Absent journal.segment; Conflict journal.segment
// when it is not encrypted, journal.held.
func (l *Log) Destroy(id SegmentID, reason string) error {
	s := l.find(id)
	switch {
	case s == nil:
		return noSegment(id)
	case s.rot:
		return rotFault("both copies of the segment's header are unreadable").At(s.path)
	case s.head.flags&segEncrypted == 0:
		return fault.New(fault.Conflict, "journal.segment", "segment %d is not encrypted: it has no key to destroy; drop it or redact its entries", id)
	case s.destroyed.Load():
		return nil
	}
	l.finish(s)
	l.altering.Lock()
	defer l.altering.Unlock()
	if l.acts.holds()[id] != "" {
		return heldFault(id)
	}
	if err := l.acts.note(act{Act: "destroy", Segment: id, Reason: reason}); err != nil {
		return err
	}
	if err := l.destroyKey(s); err != nil {
		return syncFault(err)
	}
	return nil
}

// destroyKey overwrites the wrapped key in both copies of the header.
func (l *Log) destroyKey(s *segment) error {
	f, err := l.files.Open(s.path, true)
	if err != nil {
		return err
	}
	defer f.Close()
	gone := s.head
	gone.flags |= segDestroyed
	gone.wrapped = [60]byte{}
	b := make([]byte, headerCopy)
	gone.encode(b)
	for _, at := range []int64{0, headerBlock} {
		if _, err := f.WriteAt(b, at); err != nil {
			return err
		}
		if err := f.Sync(); err != nil { // one good copy at every moment
			return err
		}
	}
	s.destroyed.Store(true)
	l.recent.forget(s)
	s.mu.Lock()
	s.aead = nil
	s.mu.Unlock()
	return nil
}

// finishDestructions does again what a crash may have left half done.
func (l *Log) finishDestructions() error {
	for _, s := range l.list() {
		if l.acts.destroyed[s.id] && !s.destroyed.Load() && !s.rot {
			if err := l.destroyKey(s); err != nil {
				return openFault(err, s.path)
			}
		}
	}
	return nil
}
