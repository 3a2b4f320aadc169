// Package poct1alink is an observation reviewer of CLSI POCT1-A2: point-of-care
// devices say hello, tell how they are, are asked for their observations and
// events, and may then be told the time, who may use them, and to send on by
// themselves. What carries results or says what a device is is journaled before
// it is acknowledged (R6, R23).
package poct1alink

import (
	"context"

	"thalamus/internal/codec/poct1a"
	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/driver/bytelink"
	"thalamus/internal/model"
)

// Kind describes this driver.
func Kind() driver.Kind {
	return driver.Kind{
		Name:     "poct1a",
		Doc:      "Reviews the observations of point-of-care devices: POCT1-A2 over TCP or a serial line.",
		Codecs:   []string{poct1a.Name},
		Settings: &Settings{},
		New:      New,
	}
}

// New checks the channel's settings and makes the driver.
func New(ch model.Channel) (driver.Driver, error) {
	var s Settings
	if err := conf.Decode(ch.Settings, &s); err != nil {
		return nil, err
	}
	if ch.Codec == "" {
		ch.Codec = poct1a.Name
	}
	return bytelink.New(ch, s.Link, func(ctx context.Context, link *bytelink.Session) error {
		c := &conversation{ctx: ctx, s: &s, link: link, scan: poct1a.Scanner{Max: s.MaxMessage}}
		return c.serve()
	}), nil
}
