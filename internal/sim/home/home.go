// Package home simulates patients at home: each has a blood-pressure cuff, a
// pulse oximeter and a thermometer, and a gateway in between that keeps what
// they measure and sends it as FHIR Observations to a REST channel when there
// is a network. The gateways use the program's own client library, so that a
// simulated home loses as little as a real one.
package home

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/client"
	"thalamus/internal/sim"
)

// Homes are simulated homes that send to one channel.
type Homes struct {
	URL          string // of the channel, https://host:port/ingest/CHANNEL
	Name, Secret string // of the credential all of them use
	TLS          *tls.Config
	Folder       string  // where their gateways keep what waits; empty: a temporary one
	Ward         string  // of the patients' numbers
	Number       int     // of homes
	Rate         float64 // measurements a second of each; 0 means one in ten seconds
	Run          string  // tells apart several runs against the same server

	measured atomic.Int64
}

// Result is what came of a run.
type Result struct {
	Measured     int64  // Observations kept by the gateways
	Acknowledged uint64 // of these
	Refused      uint64
	Waiting      uint64
	Failure      string // why the last request that failed did
}

// Measured is how many Observations there are so far.
func (h *Homes) Measured() int64 { return h.measured.Load() }

// Send lets every home measure until ctx ends; what waits then is still sent,
// at most for grace.
func (h *Homes) Send(ctx context.Context, grace time.Duration) (Result, error) {
	folder := h.Folder
	if folder == "" {
		var err error
		if folder, err = os.MkdirTemp("", "thalamus-homes-"); err != nil {
			return Result{}, err
		}
		defer os.RemoveAll(folder)
	}
	rhythm := 10 * time.Second
	if h.Rate > 0 {
		rhythm = time.Duration(float64(time.Second) / h.Rate)
	}
	var (
		out   Result
		mu    sync.Mutex
		first error
		homes sync.WaitGroup
	)
	for i, bed := range sim.Beds(h.Ward, h.Number) {
		homes.Go(func() {
			s, err := h.live(ctx, bed, filepath.Join(folder, fmt.Sprintf("home-%03d", i+1)), rhythm, grace)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && first == nil {
				first = err
			}
			out.Acknowledged += s.Sent
			out.Refused += s.Refused
			out.Waiting += s.Pending
			if s.LastFailure != "" {
				out.Failure = s.LastFailure
			}
		})
	}
	homes.Wait()
	out.Measured = h.measured.Load()
	return out, first
}

// live is one home.
func (h *Homes) live(ctx context.Context, bed sim.Bed, folder string, rhythm, grace time.Duration) (client.Stats, error) {
	gateway, err := client.Open(client.Options{URL: h.URL, Folder: folder, Name: h.Name, Secret: h.Secret, TLS: h.TLS, MinBackoff: 100 * time.Millisecond, MaxBackoff: 5 * time.Second})
	if err != nil {
		return client.Stats{}, err
	}
	defer gateway.Close()
	p := patient{bed: bed, body: bed.Body(), run: h.Run}
	tick := time.NewTicker(rhythm)
	defer tick.Stop()
	for ctx.Err() == nil {
		list := p.measure(time.Now())
		if _, err := gateway.PutAll(context.WithoutCancel(ctx), list); err != nil {
			return gateway.Stats(), err
		}
		h.measured.Add(int64(len(list)))
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	// What was not sent in time waits; the result says how much and why.
	_ = gateway.Flush(last)
	return gateway.Stats(), nil
}

// patient is who measures.
type patient struct {
	bed   sim.Bed
	body  *sim.Physiology
	run   string
	count int
}

// measure gives what the devices of a home measure at a moment: pressure and
// pulse, saturation, temperature; all of one body.
func (p *patient) measure(now time.Time) []client.Message {
	v := p.body.Next()
	p.count++
	at := now.UTC().Format("2006-01-02T15:04:05.000Z")
	message := func(device, model, code, value string) client.Message {
		serial := fmt.Sprintf("SIM-%s-%s%03d", device, p.bed.Ward, p.bed.Number)
		body := fmt.Sprintf(`{"resourceType":"Observation","identifier":[{"system":"urn:id:SIMHOME","value":"%s-%s-%d"}],"contained":[{"resourceType":"Device","id":"d","manufacturer":"Thalamus","modelNumber":"%s","serialNumber":"%s"}],"status":"final","code":{"coding":[%s]},"subject":{"identifier":{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"system":"urn:id:SIMHOSP","value":"%s"}},"effectiveDateTime":"%s","device":{"reference":"#d"},%s}`,
			serial, p.run, p.count, model, serial, code, p.bed.Patient.MRN, at, value)
		return client.Message{Device: serial, Type: "application/fhir+json", Body: []byte(body)}
	}
	return []client.Message{
		message("BP", "Home cuff", mdc(150020, "MDC_PRESS_BLD_NONINV")+`,{"system":"http://loinc.org","code":"85354-9"}`,
			`"component":[`+component(150021, "MDC_PRESS_BLD_NONINV_SYS", v.SysMmHg, "mm[Hg]")+","+component(150022, "MDC_PRESS_BLD_NONINV_DIA", v.DiaMmHg, "mm[Hg]")+","+component(149546, "MDC_PULS_RATE_NON_INV", v.PulsePerMin, "/min")+"]"),
		message("PO", "Home oximeter", mdc(150456, "MDC_PULS_OXIM_SAT_O2"), quantity(fmt.Sprint(v.SpO2Percent), "%")),
		message("TH", "Home thermometer", mdc(150364, "MDC_TEMP_BODY"), quantity(fmt.Sprintf("%d.%d", v.TempTenthCel/10, v.TempTenthCel%10), "Cel")),
	}
}

func mdc(code int, name string) string {
	return fmt.Sprintf(`{"system":"urn:iso:std:iso:11073:10101","code":"%d","display":"%s"}`, code, name)
}

func quantity(value, unit string) string {
	return fmt.Sprintf(`"valueQuantity":{"value":%s,"system":"http://unitsofmeasure.org","code":"%s"}`, value, unit)
}

func component(code int, name string, value int, unit string) string {
	return fmt.Sprintf(`{"code":{"coding":[%s]},%s}`, mdc(code, name), quantity(fmt.Sprint(value), unit))
}
