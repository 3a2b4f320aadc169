package drill

import "thalamus/internal/sim/faults"

// Exercise is one fault with devices of one kind.
type Exercise struct {
	Fault string
	Kind  string
	Sees  []string // a person is to see one of these; none: there is nothing to be seen
}

// Exercises gives all that a drill does with faults of links and contents.
func Exercises() []Exercise { return append([]Exercise(nil), exercises[:]...) }

// What is seen beside codes of issues and notes.
const (
	repeat    = "repeat"           // a message that is known to have come before
	absent    = "value:absent"     // a value that is marked as missing
	simulated = "value:simulated"  // a value that is marked as no patient's
	patients  = "device:patients"  // a device that names several patients
	changed   = "device:changed"   // its software is another one
	clockOff  = "device:clock-off" // its clock is off
)

// exercises are all faults of links and contents, each with the kinds that show
// most of it.
var exercises = [...]Exercise{
	{faults.Unplugged, "mqtt", []string{"mqtt.lost"}},
	{faults.Unplugged, "rest", nil},
	{faults.Unplugged, "ble", nil},
	{faults.Reset, "hl7", []string{"mllp.half-frame"}},
	{faults.Reset, "phd", nil},
	{faults.Reset, "ble", nil},
	{faults.HalfFrame, "hl7", []string{"mllp.half-frame"}},
	{faults.HalfFrame, "astm", []string{"astmlink.half-frame"}},
	{faults.HalfFrame, "mqtt", []string{"mqtt.half-packet", "mqtt.lost"}},
	{faults.HalfFrame, "rest", []string{"rest.half-body", "rest.http"}},
	{faults.HalfFrame, "poct1a", []string{"poct1alink.half-message"}},
	{faults.HalfFrame, "file", []string{"hl7v2.batch-open"}},
	{faults.HalfFrame, "ble", []string{"gatt.short"}},
	{faults.Silence, "hl7", []string{"mllp.half-frame"}},
	{faults.Dropped, "hl7", []string{repeat}},
	{faults.Dropped, "rest", nil},
	{faults.Swapped, "hl7", nil},
	{faults.Duplicate, "hl7", []string{repeat}},
	{faults.Duplicate, "file", []string{"filedrop.again"}},
	{faults.Duplicate, "ble", nil},
	{faults.SlowDrip, "hl7", nil},
	{faults.SlowDrip, "file", nil},
	{faults.Garbage, "hl7", []string{"mllp.garbage"}},
	{faults.Garbage, "mqtt", []string{"mqtt.packet", "mqtt.refused", "mqtt.lost"}},
	{faults.Garbage, "rest", []string{"rest.http"}},
	{faults.Garbage, "file", []string{"filedrop.refused"}},
	{faults.Garbage, "ble", []string{"gatt.short"}},
	{faults.WrongChecksum, "astm", []string{"astmlink.checksum"}},
	{faults.WrongChecksum, "ble", []string{"gatt.crc"}},
	{faults.Oversized, "hl7", []string{"mllp.oversize"}},
	{faults.Oversized, "file", []string{"filedrop.refused"}},
	{faults.Flood, "hl7", nil},
	{faults.HalfFrame, "pull", []string{"pull.unreachable"}},
	{faults.Garbage, "pull", []string{"pull.unsound"}},
	{faults.Oversized, "pull", []string{"pull.oversize"}},
	{faults.Busy, "pull", []string{"pull.busy"}},
	{faults.BegunAnew, "pull", []string{"pull.status"}},
	{faults.BegunAnew, "astm", []string{"astmlink.cut"}},
	{faults.Truncated, "hl7", []string{"hl7v2.batch-open"}},
	{faults.Truncated, "file", []string{"hl7v2.batch-open"}},
	{faults.Truncated, "astm", []string{"astmlink.cut", "astmlink.no-terminator"}},

	{faults.ClockJump, "hl7", []string{"clock.unset"}},
	{faults.ZoneChange, "hl7", []string{"clock.jumped", "clock.back", clockOff}},
	{faults.SummerNight, "hl7", []string{"normalise.time-ambiguous"}},
	{faults.WrongUnit, "hl7", []string{"normalise.unit-contradicts"}},
	{faults.NewLabel, "hl7", []string{"normalise.unknown-code"}},
	{faults.NewLabel, "mqtt", []string{"normalise.unknown-code"}},
	{faults.NewLabel, "rest", []string{"normalise.unknown-code"}},
	{faults.Firmware, "hl7", []string{changed}},
	{faults.WrongPatient, "hl7", []string{patients}},
	{faults.OutOfRange, "hl7", []string{"normalise.implausible"}},
	{faults.OutOfRange, "ble", []string{"normalise.implausible"}},
	{faults.NaN, "hl7", []string{absent, "decode.not-a-number", "decode.text-for-nothing"}},
	{faults.SensorOff, "hl7", []string{absent}},
	{faults.NoNumber, "hl7", []string{"decode.text-for-nothing", "decode.not-a-number"}},
	{faults.DemoMode, "hl7", []string{simulated}},
	{faults.DemoMode, "rest", []string{simulated}},
}

// short are the faults of a run that is to be quick.
var short = []string{faults.Reset, faults.Duplicate, faults.WrongChecksum, faults.NewLabel, faults.CredentialsRevoked, faults.DestinationDown}
