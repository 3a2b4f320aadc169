package sim

import (
	"fmt"
	"time"
)

// Bed is one simulated bed: a patient in a place, with the devices around it.
type Bed struct {
	Number  int
	Ward    string
	Patient Patient
}

// Patient of a simulated bed. Names are invented.
type Patient struct {
	MRN, Visit, Family, Given, Born, Sex string
}

var (
	families = []string{"Almeida", "Brandt", "Castelli", "Dubois", "Eriksen", "Fischer", "Grozdanova", "Håland", "Ionescu", "Jansen", "Kowalska", "Lehmann", "Müller", "Novák", "Okafor", "Petit"}
	givens   = []string{"Ana", "Bernd", "Chiara", "Denis", "Elin", "Franz", "Galina", "Hanne", "Ion", "Joke", "Katarzyna", "Lutz", "Mina", "Ota", "Ngozi", "Paul"}
)

// Beds gives n beds of a ward, the same ones for the same ward and number.
func Beds(ward string, n int) []Bed {
	beds := make([]Bed, n)
	for i := range beds {
		sex := "F"
		if i%2 == 1 {
			sex = "M"
		}
		beds[i] = Bed{Number: i + 1, Ward: ward, Patient: Patient{
			MRN: fmt.Sprintf("%s%05d", ward, 40001+i*7), Visit: fmt.Sprintf("V%06d", 120001+i*3),
			Family: families[i%len(families)], Given: givens[i%len(givens)],
			Born: fmt.Sprintf("%d%02d%02d", 1938+(i*11)%55, 1+(i*5)%12, 1+(i*7)%28), Sex: sex,
		}}
	}
	return beds
}

// Body is the patient's body: whatever device at the bed measures it, for the
// same bed it begins with the same vital signs.
func (b Bed) Body() *Physiology { return NewPhysiology(uint64(b.Number) + 1) }

// place is PV1-3: point of care, room, bed.
func (b Bed) place() string { return fmt.Sprintf("%s^%d^%d", b.Ward, 1+(b.Number-1)/2, b.Number) }

// pid is the PID segment.
func (b Bed) pid() string {
	p := b.Patient
	return fmt.Sprintf("PID|1||%s^^^SIMHOSP^MR||%s^%s^^^^^L||%s|%s", p.MRN, p.Family, p.Given, p.Born, p.Sex)
}

// stamp is an HL7 DTM with milliseconds and zone (HL7 v2.6 §2.A.22).
func stamp(t time.Time) string { return t.Format("20060102150405.000-0700") }

// eui64 is the device's identifier; 00:12:EE … is made up for simulation.
func eui64(kind, ward string, bed int) string {
	h := uint32(2166136261)
	for _, c := range ward {
		h = (h ^ uint32(c)) * 16777619
	}
	return fmt.Sprintf("0012EE%s%04X%04X", kind, h&0xffff, bed)
}
