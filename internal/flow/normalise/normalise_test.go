package normalise_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/hl7v2/clinical"
	"thalamus/internal/fault"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
)

var update = flag.Bool("update", false, "write the expected results anew")

var arrived = time.Date(2026, 1, 31, 11, 0, 1, 0, time.UTC)

func read(b []byte) []model.Message {
	return clinical.New().Decode(model.Entry{Seq: 1, Frame: model.Frame{Channel: "ward", Codec: "hl7v2", Arrived: arrived, Bytes: b}}, codec.Context{})
}

func berlin(t testing.TB) *time.Location {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no zone database")
	}
	return loc
}

const cases = "../../codec/hl7v2/clinical/testdata"

// Each case of the clinical codec, normalised with a channel in Berlin.
func TestGolden(t *testing.T) {
	c := normalise.Context{Channel: berlin(t)}
	inputs, _ := filepath.Glob(cases + "/*/input.hl7")
	if len(inputs) == 0 {
		t.Fatal("no cases")
	}
	for _, input := range inputs {
		name := filepath.Base(filepath.Dir(input))
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			out := read(b)
			for i := range out {
				normalise.Normalise(&out[i], c)
			}
			got, err := json.MarshalIndent(out, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			expected := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(expected, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(expected)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s; see the difference with -update", expected)
			}
		})
	}
}

// properties hold for every message: normalising is deterministic and
// idempotent, also after it was done with other zones; it never touches what
// was sent; it uses catalogued codes only.
func properties(t *testing.T, b []byte) {
	t.Helper()
	here, there := normalise.Context{Channel: time.FixedZone("", 3600)}, normalise.Context{Site: time.FixedZone("", -5*3600)}
	once, twice, changed := read(b), read(b), read(b)
	for i := range once {
		normalise.Normalise(&once[i], here)
		normalise.Normalise(&twice[i], here)
		normalise.Normalise(&twice[i], here)
		normalise.Normalise(&changed[i], there)
		normalise.Normalise(&changed[i], here)
	}
	a, err := json.Marshal(once)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := json.Marshal(twice); !bytes.Equal(a, b) {
		t.Fatalf("not idempotent:\n%s\n%s", a, b)
	}
	if b, _ := json.Marshal(changed); !bytes.Equal(a, b) {
		t.Fatalf("an earlier call with other zones shows:\n%s\n%s", a, b)
	}
	known := map[string]bool{}
	for _, d := range fault.Catalogue() {
		known[d.Code] = true
	}
	for i, m := range once {
		for _, is := range m.Issues {
			if !known[is.Code] {
				t.Fatalf("%s is not in the catalogue", is.Code)
			}
		}
		for j, o := range m.Observations {
			sent := read(b)[i].Observations[j]
			if o.Received != sent.Received || o.UnitSent != sent.UnitSent || o.DeviceTime.Original != sent.DeviceTime.Original {
				t.Fatalf("%s: what was sent was changed", o.Field)
			}
			value := o.Value
			if o.Sent().Kind != model.ValueNone {
				value = o.Sent()
			}
			was := sent.Value
			if sent.Sent().Kind != model.ValueNone {
				was = sent.Sent()
			}
			value.Code, value.Time, was.Time = model.Code{}, nil, nil
			if value != was {
				t.Fatalf("%s: the value that was sent is lost: %+v, was %+v", o.Field, value, was)
			}
			if o.Absent != "" && o.Value.Kind != model.ValueNone {
				t.Fatalf("%s is absent and has a value", o.Field)
			}
		}
	}
}

func TestProperties(t *testing.T) {
	inputs, _ := filepath.Glob(cases + "/*/input.hl7")
	dir := os.Getenv("THALAMUS_CORPUS")
	if dir == "" {
		dir = "../../../../shared/corpus"
	}
	for _, p := range []string{"hl7v2-syntax/extracted/*", "hl7v2-to-fhir/messages/*", "hl7v2-devices/*"} {
		more, _ := filepath.Glob(filepath.Join(dir, p))
		inputs = append(inputs, more...)
	}
	for _, input := range inputs {
		b, err := os.ReadFile(input)
		if err != nil {
			t.Fatal(err)
		}
		properties(t, b)
	}
	t.Logf("%d inputs", len(inputs))
}

