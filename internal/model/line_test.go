package model

import (
	"reflect"
	"testing"
)

func TestWithLine(t *testing.T) {
	line := Line{Baud: 19200, Parity: "even"}
	for name, c := range map[string]struct{ link, want map[string]any }{
		"port":     {map[string]any{"port": "usb:0403:6001", "profile": "draeger/evita"}, map[string]any{"port": "usb:0403:6001", "baud": 19200, "parity": "even"}},
		"its own":  {map[string]any{"port": "/dev/x", "profile": "draeger/evita", "parity": "none"}, map[string]any{"port": "/dev/x", "baud": 19200, "parity": "none"}},
		"rfc2217":  {map[string]any{"connect": "h:1", "telnet": "rfc2217", "profile": "p/q"}, map[string]any{"connect": "h:1", "telnet": "rfc2217", "baud": 19200, "parity": "even"}},
		"plain":    {map[string]any{"connect": "h:1", "profile": "p/q"}, map[string]any{"connect": "h:1"}},
		"listener": {map[string]any{"listen": ":1", "profile": "p/q"}, map[string]any{"listen": ":1"}},
	} {
		before := Channel{Settings: map[string]any{"link": c.link, "poll": "1s"}}
		had := len(c.link)
		after := before.WithLine(line)
		if got := after.Settings["link"]; !reflect.DeepEqual(got, c.want) || after.Settings["poll"] != "1s" {
			t.Errorf("%s: %v", name, got)
		}
		if before.LineProfile() == "" || after.LineProfile() != "" || len(c.link) != had {
			t.Errorf("%s: the channel itself was changed", name)
		}
	}
	if (&Channel{}).LineProfile() != "" || (&Channel{Settings: map[string]any{"link": "x"}}).LineProfile() != "" {
		t.Error("a profile where none is named")
	}
}

func TestLineWrong(t *testing.T) {
	for want, l := range map[string]Line{
		"": {}, "baud": {Baud: 7}, "data_bits": {DataBits: 9}, "parity": {Parity: "some"}, "stop_bits": {StopBits: "3"}, "flow": {Flow: "always"},
	} {
		if key, expected := l.Wrong(); key != want || (expected == "") != (want == "") {
			t.Errorf("%+v: %q %q", l, key, expected)
		}
	}
	if key, _ := (Line{50, 5, "space", "1.5", "rts-cts"}).Wrong(); key != "" {
		t.Error(key)
	}
}
