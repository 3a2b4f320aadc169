package fhir

import "thalamus/internal/model"

// What personal health devices send is written as HL7's guide for them asks
// (http://hl7.org/fhir/uv/phd), as far as a transaction that holds the sender
// alone can: the category that tells such Observations apart, codes of MDC
// beside those of LOINC, effective time of reception where the device told none,
// reasons of absent values, and the measurement status. The guide's profiles are
// not claimed: PhdBaseObservation demands a Device of the gateway
// (observation-gatewayDevice, 1..1), PhdDevice a type, specialisations and their
// versions. The coincident time stamp is 0..1.

// personal says whether a message is of a personal health device.
func personal(m *model.Message) bool { return m.Codec == "phd" || m.Codec == "gatt" }

const categoryPersonal = `{"coding":[{"system":"http://hl7.org/fhir/uv/phd/CodeSystem/PhdObservationCategories","code":"phd"}]}`

// category writes Observation.category.
func (b *builder) category(vitalSign bool) {
	w := &b.w
	switch is := personal(b.spoken.m); {
	case vitalSign && is:
		w.b = append(w.b, categoryVitalSigns[:len(categoryVitalSigns)-1]...)
		w.b = append(w.b, ',')
		w.b = append(w.b, categoryPersonal...)
		w.b = append(w.b, ']')
	case vitalSign:
		w.b = append(w.b, categoryVitalSigns...)
	case is:
		w.b = append(w.b, `,"category":[`...)
		w.b = append(w.b, categoryPersonal...)
		w.b = append(w.b, ']')
	}
}

const systemMeasurementStatus = "http://hl7.org/fhir/uv/pocd/CodeSystem/measurement-status"

// measurementStatus is the code for a flag of our codecs; empty for others.
func measurementStatus(flag string) string {
	switch flag {
	case "questionable", "calibration-ongoing":
		return flag
	case "validated":
		return "validated-data"
	}
	return ""
}
