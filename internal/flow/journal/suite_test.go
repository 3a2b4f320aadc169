package journal_test

import (
	"testing"

	"thalamus/internal/flow/journal"
	"thalamus/internal/flow/journal/journaltest"
	"thalamus/internal/flow/journal/powercut"
)

func TestContract(t *testing.T) {
	for name, o := range map[string]journal.Options{
		"plain":     {SegmentSize: 512 << 10, Floor: -1},
		"encrypted": {SegmentSize: 512 << 10, Floor: -1, Keys: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}},
	} {
		t.Run(name, func(t *testing.T) {
			journaltest.Run(t, journaltest.Subject{
				Open: func(t *testing.T, dir string) journal.Journal {
					l, err := journal.Open(dir, o)
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { l.Close() })
					return l
				},
				Second: func(dir string) error {
					_, err := journal.Open(dir, o)
					return err
				},
			})
		})
	}
}

func TestDisk(t *testing.T) {
	powercut.Run(t, func(files journal.Files) (journal.Journal, error) {
		return journal.Open(powercut.Dir, journal.Options{SegmentSize: 64 << 10, Floor: -1, Files: files})
	})
}
