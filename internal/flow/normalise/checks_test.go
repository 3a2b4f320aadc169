package normalise_test

import (
	"strings"
	"testing"

	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
)

func issues(m model.Message) string {
	var codes []string
	for _, i := range m.Issues {
		codes = append(codes, strings.TrimPrefix(i.Code, "normalise."))
	}
	return strings.Join(codes, " ")
}

// R17: what devices send when there is no value, and what is not possible.
func TestMarkersAndLimits(t *testing.T) {
	const hr, vol, pleth = "147842^MDC_ECG_HEART_RATE^MDC", "157993^MDC_VOL_FLUID_DELIV_TOTAL^MDC", "150456^MDC_PULS_OXIM_SAT_O2^MDC"
	for _, c := range []struct {
		kind, code, value, unit     string
		number, sent, absent, issue string
	}{
		{"NM", hr, "32767", "/min", "", "32767", "error", "invalid-marker"},
		{"NM", hr, "-32768", "/min", "", "-32768", "error", "invalid-marker"},
		{"NM", hr, "8388608", "/min", "", "8388608", "error", "invalid-marker"},
		{"NM", hr, "8388606", "/min", "", "8388606", "positive-infinity", "invalid-marker"},
		{"NM", hr, "8388610", "/min", "", "8388610", "negative-infinity", "invalid-marker"},
		{"NM", hr, "2047", "/min", "", "2047", "not-a-number", "invalid-marker"},
		{"NM", hr, "2048", "/min", "", "2048", "error", "invalid-marker"},
		{"NM", vol, "2047", "mL", "2047", "", "", ""},                      // possible
		{"NM", vol, "32767", "mL", "", "32767", "error", "invalid-marker"}, // nobody said how much is possible
		{"NM", hr, "32767.0", "/min", "32767.0", "", "", "implausible"},    // not as a marker is written
		{"NM", hr, "401", "/min", "401", "", "", "implausible"},
		{"NM", hr, "400", "/min", "400", "", "", ""},
		{"NM", hr, "-1", "/min", "-1", "", "", "implausible"},
		{"NM", hr, "6.7", "/s", "402", "6.7", "", "implausible"}, // judged in the preferred unit
		{"NM", pleth, "101", "%", "101", "", "", "implausible"},
		{"NM", hr, "----", "/min", "", "", "unknown", ""},
		{"NM", hr, "***", "/min", "", "", "unknown", ""},
		{"NM", hr, "NaN", "/min", "", "", "not-a-number", ""},
		{"NM", hr, "-INF", "/min", "", "", "negative-infinity", ""},
		{"ST", hr, "----", "/min", "", "----", "unknown", "invalid-marker"},
		{"ST", hr, "***", "/min", "", "***", "unknown", "invalid-marker"},
		{"ST", hr, "NaN", "/min", "", "NaN", "not-a-number", "invalid-marker"},
		{"ST", hr, "-INF", "/min", "", "-INF", "negative-infinity", "invalid-marker"},
		{"ST", hr, "+++", "/min", "", "+++", "unknown", "invalid-marker"},
		{"ST", hr, "regular", "/min", "", "", "", "text-for-number"}, // a text is kept as a text
	} {
		m := obx(t, normalise.Context{}, "OBX|1|"+c.kind+"|"+c.code+"|1|"+c.value+"|"+c.unit+"^"+c.unit+"^UCUM|||||R")
		o := m.Observations[0]
		number, sent := "", ""
		if o.Value.Kind == model.ValueNumber {
			number = o.Value.Number.String()
		}
		switch o.Sent().Kind {
		case model.ValueNumber:
			sent = o.Sent().Number.String()
		case model.ValueText:
			sent = o.Sent().Text
		}
		got := strings.TrimSpace(strings.ReplaceAll(issues(m), "decode.text-for-nothing", ""))
		if number != c.number || sent != c.sent || o.Absent != c.absent || got != c.issue {
			t.Errorf("%s %s: %q, sent %q, absent %q, issue %q; want %q %q %q %q", c.kind, c.value, number, sent, o.Absent, got, c.number, c.sent, c.absent, c.issue)
		}
	}
}

// R17: limits depend on age where the table says so, and only where the
// patient's birthday is known.
func TestLimitsByAge(t *testing.T) {
	const weight, height = "188736^MDC_MASS_BODY_ACTUAL^MDC", "188740^MDC_LEN_BODY_ACTUAL^MDC"
	for _, c := range []struct{ born, code, value, unit, issue string }{
		{"20260125", weight, "3.4", "kg", ""},
		{"20260125", weight, "34", "kg", "implausible"},
		{"20200125", weight, "34", "kg", ""},
		{"20200125", weight, "1.2", "kg", "implausible"},
		{"19700101", weight, "3.4", "kg", "implausible"},
		{"19700101", weight, "70", "kg", ""},
		{"", weight, "3.4", "kg", ""},
		{"1970", weight, "3.4", "kg", ""},     // the day is not known
		{"20270101", weight, "3.4", "kg", ""}, // not born yet: somebody's clock is wrong
		{"20260125", height, "51", "cm", ""},
		{"20260125", height, "1.75", "m", "implausible"},
		{"19700101", height, "1.75", "m", ""},
	} {
		text := "MSH|^~\\&|M^0003B1FFFE000001^EUI-64||||20260131120000||ORU^R01|1|P|2.6\rPID|||P1^^^H^MR||Muster^Anna||" + c.born + "|F\rOBR|1|||X|||20260131115959\r" +
			"OBX|1|NM|" + c.code + "|1|" + c.value + "|" + c.unit + "^" + c.unit + "^UCUM|||||R\r"
		out := read([]byte(text))
		normalise.Normalise(&out[0], normalise.Context{})
		if got := issues(out[0]); got != c.issue {
			t.Errorf("born %q, %s %s: issues %q, want %q", c.born, c.value, c.unit, got, c.issue)
		}
	}
}

