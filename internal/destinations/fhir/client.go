package fhir

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	codec "thalamus/internal/codec/fhir"
	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// mostAnswer bounds what is read of an answer.
const mostAnswer = 32 << 20

const fhirJSON = "application/fhir+json"

// call is what the answers to one Deliver are judged by.
type call struct {
	messages []*model.Message
	attempt  int
}

// post sends one transaction and gives the parsed answer of a success.
func (v *server) post(ctx context.Context, b *codec.Transaction, c call) (*codec.Node, error) {
	body := b.JSON
	if v.s.Gzip {
		var packed bytes.Buffer
		packed.Grow(len(body) / 8)
		w, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
		w.Write(body)
		w.Close()
		body = packed.Bytes()
	}
	r, err := v.request(ctx, http.MethodPost, "", body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", fhirJSON)
	r.Header.Set("Prefer", "return=minimal")
	// Sending twice has no second effect, so net/http may do it by itself when
	// a kept connection turns out to be closed. The empty header is not sent.
	r.Header["Idempotency-Key"] = nil
	if v.s.Gzip {
		r.Header.Set("Content-Encoding", "gzip")
	}
	status, header, text, err := v.do(r)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if status < 200 || status > 299 {
		return nil, c.refused(status, header, text)
	}
	answer, err := codec.Parse(text, codec.Limits{Bytes: mostAnswer})
	if err != nil || answer.Get("resourceType").Text() != "Bundle" {
		return nil, fault.New(fault.Transient, "fhir.answer", "the server answered %d with something that is no Bundle; it is asked again, which does nothing twice. If it stays so, base_url does not lead to a FHIR server", status)
	}
	return answer, nil
}

func (v *server) request(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, v.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "fhir.setting", "base_url cannot be used").At("base_url")
	}
	r.Header.Set("Accept", fhirJSON)
	for name, value := range v.s.Headers {
		r.Header.Set(name, value)
	}
	if v.auth != "" {
		r.Header.Set("Authorization", v.auth)
	}
	return r, nil
}

// do sends a request and reads the whole answer, so that the connection can
// be used again.
func (v *server) do(r *http.Request) (status int, header http.Header, text []byte, err error) {
	ctx, stop := context.WithTimeout(r.Context(), v.s.Timeout)
	defer stop()
	resp, err := v.client.Do(r.WithContext(ctx))
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	if n := resp.ContentLength; n > 0 && n <= mostAnswer {
		text = make([]byte, n)
		_, err = io.ReadFull(resp.Body, text)
	} else {
		text, err = io.ReadAll(io.LimitReader(resp.Body, mostAnswer+1))
	}
	return resp.StatusCode, resp.Header, text, err
}

// unreachable judges an error below HTTP.
func (c call) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return c.interrupted(ctx.Err())
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return destination.Down{Err: fault.Wrap(bare(err), fault.Transient, "fhir.down", "the FHIR server did not answer in time; what is owed waits. Look at the server, or give it longer with timeout")}
	}
	return destination.Down{Err: fault.Wrap(bare(err), fault.Transient, "fhir.down", "the FHIR server cannot be reached; what is owed waits. Check base_url, the server and the network between")}
}

// interrupted is our own side stopping, no fault of the server's.
func (c call) interrupted(err error) error {
	return fault.Wrap(err, fault.Transient, "fhir.interrupted", "the delivery was interrupted and is tried again")
}

// bare takes the URL away from an error of net/http: it may hold a name
// somebody does not want in a log.
func bare(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		if _, ok := err.(interface{ Timeout() bool }); !ok {
			return err
		}
		err = inner
	}
}

// retryAfter reads Retry-After: seconds or a date (RFC 9110 §10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return min(time.Duration(n)*time.Second, time.Hour)
	}
	if t, err := http.ParseTime(text); err == nil && t.After(now) {
		return min(t.Sub(now), time.Hour)
	}
	return 0
}
