package profile_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"thalamus/internal/profile"
)

// R16: how a device writes times is checked when its profile is read; a year
// of two digits is refused there.
func TestTimeFormat(t *testing.T) {
	for format, want := range map[string]string{
		"": "", "iso": "", "epoch_ms": "", "DD.MM.YYYY hh:mm:ss": "",
		"DD.MM.YY": "century", "YYYY hh:mm": "has hh and no DD", "yesterday": "no year",
	} {
		text := "profile: acme/vm200\nversion: 1\ntitle: Acme VM-200\ncodec: hl7v2\napplies_to: {sender: VM200}\nevidence: [{document: made for this test}]\ntime: {format: '" + format + "'}\n"
		_, err := profile.Parse(fstest.MapFS{"profile.yaml": {Data: []byte(text)}}, ".")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "time.format")) {
			t.Errorf("%q: %v, want %q", format, err, want)
		}
	}
}
