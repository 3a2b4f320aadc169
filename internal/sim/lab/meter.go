package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// Meter is a simulated glucose meter. It says hello, tells of the results it
// holds, sends them when asked, and further ones by itself once it may.
type Meter struct {
	Address string
	Number  int
	Run     string
	Rhythm  time.Duration // between results; 0: one after another
	Outcome *Outcome
	Faults  faults.Set // what goes wrong, by turns; none: nothing

	Beds []sim.Bed // whose patients; none: sixteen of the ward SIM

	rng      *rand.Rand
	patients patients
	conn     net.Conn
	r        *bufio.Reader
	control  int
	turn     int
	plan     *faults.Plan
}

// Work measures and sends until ctx ends.
func (m *Meter) Work(ctx context.Context) {
	m.rng, m.plan = rand.New(rand.NewPCG(uint64(m.Number), 0x91c)), m.Faults.Plan()
	pending := m.result() // what was measured before it was docked
	again := false
	for try := 0; ctx.Err() == nil; try++ {
		err := m.conversation(ctx, &pending, &again)
		if m.conn != nil {
			m.conn.Close()
			m.conn = nil
		}
		if err == nil {
			return
		}
		m.Outcome.trouble(err)
		if !wait(ctx, min(time.Duration(try+1)*100*time.Millisecond, 2*time.Second)) {
			return
		}
	}
}

// mgdlPerMmolL of glucose: its molar mass is 180.16 g/mol.
const mgdlPerMmolL = 18.016

type result struct {
	id, text string
	turn     faults.Turn
}

// result measures.
func (m *Meter) result() result {
	m.turn++
	id, turn := fmt.Sprintf("%s-%d-%d", m.Run, m.Number, m.turn), m.plan.Next()
	who := m.patients.at(m.Beds, m.turn)
	// Capillary and by a strip: a few per cent off what the laboratory finds.
	found := who.blood.Sample().GlucoseMmolL * mgdlPerMmolL * (1 + m.rng.NormFloat64()*0.03)
	patient, code, unit, value := who.MRN, "2341-6", "mg/dL", max(20, int(found+0.5))
	switch turn {
	case faults.WrongPatient:
		patient = "WRONG-" + patient
	case faults.NewLabel:
		code = "NOBODY"
	case faults.WrongUnit:
		unit = "mm[Hg]"
	case faults.OutOfRange:
		value = 99999
	}
	return result{id, fmt.Sprintf(`<SVC><SVC.role_cd V="OBS"/><SVC.observation_dttm V="%s"/><PT><PT.patient_id V="%s"/><OBS><OBS.observation_id V="%s" DN="Glu" SN="LN"/><OBS.value V="%d" U="%s"/><OBS.method_cd V="M"/><OBS.status_cd V="A"/></OBS></PT><ORD><ORD.order_id V="%s"/></ORD></SVC>`,
		stamp(turn.Clock(time.Now())), patient, code, value, unit, id), turn}
}

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05-07:00") }

// say writes a message of the given type and gives its control id.
func (m *Meter) say(kind, body string) (string, error) {
	m.control++
	id := fmt.Sprint(m.control)
	if err := m.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return id, err
	}
	_, err := fmt.Fprintf(m.conn, `<%s><HDR><HDR.message_type V="%s"/><HDR.control_id V="%s"/><HDR.version_id V="POCT1"/><HDR.creation_dttm V="%s"/></HDR>%s</%s>`+"\r\n",
		kind, kind, id, stamp(time.Now()), body, kind)
	return id, err
}

// hear reads one message: its type, its control id, what it acknowledges, and
// a word of it: the request, the directive, AA or AE.
func (m *Meter) hear() (kind, id, about, word string, err error) {
	if err := m.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", "", "", "", err
	}
	var b strings.Builder
	for {
		part, err := m.r.ReadString('>')
		if err != nil {
			return "", "", "", "", err
		}
		b.WriteString(part)
		if name, ok := strings.CutPrefix(strings.TrimSpace(part), "</"); ok && strings.HasPrefix(strings.TrimSpace(b.String()), "<"+name) {
			kind = strings.TrimSuffix(name, ">")
			break
		}
	}
	text := b.String()
	return kind, value(text, "HDR.control_id"), value(text, "ACK.ack_control_id"), value(text, "REQ.request_cd") + value(text, "DTV.command_cd") + value(text, "ACK.type_cd"), nil
}

