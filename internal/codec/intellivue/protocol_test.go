package intellivue

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The association request as the guide has it for copying, with the poll profile,
// its extensions and the classes of objects.
const request = `
	0D FF 01 28 05 08 13 01 00 16 01 02 80 00 14 02 00 02 C1 FF 01 16
	31 80 A0 80 80 01 01 00 00 A2 80 A0 03 00 00 01 A4 80 30 80 02 01 01 06 04 52 01 00 01 30 80 06 02 51 01 00 00 00 00
	30 80 02 01 02 06 0C 2A 86 48 CE 14 02 01 00 00 00 01 01 30 80 06 0C 2A 86 48 CE 14 02 01 00 00 00 02 01 00 00 00 00 00 00
	61 80 30 80 02 01 01 A0 80 60 80 A1 80 06 0C 2A 86 48 CE 14 02 01 00 00 00 03 01 00 00 BE 80 28 80
	06 0C 2A 86 48 CE 14 02 01 00 00 00 01 01 02 01 02 81 82 00 80
	80 00 00 00 40 00 00 00 00 00 00 00 80 00 00 00 20 00 00 00 00 00 00 00
	00 02 00 64 00 01 00 28 80 00 00 00 00 00 1F 40 00 00 05 54 00 00 05 54 FF FF FF FF 60 00 00 00 00 01 00 0C F0 01 00 08 8C 00 00 00 00 00 00 00
	01 02 00 34 00 06 00 30 00 01 00 21 00 00 00 01 00 01 00 06 00 00 00 C9 00 01 00 09 00 00 00 3C 00 01 00 05 00 00 00 10 00 01 00 2A 00 00 00 01 00 01 00 36 00 00 00 01
	00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00`

func TestAssociation(t *testing.T) {
	want := unhex(t, request)
	a := &Association{Protocol: ProtocolVersion1, Nomenclature: NomenclatureVersion, System: SystemClient, Start: ColdStart, HasPoll: true, MinPoll: time.Second,
		Receive: LargestMTU, Transmit: LargestMTU, Extended: true, Options: ExtendNumerics | ExtendWaves | ExtendEnumerations}
	if got := a.Bytes(Connect); hex.EncodeToString(got) != hex.EncodeToString(want) {
		t.Errorf("%x\nwant\n%x", got, want)
	}
	for _, as := range []Session{Connect, Accept} {
		b := a.Bytes(as)
		n, err := Size(b)
		if kind, ok := SessionOf(b); n != len(b) || err != nil || !ok || kind != as {
			t.Errorf("%s: %d of %d bytes, %v", as, n, len(b), err)
		}
		if back, err := ParseAssociation(b); err != nil || *back != *a {
			t.Errorf("%s: %+v, %v", as, back, err)
		}
	}
	for _, b := range [][]byte{ReleaseRequest(), ReleaseResponse(), AbortMessage(), RefuseMessage()} {
		if n, err := Size(b); n != len(b) || err != nil {
			t.Errorf("%x: %d, %v", b, n, err)
		}
	}
}

// How long a monitor bears silence, by the guide's table.
func TestTimeout(t *testing.T) {
	for _, c := range []struct{ poll, want time.Duration }{{time.Second, 10 * time.Second}, {3300 * time.Millisecond, 10 * time.Second}, {20 * time.Second, time.Minute}, {time.Minute, 130 * time.Second}} {
		if got := (&Association{MinPoll: c.poll}).Timeout(); got != c.want {
			t.Errorf("%s: %s, want %s", c.poll, got, c.want)
		}
	}
}

func TestRequests(t *testing.T) {
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"single poll of numbers", (&Request{Number: 1, Class: ClassNumeric}).Bytes(0), `E100 0002 0001 001C 0000 0007 0016 0021 0000 0000 0000 0000 0C16 0008 0001 0001 0006 0000`},
		{"of the patient", (&Request{Number: 5, Class: ClassPatient, Group: GroupPatient}).Bytes(6), `E100 0002 0001 001C 0006 0007 0016 0021 0000 0000 0000 0000 0C16 0008 0005 0001 002A 0807`},
		{"extended poll of waves for ten minutes", (&Request{Number: 3, Class: ClassWave, Extended: true, Period: 10 * time.Minute}).Bytes(4),
			`E100 0002 0001 0028 0004 0007 0022 0021 0000 0000 0000 0000 F13B 0014 0003 0001 0009 0000 0001 0008 F13E 0004 0049 3E00`},
		{"priority of lead II", SetPriority(0, AttrWavePriority, []uint32{0x00020102}), `E100 0002 0001 0022 0000 0005 001C 0021 0000 0000 0000 0000 0001 000E 0000 F23A 0008 0001 0004 0002 0102`},
		{"answer to the create event", AnswerEvent(&APDU{ID: 1}, Event{Object: Object{Class: 0x21}, Time: 0x0048_4700, Type: EventCreate, Body: []byte{1, 2}}),
			`E100 0002 0002 0014 0001 0001 000E 0021 0000 0000 0048 4700 0D06 0000`},
	} {
		if want := unhex(t, c.want); hex.EncodeToString(c.got) != hex.EncodeToString(want) {
			t.Errorf("%s: %x, want %x", c.name, c.got, want)
		}
	}
	a, err := Parse((&Request{Number: 3, Class: ClassWave, Group: 2, Extended: true, Period: time.Minute}).Bytes(4))
	if err != nil {
		t.Fatal(err)
	}
	if q, err := ParseRequest(a.Body); err != nil || q != (Request{Number: 3, Class: ClassWave, Group: 2, Extended: true, Period: time.Minute}) {
		t.Errorf("%+v, %v", q, err)
	}
	if id, ok := TextID("MDC_ECG_ELEC_POTL_II"); !ok || id != 0x00020102 {
		t.Errorf("%x", id)
	}
}

