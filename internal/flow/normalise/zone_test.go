package normalise_test

import (
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
