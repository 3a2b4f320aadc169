package cloud

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
	"thalamus/internal/sim/home"
	"thalamus/internal/sim/wearable"
)

// Forms of answers.
const (
	FHIR  = "fhir"  // Bundles of Observations, asked for by _lastUpdated (FHIR R4 §3.1.1)
	JSON  = "json"  // one reading an answer, the cursor in its member meta.next
	Lines = "lines" // NDJSON, the cursor in the header X-Next-Cursor
)

// Forms lists them.
func Forms() []string { return []string{FHIR, JSON, Lines} }

// Paths that are answered.
var paths = map[string]string{FHIR: "/fhir/Observation", JSON: "/v1/readings", Lines: "/v1/export"}

// Ward is a server that is asked, with devices at beds that file what they
// measure there.
type Ward struct {
	Listen string // address, host:port
	TLS    string // file into which the certificate goes that the server shows; "": no TLS
	Token  string // who asks shows this bearer token; "": anybody
	Form   string // "": FHIR
	Name   string // of the ward; "": CLOUD
	Beds   int
	Every  time.Duration // between measurements of a bed
	Page   int           // measurements a page; 0: fifty
	Mark   string        // tells apart the measurements of several runs; "": by the clock
	Faults faults.Set    // what goes wrong, by turns; none: nothing
	// Acknowledged, when set, is called for each measurement that was acknowledged
	// with a part of it that no other has; by several goroutines.
	Acknowledged func(mark string)

	// Account is of measurements; resent are those that were answered again.
	sim.Account

	listener net.Listener
	secure   *tls.Config
	shelf    *shelf
	busy     atomic.Int32 // requests that are still told to wait
	gone     atomic.Int64 // until when nobody is let in, in nanoseconds of 1970
}

// Open says what is wrong with a ward, and takes its port.
func (w *Ward) Open() error {
	if w.Form == "" {
		w.Form = FHIR
	}
	if !slices.Contains(Forms(), w.Form) {
		return fault.New(fault.Invalid, "cli.argument", "expected one of %s", strings.Join(Forms(), ", ")).At("--form")
	}
	if w.Every <= 0 {
		return fault.New(fault.Invalid, "cli.argument", "expected a span above 0").At("--every")
	}
	if w.Page == 0 {
		w.Page = 50
	}
	if w.Page < 1 || w.Page > 10_000 {
		return fault.New(fault.Invalid, "cli.argument", "expected a number from 1 to 10000").At("--page")
	}
	if w.Form == JSON {
		w.Page = 1 // an answer is a reading
	}
	if w.Mark == "" {
		w.Mark = fmt.Sprintf("%x", time.Now().UnixMilli())
	}
	if w.Name == "" {
		w.Name = "CLOUD"
	}
	w.shelf = newShelf(w.Mark)
	if w.TLS != "" {
		pair, pem, err := certificate(w.Listen)
		if err == nil {
			err = os.WriteFile(w.TLS, pem, 0o644)
		}
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "cli.file", "cannot write the certificate").At("--tls-authority")
		}
		w.secure = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	var err error
	if w.listener, err = net.Listen("tcp", w.Listen); err != nil {
		f := fault.New(fault.Conflict, "sim.address", "cannot take %s: something else may use the port", w.Listen)
		f.Err = err
		return f.At("--listen")
	}
	return nil
}

// URL is the address to ask; after Open.
func (w *Ward) URL() string {
	scheme := "http"
	if w.secure != nil {
		scheme = "https"
	}
	return scheme + "://" + w.listener.Addr().String() + paths[w.Form]
}

// Waits says where the server waits.
func (w *Ward) Waits() []string { return []string{"the server waits at " + w.URL()} }

// Run lets devices measure until ctx ends; until all was acknowledged somebody may
// ask, at most for grace.
func (w *Ward) Run(ctx context.Context, grace time.Duration) {
	server := &http.Server{Handler: http.HandlerFunc(w.answer), TLSConfig: w.secure, ReadHeaderTimeout: 10 * time.Second,
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}} // a fault of a link is one of HTTP/1.1
	served := make(chan struct{})
	go func() {
		defer close(served)
		if w.secure != nil {
			_ = server.ServeTLS(w.listener, "", "") // it ends when it is closed
		} else {
			_ = server.Serve(w.listener)
		}
	}()
	var beds sync.WaitGroup
	for _, bed := range sim.Beds(w.Name, w.Beds) {
		beds.Go(func() { w.measure(ctx, bed) })
	}
	beds.Wait()
	w.shelf.release()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	for w.shelf.waiting() && last.Err() == nil {
		select {
		case <-last.Done():
			w.Note(func(t *sim.Told) {
				if t.Failure == nil {
					t.Failure = errWaits
				}
			})
		case <-time.After(20 * time.Millisecond):
		}
	}
	_ = server.Close() // nobody is answered any more
	<-served
}

var errWaits = errors.New("nobody asked with a cursor behind the last ones in time")

// measure lets the devices of a bed file what they measure until ctx ends.
func (w *Ward) measure(ctx context.Context, bed sim.Bed) {
	plan := w.Faults.Plan()
	next := w.device(bed)
	for goesOn := true; goesOn; goesOn = plan.Pause(ctx, w.Every) {
		turn := plan.Next()
		all := next(turn)
		w.Note(func(t *sim.Told) { t.Sent += len(all) })
		w.shelf.file(turn, all...)
	}
}

// device gives what the devices of a bed measure, one time after another.
func (w *Ward) device(bed sim.Bed) func(turn faults.Turn) []*entry {
	if w.Form == FHIR {
		p := home.NewPatient(bed, w.Mark)
		return func(turn faults.Turn) (out []*entry) {
			for _, m := range p.Measure(time.Now(), turn) {
				out = append(out, &entry{body: m.Body, mark: home.Mark(m.Body)})
			}
			return out
		}
	}
	run := w.Mark + "-" + fmt.Sprint(bed.Number)
	one, n := wearable.New(bed, run), 0
	return func(turn faults.Turn) []*entry {
		n++
		return []*entry{{body: one.Says(n, turn), mark: wearable.Mark(run, n)}}
	}
}

// passed counts what was acknowledged.
func (w *Ward) passed(all []*entry) {
	for _, e := range all {
		if e.again {
			continue // it counts once
		}
		w.Note(func(t *sim.Told) { t.Acknowledged++ })
		if w.Acknowledged != nil {
			w.Acknowledged(e.mark)
		}
	}
}
