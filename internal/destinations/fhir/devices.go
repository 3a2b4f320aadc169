package fhir

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
	"time"

	codec "thalamus/internal/codec/fhir"
)

// A transaction makes a Device where there is none. What is heard of it later is
// brought to the server here, before the transaction that says it: the Device is
// read once for each thing said of it that is not known to be there, joined with
// that, and written back under the version that was read (decision 0300). None of
// this decides over a delivery: where it fails, the values go out all the same.
type devices struct {
	limit int // most Devices remembered; then it begins anew

	mu      sync.Mutex
	known   map[codec.Identity]*deviceKnown
	quiet   time.Time // until then nothing is asked: the server did not answer well
	refused time.Time // until then nothing is updated: the server takes no update
}

// mostSaid is how many different things said of one Device are remembered: a
// bare and a full association in turn are two.
const mostSaid = 6

// deviceKnown is what is known of one Device at the server.
type deviceKnown struct {
	said    [mostSaid][16]byte // hashes of what was said and is there
	n       int                // how many were remembered
	absent  bool               // it was not there; the transaction under way makes it
	bare    bool               // it claims no profile, and stays so
	heard   time.Time          // when the newest of what stands there reached us
	version string             // that we wrote or saw so
	busy    chan struct{}      // somebody is reading or writing it
	spent   int                // looks not yet regained
	regain  time.Time
}

const (
	deviceLooks    = 10              // at once, of one Device
	deviceRegain   = time.Minute     // after which one more is free
	deviceQuiet    = time.Minute     // pause after an answer that is none
	deviceRefused  = time.Hour       // pause after a refused update
	devicePatience = 5 * time.Second // longest wait for one answer
	deviceTries    = 3               // when others write it at the same time
	clockSlack     = 2 * time.Second // HTTP dates have whole seconds
)

// have says whether what is said of a Device is known to be there.
func (k *deviceKnown) have(hash [16]byte) bool {
	for i := range min(k.n, mostSaid) {
		if k.said[i] == hash {
			return true
		}
	}
	return false
}

func (k *deviceKnown) note(hash [16]byte) {
	if !k.have(hash) {
		k.said[k.n%mostSaid] = hash
		k.n++
	}
}

// tell brings what transactions say of Devices to the server, and gives those
// that it keeps as they are without the profile that is claimed for them.
func (v *server) tell(ctx context.Context, bundles []codec.Transaction, t *totals) (bare map[codec.Identity]bool) {
	for i := range bundles {
		b := &bundles[i]
		for _, d := range b.Devices {
			if v.tellOne(ctx, d, b.JSON[d.From:d.To], t) {
				if bare == nil {
					bare = map[codec.Identity]bool{}
				}
				bare[d.ID] = true
			}
		}
	}
	return bare
}

func hashOf(said []byte) (h [16]byte) {
	sum := sha256.Sum256(said)
	copy(h[:], sum[:])
	return h
}

// tellOne gives whether the Device stays without its profile.
func (v *server) tellOne(ctx context.Context, d codec.DeviceSaid, said []byte, t *totals) (bare bool) {
	hash := hashOf(said)
	k, ask := v.devices.turn(ctx, d.ID, hash)
	if !ask {
		return k.bare
	}
	after := k
	defer func() { v.devices.done(d.ID, k.busy, after) }()
	heard, err := codec.Parse(said, codec.Limits{})
	if err != nil {
		return false
	}
	for range deviceTries {
		found, ok := v.look(ctx, d)
		if !ok {
			return k.bare
		}
		if found.node == nil {
			if after.absent = found.none; !found.none {
				after.note(hash) // which of several is meant only people know
			}
			return false
		}
		since := k.heard
		if k.version == "" || found.version != k.version {
			since = found.changed
		}
		merged := found.node.Clone()
		changed := codec.MergeDevice(&merged, heard, !since.IsZero() && d.Heard.After(since))
		after.absent, after.bare = false, codec.Claims(heard) && !codec.Claims(found.node)
		if !changed || !v.mayUpdate() {
			after.note(hash)
			after.heard, after.version = since, found.version
			return after.bare
		}
		version, outcome := v.update(ctx, &merged, found.version)
		switch outcome {
		case updated:
			t.updated++
			after = deviceKnown{heard: newest(since, d.Heard), version: version, spent: after.spent, regain: after.regain}
			after.note(hash)
			return false
		case overtaken:
			continue
		case declined: // this Device, said so
			after.note(hash)
			after.heard, after.version = since, found.version
		}
		t.kept++
		return after.bare
	}
	return after.bare
}

