package registerdb

import (
	"context"
	"errors"
	"testing"
	"time"

	"thalamus/internal/audit"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

func open(t *testing.T, folder string) *DB {
	t.Helper()
	d, err := Open(t.Context(), folder, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWorkAndAuditAreOne(t *testing.T) {
	ctx, folder := t.Context(), t.TempDir()
	d := open(t, folder)
	put := func(fail bool) error {
		return d.Update(ctx, func(tx Tx) error {
			_, err := register.Channels().Put(ctx, tx, model.Channel{ID: "icu", Driver: "mllp", Codec: "hl7v2", Settings: map[string]any{"port": 2575}}, register.AnyVersion, register.Mark{By: "usr-a", At: time.Unix(1, 0), Change: "c1"})
			if err != nil {
				return err
			}
			if _, err = tx.AppendAudit(ctx, audit.Record{At: time.Unix(1, 0), Actor: "usr-a", Action: "channel.put", Object: "icu", Outcome: audit.Done}); err != nil {
				return err
			}
			if fail {
				return fault.New(fault.Conflict, "register.version", "no")
			}
			return nil
		})
	}
	if err := put(true); fault.KindOf(err) != fault.Conflict {
		t.Fatal(err)
	}
	if _, err := register.Channels().Get(ctx, d, "icu"); fault.KindOf(err) != fault.Absent {
		t.Fatalf("work of a failed transaction: %v", err)
	}
	if h, err := d.AuditHead(ctx); err != nil || h.Seq != 0 {
		t.Fatal("audit of a failed transaction", h, err)
	}
	if err := put(false); err != nil {
		t.Fatal(err)
	}
	d.Close()
	d = open(t, folder)
	defer d.Close()
	c, err := register.Channels().Get(ctx, d, "icu")
	if err != nil || c.Version != 1 || c.Value.Settings["port"] != int64(2575) || c.Change != "c1" {
		t.Fatalf("%+v %v", c, err)
	}
	if h, err := d.AuditHead(ctx); err != nil || h.Seq != 1 {
		t.Fatal(h, err)
	}
}

func TestUpdateHonoursContext(t *testing.T) {
	d := open(t, t.TempDir())
	defer d.Close()
	inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		left <- d.Update(context.Background(), func(Tx) error { close(inside); <-leave; return nil })
	}()
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Update(ctx, func(Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(leave)
	if err := <-left; err != nil {
		t.Error(err)
	}
}
