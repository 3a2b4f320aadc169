package phd

import (
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/model"
)

// BenchmarkDecode reads a blood pressure with the association it came over.
func BenchmarkDecode(b *testing.B) {
	aarq := (&APDU{Choice: ChoiceAARQ, Request: &Association{Version: Version1, Protocols: []Protocol{{ID: Protocol20601, Info: &Information{SystemID: []byte{1, 2, 3, 4, 5, 6, 7, 8}, Config: 700}}}}}).Bytes()
	values := append([]byte{0, 3, 0, 6, 0, 120, 0, 80, 0, 93}, AbsoluteTime(arrived)...)
	report := event(NotiFixed, (&Report{Request: AgentInitiated, Persons: []PersonReport{{Scans: []Scan{{Handle: 1, Values: values}}}}}).Bytes(NotiFixed))
	e := model.Entry{Frame: model.Frame{Arrived: arrived, Bytes: Frame(report, time.Time{}, aarq)}}
	b.SetBytes(int64(len(e.Bytes)))
	b.ReportAllocs()
	for b.Loop() {
		if m := New().Decode(e, codec.Context{}); len(m[0].Observations) != 3 {
			b.Fatal(m[0].Issues)
		}
	}
}