func newest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// turn gives what is known of a Device, and whether to ask the server; then done
// must follow. It waits while somebody else asks.
func (s *devices) turn(ctx context.Context, id codec.Identity, hash [16]byte) (deviceKnown, bool) {
	for {
		s.mu.Lock()
		k := s.known[id]
		if k == nil {
			if s.known == nil || len(s.known) >= s.limit {
				s.known = map[codec.Identity]*deviceKnown{}
			}
			k = &deviceKnown{regain: time.Now()}
			s.known[id] = k
		}
		now := time.Now()
		for ; k.spent > 0 && now.Sub(k.regain) >= deviceRegain; k.regain = k.regain.Add(deviceRegain) {
			k.spent--
		}
		wait := k.busy
		switch {
		case wait != nil:
			s.mu.Unlock()
			select {
			case <-wait:
				continue
			case <-ctx.Done():
				return deviceKnown{}, false
			}
		case k.have(hash), now.Before(s.quiet), k.spent >= deviceLooks:
			got := *k
			s.mu.Unlock()
			return got, false
		}
		if k.spent == 0 {
			k.regain = now
		}
		k.spent++
		k.busy = make(chan struct{})
		got := *k
		s.mu.Unlock()
		return got, true
	}
}

// done ends the turn that busy is of.
func (s *devices) done(id codec.Identity, busy chan struct{}, after deviceKnown) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(busy)
	if k := s.known[id]; k != nil && k.busy == busy { // else begun anew meanwhile
		after.busy = nil
		*k = after
	}
}

// made notes the Devices that a transaction made.
func (s *devices) made(b *codec.Transaction, answer *codec.Node) {
	for _, d := range b.Devices {
		r := answer.Get("entry").At(d.Entry).Get("response")
		s.mu.Lock()
		if k := s.known[d.ID]; k != nil && k.absent {
			k.absent = false
			if statusOf(r.Get("status").Text()) == http.StatusCreated {
				k.heard, k.version = d.Heard, versionOf(r.Get("etag").Text())
				k.n = 0
				k.note(hashOf(b.JSON[d.From:d.To]))
			}
		}
		s.mu.Unlock()
	}
}

func (s *devices) pause(until *time.Time, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*until = time.Now().Add(d)
}

func (v *server) mayUpdate() bool {
	if v.s.KeepDevices || v.able.keepsDevices() {
		return false
	}
	v.devices.mu.Lock()
	defer v.devices.mu.Unlock()
	return !time.Now().Before(v.devices.refused)
}

// seenDevice is a Device as the server has it.
type seenDevice struct {
	node    *codec.Node
	none    bool   // it has none
	version string // empty: not told
	changed time.Time
}

// look reads a Device; node is nil where there is none or several. ok is false
// where the server did not answer so that one could know.
func (v *server) look(ctx context.Context, d codec.DeviceSaid) (found seenDevice, ok bool) {
	for i := -1; i < len(d.Names); i++ {
		query := d.Query
		if i >= 0 {
			query = d.Names[i]
		}
		if found, ok = v.search(ctx, query); !ok || !found.none {
			// Under a weaker name another device may stand: one that has said a
			// stronger name of its own.
			if i >= 0 && ok && found.node != nil && hasSystemID(found.node) {
				return seenDevice{none: true}, true
			}
			return found, ok
		}
	}
	return found, ok
}

func hasSystemID(n *codec.Node) bool {
	ids := n.Get("identifier")
	for i := range ids.Len() {
		if ids.At(i).Get("system").Text() == codec.SystemEUI64 {
			return true
		}
	}
	return false
}

