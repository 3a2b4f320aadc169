package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// still is a driver that does nothing.
type still struct{}

func (still) Start(context.Context, driver.Host) error { return nil }
func (still) Stop(context.Context) error               { return nil }

// R6: a channel takes how its line is set from the profile it names, where it
// does not say it itself; another version of the profile that says otherwise
// opens the line anew.
func TestLineOfProfile(t *testing.T) {
	var mu sync.Mutex
	var started []string
	kind := driver.Kind{Name: "serial", Codecs: []string{"csv"}, New: func(c model.Channel) (driver.Driver, error) {
		mu.Lock()
		defer mu.Unlock()
		started = append(started, fmt.Sprint(c.Settings["link"]))
		return still{}, nil
	}}
	baud := 9600
	l := newLinks([]driver.Kind{kind}, driver.Host{Log: slog.New(slog.DiscardHandler)}, func(profile string) (model.Line, error) {
		if profile != "acme/scale" {
			return model.Line{}, fault.New(fault.Invalid, "app.no-profile", "no").At("link.profile")
		}
		return model.Line{Baud: baud, Parity: "odd"}, nil
	})
	t.Cleanup(func() { l.Close(context.Background()) })
	c := model.Channel{ID: "scale", Driver: "serial", Codec: "csv", Settings: map[string]any{"link": map[string]any{"port": "/dev/x", "profile": "acme/scale", "parity": "even"}}}
	for range 2 {
		if err := l.Apply(t.Context(), []model.Channel{c}); err != nil {
			t.Fatal(err)
		}
	}
	baud = 19200
	if err := l.Apply(t.Context(), []model.Channel{c}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"map[baud:9600 parity:even port:/dev/x]", "map[baud:19200 parity:even port:/dev/x]"}; !slices.Equal(started, want) {
		t.Errorf("%q", started)
	}
	other := c
	other.Settings = map[string]any{"link": map[string]any{"port": "/dev/x", "profile": "acme/other"}}
	if err := l.Check(other); fault.CodeOf(err) != "app.no-profile" {
		t.Error(err)
	}
	if err := l.Apply(t.Context(), []model.Channel{other}); fault.CodeOf(err) != "app.no-profile" || l.Status()["scale"].State != "failed" {
		t.Errorf("%v %+v", err, l.Status())
	}
}
