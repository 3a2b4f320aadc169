package model

import (
	"encoding/json"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Millisecond: "1ms", 90 * time.Second: "1m30s", 5 * time.Minute: "5m",
		8760 * time.Hour: "8760h", 90 * time.Minute: "1h30m", -time.Hour: "-1h", time.Hour + time.Second: "1h0m1s",
		20 * time.Minute: "20m", 10 * time.Second: "10s", 20 * time.Hour: "20h",
	} {
		text, err := json.Marshal(Duration(d))
		if err != nil || string(text) != `"`+want+`"` {
			t.Errorf("%v: %s, %v, want %q", d, text, err, want)
		}
		var back Duration
		if err := json.Unmarshal(text, &back); err != nil || back != Duration(d) {
			t.Errorf("%s reads as %v, %v", text, back, err)
		}
	}
	for _, bad := range []string{`"soon"`, `60000000000`, `"5"`, `""`, `[]`} {
		var d Duration
		if err := json.Unmarshal([]byte(bad), &d); err == nil {
			t.Errorf("%s reads as %v", bad, d)
		}
	}
}
