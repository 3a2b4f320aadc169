package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/sim"
	"thalamus/internal/sim/cloud"
	"thalamus/internal/sim/faults"
)

// asked is what became of what a simulated server was asked for.
type asked struct {
	Seconds      float64 `json:"seconds"`
	Sent         int     `json:"sent"`         // measurements that were there to be asked for
	Acknowledged int     `json:"acknowledged"` // of these: answered, and who asks has moved on
	Resent       int     `json:"resent"`       // answered once more
}

// simulatePull lets a simulated server be asked by a channel.
func (c *program) simulatePull() *cobra.Command {
	var w cloud.Ward
	var secret string
	var wait time.Duration
	s := simulation{kind: "pull", number: &w.Beds, flag: "beds", grace: &wait,
		devices: func(set faults.Set) (_ sim.Devices, err error) {
			w.Faults = set
			w.Token, err = firstLine(secret)
			return &w, err
		},
		outcome: func(seconds float64) (any, error) {
			t := w.Told()
			return asked{seconds, t.Sent, t.Acknowledged, t.Resent}, unacknowledged(t, "measurements were never acknowledged", w.URL())
		}}
	s.Command = &cobra.Command{
		Use: "pull", Short: "Let a simulated server be asked by a channel",
		Long: "Let a server wait that a channel of the driver pull asks, with devices that file what they measure there: " + cloud.FHIR + " is a FHIR server of patients at home (Bundles with pages, _lastUpdated), " +
			cloud.JSON + " a maker's cloud of wearables (a reading an answer, the cursor in its member meta.next), " + cloud.Lines + " the same as NDJSON (the cursor in the header X-Next-Cursor). It prints the address to ask. " +
			"A measurement counts as acknowledged when it was answered whole and the one who asks has moved on: it asked for the next page, or with a cursor behind it. At the end it waits until that is so, at most for --wait. Exits with 1 when one never was.",
		Example: "  thalamus simulate pull --listen 127.0.0.1:8090 --beds 4 --for 1m\n  thalamus simulate pull --form lines --token-file cloud.token --tls-authority cloud.pem --fault half-frame,busy,garbage --for 2m",
	}
	f := s.Flags()
	f.StringVar(&w.Listen, "listen", "127.0.0.1:8090", "address of the server")
	f.StringVar(&w.Form, "form", cloud.FHIR, "what it answers: "+strings.Join(cloud.Forms(), ", "))
	f.StringVar(&w.Name, "ward", "CLOUD", "name of the ward")
	f.IntVar(&w.Beds, "beds", 2, "number of beds")
	f.DurationVar(&w.Every, "every", 5*time.Second, "time between measurements at a bed")
	f.IntVar(&w.Page, "page", 50, "measurements a page; json has one")
	f.StringVar(&secret, "token-file", "", "file whose first line is the bearer token that must be shown")
	f.StringVar(&w.TLS, "tls-authority", "", "speak TLS, and write here the authority to believe (the channel's ca)")
	f.DurationVar(&wait, "wait", 90*time.Second, "how long to be asked at the end, for what is not acknowledged yet")
	return c.simulates(s)
}
