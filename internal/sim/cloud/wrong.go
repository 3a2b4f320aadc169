package cloud

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"time"

	"thalamus/internal/sim/faults"
)

const (
	hush     = 2 * time.Second // of silence, and of nobody being let in
	drip     = 400             // bytes that come one by one
	oversize = 17 << 20        // bytes of an answer that is too long
)

// spoil gives an answer a fault, and what is still to be written of it; nil: that
// was all.
func (w *Ward) spoil(out http.ResponseWriter, r *http.Request, name string, body []byte) []byte {
	whole := func() { out.Header().Set("Content-Length", strconv.Itoa(len(body))) }
	switch name {
	case faults.Unplugged:
		w.gone.Store(time.Now().Add(hush).UnixNano())
		cut(out, 0)
	case faults.Dropped:
		cut(out, 0)
	case faults.Reset, faults.HalfFrame, faults.Silence:
		whole()
		_, _ = out.Write(body[:len(body)/2]) // what comes of it is the next request's matter
		_ = http.NewResponseController(out).Flush()
		if name == faults.Silence {
			pause(r.Context(), hush)
		}
		linger := -1
		if name == faults.Reset {
			linger = 0
		}
		cut(out, linger)
	case faults.SlowDrip:
		whole()
		for i := range min(drip, len(body)-1) {
			_, _ = out.Write(body[i : i+1])
			_ = http.NewResponseController(out).Flush()
			pause(r.Context(), time.Millisecond)
		}
		return body[min(drip, len(body)-1):]
	case faults.Garbage: // a proxy's page, as if all were well
		out.Header().Del("Link")
		out.Header().Del("ETag")
		out.Header().Set("Content-Type", "text/html")
		_, _ = out.Write([]byte("<!DOCTYPE html><title>Sign in</title><p>The network wants to know who you are.\n"))
	case faults.Oversized:
		_, _ = out.Write(body)
		_, _ = out.Write(bytes.Repeat([]byte(" "), oversize))
	case faults.Busy:
		w.busy.Store(2)
		w.answer(out, r)
	case faults.BegunAnew:
		w.shelf.forget()
		http.Error(out, "the search has expired", http.StatusGone)
	default:
		whole()
		return body
	}
	return nil
}

// cut ends the connection below a request; linger 0: with a reset.
func cut(out http.ResponseWriter, linger int) {
	if linger == 0 {
		if c, _, err := http.NewResponseController(out).Hijack(); err == nil {
			below := c
			if over, ok := c.(*tls.Conn); ok {
				below = over.NetConn()
			}
			if t, ok := below.(*net.TCPConn); ok {
				_ = t.SetLinger(0) // a close without it is a fault as well
			}
			c.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// certificate makes one for a server at an address, good for a month, that is its
// own authority.
func certificate(listen string) (pair tls.Certificate, text []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair, nil, err
	}
	now := time.Now()
	c := &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "Simulated cloud"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(30 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
	if host, _, err := net.SplitHostPort(listen); err == nil && host != "" {
		if ip := net.ParseIP(host); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		return pair, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
