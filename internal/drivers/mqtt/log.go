package mqtt

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"thalamus/internal/fault"
)

// stateLog is the file in which the broker keeps what must outlive it:
// sessions, subscriptions, packet identifiers received, messages owed,
// retained messages and wills. It is a list of records, each with length and
// CRC32C; what follows the last whole record is cut off at the start. When it
// has grown to several times what is in force, it is written anew beside and
// takes its own place.
//
// Records are added under the broker's lock, in the order of what they say.
// One goroutine writes and syncs: all that was added meanwhile shares a sync.
type stateLog struct {
	folder   string
	snapshot func() []byte // the state as framed records; takes the broker's lock
	note     func(error)

	mu      sync.Mutex
	cond    *sync.Cond
	file    *os.File
	size    int64 // written, whole records
	whole   int64 // size after the last snapshot
	unnamed bool  // the file's name is not on the disk yet; run alone reads it
	pending []byte
	added   uint64 // records' bytes ever added
	synced  uint64 // of those, on the disk
	failed  error  // of the last try to write, nil when it worked
	tries   uint64 // to write
	closed  bool
	ended   chan struct{}
}

const (
	logName   = "sessions.log"
	logMagic  = "thalamus mqtt 1\n"
	logGrowth = 4 << 20 // bytes beyond twice the snapshot before the next one
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openLog opens the log in a folder and gives each record to apply.
func openLog(folder string, apply func(record []byte), note func(error)) (*stateLog, error) {
	path := filepath.Join(folder, logName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Transient, "mqtt.state", "cannot open the file of sessions; check the folder's permissions and the disk").At(path)
	}
	content, err := io.ReadAll(f)
	if err != nil {
		f.Close()
		return nil, fault.Wrap(err, fault.Transient, "mqtt.state", "cannot read the file of sessions").At(path)
	}
	good := 0
	if len(content) >= len(logMagic) && string(content[:len(logMagic)]) == logMagic {
		good = len(logMagic) + readRecords(content[len(logMagic):], apply)
	}
	if good == 0 {
		if _, err = f.WriteAt([]byte(logMagic), 0); err == nil {
			good = len(logMagic)
		}
	}
	if err == nil {
		err = f.Truncate(int64(good))
	}
	if err == nil {
		err = errors.Join(f.Sync(), syncFolder(folder))
	}
	if err != nil {
		f.Close()
		return nil, fault.Wrap(err, fault.Transient, "mqtt.state", "cannot write the file of sessions").At(path)
	}
	l := &stateLog{folder: folder, note: note, file: f, size: int64(good), whole: int64(good), ended: make(chan struct{})}
	l.cond = sync.NewCond(&l.mu)
	return l, nil
}

// readRecords gives each whole record to apply and says how many bytes they
// take.
func readRecords(b []byte, apply func(record []byte)) int {
	at := 0
	for len(b)-at >= 8 {
		n := int(binary.LittleEndian.Uint32(b[at:]))
		if n == 0 || n > len(b)-at-8 {
			break
		}
		record := b[at+8 : at+8+n]
		if crc32.Checksum(record, castagnoli) != binary.LittleEndian.Uint32(b[at+4:]) {
			break
		}
		apply(record)
		at += 8 + n
	}
	return at
}

// appendRecord frames a record.
func appendRecord(out, record []byte) []byte {
	out = binary.LittleEndian.AppendUint32(out, uint32(len(record)))
	out = binary.LittleEndian.AppendUint32(out, crc32.Checksum(record, castagnoli))
	return append(out, record...)
}

// add queues a record and gives what to wait for. The broker's lock is held.
func (l *stateLog) add(record []byte) uint64 {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.pending)
	l.pending = appendRecord(l.pending, record)
	l.added += uint64(len(l.pending) - before)
	l.cond.Broadcast()
	return l.added
}

// wait returns nil once everything up to mark is on the disk. An error says
// that it is not, now; it stays queued.
func (l *stateLog) wait(mark uint64) error {
	if l == nil || mark == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	tries := l.tries
	for l.synced < mark {
		if l.failed != nil && l.tries > tries || l.closed {
			return fault.New(fault.Transient, "mqtt.state", "sessions cannot be written now; check the disk")
		}
		l.cond.Wait()
	}
	return nil
}

// run writes what was added until close.
func (l *stateLog) run() {
	defer close(l.ended)
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for len(l.pending) == 0 && !l.closed {
			l.cond.Wait()
		}
		if len(l.pending) == 0 {
			return
		}
		batch, mark := l.pending, l.added
		l.pending = nil
		l.mu.Unlock()
		_, err := l.file.WriteAt(batch, l.size)
		if err == nil {
			err = l.file.Sync()
		}
		if err == nil && l.unnamed {
			err = syncFolder(l.folder)
			l.unnamed = err != nil
		}
		l.mu.Lock()
		l.tries++
		if l.failed = err; err != nil {
			l.pending = append(batch, l.pending...) // tried again, at the same place
			l.cond.Broadcast()
			if l.closed {
				return
			}
			l.mu.Unlock()
			l.note(err)
			time.Sleep(time.Second)
			l.mu.Lock()
			continue
		}
		l.size += int64(len(batch))
		l.synced = mark
		l.cond.Broadcast()
		if l.size > 2*l.whole+logGrowth && !l.closed {
			l.mu.Unlock()
			l.compact()
			l.mu.Lock()
		}
	}
}

// compact writes the state anew. Only run calls it, so nobody writes beside.
// What is queued meanwhile is written behind the snapshot, which may hold it
// already: every record says what is, so twice says no more than once.
func (l *stateLog) compact() {
	state := l.snapshot()
	path := filepath.Join(l.folder, logName)
	f, err := os.OpenFile(path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.Write(append([]byte(logMagic), state...))
		if err = errors.Join(err, f.Sync()); err == nil {
			err = os.Rename(path+".new", path)
		}
		if err != nil {
			f.Close()
		}
	}
	if err != nil {
		l.whole = l.size // not again before it has grown by as much
		l.note(err)
		return
	}
	if err := syncFolder(l.folder); err != nil {
		l.unnamed = true // a power cut could give the old file its name back
		l.note(err)
	}
	l.file.Close()
	l.mu.Lock()
	l.file, l.size = f, int64(len(logMagic)+len(state))
	l.whole = l.size
	l.mu.Unlock()
}

// close writes what is queued and closes the file.
func (l *stateLog) close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.closed = true
	l.cond.Broadcast()
	l.mu.Unlock()
	<-l.ended
	l.file.Close()
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
