// Package client sends what devices measure to a Thalamus REST channel and
// loses none of it: every message is on the disk when Put returns, and stays
// there until the server has acknowledged it. It is for makers of apps and
// gateways, which may be offline for days, switched off in the middle, or kill
// the program whenever they like.
//
//	c, err := client.Open(client.Options{
//		URL:    "https://thalamus.example:8443/ingest/home",
//		Folder: "/var/lib/gateway/outbox",
//		Name:   "gateway-7", Secret: secret,
//		Pins:   []string{"sha256/AbC…="},
//	})
//	…
//	_, err = c.Put(ctx, client.Message{Device: "cuff-1", Type: "application/fhir+json", Body: observation})
//	…
//	err = c.Flush(ctx) // only who must know waits
//
// What it promises:
//
//   - Put returns nil only when the message is synced to the disk.
//   - Messages of one device arrive in the order in which they were put.
//   - Each arrives once: a batch is sent under an idempotency key that is on the
//     disk before the first try, so that a repeat is no second batch, whatever
//     was cut off in between. The server remembers keys for a week unless its
//     channel says otherwise (remember_for).
//   - A message that the server refuses for good holds no other back; it is
//     kept in refused.ndjson and told to Refused.
//
// In the folder lie the messages (NUMBER.seg, each record with a CRC-32C),
// state.json (what was acknowledged and the batch under way), refused.ndjson
// and LOCK.
package client
