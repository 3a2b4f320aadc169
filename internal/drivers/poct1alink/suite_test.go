package poct1alink

import (
	"bufio"
	"fmt"
	"strconv"
	"testing"

	"thalamus/internal/codec/poct1a"
	"thalamus/internal/driver/drivertest"
)

const hdr = `<HDR><HDR.control_id V="%d"/><HDR.version_id V="POCT1"/><HDR.creation_dttm V="2026-01-31T10:00:00+01:00"/></HDR>`

func message(n int) []byte {
	return fmt.Appendf(nil, `<OBS.R01>`+hdr+`<SVC><SVC.role_cd V="OBS"/><SVC.observation_dttm V="2026-01-31T09:59:00+01:00"/><PT><PT.patient_id V="4711"/><OBS><OBS.observation_id V="2341-6" SN="LN"/><OBS.value V="1%d" U="mg/dL"/></OBS></PT></SVC></OBS.R01>`, n, n)
}

// documents reads what the reviewer sends.
func document(r *bufio.Reader) (poct1a.Envelope, error) {
	var b []byte
	s := poct1a.Scanner{}
	for {
		c, err := r.ReadByte()
		if err != nil {
			return poct1a.Envelope{}, err
		}
		b = append(b, c)
		n, t := s.Next(b)
		if t.Kind == poct1a.Document {
			return poct1a.ReadEnvelope(t.Bytes)
		}
		b = b[n:]
	}
}

func suite() drivertest.Suite {
	return drivertest.Suite{
		Kind: Kind(),
		Settings: map[string]any{
			"link":          map[string]any{"listen": "127.0.0.1:0", "stall_timeout": "400ms"},
			"stall_timeout": "1s", "store_wait": "20ms",
		},
		Listen:  "link.listen",
		Message: message,
		Wire:    func(m []byte) []byte { return m },
		Garbage: []byte("GET / HTTP/1.1\r\n"),
		Answer: func(r *bufio.Reader) (int, bool, error) {
			e, err := document(r)
			if err != nil {
				return 0, false, err
			}
			n, _ := strconv.Atoi(e.Acknowledges)
			return n, e.Accepted, nil
		},
	}
}

func TestConformance(t *testing.T) { drivertest.Run(t, suite()) }
