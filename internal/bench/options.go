package bench

import (
	"context"
	"fmt"
	"os"
	"time"

	"thalamus/internal/fault"
)

// Options of a measurement. The zero value of each means what the bench is
// usually run with.
type Options struct {
	For         time.Duration // of each loaded stretch
	Connections int           // devices that send at once
	Size        int           // bytes of a message; 0: as 20 observations need
	Rate        float64       // messages a second offered, where the bench offers at a rate
	Messages    int           // in the record before it is asked
	Devices     int           // in the register before it is asked
	Sightings   int           // how often these devices are heard, all together
	Days        int           // that an extract is of
	Repeat      int           // runs, of which the best counts
	Folder      string        // to work in; empty: a temporary one
	Binary      string        // the server; empty: the program running
	Profile     string        // folder for CPU profiles of the server; empty: none
	// Progress is told how far a part of the measurement is.
	Progress func(what string, done, total float64)
}

// Defaults of the options.
const (
	usualFor         = 5 * time.Second
	usualConnections = 32
	usualMessages    = 200_000
	usualDevices     = 100_000
	usualSightings   = 10_000_000
	usualValues      = 20
	usualDays        = 30
	mostDays         = 366
	mostConnections  = 10_000
	mostDevices      = 1_000_000
	leastSize        = 600
	mostSize         = 1 << 20
)

func (o *Options) complete() error {
	switch {
	case o.For < 0, o.Connections < 0, o.Rate < 0, o.Messages < 0, o.Repeat < 0, o.Devices < 0, o.Sightings < 0, o.Days < 0:
		return fault.New(fault.Invalid, "bench.option", "duration, connections, rate, messages, devices, sightings, days and repeat must not be negative")
	case o.Days > mostDays:
		return fault.New(fault.Invalid, "bench.option", "%d days; at most %d", o.Days, mostDays)
	case o.Devices > mostDevices:
		return fault.New(fault.Invalid, "bench.option", "%d devices; at most %d", o.Devices, mostDevices)
	case o.Connections > mostConnections:
		return fault.New(fault.Invalid, "bench.option", "%d connections; at most %d", o.Connections, mostConnections)
	case o.Size != 0 && (o.Size < leastSize || o.Size > mostSize):
		return fault.New(fault.Invalid, "bench.option", "messages of %d bytes; expected between %d and %d", o.Size, leastSize, mostSize)
	}
	if o.For == 0 {
		o.For = usualFor
	}
	if o.Connections == 0 {
		o.Connections = usualConnections
	}
	if o.Messages == 0 {
		o.Messages = usualMessages
	}
	if o.Devices == 0 {
		o.Devices = usualDevices
	}
	if o.Sightings == 0 {
		o.Sightings = usualSightings
	}
	if o.Days == 0 {
		o.Days = usualDays
	}
	o.Repeat = max(o.Repeat, 1)
	if o.Progress == nil {
		o.Progress = func(string, float64, float64) {}
	}
	return nil
}

// Bench is one measurement.
type Bench struct {
	Name string
	Doc  string
	run  func(ctx context.Context, o Options, r *Report) error
}

// Benches lists all measurements in the order `bench all` makes them.
func Benches() []Bench {
	return []Bench{
		{"parse", "How fast HL7 v2 is parsed, and what a reader costs that asks for every value.", parse},
		{"normalise", "What decoding and normalising a message costs.", normalised},
		{"journal", "What the journal alone does, with few and many producers.", journalAlone},
		{"intake", "Durable acknowledgements over MLLP at full speed, and their latency at half of it.", intake},
		{"rest", "Durable acknowledgements over HTTP: single documents, batches, streams.", overHTTP},
		{"serial", "Laboratory instruments behind terminal servers: whole transmissions over ASTM, a record to a frame.", overSerial},
		{"mqtt", "Durable acknowledgements over MQTT beside mosquitto without sync, and the memory of idle devices.", mqttBench},
		{"record", "The whole way to recorded observations, and whether it slows with history.", recordWay},
		{"deliver", "From the device to the destination: latency unloaded, and throughput.", deliver},
		{"drain", "How fast a destination is served that was down.", drain},
		{"query", "How long it takes to find messages, last values and trends.", query},
		{"register", "A register of a whole house: importing, lists, search, dependency.", registered},
		{"extract", "A ward of many days as files in every form, left alone and killed again and again.", extracted},
		{"start", "Time to ready, memory at rest, size of the program.", startUp},
	}
}

// Run makes the measurement of a name, as often as asked, and gives the best
// run.
func Run(ctx context.Context, name string, o Options) (Report, error) {
	if err := o.complete(); err != nil {
		return Report{}, err
	}
	for _, b := range Benches() {
		if b.Name == name {
			return b.best(ctx, o)
		}
	}
	return Report{}, fault.New(fault.Invalid, "bench.name", "there is no bench %q; `thalamus bench --help` lists them", name)
}

func (b Bench) best(ctx context.Context, o Options) (Report, error) {
	var best Report
	for i := range o.Repeat {
		r, err := b.once(ctx, o)
		if err != nil {
			return r, err
		}
		if i == 0 || r.Agree && (r.score > best.score || !best.Agree) {
			best = r
		}
	}
	best.BestOf = o.Repeat
	return best, nil
}

func (b Bench) once(ctx context.Context, o Options) (Report, error) {
	folder, err := os.MkdirTemp(o.Folder, "thalamus-bench-")
	if err != nil {
		return Report{}, fault.Wrap(err, fault.Broken, "bench.folder", "cannot make a folder to work in; --folder names a place for it").At(o.Folder)
	}
	defer os.RemoveAll(folder)
	o.Folder = folder
	r := Report{Schema: Schema, Bench: b.Name, Began: time.Now().UTC(), Counts: map[string]int64{}, Goals: []Goal{}}
	if r.Machine, err = machine(folder); err != nil {
		return r, err
	}
	if err := b.run(ctx, o, &r); err != nil {
		return r, err
	}
	r.Seconds = time.Since(r.Began).Seconds()
	r.Agree = len(r.Problems) == 0
	return r, nil
}

func (r *Report) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}
