package normalise_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/hl7v2/clinical"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
	"thalamus/internal/profile"
)

// R16: the zone of a profile counts for the device, unless the register has
// one for this unit; a zone in the message counts before both.
func TestZoneOfProfile(t *testing.T) {
	p, err := profile.Parse(fstest.MapFS{"profile.yaml": {Data: []byte(`profile: acme/vm200
version: 2
title: Acme VM-200
codec: hl7v2
applies_to: {sender: VM200}
evidence: [{document: made for this test}]
time: {zone: Asia/Tokyo, correct: offset}
`)}}, ".")
	if err != nil {
		t.Fatal(err)
	}
	set, err := profile.NewSet([]profile.InForce{{Profile: p}})
	if err != nil {
		t.Fatal(err)
	}
	if set.Get("acme/vm200@2") != p || set.Get("acme/vm200@3") != nil || set.Get("") != nil || (*profile.Set)(nil).Get("x@1") != nil {
		t.Error("profiles by their reference")
	}
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sent   string
		ctx    normalise.Context
		utc    string
		source model.ZoneSource
	}{
		{"20260131120000", normalise.Context{Profiles: set, Channel: paris}, "03:00", model.ZoneDevice},
		{"20260131120000", normalise.Context{Profiles: profile.Only(p), Site: paris}, "03:00", model.ZoneDevice},
		{"20260131120000", normalise.Context{Profiles: set, Device: paris}, "11:00", model.ZoneDevice},
		{"20260131120000", normalise.Context{Channel: paris}, "11:00", model.ZoneChannel},
		{"20260131120000+0500", normalise.Context{Profiles: set, Device: paris}, "07:00", model.ZoneMessage},
	} {
		raw := "MSH|^~\\&|VM200|ACME|||20260131120000||ORU^R01^ORU_R01|1|P|2.6\rOBR|1|||X\rOBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC||72|/min|||||F|||" + c.sent + "\r"
		m := clinical.New().Decode(model.Entry{Frame: model.Frame{Codec: "hl7v2", Arrived: time.Date(2026, 1, 31, 12, 0, 1, 0, time.UTC), Bytes: []byte(raw)}}, codec.Context{})[0]
		normalise.Normalise(&m, c.ctx)
		if at := m.Observations[0].DeviceTime; at.UTC.Format("15:04") != c.utc || at.Zone != c.source {
			t.Errorf("%s: %+v, want %s by %s", c.sent, at, c.utc, c.source)
		}
	}
}

// R12, R16: a profile says how a device writes times that are not HL7's, also
// in HL7 messages; what it writes as HL7 does is read all the same.
func TestFormOfProfile(t *testing.T) {
	for _, c := range []struct{ form, header, sent, utc, issue string }{
		{"iso", "20260131120000", "2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00Z", ""},
		{"iso", "2026-01-31T12:00:00+02:00", "2026-01-31T12:00:00", "2026-01-31T10:00:00Z", ""},
		{"iso", "20260131120000+0500", "20260131120000", "2026-01-31T07:00:00Z", ""},
		{"epoch_s", "20260131120000", "1769860800", "2026-01-31T12:00:00Z", ""},
		{"epoch_ms", "20260131120000", "1769860800123", "2026-01-31T12:00:00.123Z", ""},
		{"epoch_ms", "1769860800123", "20260131120000", "2026-01-31T03:00:00Z", ""},
		{"epoch_us", "20260131120000", "1769860800123456", "2026-01-31T12:00:00.123456Z", ""},
		{"DD.MM.YYYY hh:mm:ss", "31.01.2026 12:00:00", "31.01.2026 12:00:00", "2026-01-31T03:00:00Z", ""},
		{"YYYYDDMMhhmmss", "20263101120000", "20260201120000", "2026-01-02T03:00:00Z", ""},
		{"iso", "20260131120000", "31/01/2026", "", "hl7time.iso"},
		{"iso", "20260131120000", "260131120000", "", "hl7time.iso"},
	} {
		p, err := profile.Parse(fstest.MapFS{"profile.yaml": {Data: []byte("profile: acme/vm200\nversion: 2\ntitle: Acme VM-200\ncodec: hl7v2\n" +
			"applies_to: {sender: VM200}\nevidence: [{document: made for this test}]\ntime: {zone: Asia/Tokyo, format: '" + c.form + "'}\n")}}, ".")
		if err != nil {
			t.Fatal(err)
		}
		raw := "MSH|^~\\&|VM200|ACME|||" + c.header + "||ORU^R01^ORU_R01|1|P|2.6\rOBR|1|||X\rOBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC||72|/min|||||F|||" + c.sent + "\r"
		m := clinical.New().Decode(model.Entry{Frame: model.Frame{Codec: "hl7v2", Arrived: time.Date(2026, 1, 31, 12, 0, 1, 0, time.UTC), Bytes: []byte(raw)}}, codec.Context{})[0]
		for range 2 {
			normalise.Normalise(&m, normalise.Context{Profiles: profile.Only(p)})
			at, issue := m.Observations[0].DeviceTime, ""
			for _, i := range m.Issues {
				if i.Code == "normalise.time" {
					issue = i.Received
				}
			}
			got := ""
			if !at.UTC.IsZero() {
				got = at.UTC.Format(time.RFC3339Nano)
			}
			if got != c.utc || issue != c.issue || at.Original != c.sent {
				t.Errorf("%s %s after %s: %+v %s", c.form, c.sent, c.header, at, issue)
			}
		}
	}
	_, err := profile.Parse(fstest.MapFS{"profile.yaml": {Data: []byte("profile: acme/vm200\nversion: 2\ntitle: Acme VM-200\ncodec: hl7v2\n" +
		"applies_to: {sender: VM200}\nevidence: [{document: made for this test}]\ntime: {from: MSH-7}\n")}}, ".")
	if err == nil || !strings.Contains(err.Error(), "time.from") {
		t.Errorf("time.from in a profile for HL7: %v", err)
	}
}

// R16: the issue says what is wrong with a time, not only that something is.
func TestUnreadableTimeSaysWhy(t *testing.T) {
	raw := "MSH|^~\\&|VM200|ACME|||20260131120000||ORU^R01^ORU_R01|1|P|2.6\rOBR|1|||X\rOBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC||72|/min|||||F|||260131120000\r"
	m := clinical.New().Decode(model.Entry{Frame: model.Frame{Codec: "hl7v2", Bytes: []byte(raw)}}, codec.Context{})[0]
	normalise.Normalise(&m, normalise.Context{})
	if len(m.Issues) != 1 || !strings.Contains(m.Issues[0].Text, "two digits") || !strings.Contains(m.Issues[0].Hint, "time.format") {
		t.Errorf("%+v", m.Issues)
	}
}
