package cli

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/files"
	"thalamus/internal/sim/wearable"
)

// demoWires are the channels of the demo's further wires: wearables over MQTT, a
// house next door that files batches into a folder, a monitor behind a terminal
// server, and a maker's cloud that is asked. DROP stands for the folder, CLOUD for the
// address of the cloud.
const demoWires = `  - id: wearables
    name: Wearables (MQTT)
    driver: mqtt
    codec: json
    settings: {listen: "127.0.0.1:0", anonymous: true, tls: {enabled: false}}
  - id: batches
    name: House next door (HL7 v2 batches in a folder)
    driver: filedrop
    codec: hl7v2
    settings: {folder: "DROP", complete: renamed, every: 500ms}
  - id: terminal
    name: Monitor behind a terminal server (serial)
    driver: serial
    codec: hl7v2
    settings: {link: {listen: "127.0.0.1:0"}, framing: stx-etx, answer: ack}
  - id: cloud
    name: Maker's cloud of wearables (asked over HTTP)
    driver: pull
    codec: json
    settings: {url: "CLOUD", every: 1s, each: line, cursor: {parameter: after, from: header, name: X-Next-Cursor}}
`

// wires are the demo's further wires: what their devices were told.
type wires struct {
	mu                 sync.Mutex
	sent, acknowledged int
}

func (w *wires) add(sent, acknowledged int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent, w.acknowledged = w.sent+sent, w.acknowledged+acknowledged
}

// runWires lets their devices work until ctx ends.
func (d *demo) runWires(ctx context.Context) *wires {
	var (
		out     wires
		devices sync.WaitGroup
	)
	run := fmt.Sprintf("%x", time.Now().UnixNano())
	devices.Go(func() {
		w := wearable.Ward{Address: d.app.ChannelAddress("wearables"), Name: "WEAR", Beds: 2, Rhythm: 2 * time.Second}
		w.Run(ctx, settle/2)
		t := w.Told()
		out.add(t.Sent, t.Acknowledged)
	})
	devices.Go(func() {
		d.cloud.Run(ctx, settle/2)
		t := d.cloud.Told()
		out.add(t.Sent, t.Acknowledged)
	})
	devices.Go(func() { out.file(ctx, d.drop, run) })
	devices.Go(func() { out.write(ctx, d.app.ChannelAddress("terminal"), run) })
	devices.Wait()
	return &out
}

// plainMonitor sends numbers alone, of a bed whose patient is not named like one
// of the demo's first ten.
func plainMonitor(ward string, bed int, run string) *sim.Monitor {
	m := sim.NewMonitor(sim.Beds(ward, bed)[bed-1], sim.NewTerms(), run, 1)
	m.Waveforms = false
	return m
}

// file lets the house next door file batches into a folder until ctx ends.
func (w *wires) file(ctx context.Context, folder, run string) {
	house := files.Ward{Folder: folder, Name: "NEXT", Beds: 1, Devices: []string{files.Batch}, Every: 5 * time.Second, Mark: run}
	house.Run(ctx, settle/2)
	t := house.Told()
	w.add(t.Sent*files.Batched, t.Acknowledged*files.Batched)
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// write sends messages between STX and ETX and waits for ACK, over a new
// connection where the old one broke.
func (w *wires) write(ctx context.Context, address, run string) {
	m := plainMonitor("TERM", 12, run)
	var line net.Conn
	defer func() {
		if line != nil {
			line.Close()
		}
	}()
	for ; ctx.Err() == nil; pauseFor(ctx, 2*time.Second) {
		frame := append(append([]byte{0x02}, m.Message(time.Now()).Bytes...), 0x03)
		w.add(1, 0)
		for end := time.Now().Add(settle); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			var err error
			if line == nil {
				if line, err = net.DialTimeout("tcp", address, settle/2); err != nil {
					continue
				}
			}
			answer := []byte{0}
			line.SetDeadline(time.Now().Add(settle))
			if _, err = line.Write(frame); err == nil {
				_, err = line.Read(answer)
			}
			if err == nil && answer[0] == 0x06 {
				w.add(0, 1)
				break
			}
			line.Close()
			line = nil
		}
	}
}
