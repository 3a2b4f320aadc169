package cli

import (
	"context"
	"time"

	"thalamus/internal/sim/phdagent"
)

// demoHome is the channel of the demo's personal health devices.
const demoHome = `  - id: home
    name: Personal health devices (IEEE 11073-20601)
    driver: phd
    codec: phd
    settings: {listen: "127.0.0.1:0"}
`

// runHome lets a bed's personal health devices measure until ctx ends, and gives
// what they were told.
func (d *demo) runHome(ctx context.Context) *phdagent.Ward {
	w := &phdagent.Ward{Address: d.app.ChannelAddress("home"), Beds: 1, Every: 4 * time.Second}
	w.Run(ctx, settle/2)
	return w
}
