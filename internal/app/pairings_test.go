package app

import (
	"context"
	"log/slog"
	"testing"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// near is a link that hears one device.
type near struct{ decided string }

func (*near) Start(context.Context, driver.Host) error { return nil }
func (*near) Stop(context.Context) error               { return nil }
func (*near) Pairings() []model.Pairing {
	return []model.Pairing{{ID: "C0:26:DA:00:12:34", State: model.PairingWaits}}
}

func (n *near) Decide(_ context.Context, id string, accept bool, passkey string) error {
	if accept {
		n.decided = id + " " + passkey
	}
	return nil
}

// R8: what a person decides reaches the link that heard the device, and no
// other.
func TestDecisionsReachTheLink(t *testing.T) {
	link := &near{}
	kinds := []driver.Kind{{Name: "ble", Codecs: []string{"gatt"}, New: func(model.Channel) (driver.Driver, error) { return link, nil }}}
	l := newLinks(kinds, driver.Host{Log: slog.New(slog.DiscardHandler)}, nil)
	if err := l.Apply(t.Context(), []model.Channel{{ID: "ward", Driver: "ble", Codec: "gatt"}}); err != nil {
		t.Fatal(err)
	}
	defer l.Close(context.Background())
	if all := l.Pairings(); len(all) != 1 || len(all["ward"]) != 1 || all["ward"][0].State != model.PairingWaits {
		t.Errorf("%+v", all)
	}
	if err := l.Decide(t.Context(), "ward", "C0:26:DA:00:12:34", true, "123456"); err != nil || link.decided != "C0:26:DA:00:12:34 123456" {
		t.Errorf("decided %q, %v", link.decided, err)
	}
	if err := l.Decide(t.Context(), "other", "C0:26:DA:00:12:34", true, ""); fault.KindOf(err) != fault.Absent {
		t.Errorf("%v", err)
	}
}
