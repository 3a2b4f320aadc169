package service

import (
	"context"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
	"thalamus/internal/register/state"
	"thalamus/internal/udi"
)

// Scan is what a scanner or a hand gave.
type Scan struct {
	Text string `json:"text" arg:"text" doc:"the label as scanned or typed: a UDI, an asset number, a serial number, or a device id"`
}

// Scanned is what a label says, and which devices it may stand on.
type Scanned struct {
	UDI     *udi.UDI     `json:"udi,omitempty"`     // taken apart, where it is one
	Fault   string       `json:"fault,omitempty"`   // why it could not be read as a UDI, where it looks like one
	Devices []ScanResult `json:"devices"`           // the most certain first; none: nobody knows it
	Unclear bool         `json:"unclear,omitempty"` // more than one device is meant equally well
}

// ScanResult is a device that a label may stand on.
type ScanResult struct {
	Device DeviceRow `json:"device"`
	Why    string    `json:"why"` // udi, asset, id, serial, serial-and-model
}

func scanOps() []Op {
	return []Op{
		define(Reads, "device.scan", "Read a label: what its UDI says, and which device it stands on.", "'(01)09506000134352(21)7'", scanDevice),
	}
}

// scanDevice reads a label. A UDI with a serial number names one device: by the
// UDI somebody entered or its messages tell, else by the serial number.
func scanDevice(_ context.Context, c *call, r Scan) (Scanned, error) {
	text := strings.TrimPrefix(strings.TrimSpace(r.Text), LabelPrefix)
	if text == "" {
		return Scanned{}, fault.New(fault.Invalid, "service.argument", "nothing was scanned; scan the label again").At("text")
	}
	var out Scanned
	u, err := udi.Parse(text, c.s.now().Year())
	switch {
	case err == nil:
		out.UDI = &u
	case fault.CodeOf(err) != "udi.unknown":
		out.Fault = err.Error()
	}
	for _, m := range c.s.Register.Labelled(text, out.UDI, c.s.now()) {
		out.Devices = append(out.Devices, ScanResult{Device: deviceRow(m.Device), Why: m.Why})
	}
	if len(out.Devices) == 0 {
		for _, d := range c.s.Register.Bearing(text) {
			out.Devices = append(out.Devices, ScanResult{Device: deviceRow(d), Why: "id"})
		}
	}
	out.Unclear = len(out.Devices) > 1 && out.Devices[0].Why == out.Devices[1].Why
	return out, nil
}

// Types that callers of the register's operations need.
type (
	Model       = register.Model
	Resolved    = fact.Resolved
	Fact        = fact.Fact
	FactKind    = fact.Kind
	FactSubject = fact.Subject
	FactLayer   = fact.Layer
	State       = state.State
	StateKind   = state.Kind
)
