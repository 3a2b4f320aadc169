package mllp

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/codec/mllpframe"
	"thalamus/internal/driver/drivertest"
)

// oru is a message with the given control id; 20 OBX as in the design.
func oru(id string) []byte {
	var b strings.Builder
	b.WriteString("MSH|^~\\&|MON^0080|ICU|THAL|HOSP|20261121101500+0100||ORU^R01^ORU_R01|" + id + "|P|2.6|||||||||IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO\r")
	b.WriteString("PID|||4711^^^HOSP^MR||Doe^Jane\rPV1||I|ICU^2^23\rOBR|1||" + id + "|182777000^monitoring of patient^SCT|||20261121101500+0100\r")
	for n := range 20 {
		fmt.Fprintf(&b, "OBX|%d|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1.1.%d|98|262688^MDC_DIM_PERCENT^MDC|90-100||||R|||20261121101500+0100||||0080^^0080^EUI-64\r", n+1, n+1)
	}
	return []byte(b.String())
}

func readFrame(r *bufio.Reader) ([]byte, error) {
	b, err := r.ReadBytes(mllpframe.FS)
	if err != nil {
		return nil, err
	}
	if _, err := r.ReadByte(); err != nil {
		return nil, err
	}
	return bytes.TrimPrefix(b[:len(b)-1], []byte{mllpframe.VT}), nil
}

func suite() drivertest.Suite {
	return drivertest.Suite{
		Kind:     Kind(),
		Settings: map[string]any{"listen": "127.0.0.1:0", "stall_timeout": "400ms"},
		Listen:   "listen",
		Message:  func(n int) []byte { return oru(strconv.Itoa(n)) },
		Wire:     func(m []byte) []byte { return mllpframe.Append(nil, m) },
		Garbage:  []byte("GET / HTTP/1.1\r\n"),
		Answer: func(r *bufio.Reader) (int, bool, error) {
			b, err := readFrame(r)
			if err != nil {
				return 0, false, err
			}
			a, err := hl7v2.ParseAck(b)
			if err != nil {
				return 0, false, err
			}
			n, _ := strconv.Atoi(a.ControlID)
			return n, a.Code.Accepted(), nil
		},
	}
}

func TestConformance(t *testing.T) { drivertest.Run(t, suite()) }
