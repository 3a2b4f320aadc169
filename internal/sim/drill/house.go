package drill

import (
	"context"
	"net"
	"os"
	"sync"
	"time"

	"thalamus/internal/app"
	"thalamus/internal/conf"
	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// house is a server of our own.
type house struct {
	boot      conf.Boot
	o         Options
	temporary string // folder that goes with it

	mu  sync.Mutex
	app *app.App
}

// zone of the house: a time in it is told twice in the night of 25 October.
const zone = "Europe/Berlin"

// open starts a server in a folder; empty: a temporary one.
func open(ctx context.Context, folder string, o Options) (*house, error) {
	h := &house{boot: conf.Default(), o: o}
	if folder == "" {
		made, err := os.MkdirTemp("", "thalamus-drill-")
		if err != nil {
			return nil, fault.Wrap(err, fault.Broken, "app.folder", "cannot make a folder for the drill")
		}
		folder, h.temporary = made, made
	}
	h.boot.Data, h.boot.Site.Name, h.boot.Site.Zone = folder, "Drill", zone
	h.boot.Journal.Floor, h.boot.Journal.Segment = 16<<20, 8<<20
	if err := h.start(ctx); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *house) start(ctx context.Context) error {
	console, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fault.Wrap(err, fault.Conflict, "app.listen", "no free port on this machine")
	}
	a, err := app.Start(ctx, h.boot, app.Options{Version: h.o.Version, Log: h.o.Log, Console: console})
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.app = a
	return nil
}

func (h *house) running() *app.App {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.app
}

func (h *house) door() service.Caller { return h.running().Service().OnThisMachine("drill") }

func (h *house) stop() error {
	a := h.running()
	if a == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := a.Stop(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.app = nil
	return err
}

func (h *house) close() {
	if err := h.stop(); err != nil {
		h.o.Log.Error("the drill's server did not stop well", "error", err)
	}
	if h.temporary != "" {
		_ = os.RemoveAll(h.temporary) // what stays is in the folder for such things
	}
}
