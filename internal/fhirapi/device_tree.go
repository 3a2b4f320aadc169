package fhirapi

import (
	"strings"

	"thalamus/internal/codec/fhir"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// ownNumbers are the facts by which a device is known in the house or on the
// network, and what they are called.
var ownNumbers = []struct{ fact, title string }{
	{"asset", "Asset number"}, {"mac", "MAC address"}, {"host", "Host name"}, {"hl7", "HL7 application"}, {"ae", "DICOM AE title"}, {"mqtt", "MQTT client id"}, {"certificate", "Certificate"},
}

// properties are the facts that R4 has no element for.
var properties = []struct{ fact, title string }{
	{"life", "Stage of life"}, {"borrower", "Lent to"}, {"system", "Operating system"}, {"ip", "IP address"}, {"custodian", "Responsible"}, {"supplier", "Supplier"},
	{"purchased", "Bought on"}, {"warranty", "Warranty until"}, {"holds", "Keeps patients' records"}, {"patch", "Patch status"}, {"risk", "Risk"},
}

// identifiersOf gives a device's identifiers as its resource has them.
func identifiersOf(d *service.DeviceSheet) []model.Identifier {
	out := fhir.DeviceIdentifiers(&model.Device{Identifiers: d.Identifiers, Manufacturer: d.Facts["manufacturer"], Model: d.Facts["model"], Serial: d.Facts["serial"]})
	for _, n := range ownNumbers {
		if value := d.Facts[n.fact]; value != "" {
			out = append(out, model.Identifier{System: ownPrefix + n.fact, Value: value, Type: n.title})
		}
	}
	if text := d.Facts["udi"]; text != "" {
		out = append(out, model.Identifier{System: ownPrefix + "udi", Value: text, Type: "UDI"})
	}
	return append(out, model.Identifier{System: systemDevice, Value: string(d.ID), Type: "Thalamus"})
}

// device is a Device (FHIR R4 §8.16).
func device(d *service.DeviceSheet) *resource {
	r := &resource{kind: "Device", id: string(d.ID), updated: d.Updated}
	n := resourceOf(r.kind, r.id)
	var ids []*node
	for _, i := range identifiersOf(d) {
		ids = append(ids, identifier(i.System, i.Value, i.Type))
	}
	n.list("identifier", ids...)
	if d.Model != "" {
		r.refer("definition", "DeviceDefinition/"+d.Model)
		n.put("definition", reference("DeviceDefinition/"+d.Model, strings.TrimSpace(d.Facts["manufacturer"]+" "+d.Facts["model"])))
	}
	if text := d.Facts["udi"]; text != "" {
		carrier, entry := object(), "unknown"
		if d.Tells {
			entry = "self-reported"
		}
		if d.UDI != nil {
			carrier.text("deviceIdentifier", d.UDI.DI).text("issuer", issuer(string(d.UDI.Issuer)))
		}
		n.list("udiCarrier", carrier.text("carrierHRF", text).text("entryType", entry))
	}
	n.text("status", d.Standing)
	n.list("statusReason", reasons(d)...)
	if d.UDI != nil {
		n.text("distinctIdentifier", d.UDI.Donation)
	}
	n.text("manufacturer", d.Facts["manufacturer"])
	if d.UDI != nil {
		n.text("manufactureDate", d.UDI.Made).text("expirationDate", d.UDI.Expires).text("lotNumber", d.UDI.Lot)
	}
	n.text("serialNumber", d.Facts["serial"])
	n.list("deviceName", name(d.Facts["name"], "user-friendly-name"), name(d.Facts["model"], "model-name"))
	n.text("modelNumber", d.Facts["model"])
	n.put("type", meaning(d.Kind, model.Coding{}))
	n.list("version", version("software", "531975", "MDC_ID_PROD_SPEC_SW", d.Facts["release"]), version("hardware", "531974", "MDC_ID_PROD_SPEC_HW", d.Facts["hardware"]))
	n.list("property", propertiesOf(d.Facts)...)
	if owner := fhir.Clean(d.Facts["owner"]); owner != "" {
		n.put("owner", object().text("type", "Organization").text("display", owner))
	}
	if d.Location != "" {
		r.refer("location", "Location/"+d.Location)
		n.put("location", reference("Location/"+d.Location, words(d.Place)))
	}
	if note := fhir.Clean(d.Facts["note"]); note != "" {
		n.list("note", object().text("text", note))
	}
	r.node = n
	return r
}

// issuer is the naming system of who gives UDIs (FHIR R4 §8.16,
// Device.udiCarrier.issuer).
func issuer(name string) string {
	switch name {
	case "GS1":
		return "http://hl7.org/fhir/NamingSystem/gs1-di"
	case "HIBCC":
		return "http://hl7.org/fhir/NamingSystem/hibcc-dI"
	case "ICCBBA":
		return "http://hl7.org/fhir/NamingSystem/iccbba-other-di"
	}
	return ""
}

// reasons say why a device has its status: whether it is heard, its stage of
// life, and what else is the matter.
func reasons(d *service.DeviceSheet) []*node {
	var out []*node
	for i, s := range d.States {
		own := coding(systemState, string(s.Kind), "")
		switch {
		case s.Kind == "online":
			out = append(out, concept("", coding(systemStatusReason, "online", "Online"), own))
		case s.Kind == "silent":
			out = append(out, concept("", coding(systemStatusReason, "offline", "Offline"), own))
		case i == 0 || s.Grade == "good" || s.Grade == "info":
			// that it was never heard, or is a little late, is no reason
		default:
			out = append(out, concept("", own))
		}
	}
	if life := d.Facts["life"]; life != "" && d.Standing == "inactive" {
		out = append(out, concept("", coding(systemFact, life, "")))
	}
	return out
}

func name(text, kind string) *node {
	if fhir.Clean(text) == "" {
		return nil
	}
	return object().text("name", text).text("type", kind)
}

// version is one of Device.version; its type is a term of ISO/IEEE 11073.
func version(word, code, display, value string) *node {
	if fhir.Clean(value) == "" {
		return nil
	}
	return object().put("type", concept(word, coding(systemMDC, code, display))).text("value", value)
}

func propertiesOf(facts map[string]string) []*node {
	var out []*node
	for _, p := range properties {
		if value := fhir.Clean(facts[p.fact]); value != "" {
			out = append(out, property(p.fact, p.title, value))
		}
	}
	return out
}

func property(code, title, value string) *node {
	return object().put("type", concept(title, coding(systemFact, code, title))).list("valueCode", concept(value))
}

// words is a place as people say it: ICU, room 2, bed 23.
func words(p model.Place) string {
	var parts []string
	for _, one := range []struct{ before, name string }{{"", p.Facility}, {"", p.PointOfCare}, {"room ", p.Room}, {"bed ", p.Bed}} {
		if one.name != "" {
			parts = append(parts, one.before+one.name)
		}
	}
	return strings.Join(parts, ", ")
}
