package gatt

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/model"
	"thalamus/internal/sfloat"
)

var arrived = time.Date(2026, 11, 21, 10, 15, 0, 0, time.UTC)

func decode(t testing.TB, characteristic, value string, properties ...string) model.Message {
	t.Helper()
	b, err := hex.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	all := New().Decode(model.Entry{Seq: 1, Frame: model.Frame{Codec: Name, Arrived: arrived, Bytes: b, Topic: Topic("C0:26:DA:00:12:34", "1800", characteristic), Properties: strings.Join(properties, "\n")}}, codec.Context{})
	if len(all) != 1 {
		t.Fatalf("%d messages", len(all))
	}
	return all[0]
}

// say writes a message in one line.
func say(m model.Message) string {
	var out []string
	for _, o := range m.Observations {
		s := o.Received.Code
		if s == "" {
			s = o.Received.Text
		}
		switch {
		case o.Absent != "":
			s += "=" + o.Absent
		case o.Value.Kind == model.ValueCoded && o.ValueType == "bits":
			s += "=[" + o.Value.Coding.Text + "]"
		case o.Value.Kind == model.ValueCoded:
			s += "=" + o.Value.Coding.Code
		default:
			s += "=" + strconv.FormatFloat(o.Value.Number.Float64(), 'f', -1, 64)
		}
		if o.UnitSent.Code != "" {
			s += " " + strings.TrimPrefix(o.UnitSent.Text, "MDC_DIM_")
		}
		if o.DeviceTime.Original != "" {
			s += "@" + o.DeviceTime.Original
		}
		if len(o.Flags) > 0 {
			s += " " + strings.Join(o.Flags, ",")
		}
		out = append(out, s)
	}
	for _, i := range m.Issues {
		out = append(out, i.Code)
	}
	return strings.Join(out, "; ")
}

func TestValues(t *testing.T) {
	for _, c := range []struct{ name, characteristic, value, properties, want string }{
		{"temperature, not a number", "2a1c", "00ffff7f00", "", "150364=not-a-number DEGC"},
		{"fahrenheit, mouth", "2a1c", "05da0300ff06", "", "188424=98.6 FAHR"},
		{"place told once", "2a1c", "006e0100ff", "2a1d: 03", "188428=36.6 DEGC"},
		{"pressure without mean, user 1", "2a35", "0ad0f01ef0ff07e4070b0a080c0001", "", ""},
		{"heart rate without contact", "2a37", "0448", "", "8454258=72 BEAT_PER_MIN no skin contact"},
		{"heart rate, energy, intervals", "2a37", "1848640000040002", "", "8454258=72 BEAT_PER_MIN; 8454263=100000 X_JOULES; 147240=1000 MILLI_SEC; 147240=500 MILLI_SEC"},
		{"glucose in mg/dL, capillary, finger, low battery", "2a18", "0b0500ea070b150a0f001e0078b0110100", "", "160184=120 MILLI_G_PER_DL@2026-11-21T10:45:00; 8417752=[device battery low]@2026-11-21T10:45:00"},
		{"glucose in mmol/L", "2a18", "060600ea070b150a0f0042c011", "", "160184=6.6 MILLI_MOLE_PER_L@2026-11-21T10:15:00"},
		{"glucose, time fault", "2a18", "0a0700ea070b150a0f0078b0110008", "", "160184=120 MILLI_G_PER_DL; 8417752=[time fault]"},
		{"context: lunch of 40 g, after, self, well, ten minutes, rapid 2 mg, HbA1c", "2a34", "5f0500022" + "8d002515802320" + "102a0" + "41f0", "", ""},
		{"continuous without session", "2aa7", "0600640005" + "00", "", "160020=100 MILLI_G_PER_DL; gatt.no-session"},
		{"spot check", "2a5e", "00620048f0", "", ""},
		{"oximetry with fast, slow, status, sensor", "2a5f", "0f" + "6200" + "4800" + "6100" + "4900" + "6000" + "4a00" + "2040" + "202000", "", "150456=98 PERCENT questionable; 149530=72 BEAT_PER_MIN questionable; 150456=97 PERCENT questionable; 149530=73 BEAT_PER_MIN questionable; 150456=96 PERCENT questionable; 149530=74 BEAT_PER_MIN questionable; 150604=[low perfusion, sensor displaced] questionable"},
		{"oximetry, invalid", "2a5f", "04ff07ff070080", "", "150456=not-a-number PERCENT; 149530=not-a-number BEAT_PER_MIN"},
		{"oximetry, calibrating", "2a5f", "04620048000010", "", "150456=error PERCENT; 149530=error BEAT_PER_MIN"},
		{"weight, user 2, BMI, height", "2a9d", "0c" + "983a" + "02" + "f300" + "d606", "", "188736=75 KILO_G; 188752=24.3 KG_PER_M_SQ; 188740=175 CENTI_M"},
		{"weight failed", "2a9d", "00ffff", "", "188736=not-a-number KILO_G"},
		{"composition", "2a9c", "f80f" + "f500" + "e01c" + "9001" + "1027" + "983a" + "a00f" + "d007" + "8813" + "983a" + "d606", "", ""},
		{"too long", "2a37", "004800", "", "gatt.long"},
		{"nothing", "2a35", "", "", "gatt.short"},
		{"unknown", "2aff", "00", "", "gatt.unknown"},
	} {
		m := decode(t, c.characteristic, c.value, c.properties)
		got := say(m)
		if c.want == "" {
			t.Logf("%s: %s", c.name, got)
			continue
		}
		if got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.name, got, c.want)
		}
	}
}

