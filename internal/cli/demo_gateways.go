package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"thalamus/internal/service"
	"thalamus/internal/sim/home"
)

// demoGateways is the channel to which the demo's patients at home send.
const demoGateways = `  - id: gateways
    name: Patients at home (FHIR over HTTPS)
    driver: rest
    codec: fhir
`

// runGateways lets patients at home measure until ctx ends, and gives what
// their gateways were told; nil when they have no credential.
func (d *demo) runGateways(ctx context.Context) *home.Homes {
	run := fmt.Sprintf("%x", time.Now().UnixNano())
	var made service.CredentialMade
	if err := d.door.Call(ctx, "credential.create", service.CredentialCreate{ID: "homes-" + run, Note: "simulated patients at home", Reason: "demo"}, &made); err != nil {
		return nil
	}
	h := &home.Homes{
		URL: d.app.ConsoleURL() + "/ingest/gateways", Name: made.Credential.ID, Secret: made.Secret,
		TLS: &tls.Config{RootCAs: d.app.Authority().Pool(), MinVersion: tls.VersionTLS13}, Ward: "HOME", Number: 3, Rate: 0.2, Mark: run,
	}
	if h.Open() != nil {
		return nil
	}
	h.Run(ctx, settle/2)
	return h
}
