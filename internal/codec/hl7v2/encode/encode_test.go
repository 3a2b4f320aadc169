package encode

import (
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/model"
)

var at = time.Date(2026, 11, 21, 9, 15, 0, 0, time.UTC)

func utc(t time.Time) model.Timestamp { return model.Timestamp{UTC: t} }

func dec(s string) model.Decimal {
	d, err := model.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}

var spo2 = model.Code{MDC: 150456, RefID: "MDC_PULS_OXIM_SAT_O2", LOINC: "59408-5", Name: "SpO2"}

func monitor() *model.Message {
	return &model.Message{
		Ref: model.MessageRef{Seq: 4711}, ControlID: "A1", DeviceTime: utc(at), Arrived: at.Add(time.Second),
		Patient: &model.Patient{
			Identifiers: []model.Identifier{{Value: "4711", System: "1.2.276.0.76", Type: "MR"}, {Value: "V|2", System: "HOSP", Type: "VN"}},
			Family:      "Müller", Given: []string{"Eva", "Maria"}, BirthDate: "1961-05", Sex: "female",
		},
		Visit:   &model.Visit{Class: "I", Place: model.Place{PointOfCare: "ICU", Room: "2", Bed: "23"}},
		Devices: []model.Device{{Identifiers: []model.Identifier{{Value: "0080C7FFFE000001", Type: "EUI-64"}}, Parent: -1}},
		Orders:  []model.Order{{Filler: model.Identifier{Value: "F9"}, Start: utc(at)}},
		Observations: []model.Observation{
			{Received: model.Coding{Code: "O2Sat", System: "99ACME"}, Code: spo2, Value: model.Value{Kind: model.ValueNumber, Number: dec("98.0")},
				UnitUCUM: "%", UnitSent: model.Coding{Code: "262688", Text: "MDC_DIM_PERCENT", System: "MDC"}, Status: model.StatusFinal,
				SubID: "1.1.1.1", RangeText: "90-100", DeviceTime: utc(at.Add(250 * time.Millisecond)), Device: 0},
			{Received: model.Coding{Code: "150456", Text: "MDC_PULS_OXIM_SAT_O2", System: "MDC"}, Code: spo2, Status: model.StatusFinal,
				Absent: "error", Device: -1, Simulated: true},
			{Received: model.Coding{Code: "X1", Text: "Local", System: "L"}, Value: model.Value{Kind: model.ValueText, Text: "a|b\nc"},
				Status: model.StatusCorrected, Device: -1, DeviceTime: model.Timestamp{Original: "2026112110"}},
			{Received: model.Coding{Code: "G"}, Value: model.Value{Kind: model.ValueNumber, Comparator: "<", Number: dec("5")}, Device: -1},
		},
		Waveforms: []model.Waveform{{Code: model.Code{MDC: 131329, RefID: "MDC_ECG_LEAD_I"}, SubID: "1.1.2.1", UnitUCUM: "mV",
			PeriodNS: 4_000_000, Origin: dec("-0.5"), Scale: dec("0.01"), Samples: []int32{0, 50, model.Gap, -7}, Device: 0, Status: model.StatusFinal}},
	}
}

func lines(t *testing.T, m *model.Message, o Options) []string {
	t.Helper()
	raw, err := Message(m, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hl7v2.Parse(raw); err != nil {
		t.Fatalf("what was written cannot be read: %v", err)
	}
	return strings.Split(strings.TrimSuffix(string(raw), "\r"), "\r")
}

func compare(t *testing.T, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		g, w := "", ""
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("segment %d\ngot  %s\nwant %s", i+1, g, w)
		}
	}
}

