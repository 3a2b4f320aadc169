package encode_test

import (
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/hl7v2/clinical"
	"thalamus/internal/codec/hl7v2/encode"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
)

// R16: a corrected time tells what the device's clock said and how far it may
// be off, once for each clock, and says so when it is read again.
func TestCorrectedClock(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 13, 27, 500_000_000, time.UTC)
	off := model.Timestamp{UTC: at, Original: "20261121101500+0000", ClockOffsetNS: 92_500_000_000, UncertaintyNS: 1_500_250}
	number := func(sub string, device int, ts model.Timestamp) model.Observation {
		return model.Observation{Field: "OBX[1]", SubID: sub, Received: model.Coding{Code: "147842", Text: "MDC_ECG_HEART_RATE", System: "MDC"},
			Code: model.Code{MDC: 147842, RefID: "MDC_ECG_HEART_RATE"}, Value: model.Value{Kind: model.ValueNumber, Number: model.Decimal{Coef: 72}},
			UnitUCUM: "/min", DeviceTime: ts, Device: device, Status: model.StatusFinal}
	}
	right := model.Timestamp{UTC: at}
	m := &model.Message{ControlID: "C1", DeviceTime: off, Arrived: at,
		Devices:      []model.Device{{Identifiers: []model.Identifier{{Value: "0003B1FFFE000001", Type: "EUI-64"}}, Parent: -1}, {Parent: -1}},
		Observations: []model.Observation{number("1.0.0.1", 0, off), number("1.1.1.2", 0, off), number("2.1.1.1", 1, right)}}
	raw, err := encode.Message(m, encode.Options{ControlID: "X1"})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for line := range strings.SplitSeq(string(raw), "\r") {
		if strings.Contains(line, "TIME_") {
			said = append(said, line)
		}
	}
	want := []string{
		"OBX|4|DTM|67975^MDC_ATTR_TIME_ABS^MDC|1.0.0.2|20261121101500+0000||||||R|||20261121101327.500+0000||||0003B1FFFE000001^^0003B1FFFE000001^EUI-64",
		"OBX|5|NM|68221^MDC_TIME_SYNC_ACCURACY^MDC|1.0.0.3|1500.250|us^^UCUM|||||R|||||||0003B1FFFE000001^^0003B1FFFE000001^EUI-64",
	}
	if strings.Join(said, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
	}
	back := clinical.New().Decode(model.Entry{Seq: 1, Frame: model.Frame{Codec: "hl7v2", Arrived: at, Bytes: raw}}, codec.Context{})
	normalise.Normalise(&back[0], normalise.Context{})
	o := back[0].Observations[len(back[0].Observations)-2]
	if o.Code.RefID != "MDC_ATTR_TIME_ABS" || o.Value.Timestamp().UTC.Sub(o.DeviceTime.UTC) != time.Duration(off.ClockOffsetNS) {
		t.Errorf("read again: %+v", o)
	}
	for _, i := range back[0].Issues {
		t.Errorf("read again: %+v", i)
	}
}
