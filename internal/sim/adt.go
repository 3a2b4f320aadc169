package sim

import (
	"fmt"
	"time"
)

// ADT is the patient administration's feed: it admits every bed at the start,
// then updates somebody every few seconds, and now and then discharges a
// patient and admits the same one again.
type ADT struct {
	Beds []Bed

	run   string
	count int
	due   time.Time
	step  int
}

const adtRhythm = 5 * time.Second

// NewADT makes the feed of a ward.
func NewADT(beds []Bed, run string) *ADT { return &ADT{Beds: beds, run: run} }

// Name implements Source.
func (a *ADT) Name() string { return "SIMADT-" + a.Beds[0].Ward }

// Next implements Source.
func (a *ADT) Next(now time.Time) []Message {
	if now.Before(a.due) {
		return nil
	}
	a.due = now.Truncate(adtRhythm).Add(adtRhythm)
	if a.count == 0 {
		out := make([]Message, len(a.Beds))
		for i, b := range a.Beds {
			out[i] = a.event(now, b, "A01")
		}
		return out
	}
	a.step++
	b := a.Beds[a.step%len(a.Beds)]
	if a.step%24 == 0 {
		return []Message{a.event(now, b, "A03"), a.event(now.Add(time.Millisecond), b, "A01")}
	}
	return []Message{a.event(now, b, "A08")}
}

func (a *ADT) event(now time.Time, b Bed, trigger string) Message {
	a.count++
	control := fmt.Sprintf("%s-%s-%d", a.Name(), a.run, a.count)
	structure := "ADT_A01"
	if trigger == "A03" {
		structure = "ADT_A03"
	}
	w := writer{at: stamp(now)}
	w.head(a.Name(), "ADT^"+trigger+"^"+structure, control, "")
	w.line("EVN|" + trigger + "|" + w.at)
	w.line(b.pid())
	w.line("PV1|1|I|" + b.place() + "||||||||||||||||" + b.Patient.Visit + "^^^SIMHOSP^VN")
	return Message{ControlID: control, Stream: b.Patient.MRN + "/" + a.Name(), Bytes: w.bytes()}
}
