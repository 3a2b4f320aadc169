package astmlink

import (
	"bufio"
	"fmt"
	"strings"
	"testing"

	"thalamus/internal/codec/astm"
	"thalamus/internal/driver/drivertest"
)

// message is a result message of a chemistry analyser with a unique specimen.
func message(n int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "H|\\^&|||TEST^1.0|||||LIS||P|LIS2-A2|20260131101500\rP|1|4711|||Doe^Jane\rO|1|S-%d||^^^GLU|R\r", n)
	for i := range 8 {
		fmt.Fprintf(&b, "R|%d|^^^T%d|5.%d|mmol/L||N||F||||20260131101500\r", i+1, i, i)
	}
	b.WriteString("L|1|N\r")
	return []byte(b.String())
}

// wire is a transmission with the message in one frame, as cobas c311 and
// Sysmex send.
func wire(m []byte) []byte {
	return append(astm.AppendFrame([]byte{astm.ENQ}, 1, m, true), astm.EOT)
}

func suite() drivertest.Suite {
	return drivertest.Suite{
		Kind: Kind(),
		Settings: map[string]any{
			"link":            map[string]any{"listen": "127.0.0.1:0", "stall_timeout": "400ms"},
			"receive_timeout": "1s", "reply_timeout": "1s", "busy_wait": "1ns", "store_wait": "20ms",
		},
		Listen:     "link.listen",
		Unnumbered: true,
		Early:      1,
		Message:    message,
		Wire:       wire,
		Garbage:    []byte("GET / HTTP/1.1\r\n"),
		Answer: func(r *bufio.Reader) (int, bool, error) {
			if _, err := r.ReadByte(); err != nil { // to ENQ
				return 0, false, err
			}
			c, err := r.ReadByte()
			return 0, c == astm.ACK, err
		},
	}
}

func TestConformance(t *testing.T) { drivertest.Run(t, suite()) }
