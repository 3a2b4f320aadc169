// Package astmlink speaks with laboratory instruments over CLSI LIS01-A2 (ASTM
// E1381): over serial lines, terminal servers and TCP (R6). What instruments
// send is journaled by the order, and the frame with which the sender may
// forget an order is acknowledged only after that (R23, decision 0155). A
// query for orders is answered out of a folder of order files, or with "no
// information".
package astmlink

import (
	"context"

	"thalamus/internal/codec/astm"
	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/driver/bytelink"
	"thalamus/internal/model"
)

// Kind describes this driver.
func Kind() driver.Kind {
	return driver.Kind{
		Name:     "astm",
		Doc:      "Speaks with laboratory instruments: ASTM E1381 / LIS01-A2 over a serial port, a terminal server or TCP.",
		Codecs:   []string{astm.Name},
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
		ch.Codec = astm.Name
	}
	orders := &orders{folder: s.Orders}
	return bytelink.New(ch, s.Link, func(ctx context.Context, link *bytelink.Session) error {
		c := &conversation{ctx: ctx, s: &s, link: link, orders: orders, scan: astm.Scanner{Max: s.MaxFrame, Bare: s.Checksum == checksumNone}}
		c.join.Max = s.MaxMessage
		return c.serve()
	}), nil
}
