package fhir_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"thalamus/internal/codec/fhir"
	"thalamus/internal/model"
)

// TestORU holds the bundles of every ORU message of the corpus
// against the message itself, read again here by nothing but splitting: the
// patient's number, and for each OBX with a value the code, the value and the
// unit. No code of ours but the bundle takes part.
func TestORU(t *testing.T) {
	messages, values, kept, without, others := 0, 0, 0, 0, 0
	for _, file := range files(t, "hl7v2-to-fhir", "hl7v2-syntax", "hl7v2-devices", "serial-lab") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		segments := strings.FieldsFunc(string(text), func(r rune) bool { return r == '\r' || r == '\n' })
		name := filepath.Base(file)
		if len(segments) == 0 || !strings.HasPrefix(segments[0], "MSH|^~\\&") || !strings.HasPrefix(field(segments[0], 8), "ORU") {
			continue
		}
		messages++
		var own []statement
		numbers := map[string]bool{}
		for _, m := range read(t, file) {
			if bundle := fhir.Bundle([]*model.Message{m}, fhir.Options{}); bundle != nil {
				n, err := fhir.Parse(bundle, fhir.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				own = append(own, statements(n)...)
				for number := range patientNumbers(n) {
					numbers[number] = true
				}
			}
		}
		for _, s := range segments {
			switch {
			case strings.HasPrefix(s, "PID|"):
				if id := part(strings.Split(field(s, 3), "~")[0], 0); id != "" && len(own) > 0 && !numbers[id] {
					t.Errorf("%s: the patient of PID-3 is not in the bundle", name)
				}
			case strings.HasPrefix(s, "OBX|") && tellsOfOthers(s):
				others++
			case strings.HasPrefix(s, "OBX|"):
				for _, value := range strings.Split(field(s, 5), "~") {
					if value == "" {
						without++
						continue
					}
					values++
					if why := missing(s, value, own); why != "" {
						t.Errorf("%s: %.90s\n  %s", name, s, why)
						continue
					}
					kept++
				}
			}
		}
	}
	t.Logf("ORU: %d of %d values of %d messages are in the bundles with patient, code, value and unit; %d OBX without a value, %d about devices, alarms and waveforms", kept, values, messages, without, others)
	if messages < 35 || values < 200 {
		t.Error("too few of them: is the corpus whole?")
	}
}

// missing says what a bundle lacks of an OBX; empty when it lacks nothing.
func missing(obx, value string, own []statement) string {
	code := part(field(obx, 3), 0)
	if code == "" || code == "0" { // no number: the name stands for it
		code = part(field(obx, 3), 1)
	}
	want := value
	switch field(obx, 2) {
	case "NM":
		if want = bareNumber(value); strings.Trim(want, "+-.0123456789<>eE") != "" {
			want = value // says NM and is no number
		}
	case "SN":
		if !strings.Contains(value, "^") {
			want = bareNumber(value)
			break
		}
		want = strings.TrimPrefix(part(value, 0), "=") + bareNumber(part(value, 1))
		if part(value, 2) != "" {
			want += part(value, 2) + part(value, 3)
		}
	case "CE", "CWE", "CNE", "CF":
		if want = part(value, 0); want == "" {
			want = part(value, 1)
		}
	case "TS", "DTM", "DT":
		if len(value) >= 8 {
			want = value[:4] + "-" + value[4:6] + "-" + value[6:8]
		}
	case "NA": // a waveform
		want = strconv.Itoa(strings.Count(value, "^") + 1)
	case "ED": // its content stands in Media, or is no base64
		want = ""
	}
	why := "no Observation with the code " + code
	for _, s := range own {
		if code != "" && !strings.Contains(s.codes, " "+code+" ") {
			continue
		}
		if why = "another value: " + s.String() + ", sent " + want; s.value == want || s.value == value {
			return ""
		}
	}
	return why
}

// bareNumber writes a number as plainNumber does: "05", "+5" and "5.0" are 5.
func bareNumber(s string) string {
	sign := ""
	if s != "" && strings.IndexByte("<>-", s[0]) >= 0 {
		sign, s = s[:1], s[1:]
	}
	s = strings.TrimLeft(strings.TrimPrefix(s, "+"), "0")
	if s == "" || s[0] == '.' {
		s = "0" + s
	}
	return sign + plainNumber(s)
}

// tellsOfOthers: such OBX say something about a device, an alarm or a
// waveform and stand in its resource, not in one of their own.
func tellsOfOthers(obx string) bool {
	name := part(field(obx, 3), 1)
	return strings.HasPrefix(name, "MDC_ATTR_") && name != "MDC_ATTR_TIME_ABS" || strings.HasPrefix(name, "MDC_EVT_")
}

func field(segment string, n int) string {
	f := strings.Split(segment, "|")
	if n >= len(f) {
		return ""
	}
	return f[n]
}

func part(text string, n int) string {
	p := strings.Split(text, "^")
	if n >= len(p) {
		return ""
	}
	return p[n]
}