// R14: a unit that the quantity cannot have is an issue and converts nothing;
// the value as sent stays.
func TestUnitsThatContradict(t *testing.T) {
	for _, c := range []struct{ code, value, unit string }{
		{"147842^MDC_ECG_HEART_RATE^MDC", "72", "mm[Hg]"},
		{"150344^MDC_TEMP^MDC", "37", "%"},
		{"150033^MDC_PRESS_BLD_ART_SYS^MDC", "120", "Cel"},
		{"159036^MDC_HDIALY_UF_RATE^MDC", "500", "mL"},
	} {
		m := obx(t, normalise.Context{}, "OBX|1|NM|"+c.code+"|1|"+c.value+"|"+c.unit+"^"+c.unit+"^UCUM|||||R")
		o := m.Observations[0]
		if o.Value.Kind != model.ValueNone || o.UnitUCUM != "" || o.Sent().Number.String() != c.value || o.Absent != "error" || issues(m) != "unit-contradicts" {
			t.Errorf("%s in %s: %+v, %q, issues %q", c.code, c.unit, o.Value, o.UnitUCUM, issues(m))
		}
	}
}

// R15: LOINC of a partial pressure is not given to a share of the gas.
func TestLOINCFitsTheUnit(t *testing.T) {
	for _, c := range []struct{ value, unit, loinc string }{{"38", "mm[Hg]", "19891-1"}, {"5.1", "kPa", "19891-1"}, {"5.0", "%", ""}} {
		m := obx(t, normalise.Context{}, "OBX|1|NM|151708^MDC_CONC_AWAY_CO2_ET^MDC|1|"+c.value+"|"+c.unit+"^"+c.unit+"^UCUM|||||R")
		if o := m.Observations[0]; o.Code.LOINC != c.loinc || o.Code.RefID != "MDC_CONC_AWAY_CO2_ET" {
			t.Errorf("%s %s: %+v", c.value, c.unit, o.Code)
		}
	}
}

// R17: simulated values say so, whoever says it: OBX-8, or the message.
func TestSimulated(t *testing.T) {
	m := obx(t, normalise.Context{}, "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1|72|/min^/min^UCUM||DEMO|||R", "OBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC|2|72|/min^/min^UCUM|||||R")
	if !m.Observations[0].Simulated || m.Observations[1].Simulated {
		t.Errorf("simulated: %v, %v", m.Observations[0].Simulated, m.Observations[1].Simulated)
	}
}

// HL7 v2 table 0085: what the sender says of a result's status.
func TestStatus(t *testing.T) {
	for sent, want := range map[string]model.Status{"F": model.StatusFinal, "R": model.StatusPreliminary, "P": model.StatusPreliminary, "C": model.StatusCorrected, "D": model.StatusError, "W": model.StatusError, "X": model.StatusCancelled} {
		m := obx(t, normalise.Context{}, "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1|72|/min^/min^UCUM|||||"+sent)
		if got := m.Observations[0].Status; got != want {
			t.Errorf("%s is %s, want %s", sent, got, want)
		}
	}
}

// R17: a word where the code stands for a number is kept and said, at its
// place; what decode said of it already is not said again.
func TestTextForNumber(t *testing.T) {
	for _, c := range []struct{ obx, issue, field string }{
		{"OBX|1|ST|151562^MDC_RESP_RATE^MDC|1|shallow||||||R", "normalise.text-for-number", "OBX[1]-5"},
		{"OBX|1|TX|8867-4^Heart rate^LN|1|fast||||||R", "normalise.text-for-number", "OBX[1]-5"},
		{"OBX|1|ST|147842^MDC_ECG_HEART_RATE^MDC|1|72~fast|/min||||||R", "normalise.text-for-number", "OBX[1]-5[2]"},
		{"OBX|1|NM|151562^MDC_RESP_RATE^MDC|1|shallow||||||R", "decode.not-a-number", "OBX-5"},
		{"OBX|1|ST|151562^MDC_RESP_RATE^MDC|1|---||||||R", "normalise.invalid-marker", "OBX[1]"},
		{"OBX|1|ST|184352^MDC_LOCAL^L|1|shallow||||||R", "", ""},
	} {
		m := obx(t, normalise.Context{}, c.obx)
		var found []string
		for _, i := range m.Issues {
			switch i.Code {
			case "normalise.text-for-number", "decode.not-a-number", "normalise.invalid-marker":
				found = append(found, i.Code+" "+i.Field)
			}
		}
		if want := strings.TrimSpace(c.issue + " " + c.field); strings.Join(found, ", ") != want {
			t.Errorf("%s: %q, want %q", c.obx, found, want)
		}
		last := m.Observations[len(m.Observations)-1]
		if c.issue == "normalise.text-for-number" && (last.Value.Kind != model.ValueText || last.Value.Text == "" || last.ValueSent != nil) {
			t.Errorf("%s: value %+v", c.obx, last.Value)
		}
	}
}
