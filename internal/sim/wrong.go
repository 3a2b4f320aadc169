package sim

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"thalamus/internal/sim/faults"
)

// With gives the vital signs with what is wrong about them. None of them may
// leave the range that encoders can write.
func (v Vitals) With(t faults.Turn) Vitals {
	if t.Is(faults.OutOfRange) {
		v.HeartPerMin, v.PulsePerMin, v.RespPerMin, v.SpO2Percent, v.TempTenthCel = 999, 999, 450, 140, 980
	}
	return v
}

var (
	number  = regexp.MustCompile(`(?m)(OBX\|\d+)\|NM\|([^|]*\|[^|]*)\|([^|]*)\|([^|]*)\|\|\|\|\|R`)
	moment  = regexp.MustCompile(`20\d{12}\.\d{3}[+-]\d{4}`)
	heart   = regexp.MustCompile(`147842\^MDC_ECG_HEART_RATE\^MDC`)
	beats   = regexp.MustCompile(`(147842\^[^|]*\|[^|]*\|[^|]*\|)[^|]*`)
	beat    = regexp.MustCompile(`(147842\^[^|]*\|[^|]*\|)[^|]*`)
	patient = regexp.MustCompile(`(?m)(^|\r)(PID\|1\|\|)([^^]*)`)
	model   = regexp.MustCompile(`OBX\|\d+\|ST\|[^|]*MDC_ATTR_ID_MODEL[^\r]*\r`)
)

// Spoil gives an HL7 v2 message with what is wrong about it.
func Spoil(m Message, t faults.Turn) Message {
	replace := func(re *regexp.Regexp, by string) {
		m.Bytes = re.ReplaceAll(m.Bytes, []byte(by))
	}
	moments := func(layout string) {
		m.Bytes = moment.ReplaceAllFunc(m.Bytes, func(b []byte) []byte {
			at, err := time.Parse("20060102150405.000-0700", string(b))
			if err != nil {
				return b
			}
			return []byte(t.Clock(at).Format(layout))
		})
	}
	switch t {
	case faults.SensorOff:
		replace(number, "$1|NM|$2||$4|||||X")
	case faults.NoNumber:
		replace(number, "$1|NM|$2|---|$4|||||R")
	case faults.NaN:
		replace(number, "$1|NM|$2|NaN|$4|||||R")
	case faults.DemoMode:
		replace(number, "$1|NM|$2|$3|$4||DEMO|||R")
	case faults.ClockJump:
		m.Bytes = moment.ReplaceAllFunc(m.Bytes, func(b []byte) []byte { return append([]byte("1970"), b[4:]...) })
	case faults.ZoneChange, faults.SummerNight:
		moments("20060102150405.000")
	case faults.WrongUnit:
		replace(beats, "${1}266016^MDC_DIM_MMHG^MDC")
	case faults.NewLabel:
		replace(heart, "990001^SIM_NOBODY_KNOWS_IT^99SIM")
	case faults.OutOfRange:
		replace(beat, "${1}999")
	case faults.WrongPatient:
		replace(patient, "${1}${2}WRONG-$3")
	case faults.Truncated:
		m.Bytes = append([]byte(`BHS|^~\&|SIMWARD||THALAMUS||`+stamp(time.Now())+"||||"+m.ControlID+"\r"), m.Bytes...)
	}
	return m
}

// withRelease lets a message name the device's software.
func withRelease(m Message, release string) Message {
	at := model.FindIndex(m.Bytes)
	if at == nil {
		return m
	}
	line := fmt.Sprintf("OBX|900|ST|531975^MDC_ID_PROD_SPEC_SW^MDC|1.0.0.3|%s||||||R\r", release)
	m.Bytes = slices.Concat(m.Bytes[:at[1]], []byte(line), m.Bytes[at[1]:])
	return m
}

// talker sends what a device says, with its faults.
type talker struct {
	link   *Link
	plan   *faults.Plan
	tells  bool // the device names its software
	turned int  // how often that became another one
	held   *Message
}

func newTalker(link *Link, set faults.Set) *talker {
	plan := set.Plan()
	link.Plan = plan
	return &talker{link: link, plan: plan, tells: slices.Contains(set, faults.Firmware)}
}

// say sends a message until it is acknowledged, and whatever its fault adds.
func (s *talker) say(ctx context.Context, m Message) error {
	turn := s.plan.Next()
	if turn.Is(faults.Firmware) {
		s.turned++
	}
	if s.tells {
		m = withRelease(m, fmt.Sprintf("%d.0", 2+s.turned))
	}
	m = Spoil(m, turn)
	if turn.Is(faults.Swapped) && s.held == nil {
		m.Bytes = bytes.Clone(m.Bytes)
		s.held = &m
		return nil
	}
	if err := s.link.Send(ctx, m); err != nil {
		return err
	}
	if turn.Again() {
		if err := s.link.Send(ctx, m); err != nil {
			return err
		}
	}
	return s.rest(ctx)
}

// rest sends what was held back.
func (s *talker) rest(ctx context.Context) error {
	if s.held == nil {
		return nil
	}
	m := *s.held
	s.held = nil
	return s.link.Send(ctx, m)
}
