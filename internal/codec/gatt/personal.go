package gatt

import (
	"encoding/binary"
	"strconv"
	"time"

	"thalamus/internal/model"
)

const (
	infra = 8 << 16

	versionHardware = infra | 7686 // MDC_ID_PROD_SPEC_HW
	versionSoftware = infra | 7687
	versionFirmware = infra | 7688

	clockAbsolute = 1<<16 | 2439 // MDC_ATTR_TIME_ABS
)

// specialisations are those of IEEE 11073 that devices of a service follow, with
// the version that the examples of HL7's guide for personal health devices give
// such devices. Of the other services no public source tells the version.
var specialisations = map[string]model.Specialisation{
	"1808": {Code: infra | 4113, Version: "1"}, // glucose meter
	"1810": {Code: infra | 4103, Version: "1"}, // blood pressure monitor
	"1822": {Code: infra | 4100, Version: "1"}, // pulse oximeter
}

// personal is what the device tells of itself beside; nil where it told nothing.
// services are those it has, as four hexadecimal digits.
func (d *decoder) personal(services []string) *model.Personal {
	p := &model.Personal{Clock: d.reading()}
	for _, service := range services {
		if s, ok := specialisations[service]; ok {
			p.Specialisations = append(p.Specialisations, s)
		}
	}
	for _, v := range [...]struct {
		uuid string
		kind uint32
	}{{"2a27", versionHardware}, {"2a28", versionSoftware}, {"2a26", versionFirmware}} {
		if value := d.text(v.uuid); value != "" {
			p.Versions = append(p.Versions, model.DeviceVersion{Kind: v.kind, Value: value})
		}
	}
	if len(p.Specialisations) == 0 && len(p.Versions) == 0 && p.Clock.Kind == 0 {
		return nil
	}
	return p
}

// reading is what the device's clock said when it was connected (0x2A2B).
func (d *decoder) reading() (r model.ClockReading) {
	b := d.said["2a2b"]
	if d.clockHeard.IsZero() || len(b) < 7 || binary.LittleEndian.Uint16(b) == 0 {
		return r
	}
	in := reader{b: b[:7]}
	said := in.time("the time")
	if in.err != nil || said.Original == "" {
		return r
	}
	return model.ClockReading{Kind: clockAbsolute, Said: said, Heard: d.clockHeard}
}

// Services names the property that lists the health services of the device, as
// four hexadecimal digits each, with blanks between.
const Services = "services"

// ClockHeard names the property that says when the device's current time (0x2A2B)
// was read, in milliseconds since 1970.
const ClockHeard = "clock-heard"

// heard reads when the current time was read.
func heard(text string) time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