// R8: records of a continuous glucose monitor with times and checksum.
func TestContinuousGlucose(t *testing.T) {
	session := "2aaa: ea070b15090000" + "04" + "00" // 09:00 at +01:00
	feature := "2aa8: 001000" + "99" + "ffff"       // checksum; interstitial fluid
	record := []byte{0, 0xE3, 0x78, 0, 30, 0, 0x02, 0x04, 0x01, 0x05, 0xF0, 0x5F, 0}
	record[0] = byte(len(record) + 2)
	sum := CRC(record)
	good := hex.EncodeToString(append(record, byte(sum), byte(sum>>8)))
	if got, want := say(decode(t, "2aa7", good, session, feature)), "160212=120 MILLI_G_PER_DL@2026-11-21T09:30:00+01:00; 8418008=0.5 @2026-11-21T09:30:00+01:00; quality=95 PERCENT@2026-11-21T09:30:00+01:00; sensor status=[device battery low, calibration recommended, result below patient low]@2026-11-21T09:30:00+01:00"; strings.Replace(got, "0.5 MILLI_G_PER_DL_PER_MIN@", "0.5 @", 1) != want {
		t.Errorf("%s, want\n%s", got, want)
	}
	for _, c := range []struct{ name, value string }{{"wrong sum", good[:len(good)-2] + "00"}, {"flipped bit", strings.Replace(good, "e378", "e379", 1)}, {"no sum", "060064000500"}} {
		if m := decode(t, "2aa7", c.value, session, feature); len(m.Observations) != 0 || m.Issues[0].Code != "gatt.crc" {
			t.Errorf("%s: %s", c.name, say(m))
		}
	}
	two := decode(t, "2aa7", "060064000500"+"060066000a00", session)
	if got := say(two); got != "160020=100 MILLI_G_PER_DL@2026-11-21T09:05:00+01:00; 160020=102 MILLI_G_PER_DL@2026-11-21T09:10:00+01:00" {
		t.Errorf("two records: %s", got)
	}
}

// The check value of CRC-16/MCRF4XX, the catalogue's name of this checksum.
func TestCRC(t *testing.T) {
	if got := CRC([]byte("123456789")); got != 0x6F91 {
		t.Errorf("checksum %04X, want 6F91", got)
	}
}