func TestObservations(t *testing.T) {
	compare(t, lines(t, monitor(), Options{ControlID: "ID1", Sender: model.Party{Application: "THALAMUS", Facility: "HOSP"}, Receiver: model.Party{Application: "EHR"}, AcceptAck: "AL", ApplicationAck: "NE"}), []string{
		`MSH|^~\&|THALAMUS|HOSP|EHR||20261121091500+0000||ORU^R01^ORU_R01|ID1|P|2.6|||AL|NE||UNICODE UTF-8|||IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO`,
		`PID|||4711^^^&1.2.276.0.76&ISO^MR~V\F\2^^^HOSP^VN||Müller^Eva^Maria||196105|F`,
		`PV1||I|ICU^2^23`,
		`OBR|1||F9|182777000^monitoring of patient^SCT|||20261121091500+0000`,
		`OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC^O2Sat^^99ACME|1.1.1.1|98.0|%^^UCUM^262688^MDC_DIM_PERCENT^MDC|90-100||||F|||20261121091500.250+0000||||0080C7FFFE000001^^0080C7FFFE000001^EUI-64`,
		`OBX|2||150456^MDC_PULS_OXIM_SAT_O2^MDC^59408-5^SpO2^LN|||||DEMO|||X`,
		`OBX|3|ST|X1^Local^L||a\F\b\.br\c||||||C|||2026112110`,
		`OBX|4|SN|G||<^5`,
		`OBX|5|NA|131329^MDC_ECG_LEAD_I^MDC|1.1.2.1|-0.50^0.00^^-0.57|mV^^UCUM|||||F|||||||0080C7FFFE000001^^0080C7FFFE000001^EUI-64`,
		`OBX|6|NM|0^MDC_ATTR_SAMP_RATE^MDC|1.1.2.1.1|250|/s^^UCUM|||||F`,
	})
}

func TestAlerts(t *testing.T) {
	m := &model.Message{ControlID: "A2", Arrived: at, Test: true, Alerts: []model.Alert{{
		ID: "alarm-7", Code: model.Code{MDC: 196674, RefID: "MDC_EVT_LO"}, Phase: "start", State: "active", Muted: "enabled", Priority: "high", Kind: "physiological",
		Source: spo2, Value: model.Value{Kind: model.ValueNumber, Number: dec("81")}, UnitUCUM: "%", Limits: "90-100", DeviceTime: utc(at), Device: -1,
	}}}
	compare(t, lines(t, m, Options{ControlID: "ID2"}), []string{
		`MSH|^~\&|||||20261121091500+0000||ORU^R40^ORU_R40|ID2|T|2.6||||||UNICODE UTF-8|||IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.4.1^ISO`,
		`OBR|1||alarm-7|196616^MDC_EVT_ALARM^MDC|||20261121091500+0000`,
		`OBX|1|CWE|196616^MDC_EVT_ALARM^MDC|1.0.0.0.1|196674^MDC_EVT_LO^MDC|||PH~SP|||R|||20261121091500+0000`,
		`OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.0.0.0.2|81|%^^UCUM|90-100||||R|||20261121091500+0000`,
		`OBX|3|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.0.0.0.3|start||||||R|||20261121091500+0000`,
		`OBX|4|ST|68482^MDC_ATTR_ALARM_STATE^MDC|1.0.0.0.4|active||||||R|||20261121091500+0000`,
		`OBX|5|ST|68483^MDC_ATTR_ALARM_INACTIVATION_STATE^MDC|1.0.0.0.5|enabled||||||R|||20261121091500+0000`,
		`OBX|6|ST|68484^MDC_ATTR_ALARM_PRIORITY^MDC|1.0.0.0.6|PH||||||R|||20261121091500+0000`,
		`OBX|7|ST|68485^MDC_ATTR_ALERT_TYPE^MDC|1.0.0.0.7|SP||||||R|||20261121091500+0000`,
	})
}

func TestNumber(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "98.0": "98.0", "-0.05": "-0.05", ".5": "0.5", "12e3": "12000", "-1e-3": "-0.001", "0.00": "0.00", "123": "123", "0e5": "0", "-9": "-9",
	} {
		if got := Number(dec(in)); got != want {
			t.Errorf("%s is written %s, want %s", in, got, want)
		}
	}
}

func TestCan(t *testing.T) {
	if Can(&model.Message{Event: &model.PatientEvent{}}) || !Can(monitor()) {
		t.Error("only messages with observations, waveforms or alerts can be written")
	}
}

// FuzzNumber: what is written is read as the same number.
func FuzzNumber(f *testing.F) {
	f.Add(int64(980), int8(-1))
	f.Add(int64(-7), int8(12))
	f.Fuzz(func(t *testing.T, coef int64, exp int8) {
		if coef == -1<<63 {
			return
		}
		d := model.Decimal{Coef: coef, Exp: exp}
		s := Number(d)
		if strings.ContainsAny(s, "eE") {
			t.Fatalf("%s has an exponent", s)
		}
		if back, err := model.ParseDecimal(s); err == nil && back.Float64() != d.Float64() {
			t.Fatalf("%v written %s read %v", d, s, back)
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	m := monitor()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Message(m, Options{ControlID: "1"}); err != nil {
			b.Fatal(err)
		}
	}
}
