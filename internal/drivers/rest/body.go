package rest

import (
	"compress/gzip"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"thalamus/internal/fault"
)

// live reads a request's body and gives up on a sender that pauses for too
// long.
type live struct {
	body  io.Reader
	ctl   *http.ResponseController
	stall time.Duration
	total int64
	err   error // why there is no more, where that is not the end
}

func (l *live) Read(p []byte) (int, error) {
	// Not every connection has deadlines (tests); those that have keep to them.
	_ = l.ctl.SetReadDeadline(time.Now().Add(l.stall))
	n, err := l.body.Read(p)
	l.total += int64(n)
	if err != nil && err != io.EOF {
		l.err = err
	}
	return n, err
}

// broken says what is wrong with a body that could not be read to its end.
func (d *Driver) broken(s *sender, err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		d.notes.Refused(s.peer, "rest.oversize", "a request was refused and not kept: it is longer than max_body", "Have the sender send smaller batches or upload in parts, or raise max_body.")
		return fault.New(fault.Invalid, "rest.oversize", "the body is longer than this channel takes (%d bytes); send smaller batches, or upload in parts", d.settings.MaxBody)
	case errors.Is(err, os.ErrDeadlineExceeded):
		d.notes.Refused(s.peer, "rest.half-body", "a sender fell silent in the middle of a body; nothing of it was taken", "The sender should send it again; if it does not, look at the link.")
		return fault.New(fault.Transient, "rest.slow", "the body did not come in time; send it again")
	case fault.CodeOf(err) != "internal":
		return err
	}
	d.notes.Refused(s.peer, "rest.half-body", "a body broke off and was not taken: the connection ended, or its length was told wrong", "The sender should send it again; if it does not, look at the link.")
	return fault.New(fault.Invalid, "rest.half-body", "the body broke off before its end; send it again")
}

// decompress gives what a body was before it was compressed; most bounds the
// memory of the decompressor, the caller how much it reads.
func decompress(encoding string, body io.Reader) (io.Reader, func(), error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return body, func() {}, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, nil, compressed(err)
		}
		return unpacking{z}, func() { z.Close() }, nil
	case "zstd":
		// RFC 9659: a window of at most 8 MiB is what receivers must take.
		z, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, nil, compressed(err)
		}
		return unpacking{z}, z.Close, nil
	}
	return nil, nil, fault.New(fault.Invalid, "rest.encoding", "this compression is not known; send gzip, zstd or none").At("Content-Encoding")
}

// unpacking turns a decompressor's errors into ours, those of the link below
// it left as they are.
type unpacking struct{ z io.Reader }

func (u unpacking) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	if err != nil && err != io.EOF {
		err = compressed(err)
	}
	return n, err
}

func compressed(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return err // whether the link or the stream broke off, the caller knows
	}
	return fault.New(fault.Invalid, "rest.not-compressed", "the body is not compressed as Content-Encoding says").At("Content-Encoding")
}

// smallBody is what a body may have without asking the budget.
const smallBody = 64 << 10

// body reads a request's body whole, decompressed, at most max_body bytes of
// either. release gives back the memory it took of the budget.
func (d *Driver) body(w http.ResponseWriter, r *http.Request, s *sender) (content []byte, release func(), err error) {
	most := int64(d.settings.MaxBody)
	if r.ContentLength > most {
		return nil, nil, &http.MaxBytesError{Limit: most}
	}
	raw := &live{body: http.MaxBytesReader(w, r.Body, most), ctl: http.NewResponseController(w), stall: d.settings.Stall}
	defer func() {
		d.limits.spend(s.who(), raw.total, time.Now())
		switch {
		case err == nil:
		case raw.err != nil:
			err = raw.err // what a decompressor makes of it says less
		case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
			err = compressed(nil)
		}
	}()
	var sum *summed
	var from io.Reader = raw
	if r.Header.Get("Content-Digest") != "" {
		if sum, err = digestOf(r.Header.Get("Content-Digest"), raw); err != nil {
			return nil, nil, err
		}
		if sum != nil {
			from = sum
		}
	}
	plain, done, err := decompress(r.Header.Get("Content-Encoding"), from)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	content, release, err = d.gather(plain, r.ContentLength)
	if err != nil {
		return nil, nil, err
	}
	if _, err = io.Copy(io.Discard, from); err != nil { // what follows the compressed stream belongs to the digest
		release()
		return nil, nil, err
	}
	if sum != nil && !sum.right() {
		release()
		return nil, nil, fault.New(fault.Invalid, "rest.digest", "the body is not the one whose digest was sent; it was damaged on the way: send it again").At("Content-Digest")
	}
	return content, release, nil
}

// gather reads to the end, at most max_body bytes, in memory of the budget.
func (d *Driver) gather(from io.Reader, hint int64) (content []byte, release func(), err error) {
	most, taken := int64(d.settings.MaxBody), int64(0)
	free := func() { d.budget.Add(taken) }
	defer func() {
		if err != nil {
			free()
		}
	}()
	buf := make([]byte, 0, min(max(hint+1, 512), smallBody))
	for {
		if len(buf) == cap(buf) {
			next := min(2*int64(cap(buf)), most+1)
			if int64(len(buf)) > most {
				return nil, nil, &http.MaxBytesError{Limit: most}
			}
			if next > smallBody {
				// The old buffer and the new one are there together for a moment.
				want := next + int64(cap(buf))
				if !d.reserve(want - taken) {
					return nil, nil, fault.New(fault.Transient, "rest.busy", "other senders hold all memory for large bodies; send it again in a moment")
				}
				taken = want
			}
			buf = append(make([]byte, 0, next), buf...)
		}
		n, err := from.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if int64(len(buf)) > most {
		return nil, nil, &http.MaxBytesError{Limit: most}
	}
	return buf, free, nil
}

func (d *Driver) reserve(n int64) bool {
	if d.budget.Add(-n) >= 0 {
		return true
	}
	d.budget.Add(n)
	return false
}

// summed computes the digest of what is read through it (RFC 9530).
type summed struct {
	from io.Reader
	hash interface {
		io.Writer
		Sum([]byte) []byte
	}
	want []byte
}

func (s *summed) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	s.hash.Write(p[:n])
	return n, err
}

func (s *summed) right() bool { return subtle.ConstantTimeCompare(s.hash.Sum(nil), s.want) == 1 }

// digestOf reads Content-Digest; algorithms other than sha-256 are passed over
// (RFC 9530 §2).
func digestOf(header string, from io.Reader) (*summed, error) {
	for _, one := range strings.Split(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(one), "=")
		if name != "sha-256" {
			continue
		}
		want, err := base64.StdEncoding.DecodeString(strings.Trim(value, ":"))
		if err != nil || len(want) != sha256.Size {
			return nil, fault.New(fault.Invalid, "rest.digest", "expected sha-256=:BASE64:").At("Content-Digest")
		}
		return &summed{from: from, hash: sha256.New(), want: want}, nil
	}
	return nil, nil
}
