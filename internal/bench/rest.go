package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"thalamus/internal/fault"
	"thalamus/internal/service"
)

const restText = `channels:
  - {id: in, driver: rest, codec: fhir, settings: {listen: "MLLP", requests_per_second: 0, bytes_per_hour: 0, window: 64}}
`

// poster is what sends over one connection.
type poster struct {
	url    string
	secret string
	client *http.Client
	number int
}

// observation is an Observation of a home gateway, about 600 bytes; no two are
// the same.
func (p *poster) observation(b []byte, n int64) []byte {
	return fmt.Appendf(b, `{"resourceType":"Observation","identifier":[{"system":"urn:id:BENCH","value":"b-%d-%d"}],"contained":[{"resourceType":"Device","id":"d","manufacturer":"Thalamus","modelNumber":"Home oximeter","serialNumber":"B-%d"}],"status":"final","code":{"coding":[{"system":"urn:iso:std:iso:11073:10101","code":"150456","display":"MDC_PULS_OXIM_SAT_O2"}]},"subject":{"identifier":{"system":"urn:id:BENCH","value":"P%d"}},"effectiveDateTime":"%s","device":{"reference":"#d"},"valueQuantity":{"value":%d,"system":"http://unitsofmeasure.org","code":"%%"}}`,
		p.number, n, p.number, p.number, time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), 90+n%10)
}

// post sends rows in one request, under a key of its own.
func (p *poster) post(ctx context.Context, n int64, rows int, media string) error {
	var b []byte
	for i := range rows {
		b = append(p.observation(b, n*int64(rows)+int64(i)), '\n')
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(b))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", media)
	r.Header.Set("Idempotency-Key", media+"-"+strconv.Itoa(p.number)+"-"+strconv.FormatInt(n, 10))
	r.SetBasicAuth("bench", p.secret)
	a, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err == nil && a.StatusCode != http.StatusAccepted {
		err = fault.New(fault.Broken, "bench.refused", "the server answered %d: %s", a.StatusCode, text)
	}
	return err
}

// stream sends messages over a WebSocket until ctx ends, and gives how many
// were acknowledged.
func (p *poster) stream(ctx, end context.Context) (acknowledged int64, err error) {
	header := http.Header{}
	r := http.Request{Header: header}
	r.SetBasicAuth("bench", p.secret)
	conn, _, err := websocket.Dial(ctx, p.url+"?stream="+strconv.Itoa(p.number), &websocket.DialOptions{HTTPHeader: header, Subprotocols: []string{"thalamus.ingest.v1"}})
	if err != nil {
		return 0, err
	}
	defer conn.CloseNow()
	var sent, acked int64
	for end.Err() == nil || acked < sent {
		for sent-acked < 64 && end.Err() == nil {
			sent++
			b := fmt.Appendf(nil, "{\"seq\":%d,\"type\":\"application/fhir+json\"}\n", sent)
			if err := conn.Write(ctx, websocket.MessageText, p.observation(b, sent)); err != nil {
				return acked, err
			}
		}
		if acked == sent {
			break
		}
		_, text, err := conn.Read(ctx)
		if err != nil {
			return acked, err
		}
		var ack int64
		if n, _ := fmt.Sscanf(string(text), `{"ack":%d}`, &ack); n == 1 {
			acked = ack
		}
	}
	return acked, nil
}

// overHTTP measures durable acknowledgements over HTTP: single documents, batches
// and streams.
func overHTTP(ctx context.Context, o Options, r *Report) error {
	s, err := ready(ctx, o, restText)
	if err != nil {
		return err
	}
	defer s.Kill()
	var made service.CredentialMade
	if err := s.Client.Call(ctx, "credential.create", service.CredentialCreate{ID: "bench", Reason: "bench"}, &made); err != nil {
		return err
	}
	posters := make([]*poster, o.Connections)
	for i := range posters {
		posters[i] = &poster{url: "http://" + s.MLLP + "/ingest/in", secret: made.Secret, number: i, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}, Timeout: time.Minute}}
	}
	size := len(posters[0].observation(nil, 1))
	r.Connections, r.MessageBytes, r.Observations = o.Connections, size, 1
	var total int64
	for _, part := range []struct {
		name, media string
		rows        int
	}{{"single documents", "application/fhir+json", 1}, {"batches of 100", "application/fhir+ndjson", 100}, {"streams", "", 1}} {
		end, cancel := context.WithTimeout(ctx, o.For)
		w := watching(s)
		began := time.Now()
		var (
			mu      sync.Mutex
			count   int64
			latency []time.Duration
			failed  error
			sending sync.WaitGroup
		)
		for _, p := range posters {
			sending.Go(func() {
				var mine int64
				var took []time.Duration
				var err error
				if part.media == "" {
					mine, err = p.stream(ctx, end)
				}
				for n := int64(0); part.media != "" && end.Err() == nil && err == nil; n++ {
					at := time.Now()
					if err = p.post(ctx, n, part.rows, part.media); err == nil {
						mine += int64(part.rows)
						took = append(took, time.Since(at))
					}
				}
				mu.Lock()
				defer mu.Unlock()
				count += mine
				latency = append(latency, took...)
				if failed == nil {
					failed = err
				}
			})
		}
		sending.Wait()
		cancel()
		if failed != nil {
			return failed
		}
		st := w.stretch(part.name, "documents", count, time.Since(began), size)
		st.Latency = latencyOf(latency)
		r.Stretches = append(r.Stretches, st)
		total += count
		if part.rows == 1 && part.media != "" {
			r.score = st.PerSecond
		}
		if err := s.recorded(ctx); err != nil {
			return err
		}
	}
	v, err := s.overview(ctx)
	if err != nil {
		return err
	}
	r.Counts["acknowledged"], r.Counts["journal"], r.Counts["recorded"] = total, int64(v.Journal), int64(v.Channels[0].Recorded)
	r.agree("acknowledged", "journal")
	r.agree("journal", "recorded")
	s.Stop()
	return nil
}
