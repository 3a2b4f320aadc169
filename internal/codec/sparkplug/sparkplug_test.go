package sparkplug

import (
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"thalamus/internal/codec"
	"thalamus/internal/model"
)

// What the npm package sparkplug-payload 1.0.3 wrote of a birth with one
// metric of each common type, and of a message after it.
const (
	birth = "0880c0b5abaa33122d0a0948656172745261746510011880c0b5abaa3320034a130a07656e67556e69741208080c42042f6d696e504812210a0453704f32100220094a100a07656e67556e69741205080c420125650000c34212130a0653657269616c200c7a07534e2d3437313112100a084c656164206f66661003200b700012120a064f66667365741004200250fbffffff0f120f0a034269671005200858b5b8f0fe2d12120a0344626c1006200a69333333333353424012190a0c4c61737420736572766963651007200d5880c0b5abaa331800"
	later = "08e8c7b5abaa33120610012003504a1206100220093801120a1004200250faffffff0f1801"
)

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode(topic, properties string, raw []byte) model.Message {
	e := model.Entry{Seq: 7, Frame: model.Frame{Channel: "iot", Topic: topic, Properties: properties, Bytes: raw}}
	return New().Decode(e, codec.Context{})[0]
}

func told(m model.Message) (out []string) {
	for _, o := range m.Observations {
		text := o.Value.Text
		switch o.Value.Kind {
		case model.ValueNumber:
			text = o.Value.Number.String()
		case model.ValueTime:
			text = o.Value.Timestamp().UTC.Format("2006-01-02T15:04:05Z")
		case model.ValueNone:
			text = "absent " + o.Absent
		}
		out = append(out, o.Received.Code+"="+text+o.UnitSent.Code)
	}
	return out
}

func TestBirthAndAfter(t *testing.T) {
	var b Births
	n := b.Note("spBv1.0/icu/DBIRTH/gw1/m7", unhex(t, birth))
	if n.Key != "icu/gw1/m7" || n.Properties != "" || n.Unknown {
		t.Errorf("%+v", n)
	}
	m := decode("spBv1.0/icu/DBIRTH/gw1/m7", "", unhex(t, birth))
	want := []string{"HeartRate=72/min", "SpO2=97.5%", "Serial=SN-4711", "Lead off=false", "Offset=-5", "Big=12345678901", "Dbl=36.65", "Last service=2025-11-21T08:00:00Z"}
	if got := told(m); !slices.Equal(got, want) || len(m.Issues) > 0 || m.Devices[0].Identifiers[0].Value != "icu/gw1/m7" || m.DeviceTime.UTC.IsZero() {
		t.Errorf("%q %+v", got, m.Issues)
	}
	var again Births // what is restored after a restart says the same
	again.Restore(n.Key, n.Aliases)
	if !reflect.DeepEqual(b.of, again.of) {
		t.Errorf("%v\n%v", b.of, again.of)
	}
	n = again.Note("spBv1.0/icu/DDATA/gw1/m7", unhex(t, later))
	if n.Unknown || n.Key != "" {
		t.Errorf("%+v", n)
	}
	m = decode("spBv1.0/icu/DDATA/gw1/m7", "mqtt.client: gw1\n"+n.Properties, unhex(t, later))
	if got := told(m); !slices.Equal(got, []string{"HeartRate=74/min", "SpO2=absent unknown%", "Offset=-6"}) || len(m.Issues) > 0 {
		t.Errorf("%q %+v", got, m.Issues)
	}
	var none Births
	if n := none.Note("spBv1.0/icu/DDATA/gw1/m7", unhex(t, later)); !n.Unknown || n.Properties != "" {
		t.Errorf("%+v", n)
	}
	if m := decode("spBv1.0/icu/DDATA/gw1/m7", "", unhex(t, later)); len(m.Issues) != 3 || m.Issues[0].Code != "sparkplug.alias" {
		t.Errorf("%+v", m.Issues)
	}
}

