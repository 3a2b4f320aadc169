package cli

import (
	"context"
	"sync"
	"time"

	"thalamus/internal/sim/lab"
)

// demoLab are the channels of the demo's laboratory: an analyser over ASTM and
// glucose meters over POCT1-A.
const demoLab = `  - id: lab
    name: Laboratory analyser (ASTM)
    driver: astm
    codec: astm
    settings: {link: {listen: "127.0.0.1:0"}}
  - id: poct
    name: Glucose meters (POCT1-A)
    driver: poct1a
    codec: poct1a
    settings: {link: {listen: "127.0.0.1:0"}}
`

// demoOthers sends what is no HL7 v2 to the health record alone: the hospital
// information system takes HL7 v2 as it was sent.
const demoOthers = `  - id: others
    channels: [lab, poct, home, gateways, wearables, batches, terminal, cloud]
    destinations: [ehr]
`

// runLab lets the demo's laboratory instruments work until ctx ends, and gives
// what they were told.
func (d *demo) runLab(ctx context.Context) *lab.Outcome {
	outcome := lab.NewOutcome(nil)
	run := time.Now().UTC().Format("150405")
	var instruments sync.WaitGroup
	instruments.Go(func() {
		(&lab.Analyser{Address: d.app.ChannelAddress("lab"), Number: 1, Run: "L" + run, Rhythm: 5 * time.Second, Queries: true, Outcome: outcome, Beds: d.ward.Beds}).Work(ctx)
	})
	for n := range 2 {
		instruments.Go(func() {
			(&lab.Meter{Address: d.app.ChannelAddress("poct"), Number: n + 1, Run: "G" + run, Rhythm: 8 * time.Second, Outcome: outcome, Beds: d.ward.Beds}).Work(ctx)
		})
	}
	instruments.Wait()
	return outcome
}
