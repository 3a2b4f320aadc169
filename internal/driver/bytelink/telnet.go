package bytelink

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Telnet (RFC 854) and COM port control (RFC 2217 §3).
const (
	iac, dont, do, wont, will, sb, se byte = 255, 254, 253, 252, 251, 250, 240

	optBinary, optSGA, optComPort byte = 0, 3, 44

	setBaud, setSize, setParity, setStop, setControl byte = 1, 2, 3, 4, 5
)

// telnet is a connection to a terminal server that is told what its port
// shall be like. It takes commands out of what it reads and doubles IAC in
// what it writes.
type telnet struct {
	net.Conn
	settings *Settings
	mu       sync.Mutex // writes
	state    int        // where the reading stands
	verb     byte
	sub      []byte // a subnegotiation under way, bounded by maxSub
	offered  bool   // we said WILL COM-PORT-OPTION
	agreed   bool   // the server may be told
	refused  bool
	clean    []byte // bytes of the device that came while agreeing
}

const (
	inBytes = iota
	afterIAC
	afterVerb
	inSub
	inSubIAC
)

const maxSub = 256

func newTelnet(c net.Conn, s *Settings) *telnet { return &telnet{Conn: c, settings: s} }

// agree offers control and sends the settings; a server that refuses is used
// as it is (R6).
func (t *telnet) agree(patience time.Duration) error {
	t.offered = true
	if err := t.command(iac, will, optComPort, iac, do, optBinary, iac, will, optBinary, iac, do, optSGA, iac, will, optSGA); err != nil {
		return err
	}
	deadline := time.Now().Add(patience)
	buf := make([]byte, 512)
	for !t.agreed && !t.refused {
		if err := t.Conn.SetReadDeadline(deadline); err != nil {
			return err
		}
		n, err := t.Conn.Read(buf)
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.refused = true
				break
			}
			return fault.Wrap(err, fault.Transient, "serial.connect", "the terminal server ended the connection while its port was to be set").At(t.settings.Connect)
		}
		kept, err := t.strip(buf[:n])
		if err != nil {
			return err
		}
		t.clean = append(t.clean, kept...)
	}
	return nil
}

// configure sends the port's settings (RFC 2217 §3).
func (t *telnet) configure() error {
	baud := binary.BigEndian.AppendUint32(nil, uint32(t.settings.Baud))
	var out []byte
	for _, one := range []struct {
		command byte
		value   []byte
	}{
		{setBaud, baud}, {setSize, []byte{byte(t.settings.DataBits)}},
		{setParity, []byte{byte(slices.Index(model.Parities(), t.settings.Parity)) + 1}}, {setStop, []byte{byte(slices.Index(model.StopBits(), t.settings.StopBits)) + 1}},
		{setControl, []byte{byte(slices.Index(model.Flows(), t.settings.Flow)) + 1}},  // of what we send
		{setControl, []byte{byte(slices.Index(model.Flows(), t.settings.Flow)) + 14}}, // of what the device sends
		{setControl, []byte{8}}, // DTR on
		{setControl, []byte{11}},
	} {
		out = append(out, iac, sb, optComPort, one.command)
		out = append(out, double(one.value)...)
		out = append(out, iac, se)
	}
	return t.command(out...)
}

func (t *telnet) command(b ...byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.Conn.SetWriteDeadline(time.Now().Add(t.settings.Stall)); err != nil {
		return err
	}
	_, err := t.Conn.Write(b)
	return err
}

// Read gives the device's bytes.
func (t *telnet) Read(p []byte) (int, error) {
	for {
		if len(t.clean) > 0 {
			n := copy(p, t.clean)
			t.clean = t.clean[n:]
			return n, nil
		}
		n, err := t.Conn.Read(p)
		if n == 0 {
			return 0, err
		}
		kept, err := t.strip(p[:n])
		if err != nil || len(kept) > 0 {
			return copy(p, kept), err
		}
	}
}

// Write doubles IAC (RFC 854).
func (t *telnet) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := t.Conn.Write(double(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func double(p []byte) []byte {
	out := make([]byte, 0, len(p)+8)
	for _, c := range p {
		if out = append(out, c); c == iac {
			out = append(out, iac)
		}
	}
	return out
}

// strip takes telnet's commands out of b, in place, and answers them.
func (t *telnet) strip(b []byte) ([]byte, error) {
	out := b[:0]
	for _, c := range b {
		switch t.state {
		case inBytes:
			if c == iac {
				t.state = afterIAC
			} else {
				out = append(out, c)
			}
		case afterIAC:
			t.state = inBytes
			switch c {
			case iac:
				out = append(out, iac)
			case do, dont, will, wont:
				t.verb, t.state = c, afterVerb
			case sb:
				t.sub, t.state = t.sub[:0], inSub
			}
		case afterVerb:
			t.state = inBytes
			if err := t.asked(t.verb, c); err != nil {
				return out, err
			}
		case inSub:
			if c == iac {
				t.state = inSubIAC
			} else if len(t.sub) < maxSub {
				t.sub = append(t.sub, c)
			}
		case inSubIAC:
			t.state = inSub
			if c == se {
				t.state = inBytes // answers to settings and notices of the line: nothing to do
			} else if len(t.sub) < maxSub {
				t.sub = append(t.sub, c)
			}
		}
	}
	return out, nil
}

// asked answers an option (RFC 854, RFC 1143 in short: what we asked for
// ourselves is not answered again).
func (t *telnet) asked(verb, option byte) error {
	switch {
	case option == optComPort && verb == do:
		if t.agreed {
			return nil
		}
		t.agreed = true
		return t.configure()
	case option == optComPort && verb == dont:
		t.refused = !t.agreed
		return nil
	case option == optBinary || option == optSGA:
		return nil
	case verb == do:
		return t.command(iac, wont, option)
	case verb == will:
		return t.command(iac, dont, option)
	}
	return nil
}
