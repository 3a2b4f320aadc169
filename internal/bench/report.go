package bench

import (
	"math"
	"slices"
	"time"
)

// Schema names the form of a Report. Fields are added to it; what one means
// does not change under the same name (docs/performance.md describes it).
const Schema = "thalamus-bench/1"

// Report is what one measurement found.
type Report struct {
	Schema  string    `json:"schema"`
	Bench   string    `json:"bench"`
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"` // of the whole measurement
	BestOf  int       `json:"bestOf"`  // runs made, this one is the best of them
	Machine Machine   `json:"machine"`

	Connections  int `json:"connections,omitempty"`
	MessageBytes int `json:"messageBytes,omitempty"`
	Observations int `json:"observationsPerMessage,omitempty"`

	Stretches []Stretch `json:"stretches"`
	Bare      []Bare    `json:"bare,omitempty"`
	Goals     []Goal    `json:"goals"`

	// Counts are what each party counted on its own; Agree says that they fit.
	Counts   map[string]int64 `json:"counts"`
	Agree    bool             `json:"agree"`
	Problems []string         `json:"problems,omitempty"`

	score float64 // what makes one run better than another
}

// Stretch is one part of a measurement under unchanged conditions. Figures of
// the server process are of the messages of this stretch; 0 and absent where
// the system does not tell.
type Stretch struct {
	Name       string   `json:"name"`
	Of         string   `json:"of"` // what is counted: messages, calls, starts
	Count      int64    `json:"count"`
	Seconds    float64  `json:"seconds"`
	PerSecond  float64  `json:"perSecond"`
	MBPerSec   float64  `json:"megabytesPerSecond,omitempty"` // 10^6 bytes
	Latency    *Latency `json:"latency,omitempty"`
	CPUMs      float64  `json:"cpuMsEach,omitempty"`        // user and system time of the server process
	WriteBytes float64  `json:"writtenBytesEach,omitempty"` // bytes the server process caused to be written to the disk
	ResidentMB float64  `json:"residentMiB,omitempty"`      // of the server process, at the end
	PeakMB     float64  `json:"peakMiB,omitempty"`          // the most it ever had, where that is what is asked
	Allocs     *float64 `json:"allocationsEach,omitempty"`  // in-process measurements only
}

// Latency in milliseconds.
type Latency struct {
	P50 float64 `json:"p50ms"`
	P99 float64 `json:"p99ms"`
	Max float64 `json:"maxMs"`
}

// Bare is what a plain group-committed file did in the same run on the same
// disk, with the same message size and as many producers. Ratio is what the
// stretch of the same name did, divided by it.
type Bare struct {
	Stretch string `json:"stretch"`
	Bare    string `json:"bare"`
	Latency `json:"latency"`
	PerSec  float64 `json:"perSecond"`
	Ratio   float64 `json:"ratio"`
}

// Goal compares a figure with what the design asks for.
type Goal struct {
	What    string  `json:"what"`
	Figure  float64 `json:"figure"`
	Unit    string  `json:"unit"`
	AtLeast float64 `json:"atLeast,omitempty"`
	Below   float64 `json:"below,omitempty"`
	Met     bool    `json:"met"`
}

// Machine is where it was measured.
type Machine struct {
	Processors int     `json:"processors"`
	Processor  string  `json:"processor,omitempty"`
	System     string  `json:"system"`
	Go         string  `json:"go"`
	SyncMs     float64 `json:"syncMs"` // median of a 4 KiB write and its sync in the folder of the measurement
	Load       float64 `json:"loadBefore,omitempty"`
}

func (r *Report) atLeast(what string, figure, goal float64, unit string) {
	r.Goals = append(r.Goals, Goal{What: what, Figure: figure, Unit: unit, AtLeast: goal, Met: figure >= goal})
}

func (r *Report) below(what string, figure, goal float64, unit string) {
	r.Goals = append(r.Goals, Goal{What: what, Figure: figure, Unit: unit, Below: goal, Met: figure < goal})
}

// agree notes a problem where two counts differ.
func (r *Report) agree(a, b string) {
	if r.Counts[a] != r.Counts[b] {
		r.problem("the counts %s and %s differ: %d and %d", a, b, r.Counts[a], r.Counts[b])
	}
}

// latencyOf sums up durations, which it sorts.
func latencyOf(all []time.Duration) *Latency {
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	at := func(q float64) float64 {
		i := int(math.Ceil(q*float64(len(all)))) - 1
		return ms(all[max(i, 0)])
	}
	return &Latency{P50: at(0.50), P99: at(0.99), Max: ms(all[len(all)-1])}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