func FuzzNormalise(f *testing.F) {
	inputs, _ := filepath.Glob(cases + "/*/input.hl7")
	for _, input := range inputs {
		if b, err := os.ReadFile(input); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(properties)
}

// obx makes a message of OBX segments and normalises it.
func obx(t *testing.T, c normalise.Context, segments ...string) model.Message {
	t.Helper()
	text := "MSH|^~\\&|M^0003B1FFFE000001^EUI-64||||20260131120000||ORU^R01|1|P|2.6\rOBR|1|||X|||20260131115959\r" + strings.Join(segments, "\r") + "\r"
	out := read([]byte(text))
	if len(out) != 1 {
		t.Fatalf("%d messages", len(out))
	}
	normalise.Normalise(&out[0], c)
	return out[0]
}

// R14, R15, R17: codes, units and what contradicts.
func TestValues(t *testing.T) {
	for _, c := range []struct {
		name, obx                     string
		refid, loinc, value, unit     string
		sent, absent, issue, severity string
	}{
		{"identity", "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1|72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R", "MDC_ECG_HEART_RATE", "8867-4", "72", "/min", "", "", "", ""},
		{"converted", "OBX|1|NM|150344^MDC_TEMP^MDC|1|98.6|266560^MDC_DIM_FAHR^MDC|||||R", "MDC_TEMP", "8310-5", "37.0", "Cel", "98.6", "", "", ""},
		{"kPa", "OBX|1|NM|150033^MDC_PRESS_BLD_ART_SYS^MDC|1|16.0|265987^MDC_DIM_KILO_PASCAL^MDC|||||R", "MDC_PRESS_BLD_ART_SYS", "76215-3", "120.010200867074", "mm[Hg]", "16.0", "", "", ""},
		{"vendor spelling", "OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1|97|%SAT|||||R", "MDC_PULS_OXIM_SAT_O2", "2708-6", "97", "%", "", "", "", ""},
		{"no UCUM", "OBX|1|NM|150033^MDC_PRESS_BLD_ART_SYS^MDC|1|120|mmHg^mmHg^UCUM|||||R", "MDC_PRESS_BLD_ART_SYS", "76215-3", "120", "mm[Hg]", "", "", "normalise.unit-spelling", "warning"},
		{"contradiction", "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1|72|268192^MDC_DIM_DEGC^MDC|||||R", "MDC_ECG_HEART_RATE", "8867-4", "", "", "72", "error", "normalise.unit-contradicts", "error"},
		{"unknown unit", "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1|72|furlong|||||R", "MDC_ECG_HEART_RATE", "8867-4", "", "", "72", "error", "normalise.unknown-unit", "error"},
		{"units disagree", "OBX|1|NM|157884^MDC_VOL_FLUID_TBI^MDC|1|72|263762^MDC_DIM_MILLI_L^MDC^L^L^UCUM|||||R", "MDC_VOL_FLUID_TBI", "", "", "", "72", "error", "normalise.units-disagree", "error"},
		{"no unit", "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1|72||||||R", "MDC_ECG_HEART_RATE", "8867-4", "72", "", "", "", "normalise.no-unit", "warning"},
		{"refid wins", "OBX|1|NM|6^MDC_PULS_OXIM_SAT_O2^MDC|1|97|%|||||R", "MDC_PULS_OXIM_SAT_O2", "2708-6", "97", "%", "", "", "normalise.code-disagrees", "warning"},
		{"document with a title", "OBX|1|ED|^Report|1|^application^pdf^Base64^JVBERi0=||||||F", "", "", "", "", "", "", "", ""},
		{"document with a code of nobody's", "OBX|1|ED|R7^Report^99ACME|1|^application^pdf^Base64^JVBERi0=||||||F", "", "", "", "", "", "", "normalise.unknown-code", "warning"},
		{"unknown code", "OBX|1|NM|X77^Something^99ACME|1|5|mg/dL|||||R", "", "", "5", "mg/dL", "", "", "normalise.unknown-code", "warning"},
		{"unknown MDC term", "OBX|1|NM|159999^MDC_SOMETHING^MDC|1|5|mg/dL|||||R", "MDC_SOMETHING", "", "5", "mg/dL", "", "", "normalise.unknown-code", "warning"},
		{"LOINC alone", "OBX|1|NM|8867-4^HR^LN|1|72|/min^^UCUM|||||R", "", "8867-4", "72", "/min", "", "", "", ""},
		{"LOINC with wrong check digit", "OBX|1|NM|8867-5^HR^LN|1|72|/min^^UCUM|||||R", "", "", "72", "/min", "", "", "normalise.unknown-code", "warning"},
		{"LOINC with MDC behind", "OBX|1|NM|8889-8^HR^LN^149530^MDC_PULS_OXIM_PULS_RATE^MDC|1|55|{beats}/min^^UCUM|||||R", "MDC_PULS_OXIM_PULS_RATE", "8867-4", "55", "/min", "", "", "", ""},
		{"implausible", "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1|720|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R", "MDC_ECG_HEART_RATE", "8867-4", "720", "/min", "", "", "normalise.implausible", "warning"},
		{"sentinel", "OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1|8388607|262688^MDC_DIM_PERCENT^MDC|||||R", "MDC_PULS_OXIM_SAT_O2", "2708-6", "", "%", "8388607", "not-a-number", "normalise.invalid-marker", "warning"},
		{"number as text", "OBX|1|ST|150456^MDC_PULS_OXIM_SAT_O2^MDC|1|97|262688^MDC_DIM_PERCENT^MDC|||||R", "MDC_PULS_OXIM_SAT_O2", "2708-6", "97", "%", "97", "", "normalise.number-as-text", "warning"},
		{"second unit", "OBX|1|NM|160368^MDC_CONC_GLU_UNDETERMINED_PLASMA^MDC|1|5.4|mmol/l|||||R", "MDC_CONC_GLU_UNDETERMINED_PLASMA", "", "5.4", "mmol/L", "", "", "", ""},
		{"comparator stays", "OBX|1|SN|8867-4^HR^LN|1|>^300|/min^^UCUM|||||R", "", "8867-4", "300", "/min", "", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := obx(t, normalise.Context{}, c.obx)
			o := m.Observations[0]
			value := ""
			if o.Value.Kind == model.ValueNumber {
				value = o.Value.Number.String()
			}
			sent := ""
			switch o.Sent().Kind {
			case model.ValueNumber:
				sent = o.Sent().Number.String()
			case model.ValueText:
				sent = o.Sent().Text
			}
			if o.Code.RefID != c.refid || o.Code.LOINC != c.loinc || value != c.value || o.UnitUCUM != c.unit || sent != c.sent || o.Absent != c.absent {
				t.Errorf("got %s %s %q %q, sent %q, absent %q", o.Code.RefID, o.Code.LOINC, value, o.UnitUCUM, sent, o.Absent)
			}
			issue, severity := "", ""
			if len(m.Issues) > 0 {
				issue, severity = m.Issues[0].Code, string(m.Issues[0].Severity)
			}
			if issue != c.issue || severity != c.severity || len(m.Issues) > 1 {
				t.Errorf("issues %+v, want %s %s", m.Issues, c.severity, c.issue)
			}
		})
	}
}

