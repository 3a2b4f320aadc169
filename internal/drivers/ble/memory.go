package ble

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/gatt"
	"thalamus/internal/model"
)

// memory is what must outlive a restart: what people decided about devices, and
// which record of a device was the last to become durable. It lies in
// devices.json of the channel's folder, small and written whole.
type memory struct {
	mu   sync.Mutex
	file string // empty: only as long as the program runs
	all  map[string]remembered
}

// remembered is what is known of one device, by its address.
type remembered struct {
	Accepted bool              `json:"accepted,omitempty"`
	Refused  bool              `json:"refused,omitempty"`
	Last     map[string]uint16 `json:"last,omitempty"`    // by characteristic: number of the last durable record
	Stored   map[string]int    `json:"stored,omitempty"`  // by characteristic: how many records it had when it had told all; none: not known
	Anew     time.Time         `json:"anew,omitzero"`     // it counts its records anew; numbers that came before say nothing
	Session  string            `json:"session,omitempty"` // of a continuous glucose monitor, as it tells its start
}

func openMemory(file string) (*memory, error) {
	m := &memory{file: file, all: map[string]remembered{}}
	if file == "" {
		return m, nil
	}
	b, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &m.all)
	}
	return m, err
}

func (m *memory) get(address string) remembered {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.all[address]
	last, stored := make(map[string]uint16, len(r.Last)), make(map[string]int, len(r.Stored))
	maps.Copy(last, r.Last)
	maps.Copy(stored, r.Stored)
	r.Last, r.Stored = last, stored
	return r
}

// accepted gives the address as it was accepted, in whatever case it is written; empty:
// it was not.
func (m *memory) accepted(id string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for address, r := range m.all {
		if r.Accepted && strings.EqualFold(address, id) {
			return address
		}
	}
	return ""
}

// recent gives what takes the entries of before the start: a record that became
// durable when the process ended before that could be kept is not asked for again.
// The offsets of a continuous glucose monitor count within its session alone.
func (m *memory) recent() func(e model.Entry) {
	orders := map[string]*order{}
	return func(e model.Entry) {
		part := strings.Split(e.Topic, "/") // gatt.Topic
		if len(part) != 4 {
			return
		}
		n, ok := gatt.Sequence(part[3], e.Bytes)
		known := m.get(part[1])
		if !ok || !known.Accepted || e.Arrived.Before(known.Anew) || part[3] == "2aa7" && codec.Said(e.Properties, "2aaa") != known.Session {
			return
		}
		o := orders[part[1]+part[3]]
		if o == nil {
			o = &order{}
			orders[part[1]+part[3]] = o
		}
		known.count(part[3], o.counts(known.counted(part[3]), int(n)))
		m.mu.Lock()
		m.all[part[1]] = known
		m.mu.Unlock()
	}
}

// counted is the number of the last record that counts, -1 where there is none.
func (r *remembered) counted(uuid string) int {
	if n, ok := r.Last[uuid]; ok {
		return int(n)
	}
	return -1
}

func (r *remembered) count(uuid string, n int) {
	if n >= 0 {
		r.Last[uuid] = uint16(n)
	}
}

// put changes what is known of a device, durably.
func (m *memory) put(address string, change func(r *remembered)) error {
	r := m.get(address)
	change(&r)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[address] = r
	if m.file == "" {
		return nil
	}
	b, err := json.Marshal(m.all)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(m.file), "devices-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), m.file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
