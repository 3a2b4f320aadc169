package normalise_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/hl7v2/clinical"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
)

// oru is a 2 KB message with 20 OBX as a monitor sends them.
func oru() []byte {
	var b strings.Builder
	b.WriteString("MSH|^~\\&|MON_X1^0003B1FFFE000001^EUI-64|ACME|||20260131120000+0100||ORU^R01^ORU_R01|4711|P|2.6|||AL|NE||UNICODE UTF-8|||IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO\r" +
		"PID|||P1000001^^^Hospital^MR||Muster^Anna^^^^^L||19700101|F\rPV1||I|ICU^1^3\r" +
		"OBR|1|1^MON_X1^0003B1FFFE000001^EUI-64|1^MON_X1^0003B1FFFE000001^EUI-64|182777000^monitoring of patient^SCT|||20260131120000+0100\r" +
		"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||0003B1FFFE000001^^0003B1FFFE000001^EUI-64\r")
	codes := []string{"147842^MDC_ECG_HEART_RATE^MDC|264864^MDC_DIM_BEAT_PER_MIN^MDC", "150456^MDC_PULS_OXIM_SAT_O2^MDC|262688^MDC_DIM_PERCENT^MDC",
		"149530^MDC_PULS_OXIM_PULS_RATE^MDC|264864^MDC_DIM_BEAT_PER_MIN^MDC", "150033^MDC_PRESS_BLD_ART_SYS^MDC|266016^MDC_DIM_MMHG^MDC",
		"150034^MDC_PRESS_BLD_ART_DIA^MDC|266016^MDC_DIM_MMHG^MDC", "150344^MDC_TEMP^MDC|268192^MDC_DIM_DEGC^MDC", "151578^MDC_TTHOR_RESP_RATE^MDC|264928^MDC_DIM_RESP_PER_MIN^MDC"}
	for i := 2; i <= 20; i++ {
		code, unit, _ := strings.Cut(codes[i%len(codes)], "|")
		b.WriteString("OBX|" + strconv.Itoa(i) + "|NM|" + code + "|1.1.1." + strconv.Itoa(i) + "|" + strconv.Itoa(30+i) + "|" + unit + "|||||R|||20260131120000+0100\r")
	}
	return []byte(b.String())
}

func BenchmarkDecode(b *testing.B) {
	e := model.Entry{Seq: 1, Frame: model.Frame{Codec: "hl7v2", Arrived: time.Date(2026, 1, 31, 11, 0, 1, 0, time.UTC), Bytes: oru()}}
	c := clinical.New()
	b.SetBytes(int64(len(e.Bytes)))
	b.ReportAllocs()
	for b.Loop() {
		c.Decode(e, codec.Context{})
	}
}

func BenchmarkDecodeAndNormalise(b *testing.B) {
	e := model.Entry{Seq: 1, Frame: model.Frame{Codec: "hl7v2", Arrived: time.Date(2026, 1, 31, 11, 0, 1, 0, time.UTC), Bytes: oru()}}
	c := clinical.New()
	b.SetBytes(int64(len(e.Bytes)))
	b.ReportAllocs()
	for b.Loop() {
		out := c.Decode(e, codec.Context{})
		normalise.Normalise(&out[0], normalise.Context{})
	}
}
