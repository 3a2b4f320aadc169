package service

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/imports/netflow"
	"thalamus/internal/imports/nmap"
	"thalamus/internal/imports/pcap"
	"thalamus/internal/imports/zeek"
	"thalamus/internal/model"
	"thalamus/internal/register/flows"
)

// FlowImport is a file of observed connections.
type FlowImport struct {
	Kind   string `json:"kind" arg:"kind" doc:"zeek (conn.log), nmap (XML), netflow (versions 5, 9 and IPFIX: a file of packets, or a capture of them), pcap (pcap, pcapng)"`
	File   []byte `json:"file" arg:"file" doc:"the file; base64 in JSON"`
	Keep   bool   `json:"keep,omitempty" doc:"keep what is in it; without, it is only looked at"`
	Reason string `json:"reason,omitempty" doc:"why and where it was recorded, for the audit"`
}

// FlowImported tells what a file holds.
type FlowImported struct {
	FlowFile
	Kept       bool      `json:"kept"`
	Flows      int       `json:"flows"`      // different ones
	Fresh      int       `json:"fresh"`      // of them not seen before
	Devices    int       `json:"devices"`    // that stand behind their addresses
	Unapproved int       `json:"unapproved"` // of the flows
	Plain      int       `json:"plain"`      // of the flows, not encrypted
	Examples   []FlowRow `json:"examples"`   // the first of them
}

// mostInflated bounds what a compressed file may become, in bytes.
const mostInflated = 256 << 20

// importers read files by kind.
func importers() map[string]func(io.Reader) (model.FlowFile, error) {
	return map[string]func(io.Reader) (model.FlowFile, error){
		model.FromZeek: zeek.Read, model.FromNmap: nmap.Read, model.FromNetFlow: netflow.Read, model.FromPcap: pcap.Read,
	}
}

func importFlows(ctx context.Context, c *call, r FlowImport) (FlowImported, error) {
	c.object = "flows of " + clip(r.Kind, 20)
	read, ok := importers()[r.Kind]
	if !ok {
		return FlowImported{}, fault.New(fault.Invalid, "service.argument", "there is no kind %q of file; expected %s", clip(r.Kind, 40), strings.Join(slices.Sorted(maps.Keys(importers())), ", ")).At("kind")
	}
	if len(r.File) == 0 {
		return FlowImported{}, fault.New(fault.Invalid, "service.argument", "the file is empty").At("file")
	}
	in, err := inflated(r.File)
	if err != nil {
		return FlowImported{}, err
	}
	file, err := read(in)
	if err != nil {
		return FlowImported{}, err
	}
	if in.N <= 0 {
		return FlowImported{}, fault.New(fault.Invalid, "flow.large", "the file has more than %d MiB when it is inflated; cut it into parts", mostInflated>>20).At("file")
	}
	out := FlowImported{FlowFile: file, Flows: len(file.Flows)}
	before, w, err := c.s.judged(ctx)
	if err != nil {
		return out, err
	}
	known := map[string]bool{}
	for i := range before {
		known[before[i].ID] = true
	}
	devices := map[model.DeviceID]bool{}
	rows := flows.Judge(file.Flows, w)
	for i := range rows {
		row := &rows[i]
		if !known[row.ID] {
			out.Fresh++
		}
		if row.Approved == flows.ByNone {
			out.Unapproved++
		}
		if row.Encrypted == "no" {
			out.Plain++
		}
		for _, e := range []*FlowEnd{&row.From, &row.To} {
			for _, d := range e.Devices {
				devices[d.ID] = true
			}
		}
	}
	out.Devices, out.Examples = len(devices), rows[:min(len(rows), 20)]
	if !r.Keep || len(file.Flows) == 0 {
		return out, nil
	}
	if err := c.s.Store.Update(ctx, func(tx Tx) error { return tx.SaveFlows(ctx, file.Flows) }); err != nil {
		return out, err
	}
	out.Kept = true
	if err := c.s.attendNetwork(ctx, rows); err != nil {
		return out, err
	}
	c.s.events.publish(Event{Kind: "changed", Name: c.op.Name, Object: c.object})
	return out, nil
}

// inflated gives the file, inflated where it is compressed with gzip, up to
// mostInflated bytes: N is 0 when it has more.
func inflated(file []byte) (*io.LimitedReader, error) {
	var r io.Reader = bytes.NewReader(file)
	if bytes.HasPrefix(file, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fault.New(fault.Invalid, "imports.format", "the file begins as one compressed with gzip and is none").At("file")
		}
		r = lenient{bufio.NewReader(z)}
	}
	return &io.LimitedReader{R: r, N: mostInflated + 1}, nil
}

// lenient ends a compressed file that breaks off, or is damaged, where that is:
// what was read before counts, and the reader of the format says what misses.
type lenient struct{ r io.Reader }

func (w lenient) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = io.EOF
	}
	return n, err
}