// R8: facts of the device.
func TestDevice(t *testing.T) {
	m := decode(t, "2a19", "5a", "2a29: 41636d65000000", "2a24: 54312031", "2a25: 3132", "2a26: 312e32", "2a27: 41", "2a23: 3412000000feff78"[:22], "address-type: public")
	d := m.Devices[0]
	if d.Manufacturer != "Acme" || d.Model != "T1 1" || d.Serial != "12" || d.Release != "1.2" || d.Hardware != "A" || d.Battery != "90 %" {
		t.Errorf("%+v", d)
	}
	if len(d.Identifiers) != 2 || d.Identifiers[0].Value != "78FFFE0000001234" || d.Identifiers[1].Type != "MAC" {
		t.Errorf("identifiers %+v", d.Identifiers)
	}
	if m := decode(t, "2a19", "5a", "address-type: random"); m.Devices[0].Identifiers[0].Type == "MAC" {
		t.Error("an address that the device made up is taken for one of its maker")
	}
	if m := decode(t, "2a2b", "ea070b150a0f0006"+"8001"); m.DeviceTime.Original != "2026-11-21T10:15:00" {
		t.Errorf("clock %+v, %s", m.DeviceTime, say(m))
	}
}

func TestRacp(t *testing.T) {
	if got := hex.EncodeToString(RacpAsk(RacpReport, 5, false)); got != "0103010500" {
		t.Errorf("asks %s", got)
	}
	for value, want := range map[string]RacpAnswer{"05000700": {Number: 7, Request: RacpCount, Result: RacpSuccess}, "06000106": {Request: RacpReport, Result: RacpNoRecords}} {
		b, _ := hex.DecodeString(value)
		if got, err := ParseRacp(b); err != nil || got != want {
			t.Errorf("%s: %+v, %v", value, got, err)
		}
	}
	for _, value := range []string{"", "06", "070001", "0600010600"} {
		b, _ := hex.DecodeString(value)
		if a, err := ParseRacp(b); err == nil {
			t.Errorf("%q is answered %+v", value, a)
		}
	}
}

// vectors finds those of the corpus.
func vectors(t *testing.T) (out []struct {
	Characteristic, Name, Hex string
	Expected                  any
}) {
	root := os.Getenv("THALAMUS_CORPUS")
	if root == "" {
		dir, err := os.Getwd()
		for ; err == nil && dir != "/"; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				root = filepath.Join(dir, "../shared/corpus")
				break
			}
		}
	}
	b, err := os.ReadFile(filepath.Join(root, "ieee11073/ble-gatt/ble-gatt-vectors.json"))
	if err != nil {
		t.Skip("corpus not present")
	}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// R8: the vectors of the corpus.
func TestVectors(t *testing.T) {
	passed, total := 0, 0
	for _, v := range vectors(t) {
		total++
		if why := vector(t, v.Characteristic, v.Hex, v.Expected); why != "" {
			t.Errorf("%s %s %s: %s", v.Characteristic, v.Name, v.Hex, why)
			continue
		}
		passed++
	}
	t.Logf("vectors of corpus/ieee11073/ble-gatt: %d/%d pass", passed, total)
}

func special(n sfloat.Number) any {
	if n.Special != sfloat.Finite {
		return strings.Replace(n.Special.String(), "-INFINITY", "-INF", 1)
	}
	return n.Value.Float64()
}

func vector(t *testing.T, characteristic, value string, expected any) string {
	b, _ := hex.DecodeString(value)
	r := reader{b: b}
	switch characteristic {
	case "SFLOAT-Type":
		return differ(special(r.short("it")), expected)
	case "FLOAT-Type":
		return differ(special(r.long("it")), expected)
	}
	want := expected.(map[string]any)
	switch characteristic {
	case "2A23":
		id, _ := strconv.ParseInt(SystemID(b)[6:], 16, 64)
		oui, _ := strconv.ParseInt(SystemID(b)[:6], 16, 64)
		return differ(float64(id), want["manufacturerIdentifier"]) + differ(float64(oui), want["oui"])
	case "2A29":
		return differ(Text(b), want["value"])
	}
	m := decode(t, strings.ToLower(characteristic), value)
	if want["invalid"] == true {
		if len(m.Issues) == 0 || len(m.Observations) != 0 {
			return "is not refused: " + say(m)
		}
		return ""
	}
	if len(m.Issues) > 0 {
		return say(m)
	}
	return fields(m, want)
}

