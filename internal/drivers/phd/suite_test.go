package phd

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"testing"
	"time"

	"thalamus/internal/codec/phd"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/sim/phdagent"
)

// hello is the association request of the suite's agents: a scale with the
// standard configuration.
var hello = (&phd.APDU{Choice: phd.ChoiceAARQ, Request: &phd.Association{Version: phd.Version1, Protocols: []phd.Protocol{{ID: phd.Protocol20601, Info: &phd.Information{
	Protocol: phd.Version1, Rules: phd.RulesMDER, Nomenclature: phd.Version1, SystemType: phd.SystemAgent, SystemID: []byte{0, 0x12, 0xEE, 1, 2, 3, 4, 5}, Config: 1500}}}}}).Bytes()

// report is the n-th report: its number stands in the invoke id and, as that is
// too short for it, in the handle, which both come back in the answer.
func report(n int) []byte {
	scans := make([]phd.Scan, 24)
	for i := range scans {
		scans[i] = phd.Scan{Handle: 1, Values: append(binary.BigEndian.AppendUint32(nil, uint32(n)&0x3FFFFF), phd.AbsoluteTime(time.Date(2026, 11, 21, 10, 15, i, 0, time.UTC))...)}
	}
	info := (&phd.Report{Request: phd.AgentInitiated, Persons: []phd.PersonReport{{Scans: scans}}}).Bytes(phd.NotiFixed)
	return (&phd.APDU{Choice: phd.ChoicePRST, Call: &phd.Call{Invoke: uint16(n), Op: phd.OpEventConfirmed, Handle: uint16(n >> 16), Time: phd.NoEventTime, Type: phd.NotiFixed, Info: info}}).Bytes()
}

func settings() map[string]any {
	return map[string]any{"listen": "127.0.0.1:0", "stall_timeout": "400ms", "release_timeout": "200ms", "response_timeout": "20s", "config_timeout": "20s", "association_timeout": "20s"}
}

func suite() drivertest.Suite {
	return drivertest.Suite{
		Kind: Kind(), Settings: settings(), Listen: "listen",
		Message: func(n int) []byte { return phd.Frame(report(n), time.Time{}, hello) },
		Wire:    func(m []byte) []byte { return m[:len(m)-len(hello)] },
		Garbage: []byte("GET / HTTP/1.1\r\n"),
		Greet: func(w io.Writer, r *bufio.Reader) error {
			if _, err := w.Write(hello); err != nil {
				return err
			}
			if in, _, err := phdagent.Read(r); err != nil || in.Answer == nil || in.Answer.Result != phd.Accepted {
				return fmt.Errorf("not associated: %+v, %v", in, err)
			}
			in, _, err := phdagent.Read(r)
			if err != nil || in.Call == nil || in.Call.Op != phd.OpGet {
				return fmt.Errorf("not asked for attributes: %+v, %v", in, err)
			}
			_, err = w.Write((&phd.APDU{Choice: phd.ChoicePRST, Call: &phd.Call{Invoke: in.Call.Invoke, Op: phd.OpError, Code: phd.ErrNoSuchObject}}).Bytes())
			return err
		},
		Answer: func(r *bufio.Reader) (int, bool, error) {
			in, _, err := phdagent.Read(r)
			switch {
			case err != nil:
				return 0, false, err
			case in.Choice == phd.ChoiceABRT:
				return 0, false, io.EOF
			case in.Call == nil:
				return 0, false, fmt.Errorf("%#x", in.Choice)
			}
			return int(in.Call.Handle)<<16 | int(in.Call.Invoke), in.Call.Op == phd.OpEventResult, nil
		},
	}
}

func TestConformance(t *testing.T) { drivertest.Run(t, suite()) }
