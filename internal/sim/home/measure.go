package home

import (
	"fmt"
	"strings"
	"time"

	"thalamus/client"
	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// Patient is who measures at home.
type Patient struct {
	bed   sim.Bed
	body  *sim.Physiology
	run   string
	count int
	// release of the devices' software, 1.0 at first.
	release int
}

// NewPatient gives the patient of a bed. run tells apart several runs against the
// same server.
func NewPatient(bed sim.Bed, run string) *Patient {
	return &Patient{bed: bed, body: bed.Body(), run: run}
}

// Measure gives what the devices of a home measure at a moment: pressure and
// pulse, saturation, temperature; all of one body. What is wrong with one value
// alone is wrong with the saturation.
func (p *Patient) Measure(now time.Time, turn faults.Turn) []client.Message {
	v := p.body.Next().With(turn)
	p.count++
	if turn.Is(faults.Firmware) {
		p.release++
	}
	at := turn.Clock(now).UTC().Format("2006-01-02T15:04:05.000Z")
	mrn, meta := p.bed.Patient.MRN, ""
	switch turn {
	case faults.WrongPatient:
		mrn = "WRONG-" + mrn
	case faults.DemoMode: // FHIR R4 §6.1.1: data of a test
		meta = `"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HTEST"}]},`
	}
	message := func(device, model, code, value string) client.Message {
		serial := fmt.Sprintf("SIM-%s-%s%03d", device, p.bed.Ward, p.bed.Number)
		body := fmt.Sprintf(`{"resourceType":"Observation",%s"identifier":[{"system":"urn:id:SIMHOME","value":"%s-%s-%d"}],"contained":[{"resourceType":"Device","id":"d","manufacturer":"Thalamus","modelNumber":"%s","serialNumber":"%s","version":[{"type":{"text":"software"},"value":"%d.0"}]}],"status":"final","code":%s,"subject":{"identifier":{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"system":"urn:id:SIMHOSP","value":"%s"}},"effectiveDateTime":"%s","device":{"reference":"#d"},%s}`,
			meta, serial, p.run, p.count, model, serial, p.release+1, code, mrn, at, value)
		return client.Message{Device: serial, Type: "application/fhir+json", Body: []byte(body)}
	}
	oximetry, saturation := coded(mdc(150456, "MDC_PULS_OXIM_SAT_O2")), quantity(fmt.Sprint(v.SpO2Percent), "%")
	switch turn {
	case faults.NewLabel:
		oximetry = `{"text":"nobody knows it"}`
	case faults.WrongUnit:
		saturation = quantity(fmt.Sprint(v.SpO2Percent), "mm[Hg]")
	case faults.NaN:
		saturation = absent("not-a-number")
	case faults.SensorOff:
		saturation = absent("error")
	case faults.NoNumber:
		saturation = `"valueString":"---"`
	}
	return []client.Message{
		message("BP", "Home cuff", coded(mdc(150020, "MDC_PRESS_BLD_NONINV")+`,{"system":"http://loinc.org","code":"85354-9"}`),
			`"component":[`+component(150021, "MDC_PRESS_BLD_NONINV_SYS", v.SysMmHg, "mm[Hg]")+","+component(150022, "MDC_PRESS_BLD_NONINV_DIA", v.DiaMmHg, "mm[Hg]")+","+component(149546, "MDC_PULS_RATE_NON_INV", v.PulsePerMin, "/min")+"]"),
		message("PO", "Home oximeter", oximetry, saturation),
		message("TH", "Home thermometer", coded(mdc(150364, "MDC_TEMP_BODY")), quantity(fmt.Sprintf("%d.%d", v.TempTenthCel/10, v.TempTenthCel%10), "Cel")),
	}
}

// Mark is the part of an Observation that no other has.
func Mark(observation []byte) string {
	_, rest, _ := strings.Cut(string(observation), `"urn:id:SIMHOME","value":`)
	mark, _, _ := strings.Cut(rest, "}")
	return mark
}

func coded(codings string) string { return `{"coding":[` + codings + `]}` }

func mdc(code int, name string) string {
	return fmt.Sprintf(`{"system":"urn:iso:std:iso:11073:10101","code":"%d","display":"%s"}`, code, name)
}

func quantity(value, unit string) string {
	return fmt.Sprintf(`"valueQuantity":{"value":%s,"system":"http://unitsofmeasure.org","code":"%s"}`, value, unit)
}

// absent says why there is no value (FHIR R4, code system data-absent-reason).
func absent(reason string) string {
	return `"dataAbsentReason":` + coded(`{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"`+reason+`"}`)
}

func component(code int, name string, value int, unit string) string {
	return fmt.Sprintf(`{"code":%s,%s}`, coded(mdc(code, name)), quantity(fmt.Sprint(value), unit))
}
