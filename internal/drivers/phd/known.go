package phd

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// known remembers the configurations that devices sent, each as the APDU it
// came in, by the device's system id and its number (IEEE 11073-20601 §8.8.2).
// They lie in configurations.json of the channel's folder.
type known struct {
	mu   sync.Mutex
	file string // empty: only as long as the program runs
	all  map[string][]byte
}

// mostKnown bounds how many are remembered; a device beyond sends its own again.
const mostKnown = 5000

func openKnown(folder string) (*known, error) {
	k := &known{all: map[string][]byte{}}
	if folder == "" {
		return k, nil
	}
	k.file = filepath.Join(folder, "configurations.json")
	b, err := os.ReadFile(k.file)
	if os.IsNotExist(err) {
		return k, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &k.all)
	}
	if err != nil {
		k.all = map[string][]byte{}
	}
	return k, err
}

func key(system []byte, config uint16) string {
	return hex.EncodeToString(system) + "/" + strconv.Itoa(int(config))
}

// get gives the configuration report of a device, nil where none is known.
func (k *known) get(system []byte, config uint16) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.all[key(system, config)]
}

// put remembers one. An error says that it will be forgotten at the next start.
func (k *known) put(system []byte, config uint16, apdu []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	id := key(system, config)
	if string(k.all[id]) == string(apdu) || len(k.all) >= mostKnown {
		return nil
	}
	k.all[id] = append([]byte(nil), apdu...)
	if k.file == "" {
		return nil
	}
	b, err := json.Marshal(k.all)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(k.file), "configurations-*")
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
		err = os.Rename(f.Name(), k.file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
