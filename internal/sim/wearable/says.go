package wearable

import (
	"fmt"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// Wearable is what one of them measures, however it is sent on.
type Wearable struct {
	bed     sim.Bed
	body    *sim.Physiology
	run     string
	release int // of its software, 1.0 at first
}

// New gives the wearable at a bed. run tells apart several runs against the same
// server.
func New(bed sim.Bed, run string) *Wearable {
	return &Wearable{bed: bed, body: bed.Body(), run: run, release: 1}
}

// Says is its nth message, with what is wrong about it.
func (d *Wearable) Says(n int, turn faults.Turn) []byte {
	v := d.body.Next().With(turn)
	label, unit, pulse, mrn := "HR", "/min", fmt.Sprint(v.PulsePerMin), d.bed.Patient.MRN
	switch turn {
	case faults.NewLabel:
		label = "nobody knows it"
	case faults.WrongUnit:
		unit = "mm[Hg]"
	case faults.NaN:
		pulse = `"NaN"`
	case faults.WrongPatient:
		mrn = "WRONG-" + mrn
	case faults.Firmware:
		d.release++
	}
	return fmt.Appendf(nil, `{"maker":"Thalamus","model":"SIM-WEAR","serial":%q,"fw":"%d.0","battery":%d,"patient":%q,"ts":%d,%s"obs":[{"label":%q,"value":%s,"unit":%q},{"label":"SpO2","value":%d,"unit":"%%"},{"label":"RR","value":%d,"unit":"/min"},{"label":"Temp","value":%d.%d,"unit":"Cel"}]}`,
		d.serial(), d.release, 100-n%90, mrn, turn.Clock(time.Now()).UnixMilli(), Mark(d.run, n), label, pulse, unit, v.SpO2Percent, v.RespPerMin, v.TempTenthCel/10, v.TempTenthCel%10)
}

// Mark is the part of the nth message that no other has.
func Mark(run string, n int) string { return fmt.Sprintf(`"run":%q,"n":%d,`, run, n) }

func (d *Wearable) serial() string { return fmt.Sprintf("W-%s-%d", d.bed.Ward, d.bed.Number) }
