package app_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"thalamus/internal/app"
	"thalamus/internal/conf"
	"thalamus/internal/fault"
	"thalamus/internal/flow/journal"
	"thalamus/internal/model"
)

// TestALostKeyIsNotReplaced: with encrypted segments and no master key the
// program does not begin a new key in silence.
func TestALostKeyIsNotReplaced(t *testing.T) {
	dir, err := os.MkdirTemp("", "tha")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	j, err := journal.Open(filepath.Join(dir, "journal"), journal.Options{Keys: [][]byte{make([]byte, 32)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Append(t.Context(), []model.Frame{{Channel: "a", Codec: "hl7v2", Bytes: []byte("MSH|")}}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	start := func() error {
		boot := conf.Default()
		boot.Data, boot.Journal.Encrypted, boot.Journal.Floor = dir, true, 1
		console, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer console.Close()
		a, err := app.Start(context.Background(), boot, app.Options{Version: "test", Console: console})
		if err == nil {
			_ = a.Stop(context.Background())
		}
		return err
	}
	for range 2 { // the refusal leaves no key behind that a second start would take
		if err := start(); fault.CodeOf(err) != "app.journal-key" {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "journal")); err != nil {
		t.Fatal(err)
	}
	if err := start(); err != nil {
		t.Errorf("with nothing encrypted: %v", err)
	}
}