func TestOtherMessages(t *testing.T) {
	if m := decode("spBv1.0/icu/DDEATH/gw1/m7", "", nil); m.Issues[0].Code != "sparkplug.death" || len(m.Devices) != 1 {
		t.Errorf("%+v", m)
	}
	if m := decode("ward/7", "", nil); m.Issues[0].Code != "sparkplug.topic" {
		t.Errorf("%+v", m)
	}
	if m := decode("spBv1.0/icu/NDATA/gw1", "", []byte{0xFF}); m.Issues[0].Code != "sparkplug.payload" {
		t.Errorf("%+v", m)
	}
	bad := append([]byte{0x12, 29, 0x0A, 2, 'H', 'R', 0x20, 3, 0x50, 70, 0x4A, 17, 0x0A, 7}, "Quality\x12\x06\x08\x03\x18\xF4\x03\x00"...)
	bad[len(bad)-1] = 0
	bad = bad[:len(bad)-1]
	bad[1] = byte(len(bad) - 2)
	bad[11] = byte(len(bad) - 12)
	bad[22] = 5
	m := decode("spBv1.0/icu/NDATA/gw1", "", bad)
	if len(m.Observations) != 1 || m.Observations[0].Absent != "error" || m.Issues[0].Code != "sparkplug.quality" {
		t.Errorf("%+v %+v", m.Observations, m.Issues)
	}
	to, command, ok := Rebirth("spBv1.0/icu/DDATA/gw1/m7")
	if p, err := parse(command); !ok || err != nil || to != "spBv1.0/icu/NCMD/gw1" || p.metrics[0].name != "Node Control/Rebirth" || p.metrics[0].bits != 1 {
		t.Errorf("%s %x %v", to, command, err)
	}
}

// session is a payload that holds a bdSeq, as births and deaths of nodes do.
func session(number byte) []byte {
	m := append([]byte{0x0A, 5}, "bdSeq"...)
	m = append(m, 0x20, 8, 0x58, number) // UInt64, long_value
	return append([]byte{0x12, byte(len(m))}, m...)
}

// A death certificate counts for the session of the last birth alone, also
// after a restart (§5.4).
func TestDeathOfAnEarlierSession(t *testing.T) {
	const node = "spBv1.0/icu/NBIRTH/gw1"
	var b Births
	n := b.Note(node, session(4))
	var again Births
	again.Restore(n.Key, n.Aliases)
	for name, births := range map[string]*Births{"running": &b, "restored": &again} {
		if n := births.Note("spBv1.0/icu/NDEATH/gw1", session(3)); !strings.Contains(n.Properties, stale) {
			t.Errorf("%s: the death of session 3 counts in session 4", name)
		}
		if n := births.Note("spBv1.0/icu/NDEATH/gw1", session(4)); n.Properties != "" {
			t.Errorf("%s: its own death does not count: %q", name, n.Properties)
		}
		if n := births.Note("spBv1.0/icu/NDEATH/gw2", session(9)); n.Properties != "" {
			t.Errorf("%s: the death of a node nobody saw born does not count: %q", name, n.Properties)
		}
	}
	old := decode("spBv1.0/icu/NDEATH/gw1", stale, session(3))
	if old.Ended != nil || len(old.Devices) != 0 || len(old.Issues) != 1 || old.Issues[0].Code != "sparkplug.old-death" {
		t.Errorf("%+v", old)
	}
	own := decode("spBv1.0/icu/NDEATH/gw1", "", session(4))
	if own.Ended == nil || own.Ended.Below != "icu/gw1/" || own.Devices[0].Identifiers[0].Value != "icu/gw1" {
		t.Errorf("%+v", own)
	}
	// What a host application says of itself is nobody's device.
	if m := decode("spBv1.0/STATE/scada", "", []byte(`{"online":true}`)); m.Type != "STATE" || len(m.Devices)+len(m.Issues) != 0 {
		t.Errorf("%+v", m)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("DBIRTH", unhex(f, birth))
	f.Add("DDATA", unhex(f, later))
	f.Fuzz(func(t *testing.T, kind string, raw []byte) {
		topic := "spBv1.0/icu/" + kind + "/gw1/m7"
		var b Births
		b.Note(topic, raw)
		n := b.Note("spBv1.0/icu/DDATA/gw1/m7", raw)
		m, again := decode(topic, n.Properties, raw), decode(topic, n.Properties, raw)
		if !reflect.DeepEqual(m, again) {
			t.Fatal("read twice, it says two things")
		}
		if _, err := json.Marshal(m); err != nil {
			t.Fatal(err)
		}
		if strings.Count(n.Properties, "\n") > len(raw) {
			t.Fatal("more lines than metrics")
		}
	})
}
