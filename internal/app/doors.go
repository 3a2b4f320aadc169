package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"time"

	"thalamus/internal/api"
	"thalamus/internal/fault"
	"thalamus/internal/fhirapi"
	"thalamus/internal/service"
	"thalamus/internal/web"
)

// doors are the listeners people and systems call: HTTPS with console, API,
// metrics and health; and a socket in the data folder with the API for whoever
// the operating system lets open it.
type doors struct {
	secure, local *http.Server
	listener      net.Listener
	socket        net.Listener
	names         []string
	serving       sync.WaitGroup
}

func (d *doors) url() string {
	_, port, _ := net.SplitHostPort(d.listener.Addr().String())
	return "https://" + net.JoinHostPort(d.names[0], port)
}

func (a *App) openDoors(ctx context.Context) error {
	d := &doors{names: a.boot.Console.Names}
	if len(d.names) == 0 {
		d.names = []string{"localhost"}
	}
	config, err := a.consoleTLS()
	if err != nil {
		return err
	}
	d.listener = a.o.Console
	if d.listener == nil {
		d.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", a.boot.Console.Listen)
		if err != nil {
			return fault.Wrap(err, fault.Conflict, "app.listen", "cannot listen on %s; another program has the port (another Thalamus?): stop it, or set console.listen to a free one", a.boot.Console.Listen).At("console.listen")
		}
	}
	socket := a.path(SocketName)
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		d.listener.Close()
		return fault.Wrap(err, fault.Broken, "app.socket", "cannot replace the socket of the command line").At(socket)
	}
	if d.socket, err = (&net.ListenConfig{}).Listen(ctx, "unix", socket); err == nil {
		err = os.Chmod(socket, 0o600)
	}
	if err != nil {
		d.listener.Close()
		return fault.Wrap(err, fault.Broken, "app.socket", "cannot make the socket of the command line; a path is at most about 100 characters long").At(socket)
	}
	ops := service.Ops()
	outside, err := api.New(a.o.Version, ops, a.authenticate, a.service.EventsAfter)
	if err != nil {
		return err
	}
	inside, err := api.New(a.o.Version, ops, a.local, a.service.EventsAfter)
	if err != nil {
		return err
	}
	pages, err := web.New(a.service, web.Options{Version: a.o.Version, Site: a.boot.Site.Name, Zone: a.boot.Site.Zone})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", outside)
	resources := fhirapi.New(fhirapi.Options{Version: a.o.Version, Started: a.started, Site: a.boot.Site.Name, Authenticate: a.authenticate, Status: api.StatusOf})
	mux.Handle(fhirapi.Base, resources)
	mux.Handle(fhirapi.Base+"/", resources)
	mux.HandleFunc("/ingest/", a.ingest)
	mux.Handle("GET /metrics", a.metrics())
	mux.HandleFunc("GET /healthz", a.healthz)
	mux.HandleFunc("GET /readyz", a.readyz)
	mux.Handle("/", pages)
	quiet := quietLog{a.log}
	d.secure = &http.Server{
		Handler: http.NewCrossOriginProtection().Handler(mux), TLSConfig: config, ErrorLog: quiet.logger(),
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	d.local = &http.Server{Handler: inside, ErrorLog: quiet.logger(), ReadHeaderTimeout: 10 * time.Second, ConnContext: peerContext}
	d.serving.Go(func() { d.secure.ServeTLS(d.listener, "", "") })
	d.serving.Go(func() { d.local.Serve(d.socket) })
	a.doors = d
	return nil
}

// close ends the doors: requests under way may finish, streams are cut.
func (d *doors) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for _, s := range []*http.Server{d.secure, d.local} {
		if s.Shutdown(ctx) != nil {
			s.Close()
		}
	}
	d.serving.Wait()
	return nil
}

func (a *App) consoleTLS() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: a.authority.ServerCertificate, NextProtos: []string{"h2", "http/1.1"}}
	if a.boot.Console.Certificate == "" {
		return c, nil
	}
	pair, err := tls.LoadX509KeyPair(a.boot.Console.Certificate, a.boot.Console.Key)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "conf.certificate", "cannot use the certificate %s with the key %s; both must be PEM files that this user may read and belong together", a.boot.Console.Certificate, a.boot.Console.Key).At("console.certificate")
	}
	c.GetCertificate, c.Certificates = nil, []tls.Certificate{pair}
	return c, nil
}

// authenticate knows API tokens and the console's sessions.
func (a *App) authenticate(r *http.Request) (service.Caller, error) {
	remote, _, _ := net.SplitHostPort(r.RemoteAddr)
	if text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return caller(a.service.ByToken(strings.TrimSpace(text), remote))
	}
	if cookie, err := r.Cookie(web.SessionCookie); err == nil {
		return caller(a.service.BySession(cookie.Value, remote))
	}
	return nil, fault.New(fault.Denied, "access.unauthenticated", "sign in, or send an API token: Authorization: Bearer …")
}

// caller keeps a nil door from becoming a caller that is not nil.
func caller(d *service.Door, err error) (service.Caller, error) {
	if err != nil {
		return nil, err
	}
	return d, nil
}

type peerKey struct{}

// local lets in who opened the socket: its permissions decided already.
func (a *App) local(r *http.Request) (service.Caller, error) {
	name := "unknown"
	if uid, ok := r.Context().Value(peerKey{}).(int); ok {
		name = strconv.Itoa(uid)
		if u, err := user.LookupId(name); err == nil {
			name = u.Username
		}
	}
	return a.service.OnThisMachine(name), nil
}

func (a *App) healthz(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }

// readyz is 200 when frames are accepted and processed, else 503 with why.
func (a *App) readyz(w http.ResponseWriter, _ *http.Request) {
	why := a.health()
	if len(why) == 0 {
		fmt.Fprintln(w, "ready")
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	for _, line := range why {
		fmt.Fprintln(w, line)
	}
}