// R16: whose zone counts, and the clocks of spring and autumn.
func TestTimes(t *testing.T) {
	zone := berlin(t)
	for _, c := range []struct {
		name, msh, obx string
		ctx            normalise.Context
		utc            string
		source         model.ZoneSource
		issue          string
	}{
		{"own zone", "20260131120000", "20260131115959-0500", normalise.Context{Channel: zone}, "2026-01-31T16:59:59Z", model.ZoneMessage, ""},
		{"zone of the message", "20260131120000+0100", "20260131115959", normalise.Context{Channel: time.UTC}, "2026-01-31T10:59:59Z", model.ZoneMessage, ""},
		{"device before channel", "20260131120000", "20260131115959", normalise.Context{Device: zone, Channel: time.UTC}, "2026-01-31T10:59:59Z", model.ZoneDevice, ""},
		{"channel", "20260131120000", "20260131115959", normalise.Context{Channel: zone, Site: time.UTC}, "2026-01-31T10:59:59Z", model.ZoneChannel, ""},
		{"site", "20260131120000", "20260131115959", normalise.Context{Site: zone}, "2026-01-31T10:59:59Z", model.ZoneSite, ""},
		{"nobody", "20260131120000", "20260131115959", normalise.Context{}, "2026-01-31T11:59:59Z", model.ZoneSite, ""},
		{"autumn", "20251026023000", "20251026023000", normalise.Context{Channel: zone}, "2025-10-26T01:30:00Z", model.ZoneChannel, "normalise.time-ambiguous"},
		{"spring", "20250330023000", "20250330023000", normalise.Context{Channel: zone}, "2025-03-30T01:30:00Z", model.ZoneChannel, "normalise.time-ambiguous"},
		{"no time", "20260131120000", "yesterday", normalise.Context{}, "", "", "normalise.time"},
		{"future", "20280131120000", "20280131120000", normalise.Context{}, "2028-01-31T12:00:00Z", model.ZoneSite, "normalise.time-future"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "MSH|^~\\&|M||||" + c.msh + "||ORU^R01|1|P|2.6\rOBR|1||1|1\rOBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1|72|/min|||||R|||" + c.obx + "\r"
			out := read([]byte(text))
			normalise.Normalise(&out[0], c.ctx)
			at := out[0].Observations[0].DeviceTime
			utc := ""
			if !at.UTC.IsZero() {
				utc = at.UTC.Format(time.RFC3339)
			}
			if utc != c.utc || at.Zone != c.source || at.Original != c.obx {
				t.Errorf("%+v, want %s by %s", at, c.utc, c.source)
			}
			issue := ""
			if len(out[0].Issues) > 0 {
				issue = out[0].Issues[0].Code
			}
			if issue != c.issue {
				t.Errorf("issue %q, want %q", issue, c.issue)
			}
		})
	}
}