// fields compares what a vector says with the observations.
func fields(m model.Message, want map[string]any) (why string) {
	byName := map[string][]*model.Observation{}
	for i := range m.Observations {
		byName[m.Observations[i].Field] = append(byName[m.Observations[i].Field], &m.Observations[i])
	}
	names := map[string]string{"systolic": "systolic", "diastolic": "diastolic", "map": "mean", "pulseRate": "pulse rate", "cuffPressure": "cuff pressure", "temperature": "temperature", "heartRate": "heart rate"}
	units := map[string]string{"kPa": "MDC_DIM_KILO_PASCAL", "mm[Hg]": "MDC_DIM_MMHG", "Cel": "MDC_DIM_DEGC"}
	for key, v := range want {
		o := byName[names[key]]
		switch key {
		case "unit":
			why += differ(m.Observations[0].UnitSent.Text, units[v.(string)])
		case "time":
			if v != nil {
				why += differ(m.Observations[0].DeviceTime.Original, v)
			}
		case "userId":
			why += differ(m.Patient == nil, v == nil)
		case "type":
			why += differ(m.Observations[0].Received.Code, strconv.Itoa(scada|57360))
		case "contact":
			if v != nil {
				why += differ(len(o) == 0 && len(byName["heart rate"][0].Flags) == 0, v)
			}
		case "sensorContactSupported":
		case "energy":
			if e := byName["energy expended"]; v == nil {
				why += differ(len(e), 0)
			} else {
				why += differ(e[0].Value.Number.Float64()/1000, v)
			}
		case "rr":
			if v == nil {
				v = []any{}
			}
			rr := byName["RR interval"]
			why += differ(len(rr), len(v.([]any)))
			for i, one := range v.([]any) {
				why += differ(rr[i].Value.Number.Float64()*1.024, one)
			}
		case "status":
			if s := byName["measurement status"]; v == nil {
				why += differ(len(s), 0)
			} else {
				for flag, word := range map[string]string{"bodyMovement": "body movement", "cuffTooLoose": "too loose", "irregularPulse": "irregular", "exceedsUpper": "above", "belowLower": "below", "improperPosition": "improper"} {
					why += differ(strings.Contains(s[0].Value.Coding.Text, word), v.(map[string]any)[flag])
				}
			}
		default:
			if v == nil {
				why += differ(len(o), 0)
			} else if len(o) == 0 {
				why += key + " is missing; "
			} else {
				why += differ(o[0].Value.Number.Float64(), v)
			}
		}
	}
	return why
}

func differ(got, want any) string {
	if g, ok := got.(float64); ok {
		if w, ok := want.(float64); ok && g-w < 1e-9 && w-g < 1e-9 {
			return ""
		}
	}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if string(a) == string(b) {
		return ""
	}
	return string(a) + " is not " + string(b) + "; "
}

func FuzzDecode(f *testing.F) {
	for c := range readers {
		f.Add(c, []byte{0x1F, 1, 1, 0x32, 1, 1, 0, 2, 1, 0xFF, 0xFF}, "2aaa: ea070b150900000400\n2aa8: 00100099ffff")
	}
	f.Fuzz(func(t *testing.T, characteristic string, b []byte, properties string) {
		e := model.Entry{Frame: model.Frame{Bytes: b, Arrived: arrived, Topic: Topic("C0:26:DA:00:12:34", "1800", characteristic), Properties: properties}}
		first, second := New().Decode(e, codec.Context{})[0], New().Decode(e, codec.Context{})[0]
		if say(first) != say(second) {
			t.Fatalf("%s, then %s", say(first), say(second))
		}
		if len(first.Observations) > len(b)+1 {
			t.Fatalf("%d observations of %d bytes", len(first.Observations), len(b))
		}
		ParseRacp(b)
		Sequence(characteristic, b)
	})
}
