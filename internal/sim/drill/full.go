package drill

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"time"

	"thalamus/internal/service"
)

// freeAddress gives an address of this machine that nobody listens on.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// full fills the disk of a server of its own while devices send, and makes room
// again.
func (d *drill) full(ctx context.Context) Result {
	r := Result{Kind: "hl7"}
	folder, err := os.MkdirTemp("", "thalamus-drill-")
	if err != nil {
		return r.failed(err)
	}
	defer os.RemoveAll(folder)
	small, why := smallDisk(folder)
	if small == nil {
		r.Skipped = why
		return r
	}
	defer small.close()
	other := drill{o: d.o, run: d.run}
	if other.house, err = open(ctx, filepath.Join(folder, "server"), d.o); err != nil {
		return r.failed(err)
	}
	defer other.house.close()
	return other.fill(ctx, small)
}

func (d *drill) fill(ctx context.Context, small *disk) Result {
	r := Result{Kind: "hl7"}
	ch, err := d.open(ctx, "disk-full", "hl7", nil)
	if err != nil {
		return r.failed(err)
	}
	dev := d.devices("hl7", ch, nil)
	end := d.working(ctx, dev)
	defer end()
	if err := d.until(ctx, "messages are taken", nil, func() (bool, error) { return dev.told.acknowledged() >= before, nil }); err != nil {
		return r.failed(err)
	}
	if err := small.fill(); err != nil {
		return r.failed(err)
	}
	dev.told.wrongNow()
	want := []string{"journal.full", "journal.io"}
	seen := sights{}
	err = d.until(ctx, "the overview tells that the disk is full", nil, func() (bool, error) {
		var o service.Overview
		if err := d.call(ctx, "overview.get", nil, &o); err != nil {
			return false, err
		}
		clear(seen)
		overview(&o, seen)
		return seen.any(want), nil
	})
	d.saw(&r, dev.told, seen, want)
	if err != nil {
		return r.failed(err)
	}
	time.Sleep(time.Second) // devices are told to wait
	if err := small.free(); err != nil {
		return r.failed(err)
	}
	return d.goesOn(ctx, r, ch.ID, dev, end)
}
