// Package medibuslink asks Dräger ventilators and anaesthesia machines for their
// values over MEDIBUS and MEDIBUS.X (R6): it begins the communication, asks for
// the identification, then in turn for measured values, alarms, limits, settings
// and messages, and takes the curves the device sends between them. The next
// question goes out only when the answer to the last one is durable (R23).
package medibuslink

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"thalamus/internal/codec/medibus"
	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/driver/bytelink"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Kind describes this driver.
func Kind() driver.Kind {
	return driver.Kind{
		Name:     "medibus",
		Doc:      "Asks Dräger ventilators and anaesthesia machines for values, alarms, settings and curves: MEDIBUS and MEDIBUS.X over a serial port, a terminal server or TCP.",
		Codecs:   []string{medibus.Name},
		Settings: &Settings{},
		New:      New,
	}
}

// Settings of a MEDIBUS link.
type Settings struct {
	Link   bytelink.Settings `yaml:"link"`
	Every  time.Duration     `yaml:"every" default:"2s" doc:"how often measured values and alarms are asked for; settings and messages every fifth time"`
	Limits time.Duration     `yaml:"limits_every" default:"1m" doc:"how often alarm limits, date and time are asked for"`
	Reply  time.Duration     `yaml:"reply_timeout" default:"3s" doc:"how long we wait for an answer before we ask the next thing, and how long a device may pause inside a message"`
	Curves string            `yaml:"curves" default:"00 01 03" doc:"codes of the curves that are asked for, where the device has them: 00 airway pressure, 01 flow, 02 pleth, 03 volume, 06 CO2 …; none: no curves"`
	Span   time.Duration     `yaml:"span" default:"1s" doc:"how much of the curves is one entry of the journal"`
	Alive  time.Duration     `yaml:"keep_alive" default:"2s" doc:"how long we are silent at most; devices end the communication after some seconds"`
}

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	if err := s.Link.Check("link"); err != nil {
		return err
	}
	for key, d := range map[string]time.Duration{"every": s.Every, "limits_every": s.Limits, "reply_timeout": s.Reply, "span": s.Span, "keep_alive": s.Alive} {
		if d <= 0 {
			return fault.New(fault.Invalid, "medibuslink.setting", "expected more than 0, such as 2s").At(key)
		}
	}
	if _, ok := s.curves(); !ok {
		return fault.New(fault.Invalid, "medibuslink.setting", `expected codes of two hexadecimal digits, at most 12, such as "00 01 03", or none`).At("curves")
	}
	return nil
}

func (s *Settings) curves() ([]byte, bool) {
	if s.Curves == "none" {
		return nil, true
	}
	var out []byte
	for _, one := range strings.Fields(s.Curves) {
		b, err := hex.DecodeString(one)
		if err != nil || len(b) != 1 {
			return nil, false
		}
		out = append(out, b[0])
	}
	return out, len(out) > 0 && len(out) <= 12
}

// New checks the channel's settings and makes the driver.
func New(ch model.Channel) (driver.Driver, error) {
	var s Settings
	if err := conf.Decode(ch.Settings, &s); err != nil {
		return nil, err
	}
	if ch.Codec == "" {
		ch.Codec = medibus.Name
	}
	return bytelink.New(ch, s.Link, func(ctx context.Context, link *bytelink.Session) error {
		c := newConversation(ctx, &s, link)
		return c.serve()
	}), nil
}