func (v *server) search(ctx context.Context, query string) (found seenDevice, ok bool) {
	status, header, text, err := v.ask(ctx, http.MethodGet, "/Device?"+query, nil, "")
	if err != nil || status != http.StatusOK {
		if ctx.Err() == nil {
			v.devices.pause(&v.devices.quiet, deviceQuiet)
			v.log.Warn("the FHIR server does not show its Devices; what is heard of them later may not reach it", "status", status)
		}
		return found, false
	}
	answer, err := codec.Parse(text, codec.Limits{Bytes: 1 << 20})
	if err != nil || answer.Get("resourceType").Text() != "Bundle" {
		v.devices.pause(&v.devices.quiet, deviceQuiet)
		return found, false
	}
	entries, n := answer.Get("entry"), 0
	for i := range entries.Len() {
		if r := entries.At(i).Get("resource"); r.Get("resourceType").Text() == "Device" && r.Get("id").Text() != "" {
			found.node = r
			n++
		}
	}
	switch n {
	case 0:
		return seenDevice{none: true}, true
	case 1:
	default:
		return seenDevice{}, true
	}
	found.version = found.node.Get("meta", "versionId").Text()
	found.changed = changedAt(found.node, header)
	return found, true
}

// changedAt is when the server wrote a Device, by our clock; zero where it does
// not say. Its clock is compared by the date of its answer.
func changedAt(n *codec.Node, header http.Header) time.Time {
	t, err := time.Parse(time.RFC3339Nano, n.Get("meta", "lastUpdated").Text())
	if err != nil {
		return time.Time{}
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		if off := time.Until(date); off > clockSlack || off < -clockSlack {
			t = t.Add(-off)
		}
	}
	return t.Add(clockSlack)
}

// outcomeOfUpdate is how an update went.
type outcomeOfUpdate int

const (
	updated outcomeOfUpdate = iota
	overtaken
	declined
	postponed
)

// update writes a Device under the version that was read.
func (v *server) update(ctx context.Context, n *codec.Node, version string) (string, outcomeOfUpdate) {
	id := n.Get("id").Text()
	if !isID(id) {
		return "", declined
	}
	if meta := n.Get("meta"); meta != nil { // the server's own
		meta.Remove("versionId")
		meta.Remove("lastUpdated")
		if meta.Len() == 0 {
			n.Remove("meta")
		}
	}
	status, header, text, err := v.ask(ctx, http.MethodPut, "/Device/"+id, n.AppendJSON(nil), version)
	switch {
	case err != nil || status == http.StatusTooManyRequests || status >= 500 && status != http.StatusNotImplemented:
		v.devices.pause(&v.devices.quiet, deviceQuiet)
		return "", postponed
	case status == http.StatusOK || status == http.StatusCreated:
		if tag := versionOf(header.Get("ETag")); tag != "" {
			return tag, updated
		}
		if answer, err := codec.Parse(text, codec.Limits{Bytes: 1 << 20}); err == nil {
			return answer.Get("meta", "versionId").Text(), updated
		}
		return "", updated
	case status == http.StatusConflict || status == http.StatusPreconditionFailed || status == http.StatusGone || status == http.StatusNotFound:
		return "", overtaken
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented || status >= 300 && status < 400:
		v.devices.pause(&v.devices.refused, deviceRefused)
		v.log.Warn("the FHIR server takes no update of a Device; those it has stay as they are", "status", status)
		return "", declined
	}
	v.log.Warn("the FHIR server does not take what was heard of a Device; it stays as it is", "status", status)
	return "", declined
}

// ask sends a request of ours beside the transactions, with less patience.
func (v *server) ask(ctx context.Context, method, path string, body []byte, version string) (int, http.Header, []byte, error) {
	ctx, stop := context.WithTimeout(ctx, min(devicePatience, v.s.Timeout))
	defer stop()
	r, err := v.request(ctx, method, path, body)
	if err != nil {
		return 0, nil, nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", fhirJSON)
		if version != "" {
			r.Header.Set("If-Match", `W/"`+version+`"`)
		}
	}
	return v.do(r)
}

// versionOf reads W/"3".
func versionOf(etag string) string {
	return strings.Trim(strings.TrimPrefix(etag, "W/"), `"`)
}

// isID checks a logical id (FHIR R4 §2.24.0.1): it goes into an address.
func isID(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return s != "" && len(s) <= 64 && s != "." && s != ".."
}