// value is the attribute V of an element.
func value(text, name string) string {
	_, rest, ok := strings.Cut(text, "<"+name+` V="`)
	if !ok {
		return ""
	}
	v, _, _ := strings.Cut(rest, `"`)
	return v
}

var errEnded = errors.New("the reviewer ended the conversation, or refused")

// heard waits until a message of ours is acknowledged.
func (m *Meter) heard(about string) error {
	for {
		kind, _, to, word, err := m.hear()
		if err != nil {
			return err
		}
		if kind == "ACK.R01" && to == about {
			if word != "AA" {
				m.Outcome.refuse(word)
				return errEnded
			}
			return nil
		}
	}
}

// deliver sends a result until it is acknowledged over this connection.
func (m *Meter) deliver(r *result, again *bool) error {
	m.Outcome.send(*again)
	*again = true
	began := time.Now()
	id, err := m.say("OBS.R01", r.text)
	if err == nil {
		err = m.heard(id)
	}
	if err != nil {
		return err
	}
	m.Outcome.accept(r.id, time.Since(began))
	if r.turn.Again() {
		m.Outcome.send(true)
		if id, err = m.say("OBS.R01", r.text); err == nil {
			err = m.heard(id)
		}
	}
	*r, *again = m.result(), false
	return err
}

// conversation is one connection; nil when ctx ended it.
func (m *Meter) conversation(ctx context.Context, pending *result, again *bool) error {
	c, err := m.plan.Dial(ctx, "tcp", m.Address, nil)
	if err != nil {
		return err
	}
	m.conn, m.r = c, bufio.NewReader(c)
	for _, hello := range [][2]string{
		{"HEL.R01", fmt.Sprintf(`<DEV><DEV.vendor_id V="SIMLAB"/><DEV.model_id V="GlucoSim"/><DEV.serial_id V="GS%05d"/><DEV.sw_version V="1.0"/><DSC><DSC.connection_profile_cd V="SA"/><DSC.directives_supported_cd V="START_CONTINUOUS"/></DSC></DEV>`, m.Number)},
		{"DST.R01", fmt.Sprintf(`<DST><DST.status_dttm V="%s"/><DST.new_observations_qty V="1"/><DST.new_events_qty V="0"/><DST.condition_cd V="R"/></DST>`, stamp(time.Now()))},
	} {
		id, err := m.say(hello[0], hello[1])
		if err == nil {
			err = m.heard(id)
		}
		if err != nil {
			return err
		}
	}
	for continuous := false; !continuous; {
		kind, id, _, word, err := m.hear()
		if err != nil {
			return err
		}
		if _, err := m.say("ACK.R01", `<ACK><ACK.type_cd V="AA"/><ACK.ack_control_id V="`+id+`"/></ACK>`); err != nil {
			return err
		}
		switch {
		case kind == "REQ.R01" && word == "ROBS":
			if err := m.deliver(pending, again); err != nil {
				return err
			}
			end, err := m.say("EOT.R01", `<EOT><EOT.topic_cd V="OBS"/></EOT>`)
			if err == nil {
				err = m.heard(end)
			}
			if err != nil {
				return err
			}
		case kind == "DTV.R01" && word == "START_CONTINUOUS":
			continuous = true
		case kind == "END.R01":
			return errEnded
		}
	}
	for ctx.Err() == nil {
		if !m.plan.Pause(ctx, m.Rhythm) {
			break
		}
		if err := m.deliver(pending, again); err != nil {
			return err
		}
	}
	if id, err := m.say("END.R01", `<TRM><TRM.reason_cd V="NRM"/></TRM>`); err == nil {
		_ = m.heard(id)
	}
	return nil
}
