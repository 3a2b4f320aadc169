package rest

import (
	"mime"
	"slices"
	"strings"

	"thalamus/internal/fault"
)

// format is how a body is cut into rows and which codec reads them.
type format struct {
	name  string // json ndjson csv fhir hl7v2 openmhealth
	codec string
	media string // as it was told
}

// formatNames are what the setting formats may name.
var formatNames = []string{"json", "ndjson", "csv", "fhir", "hl7v2", "openmhealth"}

// jsonCodecs read a JSON document.
var jsonCodecs = []string{"json", "fhir", "openmhealth"}

// medias tells which media types say which format. A type that says only JSON
// or NDJSON is read by the channel's codec.
var medias = map[string]string{
	"application/json": "json", "text/json": "json",
	"application/x-ndjson": "ndjson", "application/ndjson": "ndjson", "application/jsonl": "ndjson", "application/x-jsonlines": "ndjson", "application/json-seq": "",
	"application/fhir+json": "fhir", "application/json+fhir": "fhir", "application/fhir+ndjson": "fhir-ndjson",
	"text/csv": "csv", "application/csv": "csv", "text/tab-separated-values": "csv",
	"application/hl7-v2": "hl7v2", "application/hl7-v2+er7": "hl7v2", "x-application/hl7-v2+er7": "hl7v2", "text/hl7v2": "hl7v2", "application/edi-hl7": "hl7v2",
	"application/vnd.openmhealth+json": "openmhealth",
}

// formatOf finds the format of a content type among those the channel allows
// (R3).
func (d *Driver) formatOf(contentType string) (format, error) {
	media, params, err := mime.ParseMediaType(contentType)
	if contentType == "" || err != nil && media == "" {
		return format{}, fault.New(fault.Invalid, "rest.media", "say what is sent: Content-Type: %s", strings.Join(d.medias(), ", ")).At("Content-Type")
	}
	f := format{name: medias[media], media: media}
	if media == "text/plain" && d.codec == "hl7v2" {
		f.name = "hl7v2"
	}
	ours := d.codec
	if !slices.Contains(jsonCodecs, ours) {
		ours = "json"
	}
	kind := f.name
	switch f.name {
	case "json":
		f.codec, kind = ours, ours
	case "ndjson":
		f.codec = ours
		if !d.allows(ours) {
			kind = ours
		}
	case "fhir-ndjson":
		f.name, f.codec, kind = "ndjson", "fhir", "fhir"
	default:
		f.codec = f.name
	}
	if f.name == "" || !d.allows(kind) {
		return format{}, fault.New(fault.Invalid, "rest.media", "this channel does not take this type; it takes %s", strings.Join(d.medias(), ", ")).At("Content-Type")
	}
	if c := strings.ToLower(params["charset"]); c != "" && c != "utf-8" && c != "utf8" && c != "us-ascii" && f.codec != "hl7v2" {
		return format{}, fault.New(fault.Invalid, "rest.media", "send UTF-8; only HL7 v2 may be in another character set, which MSH-18 names").At("Content-Type")
	}
	return f, nil
}

func (d *Driver) allows(name string) bool {
	return name == d.codec || slices.Contains(d.settings.Formats, name)
}

// medias lists one type for each format the channel takes.
func (d *Driver) medias() []string {
	var out []string
	for _, m := range [...]struct{ name, media string }{
		{"json", "application/json"}, {"ndjson", "application/x-ndjson"}, {"csv", "text/csv"}, {"fhir", "application/fhir+json"}, {"hl7v2", "application/hl7-v2"}, {"openmhealth", "application/vnd.openmhealth+json"},
	} {
		if d.allows(m.name) {
			out = append(out, m.media)
		}
	}
	return out
}

func (d *Driver) acceptPost() string { return strings.Join(d.medias(), ", ") }
