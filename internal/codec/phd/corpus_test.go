package phd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/mder"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// corpus is the folder of APDUs of the open manager antidote.
func corpus(t testing.TB) string {
	t.Helper()
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
	root = filepath.Join(root, "ieee11073/signove+antidote/tests/resources/apdu")
	if _, err := os.Stat(root); err != nil {
		t.Skip("corpus not present")
	}
	return root
}

func load(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(corpus(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// malformed are the APDUs of the corpus that contradict themselves: bytes were
// lost or added and the lengths around them not mended. They must be refused,
// with the place.
var malformed = map[string]string{
	"H221_ID_0190":          "the header announces 172 bytes and there are 178, at byte 2",
	"H221_ID_02BC":          "the header announces 152 bytes and there are 158, at byte 2",
	"pedometer_noti_config": "the header announces 646 bytes and there are 702, at byte 2",
	"pulse_oximeter_buf_scan_report_mp_grouped": "the header announces 52 bytes and there are 50, at byte 2",
	"scan_report_info_var":                      "20 bytes follow the operation, at byte 60",
}

// R7: every APDU of the corpus is read to its last byte, in all its layers,
// and written again as it came; one that contradicts itself is refused.
func TestCorpus(t *testing.T) {
	passed, refused, total := 0, 0, 0
	err := filepath.WalkDir(corpus(t), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "description" {
			return err
		}
		total++
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(corpus(t), path)
		if e.Name() == "data_apdu1" || e.Name() == "data_apdu2" { // without the outer layers
			w := &mder.Writer{}
			w.U16(ChoicePRST)
			w.Sized(func() { w.Octets(b) })
			b = w.B
		}
		if why, bad := malformed[e.Name()]; bad {
			_, err := Parse(b)
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: %v, want %q", name, err, why)
			} else {
				refused++
			}
			return nil
		}
		if lossless(t, name, b) {
			passed++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("APDUs of corpus/ieee11073: %d/%d pass: %d read and written again byte for byte, %d contradict themselves and are refused", passed+refused, total, passed, refused)
	if passed+refused != total || refused != len(malformed) || total < 60 {
		t.Errorf("%d and %d of %d pass", passed, refused, total)
	}
}

// lossless reads an APDU and what its events and actions hold, and writes both.
func lossless(t *testing.T, name string, b []byte) bool {
	a, err := Parse(b)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return false
	}
	if got := a.Bytes(); !bytes.Equal(got, b) {
		t.Errorf("%s becomes\n%x, was\n%x", name, got, b)
		return false
	}
	if a.Call == nil {
		return true
	}
	c := a.Call
	var again []byte
	switch {
	case (c.Op == OpEvent || c.Op == OpEventConfirmed) && c.Type == NotiConfig:
		var config *Configuration
		if config, err = ParseConfiguration(c.Info); err == nil {
			again = config.Bytes()
		}
	case (c.Op == OpEvent || c.Op == OpEventConfirmed) && c.Type == NotiSegment:
		var e *SegmentEvent
		if e, err = ParseSegmentEvent(c.Info); err == nil {
			again = e.Bytes()
		}
	case c.Op == OpEvent || c.Op == OpEventConfirmed:
		var rep *Report
		if rep, err = ParseReport(c.Type, c.Info); err == nil {
			again = rep.Bytes(c.Type)
		}
	case c.Op == OpActionResult && c.Type == ActionSegmentInfo:
		var all []Segment
		if all, err = ParseSegments(c.Info); err == nil {
			again = SegmentsBytes(all)
		}
	default:
		return true
	}
	if err != nil || !bytes.Equal(again, c.Info) {
		t.Errorf("%s: content becomes\n%x, was\n%x (%v)", name, again, c.Info, err)
		return false
	}
	return true
}

var arrived = time.Date(2026, 11, 21, 10, 15, 0, 0, time.UTC)

func decode(t testing.TB, apdu []byte, context ...[]byte) []model.Message {
	t.Helper()
	return New().Decode(model.Entry{Seq: 7, Frame: model.Frame{Channel: "phd", Codec: Name, Arrived: arrived, Bytes: Frame(apdu, time.Time{}, context...)}}, codec.Context{})
}

// What the reports of the corpus say, read with the association they belong to.
func TestReportsOfTheCorpus(t *testing.T) {
	scanner := "pulse_oximeter/pulse_oximeter_noti_config_with_scanner"
	for _, c := range []struct {
		report, aarq, config string
		want                 []string // code=value@time
		codes                []string // of issues
	}{
		{"H241_ID_0190", "H211_ID_0190", "", []string{"150456=98@2007-12-06T12:10:00", "149530=72@2007-12-06T12:10:00"}, []string{"phd.extra-time", "phd.extra-time"}},
		{"H241_ID_0190", "H211_ID_0190", scanner, []string{"150456=98@2007-12-06T12:10:00", "149530=72@2007-12-06T12:10:00"}, nil},
		{"H241_ID_02BC", "H211_ID_02BC", "", []string{"150021=120@2007-12-06T12:10:00", "150022=80@2007-12-06T12:10:00", "150023=100@2007-12-06T12:10:00", "149546=60.0@2007-12-06T12:10:00"}, nil},
		{"H241_ID_05DC", "H211_ID_05DC", "H221_ID_05DC", []string{"188736=76.2@2007-12-06T12:10:00", "188752=24.3@2007-12-06T12:10:00", "188736=76.0@2007-12-06T20:05:00", "188752=24.2@2007-12-06T20:05:00"}, nil},
		{"blood_pressure/roiv_mds_note_scan_report_mp_fixed", "blood_pressure/aarq", "blood_pressure/roiv_mdc_noti_config",
			[]string{"150021=113@2010-07-21T15:35:53", "150022=71@2010-07-21T15:35:53", "150023=85@2010-07-21T15:35:53", "149546=71@2010-07-21T15:35:53", "192530=0@2010-07-21T15:35:53"}, nil},
		{"pulse_oximeter/pulse_oximeter_unbuf_scan_report_grouped", "pulse_oximeter/pulse_oximeter_association_request", scanner, []string{"150456=97.5@2010-08-03T10:51:11", "149530=80.1@2010-08-03T10:51:11"}, nil},
		{"pulse_oximeter/pulse_oximeter_unbuf_scan_report_mp_grouped", "pulse_oximeter/pulse_oximeter_association_request", scanner, []string{"150456=97.5@2010-08-03T10:51:11", "149530=80.1@2010-08-03T10:51:11"}, nil},
		{"pulse_oximeter/pulse_oximeter_buf_scan_report_var", "pulse_oximeter/pulse_oximeter_association_request", scanner, []string{"150456=98@2007-12-06T12:10:00", "149530=72@2007-12-06T12:10:00"}, nil},
		{"pulse_oximeter/pulse_oximeter_buf_scan_report_mp_fixed", "pulse_oximeter/pulse_oximeter_association_request", scanner, []string{"150456=98@2007-12-06T12:10:00", "149530=72@2007-12-06T12:10:00"}, nil},
		{"H241_ID_02BC", "", "", nil, []string{"phd.no-configuration"}},
		{"scan_report_info_var", "H211_ID_02BC", "", nil, []string{"phd.length"}},
	} {
		var context [][]byte
		for _, name := range []string{c.aarq, c.config} {
			if name != "" {
				context = append(context, load(t, name))
			}
		}
		messages := decode(t, load(t, c.report), context...)
		var got, issues []string
		for _, m := range messages {
			for _, o := range m.Observations {
				v := o.Value.Number.String()
				if o.Value.Kind == model.ValueCoded {
					v = o.Value.Coding.Code
				}
				if o.Absent != "" {
					v = o.Absent
				}
				got = append(got, o.Received.Code+"="+v+"@"+o.DeviceTime.Original)
			}
			for _, i := range m.Issues {
				issues = append(issues, i.Code)
			}
		}
		if !equal(got, c.want) || !equal(issues, c.codes) {
			t.Errorf("%s: %q\nissues %q; want %q\nissues %q", c.report, got, issues, c.want, c.codes)
		}
	}
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
