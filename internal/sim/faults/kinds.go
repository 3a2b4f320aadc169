package faults

import (
	"fmt"
	"slices"
	"strings"

	"thalamus/internal/fault"
)

// Kind is what one kind of simulated devices can do wrong.
type Kind struct {
	Name string // as in `thalamus simulate KIND`; "hl7" without one
	// Links are the faults of links it can have; Streams unless it speaks in
	// datagrams, or not at all.
	Links   []string
	Content []string // what its encoding can do wrong
}

// Streams are the faults of links that every kind has whose devices send over a
// stream of bytes and wait for an answer. A kind whose frames have a checksum
// adds WrongChecksum, one that can send two messages the wrong way round Swapped.
func Streams(more ...string) []string {
	return append([]string{Unplugged, Reset, HalfFrame, Silence, Dropped, Duplicate, SlowDrip, Garbage, Oversized, Flood}, more...)
}

// Asked are the faults of links of bedside devices that answer or go on telling:
// what is lost is not sent again.
func Asked(more ...string) []string {
	return append([]string{Reset, HalfFrame, Silence, Dropped, Duplicate, Garbage}, more...)
}

// Kinds lists what every kind of simulated devices can do wrong, by name.
func Kinds() []Kind {
	return []Kind{
		{"astm", Streams(WrongChecksum), []string{BegunAnew, Truncated, ClockJump, WrongUnit, NewLabel, NoNumber, OutOfRange, WrongPatient}},
		{"ble", []string{Unplugged, Reset, HalfFrame, Duplicate, Garbage, WrongChecksum, Flood}, []string{ClockJump, OutOfRange, NaN}},
		{"dri", Asked(WrongChecksum), []string{ClockJump, OutOfRange, NaN, SensorOff}},
		{"file", []string{HalfFrame, Duplicate, SlowDrip, Garbage, Oversized, Flood}, []string{Truncated, ClockJump, WrongUnit, NewLabel, WrongPatient, OutOfRange, NaN, NoNumber}},
		{"hl7", Streams(Swapped), []string{Truncated, ClockJump, ZoneChange, SummerNight, WrongUnit, NewLabel, Firmware, WrongPatient, OutOfRange, NaN, SensorOff, NoNumber, DemoMode}},
		{"intellivue", []string{Unplugged, Reset, HalfFrame, Dropped, Duplicate, Garbage}, []string{BegunAnew, ClockJump, WrongUnit, OutOfRange, NaN, SensorOff}},
		{"masimo", Asked(), []string{ClockJump, OutOfRange, SensorOff, NoNumber}},
		{"medibus", Asked(WrongChecksum), []string{ClockJump, OutOfRange, SensorOff, NoNumber}},
		{"mqtt", Streams(Swapped), []string{ClockJump, WrongUnit, NewLabel, Firmware, WrongPatient, OutOfRange, NaN}},
		{"nonin", Asked(WrongChecksum), []string{OutOfRange, SensorOff}},
		{"phd", Streams(), []string{ClockJump, OutOfRange, NaN}},
		{"poct1a", Streams(), []string{ClockJump, WrongUnit, NewLabel, WrongPatient, OutOfRange}},
		{"pull", []string{Unplugged, Reset, HalfFrame, Silence, Dropped, Swapped, Duplicate, SlowDrip, Garbage, Oversized, Flood, Busy}, []string{BegunAnew, ClockJump, WrongUnit, NewLabel, Firmware, WrongPatient, OutOfRange, NaN}},
		{"rest", []string{Unplugged, Reset, HalfFrame, Silence, Dropped, Swapped, Duplicate, SlowDrip, Garbage, WrongChecksum, Flood}, []string{ClockJump, WrongUnit, NewLabel, Firmware, WrongPatient, OutOfRange, NaN, SensorOff, NoNumber, DemoMode}},
	}
}

// All gives the names of the faults a kind can have, in the catalogue's order.
func (k Kind) All() []string {
	var out []string
	for _, f := range catalogue {
		if slices.Contains(k.Links, f.Name) || slices.Contains(k.Content, f.Name) {
			out = append(out, f.Name)
		}
	}
	return out
}

// KindOf gives a kind by its name.
func KindOf(name string) (Kind, bool) {
	for _, k := range Kinds() {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}

// Having gives the kinds that can have a fault.
func Having(name string) []string {
	var out []string
	for _, k := range Kinds() {
		if slices.Contains(k.All(), name) {
			out = append(out, k.Name)
		}
	}
	return out
}

// Parse gives the faults that a kind is to have, by their names.
func Parse(kind string, names []string) (Set, error) {
	k, ok := KindOf(kind)
	if !ok && len(names) > 0 {
		return nil, fault.New(fault.Invalid, "sim.fault", "simulated devices of the kind %q have no faults", kind).At("--fault")
	}
	for _, name := range names {
		if slices.Contains(k.All(), name) {
			continue
		}
		there := strings.Join(k.All(), ", ")
		if f, known := Find(name); known {
			why := "it happens to other kinds: " + strings.Join(Having(name), ", ")
			if f.Where == Site {
				why = "it happens to the server or a receiver, see `thalamus drill`"
			}
			return nil, fault.New(fault.Invalid, "sim.fault", "%s cannot happen to simulated devices of the kind %s; %s. There are: %s", name, kind, why, there).At("--fault")
		}
		meant := "."
		if near := fault.Nearest(name, k.All()); near != "" {
			meant = fmt.Sprintf("; did you mean %q?", near)
		}
		return nil, fault.New(fault.Invalid, "sim.fault", "there is no fault %q%s There are: %s", name, meant, there).At("--fault")
	}
	return Set(names), nil
}