// beacon is a connect indication: E.g. of a wireless monitor at 192.0.2.17.
func beacon() []byte {
	attributes := counted(
		ava(0x0986, 1, 0x114D),
		ava(0xF100, []byte{0x00, 0x09, 0xFB, 0x88, 0xC1, 0xBD, 192, 0, 2, 17, 255, 255, 255, 0}),
		ava(0xF101, counted(bytesOf(1, 1, 24105, 0), bytesOf(5, 1, 24105, 0x8000))),
		ava(0x0928, sized("Philips\x00"), sized("866062\x00\x00")),
	)
	event := bytesOf(0x23, 0, 0, uint32(607615), 0x0D17, sized(attributes))
	return bytesOf(0, 0x0100, 1, sized(0, 0, sized(event)))
}

func TestBeacon(t *testing.T) {
	b, err := ParseBeacon(beacon())
	if err != nil || b.Port != 24105 || b.MAC != "0009FB88C1BD" || b.Address != netip.MustParseAddr("192.0.2.17") {
		t.Fatalf("%+v, %v", b, err)
	}
	m := (&linked{}).read(t, beacon())
	if m.Type != "beacon" || m.Devices[0].Model != "866062" || m.Devices[0].Identifiers[0].Type != "mac" || len(m.Issues) > 0 {
		t.Errorf("%+v", m)
	}
	back, err := ParseBeacon(BeaconBytes(b.Attributes))
	if err != nil || back.Port != b.Port || back.Address != b.Address {
		t.Errorf("%+v, %v", back, err)
	}
}

// What contradicts itself is refused with its place.
func TestHostile(t *testing.T) {
	good := result(polled(6, 0, 0, heartRate(72, 0)))
	for _, c := range []struct {
		name  string
		frame []byte
		code  string
	}{
		{"empty", nil, "intellivue.short"},
		{"garbage", []byte("GET / HTTP/1.1\r\n"), "intellivue.garbage"},
		{"half", good[:len(good)/2], "intellivue.short"},
		{"more than announced", append(append([]byte(nil), good...), 1, 2, 3), "intellivue.trailing"},
		{"operation of no kind", data(9), "intellivue.operation"},
		{"counts that lie", result(polled(6, 0, 0, append(bytesOf(1), bytesOf(5000, 4, 0x0950, 0)...))), "intellivue.length"},
		{"value cut off", result(polled(6, 0, 0, object(1, ava(0x0950, 0x4182, 0)))), "intellivue.short"},
		{"samples of 7 bits", result(polled(9, 0, 0, object(1, ava(0x096D, 1, byte(7), byte(7), 0), ava(0x096E, 0x0102, 0, sized(byte(1)))))), "intellivue.samples"},
		{"error", data(3, 7, 2, 0), "intellivue.error"},
	} {
		m := New().Decode(entry(c.frame), ctx)
		if len(m) != 1 || len(m[0].Issues) == 0 || m[0].Issues[0].Code != c.code {
			t.Errorf("%s: %+v, want %s", c.name, m, c.code)
		}
	}
	if _, err := Parse([]byte{0xE1, 0x01, 0, 2, 0, 1, 0, 0}); fault.CodeOf(err) != "intellivue.garbage" {
		t.Error(err)
	}
}

// What a memory keeps is bounded.
func TestMemoryBounded(t *testing.T) {
	m := &Memory{}
	big := make([]byte, 4000)
	for i := range 3 * mostObjects {
		m.Learn(result(polled(6, 0, 0, object(i, ava(0x0924, big)))))
	}
	if len(m.objects) > mostObjects || m.size > mostBytes {
		t.Errorf("%d objects, %d bytes", len(m.objects), m.size)
	}
	m.Forget()
	if len(m.objects) != 0 || m.size != 0 {
		t.Errorf("%d objects, %d bytes after the end", len(m.objects), m.size)
	}
}
