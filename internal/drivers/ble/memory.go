package ble

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
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
	last := make(map[string]uint16, len(r.Last))
	for k, v := range r.Last {
		last[k] = v
	}
	r.Last = last
	return r
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
